//! A cache: shared by all tasks, reachable only by them, and created and removed with only the necessary steps.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::{
    lines::Lines,
    support::{World, text},
    sweep,
    tiny::Tiny,
    until,
};

/// The number of requests to count.
const HITS: u64 = 60;

/// Sends `HITS` requests at once and returns the counter values that they got.
async fn count(world: &World, url: &str) -> BTreeSet<u64> {
    let one = async || {
        let (status, body) = world.get(&format!("{url}/redis-hits")).await;
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).expect("it is JSON");
        body["hits"].as_u64().expect("it is a number")
    };
    let numbers = futures::future::join_all((0..HITS).map(|_| one())).await;
    numbers.into_iter().collect()
}

/// Returns the number of tasks that answered such a request, according to their logs.
async fn tasks_that_counted(world: &World) -> usize {
    let logs = aws_sdk_cloudwatchlogs::Client::new(&world.sdk().await);
    let group = "/stackctl/demo/default/web";
    let streams = logs.describe_log_streams().log_group_name(group).send().await.expect("it answers");
    let mut counted = 0;
    for stream in streams.log_streams().iter().filter_map(|stream| stream.log_stream_name()) {
        let call = logs.get_log_events().log_group_name(group).log_stream_name(stream).start_from_head(true);
        let events = call.send().await.expect("it answers");
        let mut lines = events.events().iter().filter_map(|event| event.message());
        counted += usize::from(lines.any(|line| line.contains("/redis-hits")));
    }
    counted
}

