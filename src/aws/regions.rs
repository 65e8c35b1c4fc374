//! The regions of AWS, to tell a mistyped one from a network that fails: no call says which of the two it is.

use crate::model::{Cause, Evidence, Failure};

/// Those that this version knows. There may be newer ones, so that another one is no error by itself.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const KNOWN: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// `failure`, with the likely cause where AWS cannot be reached in a region that is not known.
pub(super) fn explained(failure: Failure, region: &str) -> Failure {
    let is_answer = |evidence: &Evidence| matches!(evidence, Evidence::Answer { .. });
    let is_unanswered = failure.code.is_none()
        && matches!(failure.cause, Cause::Unreachable | Cause::Ambiguous)
        && !failure.explanation.evidence.iter().any(is_answer);
    if !is_unanswered || KNOWN.contains(&region) {
        return failure;
    }
    let nearest = KNOWN.iter().min_by_key(|known| strsim::damerau_levenshtein(region, known));
    let hint = format!(
        "unknown region `{region}`; did you mean `{}`? Check `region:` in stack.yaml. If the region is new, check \
         the network and, if set, AWS_ENDPOINT_URL",
        nearest.copied().unwrap_or_default()
    );
    Failure { hint: Some(hint), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable(code: Option<&str>) -> Failure {
        let failure = Failure::refused("GetCallerIdentity", "dns error").hint("check the network");
        Failure { cause: Cause::Unreachable, code: code.map(str::to_owned), ..failure }
    }

    #[test]
    fn an_unknown_region_that_does_not_answer_is_named() {
        let hint = explained(unreachable(None), "eu-wset-1").hint.unwrap_or_default();
        assert!(hint.contains("unknown region `eu-wset-1`") && hint.contains("`eu-west-1`"), "{hint}");
    }

    #[test]
    fn a_known_region_and_an_answer_keep_their_hints() {
        for (failure, region) in [(unreachable(None), "eu-west-1"), (unreachable(Some("ExpiredToken")), "eu-new-1")] {
            assert_eq!(explained(failure.clone(), region), failure);
        }
    }
}
