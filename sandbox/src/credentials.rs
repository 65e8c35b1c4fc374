//! The credentials of tasks. As on Fargate, each task gets those of its role at an address that only the task knows.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The path of the addresses. A bucket cannot have this name, so it never collides with a request of S3.
pub(crate) const PATH: &str = "/_sandbox/credentials/";

/// The stated lifetime, as on Fargate. An SDK refreshes before it ends.
const GOOD: SignedDuration = SignedDuration::from_hours(6);

/// The credentials that were issued.
#[derive(Default)]
pub(crate) struct Credentials(Mutex<BTreeMap<String, Issued>>);

/// The credentials at one address.
struct Issued {
    role: String,
    key: String,
    secret: String,
    token: String,
    /// Whether the task still exists. Its address ends with it; its keys stay valid until they expire.
    is_offered: bool,
}

/// An address that responds until this is dropped.
pub(crate) struct Offer {
    of: Arc<Credentials>,
    name: String,
}

impl Offer {
    /// Its path, relative to the endpoint.
    pub(crate) fn path(&self) -> String {
        format!("{PATH}{}", self.name)
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if let Some(issued) = self.of.issued().get_mut(&self.name) {
            issued.is_offered = false;
        }
    }
}

impl Credentials {
    /// Issues credentials for a task with this role.
    pub(crate) fn offer(self: &Arc<Self>, role: &str) -> Offer {
        let random = || uuid::Uuid::new_v4().simple().to_string();
        let issued = Issued {
            role: role.to_owned(),
            // Prefix and length are those of AWS's temporary keys.
            key: format!("ASIA{}", &random().to_uppercase()[..16]),
            secret: random(),
            token: random(),
            is_offered: true,
        };
        let name = uuid::Uuid::new_v4().to_string();
        self.issued().insert(name.clone(), issued);
        Offer { of: Arc::clone(self), name }
    }

    /// Returns the document at the address `name`, if it exists.
    pub(crate) fn document(&self, name: &str) -> Option<Value> {
        let issued = self.issued();
        let issued = issued.get(name).filter(|issued| issued.is_offered)?;
        Some(json!({
            "RoleArn": issued.role, "AccessKeyId": issued.key, "SecretAccessKey": issued.secret, "Token": issued.token,
            "Expiration": (Timestamp::now() + GOOD).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }))
    }

    /// Returns the role of an access key, if the key belongs to a task.
    pub(crate) fn role(&self, key: &str) -> Option<String> {
        self.issued().values().find(|issued| issued.key == key).map(|issued| issued.role.clone())
    }

    fn issued(&self) -> MutexGuard<'_, BTreeMap<String, Issued>> {
        self.0.lock().expect("nobody panics while holding this")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_name_the_role_and_end_with_the_task() {
        let credentials = Arc::new(Credentials::default());
        let offer = credentials.offer("arn:aws:iam::123456789012:role/web");
        let name = offer.path().trim_start_matches(PATH).to_owned();
        let document = credentials.document(&name).expect("they are offered");
        let key = document["AccessKeyId"].as_str().expect("it has a key");
        assert_eq!((key.len(), &key[..4]), (20, "ASIA"));
        assert_eq!(credentials.role(key).as_deref(), Some("arn:aws:iam::123456789012:role/web"));
        assert_eq!(credentials.role("sandbox"), None);
        drop(offer);
        assert_eq!(credentials.document(&name), None);
        assert!(credentials.role(key).is_some());
    }
}
