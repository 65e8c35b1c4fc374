//! The keys of `alarms`.

use super::{Absence, Foreign, Key, Kind, Section, texts};

pub(in crate::spec) static ALARMS: Section = Section {
    name: "alarms",
    doc: "Mails when something is wrong.",
    keys: &[Key {
        name: "email",
        kind: Kind::Text(&texts::EMAIL),
        absence: Absence::Error("ops@example.com"),
        doc: "Who gets a mail when an alarm starts, and one when it ends.",
    }],
    foreign: &[
        Foreign { words: &["mail", "emails", "to", "endpoint", "address"], help: "use `email` for one address" },
        Foreign {
            words: &["slack", "sns", "topic", "webhook"],
            help: "use `email`: alarms are sent by mail; many services take mails at an address of theirs",
        },
    ],
};
