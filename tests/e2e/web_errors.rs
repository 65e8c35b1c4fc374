//! A 502 of the load balancer is distinguished from a 500 of the application.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::{support::text, tiny::Tiny};

/// The place in the program for the faults.
const BEFORE: &str = "unwrap_or(\"/\");\n";

/// Faults: the program closes the connection without a response, or responds with 500.
const FAULTS: &str = r#"unwrap_or("/");
        if path == "/reset" {
            continue;
        }
        let status = if path == "/broken" { "500 Broken" } else { status };
"#;

#[tokio::test(flavor = "multi_thread")]
async fn status_and_deploy_show_the_source_of_5xx() {
    let tiny = Tiny::start();
    tiny.0.edit("replicas: 2", "replicas: 1");
    tiny.say_with("one", BEFORE, FAULTS);
    let url = tiny.0.up();
    assert_eq!(tiny.0.status()["errors"], json!([]));
    for (path, status) in [("reset", 502), ("reset", 502), ("broken", 500)] {
        assert_eq!(tiny.0.get(&format!("{url}/{path}")).await.0, status);
    }
    let errors = tiny.0.status()["errors"].clone();
    let of = |place: usize| {
        let error = &errors[place];
        (error["service"].clone(), error["status"].clone(), error["count"].clone())
    };
    assert_eq!((of(0), of(1)), ((json!(null), json!("502"), json!(2)), (json!("web"), json!("5xx"), json!(1))));
    assert_eq!(errors[2], json!(null), "{errors}");
    let said = tiny.0.must(&["status"]);
    for words in [
        "the load balancer itself returned 502 2 times in the last hour\n    likely cause: A task closed the connection",
        "keepAliveTimeout",
        "the application web returned 5xx once in the last hour\n",
        "stackctl logs web",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }

    // Requests continue during another release.
    tiny.say_with("two", BEFORE, FAULTS);
    let mut deploy = tiny.0.spawn(&["deploy"]);
    while deploy.try_wait().expect("it is our child").is_none() {
        tiny.0.get(&format!("{url}/reset")).await;
        sleep(Duration::from_millis(100)).await;
    }
    let deployed = deploy.wait_with_output().expect("it ends");
    let said = text(&deployed);
    assert!(deployed.status.success(), "{said}");
    assert!(said.contains("the load balancer itself returned 502"), "{said}");
    assert!(
        said.contains("in the minutes of this deployment\n    likely cause: A task closed the connection"),
        "{said}"
    );
}
