//! The credentials of tasks, as Fargate hands them out: at an address that only the task knows, and for its role.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Where they are asked for. A bucket cannot be called like this, so no request of S3 goes astray.
pub(crate) const PATH: &str = "/_sandbox/credentials/";

/// How long they are said to be good, as those of Fargate are. An SDK asks again before that.
const GOOD: SignedDuration = SignedDuration::from_hours(6);

/// What was handed out.
#[derive(Default)]
pub(crate) struct Credentials(Mutex<BTreeMap<String, Issued>>);

/// The credentials at one address.
struct Issued {
    role: String,
    key: String,
    secret: String,
    token: String,
    /// Whether the task is there that they were made for: its address goes with it, and its keys go on until they expire.
    is_offered: bool,
}

/// An address that answers as long as this is kept.
pub(crate) struct Offer {
    of: Arc<Credentials>,
    name: String,
}

impl Offer {
    /// Its path, below the endpoint.
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
    /// Makes credentials for a task with this role.
    pub(crate) fn offer(self: &Arc<Self>, role: &str) -> Offer {
        let random = || uuid::Uuid::new_v4().simple().to_string();
        let issued = Issued {
            role: role.to_owned(),
            // As those of AWS that are good for a while begin, and as long as they are.
            key: format!("ASIA{}", &random().to_uppercase()[..16]),
            secret: random(),
            token: random(),
            is_offered: true,
        };
        let name = uuid::Uuid::new_v4().to_string();
        self.issued().insert(name.clone(), issued);
        Offer { of: Arc::clone(self), name }
    }

    /// What the address `name` answers; none if there is no such one.
    pub(crate) fn document(&self, name: &str) -> Option<Value> {
        let issued = self.issued();
        let issued = issued.get(name).filter(|issued| issued.is_offered)?;
        Some(json!({
            "RoleArn": issued.role, "AccessKeyId": issued.key, "SecretAccessKey": issued.secret, "Token": issued.token,
            "Expiration": (Timestamp::now() + GOOD).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }))
    }

    /// The role that an access key is for; none if it is no task's.
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
    fn keys_name_their_role_and_their_address_ends_with_the_task() {
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
