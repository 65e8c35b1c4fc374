//! The regions of AWS, to tell a mistyped region from a network failure. The error of a call does not tell them apart.

use crate::model::{Cause, Evidence, Failure};

/// The regions that this version knows. AWS may have added more, so an unknown region alone is not an error.
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

/// Adds the likely cause to `failure` if AWS cannot be reached and the region is unknown.
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
    fn an_unreachable_unknown_region_is_named() {
        let hint = explained(unreachable(None), "eu-wset-1").hint.unwrap_or_default();
        assert!(hint.contains("unknown region `eu-wset-1`") && hint.contains("`eu-west-1`"), "{hint}");
    }

    #[test]
    fn a_known_region_or_a_response_keeps_its_hint() {
        for (failure, region) in [(unreachable(None), "eu-west-1"), (unreachable(Some("ExpiredToken")), "eu-new-1")] {
            assert_eq!(explained(failure.clone(), region), failure);
        }
    }
}
