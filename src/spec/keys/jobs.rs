//! The keys of one of `jobs`.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts};

pub(in crate::spec) static JOB: Section = Section {
    name: "job",
    doc: "A command that runs on a schedule, with the image of a service.",
    keys: &[
        Key {
            name: "service",
            kind: Kind::Text(&texts::PART_NAME),
            absence: Absence::Error("web"),
            doc: "The service whose image, size, environment, secrets, network and log group a run has.",
        },
        Key {
            name: "command",
            kind: Kind::Command("such as [report]; without one, the job would serve"),
            absence: Absence::Error("[report]"),
            doc: "What the container runs in the place of its usual command.",
        },
        Key {
            name: "schedule",
            kind: Kind::Text(&texts::SCHEDULE),
            absence: Absence::Error("\"cron(0 3 * * ? *)\""),
            doc: "When it runs: `cron(…)` with six fields, `rate(…)` or `at(…)`. The grammar is that of \
                  [EventBridge Scheduler](https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html); \
                  see below.",
        },
        Key {
            name: "timezone",
            kind: Kind::Text(&texts::TIME_ZONE),
            absence: Absence::Default(Literal::Text("UTC")),
            doc: "The time zone of `cron(…)` and `at(…)`, such as `Europe/Oslo`. Daylight saving time is followed.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["cron", "rate", "on", "schedule_expression"],
            help: "use `schedule`: \"cron(0 3 * * ? *)\" or rate(6 hours)",
        },
        Foreign { words: &["tz", "schedule_expression_timezone"], help: "use `timezone`, such as Europe/Oslo" },
        Foreign { words: &["image", "build"], help: "use `service`: a job runs the image of a service" },
        Foreign {
            words: &["cpu", "memory", "env", "environment", "variables", "secrets"],
            help: "write it in the service that `service` names: a job has its size, environment and secrets",
        },
        Foreign {
            words: &["timeout", "retries", "concurrency", "overlap"],
            help: "leave it out: a run is neither limited nor repeated",
        },
    ],
};
