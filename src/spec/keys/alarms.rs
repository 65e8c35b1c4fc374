//! The keys of `alarms`.

use super::{Absence, Foreign, Key, Kind, Section, texts};

pub(in crate::spec) static ALARMS: Section = Section {
    name: "alarms",
    doc: "Email notifications for alarms.",
    keys: &[Key {
        name: "email",
        kind: Kind::Text(&texts::EMAIL),
        absence: Absence::Error("ops@example.com"),
        doc: "The address that gets an email when an alarm starts and when it ends.",
    }],
    foreign: &[
        Foreign { words: &["mail", "emails", "to", "endpoint", "address"], help: "use `email` for one address" },
        Foreign {
            words: &["slack", "sns", "topic", "webhook"],
            help: "use `email`; alarms are sent by email, which many services can receive",
        },
    ],
};
