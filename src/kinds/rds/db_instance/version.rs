//! PostgreSQL versions: which ones satisfy stack.yaml, and to which ones RDS can upgrade a database.

use aws_sdk_rds::types::DbEngineVersion;

use crate::{aws::Outcome, kind::Context, model::Failure};

/// Parses the major version and the minor version, if there is one. A suffix such as `-rds.20240418` is a build of the
/// same minor version.
fn numbers(version: &str) -> Option<(u32, Option<u32>)> {
    let (major, rest) = version.split_once('.').map_or((version, None), |(major, rest)| (major, Some(rest)));
    let digits = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
    let minor = match rest {
        Some(rest) => Some(digits(rest)?),
        None => None,
    };
    Some((major.parse().ok()?, minor))
}

/// Whether the version `full`, such as `16.8`, satisfies `asked`: the same major version, and no older minor version.
/// RDS upgrades minor versions automatically in the maintenance window and allows no downgrade.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.PostgreSQL.Minor.html>
pub(super) fn is_enough(full: &str, asked: &str) -> bool {
    match (numbers(full), numbers(asked)) {
        (Some((major, minor)), Some((asked_major, least))) => major == asked_major && minor >= least,
        _ => full == asked,
    }
}

/// Whether both have the same major version.
pub(super) fn same_major(one: &str, other: &str) -> bool {
    numbers(one).map(|(major, _)| major) == numbers(other).map(|(major, _)| major)
}

/// Returns the version in `targets` that `asked` means: the newest of a major version, or exactly the given minor
/// version.
pub(super) fn chosen<'a>(asked: &str, targets: &'a [String]) -> Option<&'a str> {
    let (major, minor) = numbers(asked)?;
    let meant = targets.iter().filter_map(|target| Some((numbers(target)?, target)));
    let meant = meant.filter(|((of, minor_of), _)| *of == major && (minor.is_none() || *minor_of == minor));
    meant.max_by_key(|(numbers, _)| *numbers).map(|(_, target)| target.as_str())
}

/// Returns why RDS cannot upgrade `version` to `asked`, as a sentence that continues after the address. `targets` are
/// the possible upgrades, if they were read.
pub(super) fn no_way(version: &str, asked: &str, targets: Option<&[String]>) -> Option<String> {
    if is_enough(version, asked) {
        return None;
    }
    let major = version.split('.').next().unwrap_or_default();
    if numbers(asked) < numbers(version) {
        return Some(format!("cannot be downgraded from {version} to {asked}: set `database.version` to \"{major}\""));
    }
    let targets = targets.filter(|targets| chosen(asked, targets).is_none())?;
    let known = if targets.is_empty() { "no newer version".to_owned() } else { newest(targets).join(", ") };
    Some(format!(
        "cannot be upgraded from {version} to {asked}: RDS can upgrade it to {known}. Set `database.version` to one \
         of these or to \"{major}\""
    ))
}

/// Returns the newest of each major version, oldest major version first.
pub(super) fn newest(targets: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = targets.iter().map(String::as_str).collect();
    sorted.sort_by_key(|target| numbers(target));
    let majors = sorted.chunk_by(|one, other| same_major(one, other));
    majors.filter_map(|of_major| of_major.last().copied()).collect()
}

/// Returns the target version of an upgrade to `asked`.
pub(super) fn target<'a>(asked: &'a str, targets: Option<&'a [String]>) -> &'a str {
    chosen(asked, targets.unwrap_or_default()).unwrap_or(asked)
}

/// Returns the versions to which RDS can upgrade `version`, if `asked` is newer. They do not always include the newest
/// minor version of a major version, or the default one for a bare `17`.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.PostgreSQL.MajorVersion.html>
pub(super) async fn targets(cx: &Context, version: &str, asked: &str) -> Result<Option<Vec<String>>, Failure> {
    if is_enough(version, asked) || numbers(asked) < numbers(version) {
        return Ok(None);
    }
    // Includes versions that RDS no longer offers for new databases.
    let call = cx.aws.rds.describe_db_engine_versions().engine("postgres").engine_version(version).include_all(true);
    let answer = call.send().await.during("DescribeDBEngineVersions")?;
    let targets = answer.db_engine_versions().iter().flat_map(DbEngineVersion::valid_upgrade_target);
    Ok(Some(targets.filter_map(|target| target.engine_version().map(str::to_owned)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_minor_version_satisfies_the_desired_one() {
        for (full, asked) in [("16.4", "16"), ("16.4", "16.4"), ("16.10", "16.8"), ("11.22-rds.20240418", "11.22")] {
            assert!(is_enough(full, asked), "{full} for {asked}");
        }
        for (full, asked) in [("16.4", "16.8"), ("160.1", "16"), ("15.8", "16"), ("17.1", "16"), ("17.1", "16.8")] {
            assert!(!is_enough(full, asked), "{full} for {asked}");
        }
    }

    #[test]
    fn upgrade_target_is_a_version_that_rds_offers() {
        let targets = ["16.11", "17.6", "17.10", "18.2"].map(str::to_owned);
        assert_eq!(chosen("17", &targets), Some("17.10"));
        assert_eq!(chosen("17.6", &targets), Some("17.6"));
        assert_eq!((chosen("17.1", &targets), chosen("19", &targets)), (None, None));
    }

    #[test]
    fn impossible_upgrade_is_reported_with_the_possible_ones() {
        let targets = ["16.10", "17.6", "16.11"].map(str::to_owned);
        let told = no_way("16.9", "18", Some(&targets)).expect("RDS does not go there");
        assert_eq!(
            told,
            "cannot be upgraded from 16.9 to 18: RDS can upgrade it to 16.11, 17.6. Set `database.version` to one of \
             these or to \"16\""
        );
        assert_eq!(no_way("16.9", "17", Some(&targets)), None);
        assert_eq!(no_way("16.9", "18", None), None, "nobody has asked RDS");
        assert_eq!(no_way("16.9", "16.4", None), None);
        let back = no_way("17.6", "16", None).expect("there is no way back");
        assert_eq!(back, "cannot be downgraded from 17.6 to 16: set `database.version` to \"17\"");
    }
}
