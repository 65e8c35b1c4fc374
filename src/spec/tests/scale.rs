//! `schedule` of a service's `scale`: other bounds from given times on.

use super::*;

fn scaled(schedule: &str) -> String {
    format!("{ONE_SERVICE}    scale: {{ min: 2, max: 10, cpu: 60, schedule: {schedule} }}\n")
}

#[test]
fn a_schedule_of_scale_gives_bounds_by_name() {
    let text = scaled(
        "{ night: { at: \"cron(0 20 * * ? *)\", timezone: Europe/Oslo, min: 0, max: 0 }, \
           morning: { at: \"cron(0 7 ? * MON-FRI *)\" }, rush: { at: \"cron(0 16 * * ? *)\", min: 4, max: 20 }, gone: null }",
    );
    let stack = read(&text).expect("it is valid");
    let scale = stack.services["web"].scale.as_ref().expect("it scales");
    let entries: Vec<_> = scale
        .schedule
        .iter()
        .map(|(name, entry)| (name.as_str(), entry.at.as_str(), entry.timezone.as_str(), entry.min, entry.max))
        .collect();
    let expected = [
        ("morning", "cron(0 7 ? * MON-FRI *)", "UTC", 2, 10),
        ("night", "cron(0 20 * * ? *)", "Europe/Oslo", 0, 0),
        ("rush", "cron(0 16 * * ? *)", "UTC", 4, 20),
    ];
    assert_eq!(entries, expected);
    assert_eq!((scale.least(), scale.most(), stack.services["web"].replicas), (Some(0), 20, 2));
}

#[test]
fn a_wrong_schedule_of_scale_is_placed_with_a_fix() {
    let night = |rest: &str| format!("{{ night: {{ {rest} }}, day: {{ at: \"cron(0 7 * * ? *)\" }} }}");
    let at = "at: cron(0 20 * * ? *)";
    for (schedule, problem) in [
        (
            night("min: 1"),
            "7:59 `at` is missing in `services.web.scale.schedule.night` [add `at: \"cron(0 20 * * ? *)\"`]",
        ),
        (
            night("at: rate(1 hour), min: 1"),
            "7:65 `rate(1 hour)` does not say a time of the day [write cron(0 20 * * ? *) for 20:00 every day]",
        ),
        (
            night("at: 0 20 * * *"),
            "7:65 `0 20 * * *`: this is no schedule of EventBridge [EventBridge has its own cron with six fields: for `0 3 * * *` write cron(0 3 * * ? *)]",
        ),
        (
            night(&format!("{at}, min: 0")),
            "7:90 autoscaling needs at least one task [without a task there is nothing to measure; `min: 0, max: 0` stops the service until another entry comes]",
        ),
        (night(&format!("{at}, max: 1")), "7:90 `min` is 2 and `max` is 1 [write both, such as `min: 2, max: 2`]"),
        (
            night(&format!("{at}, until: \"7:00\"")),
            "7:85 unknown key `until` [add another entry at that time: an entry holds until another one comes]",
        ),
        (
            format!("{{ night: {{ {at}, min: 1, max: 1 }} }}"),
            "7:50 nothing changes 1 to 1 tasks again [an entry holds until another one comes: add `morning: { at: \"cron(0 7 * * ? *)\" }`, which brings back `min` and `max` of `scale`]",
        ),
        (
            format!("{{ Night: {{ {at}, min: 1 }}, day: {{ {at} }} }}"),
            "7:52 `Night` cannot name an entry [2 to 20 of a-z, 0-9 and -, beginning with a letter, such as night]",
        ),
    ] {
        let found = problems(&scaled(&schedule));
        assert!(found.iter().any(|one| one == problem), "{schedule}: {found:#?}");
    }
}
