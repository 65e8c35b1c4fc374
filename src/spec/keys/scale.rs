//! The keys of `scale` of a service.

use super::{Absence, Foreign, Key, Kind, Literal, Section};
use crate::spec::check::MOST_TASKS;

const ONE_OF_THREE: Absence = Absence::Means("one of the three");

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
            absence: ONE_OF_THREE,
            doc: "The average CPU use of the tasks to hold, in percent.",
        },
        Key {
            name: "memory",
            kind: Kind::Number { least: 1, most: 100, unit: "%" },
            absence: ONE_OF_THREE,
            doc: "The average memory use of the tasks to hold, in percent.",
        },
        Key {
            name: "requests",
            kind: Kind::Number { least: 1, most: 1_000_000, unit: "" },
            absence: ONE_OF_THREE,
            doc: "The requests per minute that each task gets from the load balancer. The service needs `routes`.",
        },
    ],
    foreign: &[
        Foreign { words: &["range"], help: "use `min` and `max`" },
        Foreign { words: &["min_capacity", "min_count", "min_replicas"], help: "use `min` for the fewest tasks" },
        Foreign { words: &["max_capacity", "max_count", "max_replicas"], help: "use `max` for the most tasks" },
        Foreign { words: &["cpu_percentage", "cpu_percent"], help: "use `cpu`, in percent" },
        Foreign { words: &["memory_percentage", "memory_percent"], help: "use `memory`, in percent" },
        Foreign {
            words: &["response_time", "queue_delay"],
            help: "use `cpu`, `memory` or `requests`: tasks are scaled by nothing else",
        },
        Foreign {
            words: &["cooldown"],
            help: "leave it out: tasks are added once a minute at most, and removed once in five minutes",
        },
    ],
};
