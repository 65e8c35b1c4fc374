//! What ECR takes as the name of a repository and as a tag, and how it refuses the rest.

use std::sync::LazyLock;

use regex::Regex;

use crate::api::ApiError;

/// The pattern of a repository's name, and of a tag that is pushed. The user guide and the API's reference have no two
/// separators in a row; newer models of the API let them pass. Nothing here needs them.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html>
const REPOSITORY: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
const TAG: &str = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";

/// Refuses a name that no repository can have.
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

/// Whether an image can have this tag.
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
    fn two_separators_in_a_row_name_no_repository() {
        for good in ["shop/test/app", "app", "a.b/c_d/e-f", "shop/test/database_load"] {
            assert!(repository(good).is_ok(), "{good}");
        }
        for bad in ["shop/test/my--app", "my__app", "a._b", "-a", "a-", "a//b", "App", "a b", "", "a"] {
            let refused = repository(bad).expect_err(bad);
            assert_eq!((refused.status, refused.code.as_str()), (400, "InvalidParameterException"), "{bad}");
        }
    }

    #[test]
    fn a_plus_is_in_no_tag() {
        assert!(is_tag("1.2.0-rc.1_g1a2b-7") && is_tag("latest"));
        for bad in ["1.2.0+g1", "", "-1", ".1", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }
}
