//! The rules of ECR for repository names and tags.

use std::sync::LazyLock;

use regex::Regex;

use crate::api::ApiError;

/// The pattern of a repository name. The user guide and the API reference forbid two separators in a row; newer
/// models of the API allow them. stackctl does not need them.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html>
const REPOSITORY: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

/// The pattern of a tag.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
const TAG: &str = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";

/// Refuses an invalid repository name.
pub(super) fn repository(name: &str) -> Result<(), ApiError> {
    static WHOLE: LazyLock<Regex> = LazyLock::new(|| whole(REPOSITORY));
    if WHOLE.is_match(name) && (2..=256).contains(&name.len()) {
        return Ok(());
    }
    let message = format!(
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
         '{REPOSITORY}''"
    );
    Err(ApiError::client("InvalidParameterException", message))
}

/// Returns whether the tag is valid.
pub(super) fn is_tag(tag: &str) -> bool {
    static WHOLE: LazyLock<Regex> = LazyLock::new(|| whole(TAG));
    WHOLE.is_match(tag)
}

fn whole(pattern: &str) -> Regex {
    Regex::new(&format!("^{pattern}$")).expect("the pattern is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_name_with_double_separator_is_refused() {
        for good in ["shop/test/app", "app", "a.b/c_d/e-f", "shop/test/database_load"] {
            assert!(repository(good).is_ok(), "{good}");
        }
        for bad in ["shop/test/my--app", "my__app", "a._b", "-a", "a-", "a//b", "App", "a b", "", "a"] {
            let refused = repository(bad).expect_err(bad);
            assert_eq!((refused.status, refused.code.as_str()), (400, "InvalidParameterException"), "{bad}");
        }
    }

    #[test]
    fn tag_with_a_plus_is_invalid() {
        assert!(is_tag("1.2.0-rc.1_g1a2b-7") && is_tag("latest"));
        for bad in ["1.2.0+g1", "", "-1", ".1", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }
}
