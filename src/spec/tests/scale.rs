//! Tests `schedule` of a service's `scale`.

use super::*;

fn scaled(schedule: &str) -> String {
    format!("{ONE_SERVICE}    scale: {{ min: 2, max: 10, cpu: 60, schedule: {schedule} }}\n")
}

#[test]
fn scale_schedule_is_decoded_by_name() {
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
fn invalid_scale_schedule_is_reported_with_a_fix() {
    let night = |rest: &str| format!("{{ night: {{ {rest} }}, day: {{ at: \"cron(0 7 * * ? *)\" }} }}");
    let at = "at: cron(0 20 * * ? *)";
    for (schedule, problem) in [
        (
            night("min: 1"),
            "7:59 missing key `at` in `services.web.scale.schedule.night` [add `at: \"cron(0 20 * * ? *)\"`]",
        ),
        (
            night("at: rate(1 hour), min: 1"),
            "7:65 expected cron(…), found `rate(1 hour)` [write cron(0 20 * * ? *) for 20:00 every day]",
        ),
        (
            night("at: 0 20 * * *"),
            "7:65 invalid schedule `0 20 * * *`: not an EventBridge schedule [use the six fields of EventBridge; for `0 3 * * *`, write cron(0 3 * * ? *)]",
        ),
        (
            night(&format!("{at}, min: 0")),
            "7:90 autoscaling needs at least one task [write `min: 1`, or `min: 0, max: 0` to stop the service until the next entry]",
        ),
        (
            night(&format!("{at}, max: 1")),
            "7:90 `min` (2) is greater than `max` (1) [write both in this entry, such as `min: 2, max: 2`]",
        ),
        (
            night(&format!("{at}, until: \"7:00\"")),
            "7:85 unknown key `until` [add another entry for this time; an entry applies until the next one]",
        ),
        (
            format!("{{ night: {{ {at}, min: 1, max: 1 }} }}"),
            "7:50 all entries of the schedule set the same limits, 1 to 1 tasks [add `morning: { at: \"cron(0 7 * * ? *)\" }`, which restores `min` and `max` of `scale`; an entry applies until the next one]",
        ),
        (
            format!("{{ Night: {{ {at}, min: 1 }}, day: {{ {at} }} }}"),
            "7:52 invalid name `Night` of a schedule entry [use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter, such as night]",
        ),
    ] {
        let found = problems(&scaled(&schedule));
        assert!(found.iter().any(|one| one == problem), "{schedule}: {found:#?}");
    }
}
