//! Checks `required_version`, the versions of stackctl that a file supports. This check comes first, because an older
//! stackctl may report errors in a file that is valid for the required version.

use semver::{Version, VersionReq};

use super::{
    problem::Collector,
    yaml::{Node, Value},
};

const KEY: &str = "required_version";

/// Checks that the version `own` satisfies the file. If it does not, this is the only problem reported.
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
