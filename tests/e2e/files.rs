//! `files`: files of the project, added to a built image or to an existing one.

use std::fs;

use crate::{support::World, tiny::Tiny};

/// The edit that makes the program answer with a file.
const READS: (&str, &str) = (
    "        let says = variable",
    "        let read = path.strip_prefix(\"/read\").map(|path| std::fs::read_to_string(path).unwrap_or_default());\n        \
     let variable = read.or(variable);\n        let says = variable",
);

fn write(world: &World, path: &str, text: &str) {
    let path = world.project().join(path);
    fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
    fs::write(path, text).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_added_to_built_and_existing_images() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    tiny.say_with("one", READS.0, READS.1);
    write(world, "deploy/greeting.txt", "hello");
    write(world, "deploy/site/index.html", "<p>");
    world.edit("replicas: 2", "replicas: 1\n    files: { /etc/greeting.txt: deploy/greeting.txt, /srv: deploy/site }");
    let url = world.up();
    assert_eq!(world.get(&format!("{url}/read/etc/greeting.txt")).await, (200, "hello".to_owned()));
    assert_eq!(world.get(&format!("{url}/read/srv/index.html")).await, (200, "<p>".to_owned()));
    assert_eq!(world.settled(), Vec::<String>::new());

    // A changed file causes a release.
    write(world, "deploy/greeting.txt", "good morning");
    world.must(&["deploy", "--yes"]);
    assert_eq!(world.get(&format!("{url}/read/etc/greeting.txt")).await, (200, "good morning".to_owned()));

    // An existing image: the one of the first service, with its entry point and its other files.
    let name = "tiny/default/tiny-with-files-of-web";
    let ecr = aws_sdk_ecr::Client::new(&world.sdk().await);
    let found = ecr.describe_repositories().repository_names(name).send().await.expect("it is there");
    let uri = found.repositories()[0].repository_uri().expect("it has one");
    let image = format!("{uri}:{}", world.image_tags(name).await[0]);
    let second = format!(
        "  copy:\n    image: {image}\n    port: 3000\n    replicas: 1\n    health: /status\n    routes: [/read/own/*]\n    \
         stop_timeout: 2\n    files: {{ /own/name.txt: deploy/name.txt }}\n"
    );
    world.edit("    release:", "    routes: [/*]\n    release:");
    let file = world.project().join("stack.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, format!("{text}{second}")).expect("it can be written");
    let said = world.ends_with(3, &["up", "--yes"]);
    assert!(said.contains("deploy/name.txt not found"), "{said}");
    write(world, "deploy/name.txt", "copy");
    let url = world.up();
    assert_eq!(world.get(&format!("{url}/read/own/name.txt")).await, (200, "copy".to_owned()));
    assert_eq!(world.get(&format!("{url}/read/etc/greeting.txt")).await, (200, "good morning".to_owned()));
    assert_eq!(world.settled(), Vec::<String>::new());
    world.must(&["destroy", "--yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_key_among_the_files_gives_a_warning() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    write(world, "deploy/tls.key", "-----BEGIN PRIVATE KEY-----\nMHcC\n-----END PRIVATE KEY-----\n");
    world.edit("replicas: 2", "replicas: 1\n    files: { /etc/tls: deploy }");
    let said = world.ends_with(0, &["up", "--yes"]);
    assert!(said.contains("deploy/tls.key looks like a secret"), "{said}");
}
