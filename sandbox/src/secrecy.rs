//! Records all secret values, so that tests can search for leaks.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use serde_json::Value;

use crate::api::{Answer, Call};

/// Every value that has been secret at some time.
#[derive(Default)]
pub(crate) struct Secrecy(Mutex<BTreeSet<String>>);

impl Secrecy {
    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.known().clone()
    }

    /// Records the secrets in a call and in its response.
    pub(crate) fn learn(&self, call: &Call, answer: &Answer) {
        let of = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap_or_default();
        match call.service.as_str() {
            "secretsmanager" => {
                for document in [of(&call.body), of(&answer.body)] {
                    let secret = ["SecretString", "RandomPassword"].iter().filter_map(|key| document[*key].as_str());
                    self.known().extend(secret.map(str::to_owned));
                }
            }
            "rds" | "elasticache" => {
                let mut params = call.params();
                let secret = ["MasterUserPassword", "AuthToken"].iter().filter_map(|key| params.remove(*key));
                self.known().extend(secret);
            }
            _ => {}
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().expect("nobody panics while holding this")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recorded_from_calls_and_responses() {
        let secrecy = Secrecy::default();
        let call = |service: &str, body: &str| Call::example(service, "", body);
        let answer = |value: Value| Answer::json(&value);
        let (nothing, random) = (answer(Value::Null), answer(serde_json::json!({ "RandomPassword": "two" })));
        secrecy.learn(&call("secretsmanager", r#"{"Name":"a","SecretString":"one"}"#), &nothing);
        secrecy.learn(&call("secretsmanager", "{}"), &random);
        secrecy.learn(&call("rds", "Action=CreateDBInstance&MasterUserPassword=th%2Free"), &nothing);
        assert_eq!(secrecy.all().into_iter().collect::<Vec<_>>(), ["one", "th/ree", "two"]);
    }
}
