//! The sample secret for the tests over all kinds: a URL, whose value can change.

use super::{Desired, Source};
use crate::{
    kind::Sample,
    kinds::secretsmanager::model::{Secrets, cloud},
};

fn url(host: &str) -> Desired {
    let (user, database) = ("app".to_owned(), "app".to_owned());
    let (password, port, renewed_with) = ("arn:of:password".into(), "5432".into(), Vec::new());
    let host = host.into();
    Desired { source: Source::DatabaseUrl { user, password, host, port, database, renewed_with } }
}

pub(super) fn sample() -> Sample<Desired> {
    Sample::new(cloud, url("one.example"))
        .variant(&["value"], url("two.example"))
        // The secret is restored, because its name is taken.
        .drift(&[], |cloud| cloud.with(Secrets::schedule_deletion))
}
