//! Sidecars whose image stackctl builds, and adds files to.

use std::fs;

use crate::{sweep::everything, tiny::Tiny};

/// What answers with a file.
const READS: (&str, &str) = (
    "        let says = variable",
    "        let read = path.strip_prefix(\"/read\").map(|path| std::fs::read_to_string(path).unwrap_or_default());\n        \
     let variable = read.or(variable);\n        let says = variable",
);

const SIDECAR: &str = "    port: 3000
    target_container: front
    sidecars:
      front: { build: tiny, port: 8080, files: { /etc/greeting: greeting }, stop_timeout: 2 }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_is_built_and_follows_releases() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    tiny.say_with("one", READS.0, READS.1);
    let write = |text: &str| fs::write(world.project().join("greeting"), text).expect("it can be written");
    world.edit("    port: 3000\n", SIDECAR);
    world.edit("replicas: 2", "replicas: 1");
    let missing = world.ends_with(3, &["up", "--yes"]);
    assert!(missing.contains("greeting not found"), "{missing}");
    write("hello");
    let url = world.up();
    let greeting = format!("{url}/read/etc/greeting");
    assert_eq!(world.get(&greeting).await, (200, "hello".to_owned()));
    assert_eq!(world.settled(), Vec::<String>::new());

    // A changed file is a release of the service; the service's own image is the same.
    write("good morning");
    assert_eq!(world.plan(), Vec::<String>::new(), "`up` builds, and `plan` does not");
    world.must(&["deploy", "web"]);
    assert_eq!(world.get(&greeting).await, (200, "good morning".to_owned()));
    assert_eq!(world.settled(), Vec::<String>::new());

    // A rollback takes the sidecar along, and what runs then stays.
    world.ends_with(0, &["rollback"]);
    assert_eq!(world.get(&greeting).await, (200, "hello".to_owned()));
    assert_eq!(world.settled(), Vec::<String>::new());
    world.must(&["destroy", "--yes"]);
    assert_eq!(everything(world).await, Vec::<String>::new());
}
