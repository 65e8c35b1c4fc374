//! The keys of `logs` of a service.

use super::{Absence, Foreign, Key, Kind, Literal, Section};

/// The retention periods that CloudWatch Logs allows, in days.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub(in crate::spec) const DAYS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(in crate::spec) static LOGS: Section = Section {
    name: "logs",
    doc: "The log of a service, in CloudWatch Logs.",
    keys: &[Key {
        name: "days",
        kind: Kind::Numbers(DAYS),
        absence: Absence::Default(Literal::Number(30)),
        doc: "How long CloudWatch Logs keeps the log, in days. A lower value deletes older lines. A change is made in \
              place.",
    }],
    foreign: &[
        Foreign {
            words: &["retention", "retention_days", "retention_in_days"],
            help: "use `days`, such as `days: 14`",
        },
        Foreign {
            words: &["driver", "options", "destination", "group"],
            help: "remove it; the log goes to a CloudWatch Logs group of the stack",
        },
    ],
};
