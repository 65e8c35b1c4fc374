//! The operations of services whose calls differ by method and path: Route 53, EventBridge Scheduler and EFS.

use hyper::Method;

/// The path prefix of Route 53: the version of its API.
const ROUTE53: &str = "/2013-04-01/";

/// The path prefix of EFS.
const EFS: &str = "/2015-02-01/";

/// Returns the operation of a call without an operation name, or `None` if it is unknown.
pub(super) fn operation(service: &str, method: &Method, path_and_query: &str) -> Option<&'static str> {
    let path = path_and_query.split('?').next().unwrap_or_default().trim_end_matches('/');
    match service {
        "route53" => route53(method, &path.strip_prefix(ROUTE53)?.split('/').collect::<Vec<_>>()),
        "elasticfilesystem" => efs(method, &path.strip_prefix(EFS)?.split('/').collect::<Vec<_>>()),
        "scheduler" => scheduler(method, &path.strip_prefix('/')?.split('/').collect::<Vec<_>>()),
        _ => None,
    }
}

/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html>
fn scheduler(method: &Method, parts: &[&str]) -> Option<&'static str> {
    Some(match (method, parts) {
        (&Method::GET, ["schedules"]) => "ListSchedules",
        (&Method::POST, ["schedules", _]) => "CreateSchedule",
        (&Method::GET, ["schedules", _]) => "GetSchedule",
        (&Method::PUT, ["schedules", _]) => "UpdateSchedule",
        (&Method::DELETE, ["schedules", _]) => "DeleteSchedule",
        (&Method::GET, ["schedule-groups"]) => "ListScheduleGroups",
        (&Method::POST, ["schedule-groups", _]) => "CreateScheduleGroup",
        (&Method::GET, ["schedule-groups", _]) => "GetScheduleGroup",
        (&Method::DELETE, ["schedule-groups", _]) => "DeleteScheduleGroup",
        (&Method::GET, ["tags", ..]) => "ListTagsForResource",
        (&Method::POST, ["tags", ..]) => "TagResource",
        (&Method::DELETE, ["tags", ..]) => "UntagResource",
        _ => return None,
    })
}

/// <https://docs.aws.amazon.com/efs/latest/ug/api-reference.html>
fn efs(method: &Method, parts: &[&str]) -> Option<&'static str> {
    Some(match (method, parts) {
        (&Method::GET, ["file-systems"]) => "DescribeFileSystems",
        (&Method::POST, ["file-systems"]) => "CreateFileSystem",
        (&Method::PUT, ["file-systems", _]) => "UpdateFileSystem",
        (&Method::DELETE, ["file-systems", _]) => "DeleteFileSystem",
        (&Method::GET, ["file-systems", _, "backup-policy"]) => "DescribeBackupPolicy",
        (&Method::PUT, ["file-systems", _, "backup-policy"]) => "PutBackupPolicy",
        (&Method::GET, ["file-systems", _, "policy"]) => "DescribeFileSystemPolicy",
        (&Method::PUT, ["file-systems", _, "policy"]) => "PutFileSystemPolicy",
        (&Method::GET, ["mount-targets"]) => "DescribeMountTargets",
        (&Method::POST, ["mount-targets"]) => "CreateMountTarget",
        (&Method::DELETE, ["mount-targets", _]) => "DeleteMountTarget",
        (&Method::GET, ["mount-targets", _, "security-groups"]) => "DescribeMountTargetSecurityGroups",
        (&Method::PUT, ["mount-targets", _, "security-groups"]) => "ModifyMountTargetSecurityGroups",
        (&Method::GET, ["access-points"]) => "DescribeAccessPoints",
        (&Method::POST, ["access-points"]) => "CreateAccessPoint",
        (&Method::DELETE, ["access-points", _]) => "DeleteAccessPoint",
        (&Method::GET, ["resource-tags", _]) => "ListTagsForResource",
        (&Method::POST, ["resource-tags", _]) => "TagResource",
        (&Method::DELETE, ["resource-tags", _]) => "UntagResource",
        _ => return None,
    })
}

fn route53(method: &Method, parts: &[&str]) -> Option<&'static str> {
    Some(match (method, parts) {
        (&Method::GET, ["hostedzonesbyname"]) => "ListHostedZonesByName",
        (&Method::GET, ["hostedzone"]) => "ListHostedZones",
        (&Method::POST, ["hostedzone"]) => "CreateHostedZone",
        (&Method::GET, ["hostedzone", _]) => "GetHostedZone",
        (&Method::DELETE, ["hostedzone", _]) => "DeleteHostedZone",
        (&Method::GET, ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        (&Method::POST, ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        (&Method::GET, ["healthcheck"]) => "ListHealthChecks",
        (&Method::POST, ["healthcheck"]) => "CreateHealthCheck",
        (&Method::GET, ["healthcheck", _]) => "GetHealthCheck",
        (&Method::POST, ["healthcheck", _]) => "UpdateHealthCheck",
        (&Method::DELETE, ["healthcheck", _]) => "DeleteHealthCheck",
        (&Method::GET, ["tags", ..]) => "ListTagsForResource",
        (&Method::POST, ["tags", _]) => "ListTagsForResources",
        (&Method::POST, ["tags", ..]) => "ChangeTagsForResource",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_follows_from_method_and_path() {
        for (method, path, expected) in [
            (Method::GET, "/2013-04-01/hostedzonesbyname?dnsname=example.com", Some("ListHostedZonesByName")),
            (Method::GET, "/2013-04-01/hostedzone/Z1/rrset?name=a", Some("ListResourceRecordSets")),
            (Method::POST, "/2013-04-01/hostedzone/Z1/rrset/", Some("ChangeResourceRecordSets")),
            (Method::POST, "/2013-04-01/hostedzone", Some("CreateHostedZone")),
            (Method::GET, "/elsewhere", None),
        ] {
            assert_eq!(operation("route53", &method, path), expected, "{path}");
        }
        assert_eq!(operation("scheduler", &Method::GET, "/2013-04-01/hostedzone"), None);
        assert_eq!(operation("scheduler", &Method::PUT, "/schedules/report"), Some("UpdateSchedule"));
        assert_eq!(
            operation("elasticfilesystem", &Method::PUT, "/2015-02-01/file-systems/fs-1"),
            Some("UpdateFileSystem")
        );
        assert_eq!(operation("scheduler", &Method::GET, "/schedules?ScheduleGroup=demo"), Some("ListSchedules"));
    }
}
