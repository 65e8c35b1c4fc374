//! The keys of `scale` of a service.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts};
use crate::spec::check::MOST_TASKS;

const ONE_OF_FOUR: Absence = Absence::Means("one of the four");

pub(in crate::spec) static SCALE: Section = Section {
    name: "scale",
    doc: "Autoscaling in the place of `replicas`.",
    keys: &[
        Key {
            name: "min",
            kind: Kind::Number { least: 1, most: MOST_TASKS, unit: "" },
            absence: Absence::Default(Literal::Number(1)),
            doc: "The fewest tasks; the service starts with this number. `replicas: 0` stops a service, `min: 0` is an \
                  error: without a task there is nothing to measure.",
        },
        Key {
            name: "max",
            kind: Kind::Number { least: 1, most: MOST_TASKS, unit: "" },
            absence: Absence::Error("10"),
            doc: "The most tasks; at least `min`.",
        },
        Key {
            name: "cpu",
            kind: Kind::Number { least: 1, most: 100, unit: "%" },
            absence: ONE_OF_FOUR,
            doc: "The average CPU use of the tasks to hold, in percent.",
        },
        Key {
            name: "memory",
            kind: Kind::Number { least: 1, most: 100, unit: "%" },
            absence: ONE_OF_FOUR,
            doc: "The average memory use of the tasks to hold, in percent.",
        },
        Key {
            name: "requests",
            kind: Kind::Number { least: 1, most: 1_000_000, unit: "" },
            absence: ONE_OF_FOUR,
            doc: "The requests per minute that each task gets from the load balancer. The service needs `routes`.",
        },
        Key {
            name: "response_time",
            kind: Kind::Number { least: 1, most: 60_000, unit: "ms" },
            absence: ONE_OF_FOUR,
            doc: "The time in milliseconds in which the tasks answer the load balancer on average. The service needs `routes`. It helps \
                  where more tasks answer faster, and not where all of them wait for the same database.",
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
            doc: "Other bounds from given times on, by name, for nights and weekends. See [by the clock](#scale-by-the-clock).",
        },
    ],
    foreign: &[
        Foreign { words: &["range"], help: "use `min` and `max`" },
        Foreign {
            words: &["scheduled_actions", "cron", "schedules"],
            help: "use `schedule`, such as `schedule: { night: { at: \"cron(0 20 * * ? *)\", min: 1, max: 2 } }`",
        },
        Foreign { words: &["min_capacity", "min_count", "min_replicas"], help: "use `min` for the fewest tasks" },
        Foreign { words: &["max_capacity", "max_count", "max_replicas"], help: "use `max` for the most tasks" },
        Foreign { words: &["cpu_percentage", "cpu_percent"], help: "use `cpu`, in percent" },
        Foreign { words: &["memory_percentage", "memory_percent"], help: "use `memory`, in percent" },
        Foreign {
            words: &["queue_delay"],
            help: "use `cpu`, `memory`, `requests` or `response_time`: tasks are scaled by nothing else",
        },
    ],
};

/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html>
pub(in crate::spec) static SCALE_ENTRY: Section = Section {
    name: "scale_entry",
    doc: "Bounds that hold from a time on.",
    keys: &[
        Key {
            name: "at",
            kind: Kind::Text(&texts::CRON),
            absence: Absence::Error("\"cron(0 20 * * ? *)\""),
            doc: "When it comes: `cron(…)` with six fields, as in the `schedule` of [jobs](#jobs).",
        },
        Key {
            name: "timezone",
            kind: Kind::Text(&texts::TIME_ZONE),
            absence: Absence::Default(Literal::Text("UTC")),
            doc: "The time zone of `at`, such as `Europe/Oslo`. Daylight saving time is followed.",
        },
        Key {
            name: "min",
            kind: Kind::Number { least: 0, most: MOST_TASKS, unit: "" },
            absence: Absence::Means("that of `scale`"),
            doc: "The fewest tasks from then on. `min: 0` goes with `max: 0` alone: without a task there is nothing to measure.",
        },
        Key {
            name: "max",
            kind: Kind::Number { least: 0, most: MOST_TASKS, unit: "" },
            absence: Absence::Means("that of `scale`"),
            doc: "The most tasks from then on; at least `min`. With `0` no task runs.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["schedule", "cron", "when", "start", "recurrence"],
            help: "use `at`, such as `at: \"cron(0 20 * * ? *)\"`",
        },
        Foreign {
            words: &["end", "stop", "until", "duration"],
            help: "add another entry at that time: an entry holds until another one comes",
        },
        Foreign { words: &["tz", "zone", "time_zone"], help: "use `timezone`, such as Europe/Oslo" },
        Foreign { words: &["min_capacity", "min_size"], help: "use `min` for the fewest tasks" },
        Foreign { words: &["max_capacity", "max_size"], help: "use `max` for the most tasks" },
        Foreign {
            words: &["replicas", "count", "desired_capacity"],
            help: "use `min` and `max`; the same number for both is that many tasks",
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
            doc: "How long new tasks get to show in the measure before more are added, in seconds.",
        },
        Key {
            name: "in",
            kind: Kind::Seconds { least: 0, most: 3600 },
            absence: Absence::Default(Literal::Number(300)),
            doc: "How long it waits before it takes away more tasks, in seconds.",
        },
    ],
    foreign: &[
        Foreign { words: &["scale_out", "up"], help: "use `out`" },
        Foreign { words: &["scale_in", "down"], help: "use `in`" },
    ],
};
