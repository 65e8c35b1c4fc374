//! A database that takes clients without TLS: from its restart on, and until it is closed again.

use serde_json::json;

use crate::{
    support::text,
    sweep,
    tiny::Tiny,
    users::{Database, secret_of},
};

const REFUSED: &str = "no encryption";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_tls_is_served_if_asked_for() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "replicas: 1");
    world.edit("services:\n", "database: { protect: false }\nservices:\n");
    let url = world.up();
    let database = Database::of(world).await;
    let password = secret_of(world, "tiny", "database-password").await;
    let plain = || database.in_plain_text(&password);
    assert!(plain().contains(REFUSED), "{}", plain());

    // Opened, and the run ends before the restart: the group that the database was given is not in force.
    world.edit("protect: false", "protect: false, tls: optional");
    let planned = world.must(&["plan"]);
    assert!(planned.contains("! db_parameter_group.database-postgres16 accepts clients without TLS"), "{planned}");
    assert!(planned.contains("! db_instance.database restarts"), "{planned}");
    world.set(json!({ "faults": { "failed": 1.0, "operations": ["RebootDBInstance"] } })).await;
    let stopped = tokio::task::block_in_place(|| world.stackctl(&["up", "--yes"]));
    assert_eq!(stopped.status.code(), Some(1), "{}", text(&stopped));
    world.set(json!({ "faults": null })).await;
    assert!(world.writes().await.contains(&"ModifyDBInstance".to_owned()));
    assert!(plain().contains(REFUSED), "{}", plain());
    assert_eq!(world.changes(), ["db_instance.database parameters"]);
    world.up();
    assert_eq!(plain(), "42\n");
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(database.ask("postgres", &password, "SELECT 1"), "1");
    let mode = world.get(&format!("{url}/env/PGSSLMODE")).await.1;
    assert_eq!(mode, "verify-full", "what stackctl gives asks for TLS as before");

    // Somebody changes the value in the group: that counts at once, there and back.
    let rds = aws_sdk_rds::Client::new(&world.sdk().await);
    let parameter = aws_sdk_rds::types::Parameter::builder().parameter_name("rds.force_ssl").parameter_value("1");
    let parameter = parameter.apply_method(aws_sdk_rds::types::ApplyMethod::Immediate).build();
    let group = "tiny-default-database-postgres16";
    let change = rds.modify_db_parameter_group().db_parameter_group_name(group).parameters(parameter);
    change.send().await.expect("it is changed");
    assert!(plain().contains(REFUSED), "{}", plain());
    assert_eq!(world.changes(), ["db_parameter_group.database-postgres16 rds.force_ssl"]);
    world.up();
    assert_eq!(plain(), "42\n");

    // A new major version has a group of its own.
    world.edit("tls: optional", "tls: optional, version: \"17\"");
    world.up();
    assert_eq!(plain(), "42\n");
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(groups(&rds).await, ["tiny-default-database-postgres17"]);

    // Closed again.
    world.edit("tls: optional, ", "");
    world.up();
    assert!(plain().contains(REFUSED), "{}", plain());
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(groups(&rds).await, [""; 0]);

    // A database that is made so takes both from the beginning, and leaves nothing behind.
    world.must(&["destroy", "--confirm", "tiny/default"]);
    world.edit("version: \"17\"", "version: \"17\", tls: optional");
    world.up();
    let password = secret_of(world, "tiny", "database-password").await;
    assert_eq!(Database::of(world).await.in_plain_text(&password), "42\n");
    assert_eq!(world.plan(), Vec::<String>::new());
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
    assert_eq!(sweep::processes_of(world), Vec::<String>::new());
}

/// The names of the parameter groups that are not RDS's own.
async fn groups(rds: &aws_sdk_rds::Client) -> Vec<String> {
    let answer = rds.describe_db_parameter_groups().send().await.expect("it answers");
    let names = answer.db_parameter_groups().iter().filter_map(|group| group.db_parameter_group_name());
    names.filter(|name| !name.starts_with("default.")).map(str::to_owned).collect()
}
