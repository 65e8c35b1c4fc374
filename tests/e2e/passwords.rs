//! The password of an existing database: it outlives an incomplete `destroy`, it is restored if it is scheduled for
//! deletion, and a new one is set in the database.

use serde_json::json;

use crate::{
    support::{World, text},
    sweep,
    tiny::Tiny,
    users::Database,
};

/// The secret with the master user's password.
const SECRET: &str = "tiny/default/database-password";

async fn secrets(world: &World) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(&world.sdk().await)
}

async fn password(world: &World) -> String {
    let answer = secrets(world).await.get_secret_value().secret_id(SECRET).send().await;
    answer.expect("it is there").secret_string().expect("it has a value").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_database_always_accepts_its_password() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("load_balancer:", "database: { protect: false }\nload_balancer:");
    world.up();
    let database = Database::of(world).await;
    let first = password(world).await;

    // AWS refuses to delete the database: its password stays, and the next run continues with both.
    world.set(json!({ "faults": { "failed": 1.0, "operations": ["DeleteDBInstance"] } })).await;
    let stopped = tokio::task::block_in_place(|| world.stackctl(&["destroy", "--yes"]));
    assert_eq!(stopped.status.code(), Some(1), "{}", text(&stopped));
    world.set(json!({ "faults": null })).await;
    world.up();
    assert_eq!(password(world).await, first);
    assert_eq!(database.ask("postgres", &first, "SELECT 1"), "1");

    // Someone scheduled the deletion of the password: it is restored unchanged.
    let delete = secrets(world).await.delete_secret().secret_id(SECRET).recovery_window_in_days(7);
    delete.send().await.expect("it is scheduled");
    world.up();
    assert_eq!(password(world).await, first);
    assert_eq!(world.plan(), Vec::<String>::new());

    // Someone deleted it for good: a new password is created and set in the database.
    let delete = secrets(world).await.delete_secret().secret_id(SECRET).force_delete_without_recovery(true);
    delete.send().await.expect("it is deleted");
    assert!(world.changes().contains(&"db_instance.database password".to_owned()), "{:?}", world.changes());
    world.up();
    let second = password(world).await;
    assert!(second != first, "another one");
    assert!(database.refusal("postgres", &first, "SELECT 1").contains("authentication failed"));
    assert_eq!(database.ask("postgres", &second, "SELECT 1"), "1");
    assert_eq!(world.plan(), Vec::<String>::new());

    world.must(&["destroy", "--yes"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
}
