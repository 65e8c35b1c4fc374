//! Volumes: shared by several services, kept when tasks end, and deleted only with `--unprotect`.

use aws_sdk_efs::Client;

use crate::{support::text, sweep::everything, tiny::Tiny};

/// A service that reads what another one writes, and a volume of one task.
const API: &str = "  api:
    build: tiny
    memory: 512
    stop_timeout: 2
    command: [wrapped, work]
    volumes: { uploads: /srv/files, scratch: /scratch }
";

fn tiny() -> Tiny {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", &format!("volumes: {{ uploads: {{}}, scratch: {{ shared: task }} }}\nservices:\n{API}"));
    world.edit("release: [prepare]", "release: [write, /data/by-release, released]");
    world.edit("    health: /status\n", "    health: /status\n    routes: [\"/*\"]\n    tmpfs: { /cache: 16 }\n    disk: 30 GiB\n    volumes: { uploads: /data }\n");
    tiny
}

#[tokio::test(flavor = "multi_thread")]
async fn services_share_files_that_outlive_their_tasks() {
    let tiny = tiny();
    let world = &tiny.0;
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let file = async |path: &str| world.get(&format!("{url}/file{path}")).await.1;
    assert_eq!(file("/data/by-release").await, "released", "the release command wrote it");
    world.must(&["run", "api", "--", "write", "/srv/files/by-run", "run"]);
    assert_eq!(file("/data/by-run").await, "run", "a task of the other service wrote it");
    // An in-memory volume ends with its task.
    world.must(&["run", "web", "--", "write", "/cache/one", "in memory"]);
    let said = world.must(&["run", "web", "--", "read", "/cache/one"]);
    assert!(said.contains("read No such file"), "{said}");
    // A volume that the containers of one task share ends with it.
    world.must(&["run", "api", "--", "write", "/scratch/one", "gone"]);
    let said = world.must(&["run", "api", "--", "read", "/scratch/one"]);
    assert!(said.contains("read No such file"), "{said}");

    // Files outlive replaced tasks, and a read-only container cannot write.
    world.edit("volumes: { uploads: /data }", "volumes: { uploads: { path: /data, read_only: true } }");
    world.edit("release: [write, /data/by-release, released]", "release: [prepare]");
    tiny.say("two");
    let plan = text(&world.stackctl(&["plan"]));
    assert!(plan.contains("mounts.uploads"), "{plan}");
    tiny.ends_with(0, &["up", "--yes"]);
    assert_eq!(world.get(&format!("{url}/")).await.1, "one", "`up` releases nothing");
    world.must(&["deploy", "--yes"]);
    assert_eq!(world.get(&format!("{url}/")).await.1, "two");
    assert_eq!(file("/data/by-run").await, "run");
    tiny.ends_with(101, &["run", "web", "--", "write", "/data/by-run", "changed"]);
    assert_eq!(file("/data/by-run").await, "run");

    // Drift is shown as one field, and `up` corrects it.
    let efs = Client::new(&world.sdk().await);
    let all = efs.describe_file_systems().send().await.expect("it answers");
    let [one] = all.file_systems() else { panic!("one file system: {all:?}") };
    assert_eq!((one.encrypted(), one.number_of_mount_targets()), (Some(true), 2));
    let open = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "elasticfilesystem:ClientMount",
        "Resource": one.file_system_arn(),
    }] });
    let call = efs.put_file_system_policy().file_system_id(one.file_system_id()).policy(open.to_string());
    call.send().await.expect("it is set");
    assert_eq!(world.changes(), ["file_system.uploads policy"]);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    let refused = world.stackctl(&["destroy", "--confirm", "tiny/default"]);
    assert!(!refused.status.success() && text(&refused).contains("deletion protection is on"), "{}", text(&refused));
    assert_eq!(file("/data/by-run").await, "run");
    world.must(&["destroy", "--confirm", "tiny/default", "--unprotect"]);
    assert_eq!(everything(world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn volume_is_deleted_only_with_unprotect() {
    let tiny = tiny();
    let world = &tiny.0;
    world.up();
    world.edit(", scratch: { shared: task }", "");
    world.edit(", scratch: /scratch", "");
    world.edit("volumes: { uploads: {} }\n", "");
    world.edit("    volumes: { uploads: /data }\n", "");
    world.edit("    volumes: { uploads: /srv/files }\n", "");
    world.edit("release: [write, /data/by-release, released]", "release: [prepare]");
    let refused = world.stackctl(&["up", "--yes"]);
    assert!(!refused.status.success() && text(&refused).contains("deletion protection is on"), "{}", text(&refused));
    world.must(&["up", "--yes", "--unprotect"]);
    assert_eq!(world.settled(), Vec::<String>::new());
    let left = everything(world).await;
    assert!(!left.iter().any(|one| one.starts_with("file system")), "{left:?}");
}
