//! Three environments of one file, side by side in one account and region.

use std::collections::BTreeSet;

use crate::{
    support::{Spawned, World, text},
    sweep,
    visitors::Visitor,
};

const ALL: [&str; 3] = ["default", "staging", "production"];

/// Starts `up` in an environment.
fn begin(world: &World, environment: &str) -> Spawned {
    world.spawn(&["up", "--yes", "--env", environment])
}

/// Waits for `up` and returns its URL.
fn url(up: Spawned) -> String {
    let output = up.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8_lossy(&output.stdout).trim().trim_end_matches('/').to_owned()
}

async fn everything(world: &World) -> BTreeSet<String> {
    sweep::everything(world).await.into_iter().collect()
}

/// Returns the ARNs of an environment's running tasks. A replaced task has another ARN.
async fn tasks(world: &World, environment: &str) -> BTreeSet<String> {
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let call = ecs.list_tasks().cluster(format!("demo-{environment}-main")).send().await;
    call.expect("it answers").task_arns.unwrap_or_default().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_of_one_file_do_not_touch_each_other() {
    let world = World::start();
    world.edit("{ replicas: 1 }", "{ replicas: 1, env: { USER_NAME: Grace } }");
    world.edit("{ replicas: 3 }", "{ replicas: 3, env: { USER_NAME: Barbara } }");
    let none = Vec::<String>::new();

    // The first environment alone, then the other two at once. The first one stays untouched.
    let staging = url(begin(&world, "staging"));
    let visitor = Visitor::from(2);
    assert_eq!(visitor.visit(&staging, &[]).await.visits, 1);
    let (of_staging, its_tasks) = (everything(&world).await, tasks(&world, "staging").await);
    let [default, production] = ["default", "production"].map(|name| begin(&world, name)).map(url);
    for environment in ALL {
        assert_eq!(world.plan_of(environment), none, "{environment}");
    }
    let all = everything(&world).await;
    assert!(all.is_superset(&of_staging), "{:?} are gone", of_staging.difference(&all));
    assert_eq!(tasks(&world, "staging").await, its_tasks);

    // Each environment has its own settings and visitors.
    for (url, name, tasks_of, count) in
        [(&staging, "Grace", "staging", 1), (&default, "Ada", "default", 2), (&production, "Barbara", "production", 3)]
    {
        assert!(world.get(&format!("{url}/")).await.1.contains(name), "{name} at {url}");
        assert_eq!(tasks(&world, tasks_of).await.len(), count, "{tasks_of}");
    }
    assert_eq!(visitor.visit(&staging, &[]).await.visits, 2);
    assert_eq!(visitor.visit(&production, &[]).await.visits, 1);

    // A change for two environments does not affect the third, which overrides both lines.
    world.edit("USER_NAME: Ada", "USER_NAME: Alan");
    world.edit("USER_NAME: Barbara", "USER_NAME: Edith");
    assert_eq!(world.plan_of("staging"), none);
    let changed = ["default", "production"].map(|name| begin(&world, name)).map(url);
    assert_eq!(changed, [default.clone(), production.clone()]);
    for environment in ALL {
        assert_eq!(world.plan_of(environment), none, "{environment}");
    }
    assert_eq!(tasks(&world, "staging").await, its_tasks);
    assert!(world.get(&format!("{production}/")).await.1.contains("Edith"));

    // A foreign stack whose names have the same prefix as an environment does not belong to it.
    let config = world.sdk().await;
    let (ec2, rds) = (aws_sdk_ec2::Client::new(&config), aws_sdk_rds::Client::new(&config));
    let subnets = ec2.describe_subnets().send().await.expect("it answers");
    let subnets = subnets.subnets().iter().filter(|subnet| subnet.default_for_az() == Some(true));
    let foreign = rds.create_db_subnet_group().db_subnet_group_name("demo-staging-eu-database");
    let foreign = foreign.db_subnet_group_description("Private subnets of demo/staging-eu");
    let foreign = foreign.set_subnet_ids(Some(subnets.filter_map(|subnet| subnet.subnet_id.clone()).collect()));
    foreign.send().await.expect("it is made");
    assert_eq!(world.plan_of("staging"), none);

    // Destroying one environment deletes its resources and nothing else.
    let before = everything(&world).await;
    world.must(&["destroy", "--env", "staging", "--confirm", "demo/staging"]);
    let after = everything(&world).await;
    assert_eq!(after, before.difference(&of_staging).cloned().collect());
    rds.delete_db_subnet_group().db_subnet_group_name("demo-staging-eu-database").send().await.expect("it goes");
    for environment in ["default", "production"] {
        assert_eq!(world.plan_of(environment), none, "{environment}");
    }
    assert!(!world.plan_of("staging").is_empty());
    assert_eq!(visitor.visit(&production, &[]).await.visits, 2);
    assert_eq!(visitor.visit(&default, &[]).await.visits, 1);

    // The protected one stays until it is said twice, and leaves its last snapshot.
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(world.plan_of("production"), none);
    let refused = world.stackctl(&["destroy", "--env", "production", "--confirm", "demo/production"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert_eq!(visitor.visit(&production, &[]).await.visits, 3);
    world.must(&["destroy", "--env", "production", "--confirm", "demo/production", "--unprotect"]);
    let left = everything(&world).await;
    assert!(left.len() == 1 && left.iter().all(|one| one.starts_with("DB snapshot demo-production-")), "{left:?}");
    assert_eq!(sweep::processes_of(&world), none);
}
