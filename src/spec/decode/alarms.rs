//! `alarms`.

use crate::spec::{
    problem::Collector,
    read::{Field, Map},
    stack::Alarms,
};

pub(super) fn alarms(field: &Field, problems: &mut Collector) -> Option<Alarms> {
    let map = Map::new(field.node, &field.path, &["email"], &[], problems)?;
    let field = map.required("email", "ops@example.com", problems)?;
    let email = field.text(problems)?;
    if !is_email(&email) {
        field.wrong(format!("`{email}` is no e-mail address"), "one address, such as ops@example.com", problems);
    }
    Some(Alarms { email })
}

/// Whether `text` has the shape of an address; whether somebody reads it, the confirmation shows.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let labels: Vec<&str> = domain.split('.').collect();
    !local.is_empty()
        && text.len() <= 254
        && text.chars().all(|c| c.is_ascii_graphic() && !"\"(),:;<>[\\]".contains(c))
        && labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}
