//! Jobs: tasks that EventBridge Scheduler starts.

use aws_sdk_ecs::types::{DesiredStatus, Task};
use serde_json::json;

use crate::{
    support::{World, exit_code, text},
    sweep::everything,
    until,
};

const JOBS: &str = "jobs:
  report: { service: web, command: [report], schedule: \"cron(0 3 * * ? *)\", timezone: Europe/Oslo }

environments:
";

/// A time scale at which a daily schedule runs about every 8 s.
const FAST: f64 = 1e-4;

/// The AWS clients that read jobs and their runs.
struct Region {
    ecs: aws_sdk_ecs::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    scheduler: aws_sdk_scheduler::Client,
}

impl Region {
    async fn of(world: &World) -> Self {
        let config = world.sdk().await;
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            scheduler: aws_sdk_scheduler::Client::new(&config),
        }
    }

    /// Returns the revision of the service.
    async fn serves(&self) -> String {
        let call = self.ecs.describe_services().cluster("demo-default-main").services("demo-default-web").send();
        let answer = call.await.expect("it answers");
        answer.services()[0].task_definition().expect("it has one").to_owned()
    }

    /// Returns the revision of the job.
    async fn job(&self) -> String {
        let call = self.scheduler.get_schedule().group_name("demo-default-main").name("report").send();
        let schedule = call.await.expect("it is there");
        let task = schedule.target().and_then(|target| target.ecs_parameters()).expect("it starts a task");
        task.task_definition_arn().to_owned()
    }

    /// Returns the runs of the job that have ended.
    async fn runs(&self, world: &World) -> Vec<Task> {
        let mut tasks = world.tasks("demo-default-main", DesiredStatus::Stopped).await;
        tasks.retain(|task| task.group() == Some("job:report"));
        tasks
    }

    /// Speeds up time until a run with this revision has ended.
    async fn until_run(&self, world: &World, revision: &str) -> Task {
        world.set(json!({ "schedule_scale": FAST })).await;
        let run = until::some(&format!("a run on {revision} has ended"), async || {
            self.runs(world).await.into_iter().find(|run| run.task_definition_arn() == Some(revision))
        })
        .await;
        world.set(json!({ "schedule_scale": 1.0 })).await;
        run
    }

    /// Returns the output of a run, from the log of its service.
    async fn log(&self, run: &Task) -> String {
        let id = run.task_arn().and_then(|arn| arn.rsplit('/').next()).expect("it has one");
        let call = self.logs.get_log_events().log_group_name("/stackctl/demo/default/web");
        let answer = call.log_stream_name(format!("web/web/{id}")).send().await.expect("it is there");
        answer.events().iter().filter_map(|event| event.message()).collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn job_runs_on_time_follows_deploys_and_is_removed() {
    let world = World::start();
    world.edit("replicas: 2", "replicas: 1");
    world.edit("environments:\n", JOBS);
    for (wrong, said) in [
        ("cron(0 3 * * *)", "expected six fields, found 5"),
        ("cron(0 3 * * MON *)", "day-of-month and day-of-week are both set"),
        ("rate(30 seconds)", "invalid unit `seconds`"),
        ("at(tomorrow)", "invalid date and time `tomorrow`"),
    ] {
        world.edit("cron(0 3 * * ? *)", wrong);
        let refused = world.stackctl(&["up", "--yes"]);
        assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
        assert!(text(&refused).contains(said) && text(&refused).contains("stack.yaml:37:56"), "{}", text(&refused));
        world.edit(wrong, "cron(0 3 * * ? *)");
    }

    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let region = Region::of(&world).await;
    assert_eq!(region.runs(&world).await.len(), 0, "3 o'clock is hours away, or was");
    let first = region.serves().await;
    let run = region.until_run(&world, &first).await;
    let log = region.log(&run).await;
    assert_eq!(exit_code(&run), Some(0), "{log}");
    assert!(log.contains("report") && log.contains("visitors"), "{log}");

    world.edit("USER_NAME: Ada", "USER_NAME: Grace");
    let deployed = world.stackctl(&["deploy"]);
    assert!(text(&deployed).contains("~ schedule.report"), "{}", text(&deployed));
    let second = region.serves().await;
    assert_ne!(first, second);
    let run = region.until_run(&world, &second).await;
    assert_eq!(exit_code(&run), Some(0), "{}", region.log(&run).await);
    assert_eq!(world.plan(), Vec::<String>::new());

    // A rollback also changes the revision of the job.
    let back = world.stackctl(&["rollback"]);
    assert!(back.status.success() && text(&back).contains("~ schedule.report"), "{}", text(&back));
    assert_eq!(region.job().await, region.serves().await);

    world.edit(JOBS, "environments:\n");
    world.up();
    let left = everything(&world).await;
    assert!(left.iter().all(|one| !one.starts_with("schedule") && !one.contains("scheduler")), "{left:?}");
    assert_eq!(world.plan(), Vec::<String>::new());

    // `destroy` also deletes an existing job.
    world.edit("environments:\n", JOBS);
    world.up();
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(everything(&world).await, Vec::<String>::new());
}
