//! What the tests over all kinds try task definitions with.

use std::collections::BTreeMap;

use super::{Desired, Roles, SecretRef};
use crate::{kind::Sample, kinds::ecs};

fn base() -> Desired {
    let roles = Roles { execution: "arn:of:execution".into(), task: Some("arn:of:task".into()) };
    Desired {
        port: Some(3000),
        environment: BTreeMap::from([("LEVEL".to_owned(), "info".into())]),
        secrets: secrets("arn:of:secret", "v1"),
        ..Desired::new("main", "registry/app:1".into(), roles, "logs".into())
    }
}

fn secrets(arn: &str, version: &str) -> BTreeMap<String, SecretRef> {
    let reference = SecretRef { secret: arn.into(), key: Some("url".into()), version: Some(version.into()) };
    BTreeMap::from([("URL".to_owned(), reference)])
}

pub(super) fn sample() -> Sample<Desired> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    Sample::new(ecs::model::cloud, base())
        .variant(&["cpu"], Desired { cpu: 512, ..base() })
        .variant(&["memory"], Desired { memory: 1024, ..base() })
        .variant(&["execution_role"], Desired { execution_role: "arn:of:another".into(), ..base() })
        .variant(&["task_role"], Desired { task_role: Some("arn:of:another".into()), ..base() })
        .variant(&["task_role"], Desired { task_role: None, ..base() })
        .variant(&["container"], Desired { container: "other".into(), ..base() })
        .variant(&["image"], Desired { image: "registry/app:2".into(), ..base() })
        .variant(&["port"], Desired { port: None, ..base() })
        .variant(
            &["env.LEVEL"],
            Desired { environment: BTreeMap::from([("LEVEL".to_owned(), "debug".into())]), ..base() },
        )
        .variant(&["env.LEVEL"], Desired { environment: BTreeMap::new(), ..base() })
        .variant(&["secrets.URL"], Desired { secrets: secrets("arn:of:another", "v1"), ..base() })
        .variant(&["secrets.URL.version"], Desired { secrets: secrets("arn:of:secret", "v2"), ..base() })
        .variant(&["log_group"], Desired { log_group: "others".into(), ..base() })
        .variant(&["stop_timeout"], Desired { stop_timeout: 60, ..base() })
        .variant(&["entry_point"], Desired { entry_point: words(&["/bin/start"]), ..base() })
        .variant(&["command"], Desired { command: words(&["serve", "--quiet"]), ..base() })
        .variant(&["read_only"], Desired { read_only: true, ..base() })
        .variant(&["init"], Desired { init: true, ..base() })
}
