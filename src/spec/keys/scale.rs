//! The keys of `scale` of a service.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts};
use crate::spec::check::MOST_TASKS;

const ONE_OF_FOUR: Absence = Absence::Means("at least one of the four");

pub(in crate::spec) static SCALE: Section = Section {
    name: "scale",
    doc: "Autoscaling, instead of `replicas`.",
    keys: &[
        Key {
            name: "min",
            kind: Kind::Number { least: 1, most: MOST_TASKS, unit: "" },
            absence: Absence::Default(Literal::Number(1)),
            doc: "The minimum number of tasks; the service starts with this number. `min: 0` is an error, because \
                  without a task there is nothing to measure. Use `replicas: 0` to stop a service.",
        },
        Key {
            name: "max",
            kind: Kind::Number { least: 1, most: MOST_TASKS, unit: "" },
            absence: Absence::Error("10"),
            doc: "The maximum number of tasks; at least `min`.",
        },
        Key {
            name: "cpu",
            kind: Kind::Number { least: 1, most: 100, unit: "%" },
            absence: ONE_OF_FOUR,
            doc: "The target for the average CPU use of the tasks, in percent.",
        },
        Key {
            name: "memory",
            kind: Kind::Number { least: 1, most: 100, unit: "%" },
            absence: ONE_OF_FOUR,
            doc: "The target for the average memory use of the tasks, in percent.",
        },
        Key {
            name: "requests",
            kind: Kind::Number { least: 1, most: 1_000_000, unit: "" },
            absence: ONE_OF_FOUR,
            doc: "The target number of requests per minute and task. The service needs `routes`.",
        },
        Key {
            name: "response_time",
            kind: Kind::Number { least: 1, most: 60_000, unit: "ms" },
            absence: ONE_OF_FOUR,
            doc: "The target for the average response time, in milliseconds. The service needs `routes`. It helps if \
                  more tasks respond faster, but not if all tasks wait for the same database.",
        },
        Key {
            name: "cooldown",
            kind: Kind::Map(&COOLDOWN),
            absence: Absence::Means("`{ out: 1m, in: 5m }`"),
            doc: "How long autoscaling waits between two changes, such as `{ out: 30s, in: 10m }`.",
        },
        Key {
            name: "schedule",
            kind: Kind::Named { names: &texts::SCALE_ENTRY_NAME, of: &Kind::Map(&SCALE_ENTRY) },
            absence: Absence::Means("none"),
            doc: "Other limits at certain times, by name, such as nights and weekends. See [by the \
                  clock](#scale-by-the-clock).",
        },
    ],
    foreign: &[
        Foreign { words: &["range"], help: "use `min` and `max`" },
        Foreign {
            words: &["scheduled_actions", "cron", "schedules"],
            help: "use `schedule`, such as `schedule: { night: { at: \"cron(0 20 * * ? *)\", min: 1, max: 2 } }`",
        },
        Foreign {
            words: &["min_capacity", "min_count", "min_replicas"],
            help: "use `min` for the minimum number of \
                                                                                tasks",
        },
        Foreign {
            words: &["max_capacity", "max_count", "max_replicas"],
            help: "use `max` for the maximum number of \
                                                                                tasks",
        },
        Foreign { words: &["cpu_percentage", "cpu_percent"], help: "use `cpu`, in percent" },
        Foreign { words: &["memory_percentage", "memory_percent"], help: "use `memory`, in percent" },
        Foreign {
            words: &["queue_delay"],
            help: "use `cpu`, `memory`, `requests` or `response_time`; other metrics are not supported",
        },
    ],
};

/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html>
pub(in crate::spec) static SCALE_ENTRY: Section = Section {
    name: "scale_entry",
    doc: "Limits that apply from a certain time.",
    keys: &[
        Key {
            name: "at",
            kind: Kind::Text(&texts::CRON),
            absence: Absence::Error("\"cron(0 20 * * ? *)\""),
            doc: "When it applies: `cron(…)` with six fields, as in the `schedule` of [jobs](#jobs).",
        },
        Key {
            name: "timezone",
            kind: Kind::Text(&texts::TIME_ZONE),
            absence: Absence::Default(Literal::Text("UTC")),
            doc: "The time zone of `at`, such as `Europe/Oslo`. Daylight saving time applies.",
        },
        Key {
            name: "min",
            kind: Kind::Number { least: 0, most: MOST_TASKS, unit: "" },
            absence: Absence::Means("that of `scale`"),
            doc: "The minimum number of tasks from this time. `min: 0` needs `max: 0`, because without a task there is \
                  nothing to measure.",
        },
        Key {
            name: "max",
            kind: Kind::Number { least: 0, most: MOST_TASKS, unit: "" },
            absence: Absence::Means("that of `scale`"),
            doc: "The maximum number of tasks from this time; at least `min`. With `0`, no task runs.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["schedule", "cron", "when", "start", "recurrence"],
            help: "use `at`, such as `at: \"cron(0 20 * * ? *)\"`",
        },
        Foreign {
            words: &["end", "stop", "until", "duration"],
            help: "add another entry for this time; an entry applies until the next one",
        },
        Foreign { words: &["tz", "zone", "time_zone"], help: "use `timezone`, such as Europe/Oslo" },
        Foreign { words: &["min_capacity", "min_size"], help: "use `min` for the minimum number of tasks" },
        Foreign { words: &["max_capacity", "max_size"], help: "use `max` for the maximum number of tasks" },
        Foreign {
            words: &["replicas", "count", "desired_capacity"],
            help: "use `min` and `max`; write the same number in both for a fixed number of tasks",
        },
    ],
};

/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html>
pub(in crate::spec) static COOLDOWN: Section = Section {
    name: "cooldown",
    doc: "How long autoscaling waits between two changes.",
    keys: &[
        Key {
            name: "out",
            kind: Kind::Seconds { least: 0, most: 3600 },
            absence: Absence::Default(Literal::Number(60)),
            doc: "How long autoscaling waits before it adds more tasks, in seconds.",
        },
        Key {
            name: "in",
            kind: Kind::Seconds { least: 0, most: 3600 },
            absence: Absence::Default(Literal::Number(300)),
            doc: "How long autoscaling waits before it removes more tasks, in seconds.",
        },
    ],
    foreign: &[
        Foreign { words: &["scale_out", "up"], help: "use `out`" },
        Foreign { words: &["scale_in", "down"], help: "use `in`" },
    ],
};