/// Returns the steps of the plan in alphabetical order.
fn plan(world: &World) -> Vec<String> {
    let mut plan = world.plan();
    plan.sort();
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_is_shared_by_tasks_and_closed_to_others() {
    let world = World::start();
    world.edit("database:\n", "cache: {}\n\ndatabase:\n");
    world.edit("    stop_timeout: 30\n", "    stop_timeout: 30\n    exec: true\n");
    let url = world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // Every request gets a unique number, whichever of the two tasks answers it.
    assert_eq!(count(&world, &url).await, (1..=HITS).collect());
    until::so("both tasks have answered some of them", async || tasks_that_counted(&world).await == 2).await;

    // The cache is encrypted at rest and in transit, and only the service's tasks can reach its port.
    let config = world.sdk().await;
    let (cache, ec2) = (aws_sdk_elasticache::Client::new(&config), aws_sdk_ec2::Client::new(&config));
    let found = cache.describe_replication_groups().send().await.expect("it answers");
    let group = &found.replication_groups()[0];
    assert_eq!(group.replication_group_id(), Some("demo-default-main"));
    let safe = (group.at_rest_encryption_enabled(), group.transit_encryption_enabled(), group.auth_token_enabled());
    assert_eq!(safe, (Some(true), Some(true), Some(true)));
    let nodes = cache.describe_cache_clusters().send().await.expect("it answers");
    let guard = nodes.cache_clusters()[0].security_groups()[0].security_group_id().expect("it has one").to_owned();
    let groups = ec2.describe_security_groups().send().await.expect("it answers");
    let named = |name: &str| {
        let group = groups.security_groups().iter().find(|group| group.group_name() == Some(name));
        group.unwrap_or_else(|| panic!("there is no {name}"))
    };
    let own = named("demo-default-cache");
    assert_eq!(own.group_id(), Some(guard.as_str()));
    let [rule] = own.ip_permissions() else { panic!("{:?}", own.ip_permissions()) };
    assert_eq!((rule.ip_protocol(), rule.from_port(), rule.to_port()), (Some("tcp"), Some(6379), Some(6379)));
    let callers: Vec<_> = rule.user_id_group_pairs().iter().filter_map(|pair| pair.group_id()).collect();
    assert_eq!(callers, [named("demo-default-service-web").group_id().expect("it has one")]);
    assert!(rule.ip_ranges().is_empty() && rule.ipv6_ranges().is_empty(), "{rule:?}");

    // Containers get the URL as a secret, and it appears nowhere else.
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let secret = secrets.get_secret_value().secret_id("demo/default/cache-token").send().await.expect("it answers");
    let token = secret.secret_string().expect("it has one").to_owned();
    let ecs = aws_sdk_ecs::Client::new(&config);
    let definition = ecs.describe_task_definition().task_definition("demo-default-web").send().await;
    let definition = format!("{:?}", definition.expect("it answers").task_definition());
    assert!(definition.contains("REDIS_URL") && !definition.contains("rediss:"), "{definition}");
    for output in [definition, text(&world.stackctl(&["status"])), text(&world.stackctl(&["plan", "-vv"]))] {
        assert!(!output.contains(&token), "{output}");
    }

    forwarded(&world, &token);
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
    assert_eq!(sweep::processes_of(&world), Vec::<String>::new());
}

/// Connects to the cache through a local port, with TLS and its password.
fn forwarded(world: &World, token: &str) {
    let mut forward = Lines::of(world.spawn(&["forward", "cache"]));
    let address = forward.until("127.0.0.1:").trim().to_owned();
    let (_, port) = address.rsplit_once(':').expect("it has a port");
    let ask = |word: &str, password: &str| {
        // One of the two is installed with the server.
        let asked = ["valkey-cli", "redis-cli"].into_iter().find_map(|client| {
            let mut command = Command::new(client);
            command.args(["-p", port, "--tls", "--insecure", "--no-auth-warning", word]);
            command.env("VALKEYCLI_AUTH", password).env("REDISCLI_AUTH", password).output().ok()
        });
        text(&asked.expect("a client is installed with the server"))
    };
    assert!(ask("PING", token).contains("PONG"), "{}", ask("PING", token));
    assert!(ask("PING", "guessed").contains("WRONGPASS"), "{}", ask("PING", "guessed"));
    forward.interrupt();
    let (code, said) = forward.end();
    assert_eq!(code, Some(130), "{said}");
}

/// Returns the reply of the cache at `host` to a client without a password.
fn ping(host: &str, with: &[&str]) -> String {
    let asked = ["valkey-cli", "redis-cli"]
        .into_iter()
        .find_map(|client| Command::new(client).args(["-h", host]).args(with).arg("PING").output().ok());
    text(&asked.expect("a client is installed with the server"))
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_can_accept_clients_with_host_and_port_only() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "replicas: 1");
    world.edit("services:\n", "cache: { tls: optional }\nservices:\n");
    let refused = world.ends_with(3, &["validate"]);
    assert!(refused.contains("add `password: off`"), "{refused}");
    world.edit("tls: optional", "tls: optional, password: off");
    world.edit(
        "    stop_timeout: 2\n",
        "    env: { CACHE_HOST: ((cache.host)), ADDRESS: ((cache.url)) }\n    stop_timeout: 2\n",
    );
    let planned = world.must(&["plan"]);
    assert!(planned.contains("! cache.main requires no password, and clients without TLS"), "{planned}");
    assert!(!planned.contains("secret.cache"), "{planned}");
    let url = world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let told = async |name: &str| world.get(&format!("{url}/env/{name}")).await.1;
    let host = told("CACHE_HOST").await;
    assert_eq!(told("REDIS_URL").await, format!("redis://{host}:6379/0"));
    assert_eq!(told("ADDRESS").await, told("REDIS_URL").await);
    for with in [&[][..], &["--tls", "--insecure"]] {
        assert!(ping(&host, with).contains("PONG"), "{with:?}: {}", ping(&host, with));
    }

    // Back to required TLS and a password: the cache is replaced, and the tasks follow.
    world.edit("cache: { tls: optional, password: off }", "cache: {}");
    world.edit("    env: { CACHE_HOST: ((cache.host)), ADDRESS: ((cache.url)) }\n", "");
    let plan = plan(world);
    assert!(
        plan.contains(&"replace cache.main".to_owned()) && plan.contains(&"create secret.cache-url".to_owned()),
        "{plan:?}"
    );
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert!(told("REDIS_URL").await.starts_with("rediss://:"));
    assert!(!ping(&host, &[]).contains("PONG") && ping(&host, &["--tls", "--insecure"]).contains("NOAUTH"));
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
    assert_eq!(sweep::processes_of(world), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_change_plans_only_the_necessary_steps() {
    let world = World::start();
    let url = world.up();
    assert_eq!(world.get(&format!("{url}/redis-hits")).await.0, 503, "there is none yet");

    world.edit("database:\n", "cache: {}\n\ndatabase:\n");
    let follow = ["run release.web", "update role.web-execution", "update service.web", "update task_definition.web"];
    let own =
        ["cache.main", "cache_subnet_group.main", "secret.cache-token", "secret.cache-url", "security_group.cache"];
    let with = |action: &str| -> Vec<String> {
        let own = own.iter().map(|address| format!("{action} {address}"));
        own.chain(follow.iter().map(|step| (*step).to_owned())).collect()
    };
    let mut first = with("create");
    first.push("update cluster.main".to_owned());
    first.sort();
    assert_eq!(plan(&world), first);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(count(&world, &url).await, (1..=HITS).collect());

    // Someone opens the cache to the world.
    let ec2 = aws_sdk_ec2::Client::new(&world.sdk().await);
    let groups = ec2.describe_security_groups().send().await.expect("it answers");
    let guard = groups.security_groups().iter().find(|group| group.group_name() == Some("demo-default-cache"));
    let guard = guard.and_then(|group| group.group_id()).expect("it is there");
    let call = ec2.authorize_security_group_ingress().group_id(guard).ip_protocol("tcp");
    call.from_port(6379).to_port(6379).cidr_ip("0.0.0.0/0").send().await.expect("it is allowed");
    assert_eq!(world.changes(), ["security_group.cache ingress"]);
    world.up();

    // A larger node and a newer version are updated in place, and the data is kept.
    world.edit("cache: {}", "cache: { class: cache.m7g.large, version: \"8.2\" }");
    assert_eq!(plan(&world), ["update cache.main"]);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(count(&world, &url).await, (HITS + 1..=2 * HITS).collect());

    // A downgrade is refused and changes nothing.
    world.edit("version: \"8.2\"", "version: \"7.2\"");
    let refused = world.stackctl(&["up", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("set `cache.version` to \"8.2\""), "{}", text(&refused));
    world.edit("version: \"7.2\"", "version: \"8.2\"");
    assert_eq!(world.plan(), Vec::<String>::new());

    // A cache that someone deleted is created again at the same address, so that running tasks find it.
    let cache = aws_sdk_elasticache::Client::new(&world.sdk().await);
    let name = "demo-default-main";
    cache.delete_replication_group().replication_group_id(name).send().await.expect("it goes");
    let groups = async || cache.describe_replication_groups().send().await.expect("it answers");
    until::so("it is gone", async || groups().await.replication_groups().is_empty()).await;
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let hits = format!("{url}/redis-hits");
    until::so("running tasks reach the new one", async || world.get(&hits).await.0 == 200).await;

    world.edit("cache: { class: cache.m7g.large, version: \"8.2\" }\n\n", "");
    // Running tasks can read the secret until they are replaced.
    let narrowed = with("delete").into_iter().map(|step| step.replace("update role.", "narrow role."));
    let mut narrowed: Vec<String> = narrowed.collect();
    narrowed.sort();
    assert_eq!(plan(&world), narrowed);
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/redis-hits")).await.0, 503);
    let left = sweep::everything(&world).await;
    assert!(left.iter().all(|resource| !resource.contains("cache")), "{left:?}");
}
