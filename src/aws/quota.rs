//! The quotas of an account, by the error codes that AWS returns when a quota is exceeded.

use crate::model::Failure;

/// A quota.
#[derive(Clone, Copy)]
struct Quota {
    /// The AWS error code.
    code: &'static str,
    /// The operations for which the code means this quota, if other operations use it for another quota.
    operations: &'static [&'static str],
    /// The service, as Service Quotas names it.
    service: &'static str,
    /// The quota, as Service Quotas names it.
    name: &'static str,
}

const fn quota(code: &'static str, service: &'static str, name: &'static str) -> Quota {
    Quota { code, operations: &[], service, name }
}

const fn of(operations: &'static [&'static str], quota: Quota) -> Quota {
    Quota { operations, ..quota }
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const LOAD_BALANCING: &[Quota] = &[
    quota("TooManyLoadBalancers", "elasticloadbalancing", "Application Load Balancers per Region"),
    quota("TooManyTargetGroups", "elasticloadbalancing", "Target Groups per Region"),
    quota("TooManyListeners", "elasticloadbalancing", "Listeners per Application Load Balancer"),
    quota("TooManyRules", "elasticloadbalancing", "Rules per Application Load Balancer"),
    quota("TooManyCertificates", "elasticloadbalancing", "Certificates per Application Load Balancer"),
    quota("TooManyTargets", "elasticloadbalancing", "Targets per Application Load Balancer"),
    quota("TooManyRegistrationsForTargetId", "elasticloadbalancing", "Targets per Target Group per Region"),
];

/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const NETWORK: &[Quota] = &[
    quota("VpcLimitExceeded", "vpc", "VPCs per Region, L-F678F1CE"),
    quota("SubnetLimitExceeded", "vpc", "Subnets per VPC"),
    quota("InternetGatewayLimitExceeded", "vpc", "Internet gateways per Region"),
    quota("NatGatewayLimitExceeded", "vpc", "NAT gateways per Availability Zone"),
    quota("RouteTableLimitExceeded", "vpc", "Route tables per VPC"),
    quota("RouteLimitExceeded", "vpc", "Routes per route table"),
    quota("SecurityGroupLimitExceeded", "vpc", "VPC security groups per Region"),
    quota("RulesPerSecurityGroupLimitExceeded", "vpc", "Inbound or outbound rules per security group"),
    quota("SecurityGroupsPerInterfaceLimitExceeded", "vpc", "Security groups per network interface"),
    quota("NetworkInterfaceLimitExceeded", "vpc", "Network interfaces per Region"),
    quota("VcpuLimitExceeded", "ec2", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
    quota("InstanceLimitExceeded", "ec2", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
];

/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html>,
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/quota-limits.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/BucketRestrictions.html>
const DATA: &[Quota] = &[
    quota("InstanceQuotaExceeded", "rds", "DB instances"),
    quota("StorageQuotaExceeded", "rds", "Total storage for all DB instances"),
    quota("SnapshotQuotaExceeded", "rds", "Manual DB instance snapshots"),
    quota("DBSubnetGroupQuotaExceeded", "rds", "DB subnet groups"),
    quota("DBSubnetQuotaExceededFault", "rds", "Subnets per DB subnet group"),
    quota("NodeQuotaForCustomerExceeded", "elasticache", "Nodes per Region"),
    quota("ClusterQuotaForCustomerExceeded", "elasticache", "Nodes per Region"),
    quota("CacheSubnetGroupQuotaExceeded", "elasticache", "Subnet groups per Region"),
    quota("CacheSubnetQuotaExceededFault", "elasticache", "Subnets per subnet group"),
    quota("TooManyBuckets", "s3", "General purpose buckets"),
];

/// From the quota pages of these services.
const OTHERS: &[Quota] = &[
    of(&["CreateCluster"], quota("LimitExceededException", "ecs", "Clusters per account")),
    of(&["CreateService"], quota("LimitExceededException", "ecs", "Services per cluster")),
    of(&["CreateRepository"], quota("LimitExceededException", "ecr", "Registered repositories")),
    of(&["CreateRole"], quota("LimitExceeded", "iam", "Roles per account")),
    of(&["CreateLogGroup"], quota("LimitExceededException", "logs", "Log groups")),
    of(&["CreateSecret"], quota("LimitExceededException", "secretsmanager", "Secrets per Region")),
    of(&["RequestCertificate"], quota("LimitExceededException", "acm", "ACM certificates")),
    of(&["PutMetricAlarm"], quota("LimitExceeded", "monitoring", "Number of alarms")),
    of(&["PutRule"], quota("LimitExceededException", "events", "Rules")),
    of(&["CreateSchedule"], quota("ServiceQuotaExceededException", "scheduler", "Number of schedules")),
    of(&["CreateScheduleGroup"], quota("ServiceQuotaExceededException", "scheduler", "Number of schedule groups")),
    of(
        &["RegisterScalableTarget"],
        quota("LimitExceededException", "application-autoscaling", "Scalable targets for Amazon ECS"),
    ),
    of(
        &["PutScalingPolicy"],
        quota("LimitExceededException", "application-autoscaling", "Scaling policies per scalable target"),
    ),
    quota("ParameterLimitExceeded", "ssm", "Maximum number of standard parameters"),
    quota("TopicLimitExceeded", "sns", "Topics per account"),
    quota("SubscriptionLimitExceeded", "sns", "Subscriptions per topic"),
];

/// Codes that look like those of quotas but mean something else.
const NO_QUOTA: &[&str] = &["TooManyUpdates", "TooManyTags", "TooManyTagsException", "TooManyTagsError"];

/// Returns the hint for an exceeded quota, if AWS refused the call for that reason.
pub(super) fn hint(failure: &Failure) -> Option<String> {
    if failure.is(&["AddressLimitExceeded"]) {
        return Some(
            "the account has reached its quota of Elastic IP addresses in this region: raise it in Service Quotas \
             (ec2, L-0263D0A3), or set `nat: single` or `nat: none`"
                .to_owned(),
        );
    }
    if failure.is(&["TooManyUniqueTargetGroupsPerLoadBalancer"]) {
        return Some(
            "a load balancer has at most 100 target groups, and AWS does not raise this limit: split the stack into \
             two"
            .to_owned(),
        );
    }
    let of_operation =
        |quota: &&Quota| quota.operations.is_empty() || quota.operations.iter().any(|name| failure.is_of(name));
    let mut all = [LOAD_BALANCING, NETWORK, DATA, OTHERS].into_iter().flatten();
    if let Some(Quota { service, name, .. }) = all.find(|quota| failure.is(&[quota.code]) && of_operation(quota)) {
        return Some(format!(
            "the account has reached a quota: raise “{name}” in Service Quotas ({service}) for this region"
        ));
    }
    let code = failure.code.as_deref().unwrap_or_default();
    let code = code.trim_end_matches("Exception").trim_end_matches("Fault");
    let is_one = !failure.is(NO_QUOTA)
        && (code.starts_with("TooMany") || ["LimitExceeded", "QuotaExceeded"].iter().any(|end| code.ends_with(end)));
    is_one.then(|| "the account has reached a quota: see Service Quotas in the AWS console".to_owned())
}
