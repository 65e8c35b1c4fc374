//! Jobs with their own image and a time limit, and `stackctl jobs`.

use serde_json::{Value, json};

use crate::{sweep::everything, tiny::Tiny, until};

const JOBS: &str = "    stop_timeout: 2
    routes: [\"/*\"]
jobs:
  report: { build: tiny, command: [prepare], schedule: \"cron(0 3 * * ? *)\", cpu: 512, env: { LEVEL: debug } }
  caller: { build: tiny, command: [call, WEB], calls: [web], schedule: \"cron(0 3 1 1 ? *)\" }
  slow: { service: web, command: [wrapped, work], timeout: 2s, schedule: \"cron(0 3 1 1 ? *)\" }
";

/// A time scale at which a daily schedule runs about every 8 s.
const FAST: f64 = 1e-4;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_run_their_own_image_and_end_in_time() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("    stop_timeout: 2\n", JOBS);
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());

    let listed = || -> Value {
        let document: Value = serde_json::from_str(&world.must(&["jobs", "--output", "json"])).expect("a document");
        document["jobs"].clone()
    };
    let jobs = listed();
    assert_eq!([&jobs[0]["name"], &jobs[1]["name"], &jobs[2]["name"]], ["caller", "report", "slow"]);
    assert!(jobs[1]["next"].is_string() && jobs[1]["runs"] == json!([]), "{jobs}");

    // A manual run ends with the exit code of its program.
    assert!(world.must(&["jobs", "run", "report"]).contains("prepared"));
    assert!(world.must(&["jobs", "run", "caller"]).contains("one"), "it reaches the service");
    let late = world.ends_with(124, &["jobs", "run", "slow"]);
    assert!(late.contains("started with wrapped work") && late.contains("it took too long"), "{late}");
    assert_eq!((&listed()[1]["runs"][0]["exit_code"], &listed()[2]["runs"][0]["exit_code"]), (&json!(0), &json!(124)));
    let table = world.must(&["jobs"]);
    assert!(table.contains("succeeded in") && table.contains("exit code 124"), "{table}");
    let unknown = world.ends_with(3, &["jobs", "run", "reprot"]);
    assert!(
        unknown.contains("stack.yaml has no job `reprot`") && unknown.contains("caller, report, slow"),
        "{unknown}"
    );

    // Jobs run on schedule.
    world.set(json!({ "schedule_scale": FAST })).await;
    until::some("the report has run on time", async || (listed()[1]["runs"].as_array()?.len() > 1).then_some(())).await;
    world.set(json!({ "schedule_scale": 1.0 })).await;

    // A release also updates jobs.
    tiny.say("two");
    let deployed = world.ends_with(0, &["deploy"]);
    assert!(deployed.contains("schedule.caller") && deployed.contains("schedule.slow"), "{deployed}");
    assert!(world.must(&["jobs", "run", "caller"]).contains("two"));
    assert_eq!(world.settled(), Vec::<String>::new());

    // A rollback also rolls back the jobs of the service.
    let back = world.ends_with(0, &["rollback"]);
    assert!(back.contains("~ task_definition.slow") && back.contains("~ schedule.slow"), "{back}");
    assert!(!back.contains("schedule.caller"), "{back}");
    assert_eq!(world.settled(), Vec::<String>::new());
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(everything(world).await, Vec::<String>::new());
}
