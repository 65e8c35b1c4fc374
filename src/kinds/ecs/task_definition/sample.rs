//! The sample task definitions for the tests over all kinds.

use std::collections::BTreeMap;

use super::{Check, Condition, Container, Desired, Mount, Roles, SecretRef, Volume};
use crate::{
    kind::{Arch, Sample},
    kinds::ecs,
};

fn base() -> Desired {
    let roles = Roles { execution: "arn:of:execution".into(), task: Some("arn:of:task".into()) };
    let main = Container {
        port: Some(3000),
        environment: BTreeMap::from([("LEVEL".to_owned(), "info".into())]),
        secrets: secrets("arn:of:secret", "v1"),
        ..Container::new("registry/app:1".into(), "logs".into())
    };
    Desired::new("main", main, roles)
}

/// Returns the base sample with another main container.
fn of(main: Container) -> Desired {
    Desired { main, ..base() }
}

fn with_proxy(proxy: Container) -> Desired {
    Desired { sidecars: BTreeMap::from([("proxy".to_owned(), proxy)]), ..base() }
}

fn secrets(arn: &str, version: &str) -> BTreeMap<String, SecretRef> {
    let reference = SecretRef { secret: arn.into(), key: Some("url".into()), version: Some(version.into()) };
    BTreeMap::from([("URL".to_owned(), reference)])
}

fn uploads() -> BTreeMap<String, Mount> {
    BTreeMap::from([("uploads".to_owned(), Mount { path: "/data".into(), read_only: true })])
}

fn efs() -> BTreeMap<String, Volume> {
    let volume = Volume::Efs { file_system: "fs-1".into(), access_point: "fsap-1".into() };
    BTreeMap::from([("uploads".to_owned(), volume)])
}

fn check(command: &[&str]) -> Check {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    Check { command, interval: 30, timeout: 5, retries: 3, start: 0 }
}

pub(super) fn sample() -> Sample<Desired> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let main = || base().main;
    let proxy = || Container::new("proxy:1".into(), "logs".into());
    let level = |level: &str| BTreeMap::from([("LEVEL".to_owned(), level.into())]);
    let after = |condition| BTreeMap::from([("proxy".to_owned(), condition)]);
    Sample::new(ecs::model::cloud, base())
        .variant(&["cpu"], Desired { cpu: 512, ..base() })
        .variant(&["memory"], Desired { memory: 1024, ..base() })
        .variant(&["arch"], Desired { arch: Arch::Arm64, ..base() })
        .variant(&["execution_role"], Desired { execution_role: "arn:of:another".into(), ..base() })
        .variant(&["task_role"], Desired { task_role: Some("arn:of:another".into()), ..base() })
        .variant(&["task_role"], Desired { task_role: None, ..base() })
        .variant(&["container"], Desired { container: "other".into(), ..base() })
        .variant(&["image"], of(Container { image: "registry/app:2".into(), ..main() }))
        .variant(&["port"], of(Container { port: None, ..main() }))
        .variant(&["env.LEVEL"], of(Container { environment: level("debug"), ..main() }))
        .variant(&["env.LEVEL"], of(Container { environment: BTreeMap::new(), ..main() }))
        .variant(&["secrets.URL"], of(Container { secrets: secrets("arn:of:another", "v1"), ..main() }))
        .variant(&["secrets.URL.version"], of(Container { secrets: secrets("arn:of:secret", "v2"), ..main() }))
        .variant(&["log_group"], of(Container { log_group: "others".into(), ..main() }))
        .variant(&["stop_timeout"], of(Container { stop_timeout: 60, ..main() }))
        .variant(&["entry_point"], of(Container { entry_point: words(&["/bin/start"]), ..main() }))
        .variant(&["command"], of(Container { command: words(&["serve", "--quiet"]), ..main() }))
        .variant(&["read_only"], of(Container { read_only: true, ..main() }))
        .variant(&["init"], of(Container { init: true, ..main() }))
        .variant(&["user"], of(Container { user: Some("1000:1000".into()), ..main() }))
        .variant(&["ulimits.nofile"], of(Container { nofile: Some(100_000), ..main() }))
        .variant(&["mounts.uploads"], of(Container { mounts: uploads(), ..main() }))
        .variant(&["disk"], Desired { disk: Some(30), ..base() })
        .variant(&["tmpfs./tmp"], of(Container { tmpfs: BTreeMap::from([("/tmp".to_owned(), 64)]), ..main() }))
        .variant(&["volumes.uploads"], Desired { volumes: efs(), ..base() })
        .variant(&["essential"], of(Container { essential: false, ..main() }))
        .variant(
            &["health.command", "health.interval", "health.retries", "health.start", "health.timeout"],
            of(Container { check: Some(check(&["CMD", "check"])), ..main() }),
        )
        .variant(&["depends_on.proxy"], of(Container { depends_on: after(Condition::Success), ..main() }))
        .variant(
            &[
                "sidecars.proxy.image",
                "sidecars.proxy.log_group",
                "sidecars.proxy.read_only",
                "sidecars.proxy.stop_timeout",
            ],
            with_proxy(proxy()),
        )
}
