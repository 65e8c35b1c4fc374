//! Scheduled scaling: a night without tasks, and the effect of `up` and `deploy` during it.

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use crate::{sweep::everything, tiny::Tiny, until};

/// Returns the next full minute that is at least 30 s away, as a cron expression for that one time.
fn soon() -> String {
    let time = Timestamp::now().checked_add(90.seconds()).expect("it is near").to_zoned(TimeZone::UTC);
    time.strftime("cron(%-M %-H %-d %-m ? %Y)").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_scale_to_zero_is_not_drift() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "scale: { min: 1, max: 2, cpu: 60 }");
    world.up();
    let config = world.sdk().await;
    let scaling = aws_sdk_applicationautoscaling::Client::new(&config);
    let bounds = async || {
        let targets = scaling.describe_scalable_targets().service_namespace("ecs".into()).send().await;
        let targets = targets.expect("it answers");
        let [target] = targets.scalable_targets() else { panic!("{targets:?}") };
        (target.min_capacity(), target.max_capacity())
    };

    // In the evening the tasks stop. The bounds of a morning in the past apply until then.
    let schedule =
        format!("{{ morning: {{ at: \"cron(0 7 1 1 ? 2025)\" }}, night: {{ at: \"{}\", min: 0, max: 0 }} }}", soon());
    world.edit("cpu: 60 }", &format!("cpu: 60, schedule: {schedule} }}"));
    assert_eq!(world.changes(), ["scaling.web schedule.morning", "scaling.web schedule.night"]);
    world.up();
    assert_eq!((bounds().await, world.settled()), ((1, 2), Vec::new()));
    until::so("the night comes", async || bounds().await == (0, 0)).await;
    until::so("no task runs", async || world.status()["services"][0]["running"] == 0).await;
    assert_eq!(world.settled(), Vec::<String>::new(), "the night is no drift");
    let status = world.must(&["status"]);
    assert!(status.contains("0 to 0 tasks (scheduled: `night`), cpu 60"), "{status}");

    // Neither a change nor a release ends the night.
    world.edit("cpu: 60", "cpu: 70");
    assert_eq!(world.changes(), ["scaling.web cpu"]);
    world.up();
    tiny.say("two");
    world.ends_with(0, &["deploy"]);
    assert_eq!((bounds().await, world.settled()), ((0, 0), Vec::new()));
    assert_eq!(world.status()["services"][0]["running"], 0);

    // Changed bounds apply at once, and without a schedule the usual bounds apply again.
    world.edit("min: 0, max: 0", "min: 1, max: 1");
    assert_eq!(
        world.changes(),
        ["service.web replicas", "scaling.web min", "scaling.web max", "scaling.web schedule.night"]
    );
    world.up();
    assert_eq!((bounds().await, world.settled()), ((1, 1), Vec::new()));
    let morning = schedule.replace("min: 0, max: 0", "min: 1, max: 1");
    world.edit(&format!(", schedule: {morning}"), "");
    assert_eq!(world.changes(), ["scaling.web max", "scaling.web other_entries", "scaling.web other_entries"]);
    let url = world.up();
    assert_eq!((bounds().await, world.settled()), ((1, 2), Vec::new()));
    assert_eq!(world.get(&url).await, (200, "two".to_owned()));
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(everything(world).await, Vec::<String>::new());
}
