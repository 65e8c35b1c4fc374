//! `required_version`: for which versions of stackctl a file is written. It is looked at before anything else: what else is
//! wrong with a file may be wrong for an older stackctl alone.

use semver::{Version, VersionReq};

use super::{
    problem::Collector,
    yaml::{Node, Value},
};

/// The key.
const KEY: &str = "required_version";

/// Whether `own` will do for the file; if not, that is the one problem.
pub(super) fn check(root: &Node, own: &str, problems: &mut Collector) {
    let Some((_, node)) = root.entries().iter().find(|(key, node)| key.text == KEY && !node.is_null()) else { return };
    let Value::Scalar { text, plain } = &node.value else {
        return problems.add(
            node.span,
            KEY,
            format!("expected text, found {}", node.what()),
            "write a version, such as \">=0.1\"",
        );
    };
    if *plain && node.what() != "text" {
        return problems.add(
            node.span,
            KEY,
            format!("expected text, found {}", node.what()),
            format!("put it in quotes: \">={text}\""),
        );
    }
    let Ok(wanted) = VersionReq::parse(text) else {
        let message = format!("invalid version requirement `{text}`");
        return problems.add(node.span, KEY, message, "write a requirement such as \">=0.1\" or \">=0.1, <0.3\"");
    };
    let own = Version::parse(own).expect("Cargo takes no other version");
    if !wanted.matches(&own) {
        let message = format!("the file requires stackctl {wanted}, and this is stackctl {own}");
        problems.add(node.span, KEY, message, "install a version that matches, or change required_version");
    }
}
