//! From an empty account to a URL, and back to an empty account.

use serde_json::{Value, json};

use crate::{
    support::{World, rounds, text},
    sweep,
};

#[tokio::test(flavor = "multi_thread")]
async fn up_ends_with_a_url_that_answers_and_destroy_leaves_nothing() {
    let world = World::start();
    let before = sweep::everything(&world).await;
    assert_eq!(before, Vec::<String>::new(), "a new sandbox is empty");
    let url = world.up();

    // The page, over HTTPS, with its version and its counters.
    let (status, page) = world.get(&format!("{url}/")).await;
    assert_eq!(status, 200);
    assert!(page.contains("0.1.0+1"), "{page}");
    assert!(page.contains(r#"id="visits">1<"#) && page.contains(r#"id="visitors">1<"#), "{page}");
    let (_, again) = world.get(&format!("{url}/")).await;
    assert!(again.contains(r#"id="visits">2<"#) && again.contains(r#"id="visitors">1<"#), "{again}");

    // Plain HTTP is redirected.
    let plain = url.replace("https://", "http://");
    let answer = world.client.get(format!("{plain}/version?x=1")).send().await.expect("it answers");
    assert_eq!(answer.status(), 301);
    assert_eq!(answer.headers()["location"], format!("{url}:443/version?x=1"));

    // Rates come from Postgres, and blocked paths are blocked.
    let query = "date_from=2021-01-09&date_to=2021-01-11&orig_code=NOAAA&dest_code=SODDD";
    let (_, rates) = world.get(&format!("{url}/rates?{query}")).await;
    let rates: Value = serde_json::from_str(&rates).expect("JSON");
    let days: Vec<&Value> = rates["rates"].as_array().expect("a list").iter().map(|rate| &rate["day"]).collect();
    assert_eq!(days, [&json!("2021-01-11"), &json!("2021-01-10"), &json!("2021-01-09")]);
    assert_eq!(rates["rates"][1]["price"], Value::Null, "two prices are too few");
    for blocked in ["/prepare-for-deploy", "/ready-for-deploy"] {
        assert_eq!(world.get(&format!("{url}{blocked}")).await.0, 404);
    }

    // status
    let status = world.status();
    assert_eq!((status["stack"].as_str(), status["environment"].as_str()), (Some("demo"), Some("default")));
    assert_eq!(status["url"].as_str(), Some(format!("{url}/").as_str()));
    let service = &status["services"][0];
    assert_eq!((&service["name"], &service["desired"], &service["running"]), (&json!("web"), &json!(2), &json!(2)));
    assert_eq!(service["version"], "0.1.0+1");
    assert!(service["image"].as_str().is_some_and(|image| image.ends_with("/demo/default/app:0.1.0-1")), "{service}");
    for resource in status["resources"].as_array().expect("a list") {
        assert_eq!(resource["phase"], "ready", "{resource}");
    }

    // A second `up` has nothing to do, and finds that out with few calls.
    let calls = world.idle_up().await;
    println!("{} calls", calls.len());
    let names: Vec<&str> = calls.iter().filter_map(|call| call["operation"].as_str()).collect();
    assert!(calls.len() <= 37, "{} calls: {names:?}", calls.len());
    assert!(rounds(&calls) <= 4, "{} rounds: {names:?}", rounds(&calls));
    assert!(calls.iter().all(|call| call["mutating"] == false), "{names:?}");

    // `destroy` asks for the name, and leaves nothing.
    let refused = world.stackctl(&["destroy"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    let wrong = world.stackctl(&["destroy", "--confirm", "other/default"]);
    assert_eq!(wrong.status.code(), Some(3), "{}", text(&wrong));
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
    assert_eq!(sweep::processes_of(&world), Vec::<String>::new());
    assert!(text(&world.stackctl(&["status"])).contains("The stack does not exist"));

    // The stack can be created again under the same names.
    world.up();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_output_or_in_a_task_definition() {
    let world = World::start();
    let mut outputs = Vec::new();
    for args in [
        &["plan"][..],
        &["plan", "--output", "json"],
        &["up", "--yes", "-v"],
        &["plan", "-vv"],
        &["status"],
        &["status", "--output", "json"],
        &["deploy", "--output", "json"],
        &["validate"],
    ] {
        outputs.push(text(&world.stackctl(args)));
    }
    let config = world.sdk().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let mut values = Vec::new();
    for secret in secrets.list_secrets().send().await.expect("it answers").secret_list() {
        let arn = secret.arn().expect("it has one");
        let value = secrets.get_secret_value().secret_id(arn).send().await.expect("it answers");
        let value = value.secret_string().expect("it has one").to_owned();
        let inner: Value = serde_json::from_str(&value).unwrap_or_default();
        values.extend(inner["password"].as_str().map(str::to_owned));
        values.push(value);
    }
    assert!(values.len() >= 3, "a password, an admin password and a URL");
    let ecs = aws_sdk_ecs::Client::new(&config);
    let definition =
        ecs.describe_task_definition().task_definition("demo-default-web").send().await.expect("it answers");
    outputs.push(format!("{:?}", definition.task_definition()));
    for entry in std::fs::read_dir("/proc").expect("there is /proc").flatten() {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        outputs.push(String::from_utf8_lossy(&arguments).into_owned());
    }
    for output in outputs {
        assert!(
            values.iter().all(|value| !output.contains(value)),
            "a secret is in: {}",
            &output[..output.len().min(2000)]
        );
    }
}
