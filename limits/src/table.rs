//! The request limits that AWS publishes, each with its page, for the services that a stack of many parts calls most.
//!
//! They are the defaults of an account; AWS raises most of them on request. A service that is not here has limits too, which AWS
//! does not publish, or which are far beyond what one command sends.

/// A token bucket's size. Each request takes one token, and a request that finds none is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// How many tokens it holds, which is how many requests can come at once.
    pub burst: u32,
    /// How many tokens it gets a second.
    pub per_second: f64,
}

/// A bucket that requests take tokens from.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// The service and what shares the bucket: `rds`, `ec2:CreateVpc`, `ecs:DeregisterTaskDefinition…`.
    pub name: String,
    /// Its size.
    pub size: Size,
}

/// One service's limits.
struct Service {
    /// The name that requests are signed for.
    name: &'static str,
    /// The bucket that all its operations share beside their own.
    all: Option<Size>,
    /// The first group that has an operation counts; an operation without one has only what all share.
    groups: &'static [Group],
}

/// Operations with buckets of one size.
struct Group {
    operations: Operations,
    /// Whether they share one bucket, or each has one of its own.
    shared: bool,
    size: Size,
}

/// Which operations are meant.
enum Operations {
    Named(&'static [&'static str]),
    /// Those that only retrieve.
    Reads,
    /// All that are left.
    Others,
}

impl Operations {
    fn has(&self, operation: &str) -> bool {
        match self {
            Self::Named(names) => names.contains(&operation),
            Self::Reads => ["Describe", "Get", "List", "Search"].iter().any(|verb| operation.starts_with(verb)),
            Self::Others => true,
        }
    }
}

const fn size(burst: u32, per_second: f64) -> Size {
    Size { burst, per_second }
}

/// Operations that share one bucket.
const fn together(names: &'static [&'static str], size: Size) -> Group {
    Group { operations: Operations::Named(names), shared: true, size }
}

/// Operations of which each has a bucket of its own.
const fn each(operations: Operations, size: Size) -> Group {
    Group { operations, shared: false, size }
}

/// "API actions are grouped into categories. All API actions in a category share the same token bucket." Fargate adds the limit
/// of `RunTask`, 20 a second, which is below that of its category.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html>
const ECS: Service = Service {
    name: "ecs",
    all: None,
    groups: &[
        together(
            &[
                "CreateCluster",
                "DeleteCluster",
                "PutClusterCapacityProviders",
                "UpdateCluster",
                "UpdateClusterSettings",
            ],
            size(20, 1.0),
        ),
        together(&["DescribeClusters", "ListClusters"], size(50, 20.0)),
        together(&["RegisterTaskDefinition", "DeregisterTaskDefinition"], size(20, 1.0)),
        together(&["DescribeTaskDefinition", "ListTaskDefinitions", "ListTaskDefinitionFamilies"], size(50, 20.0)),
        together(&["DeleteTaskDefinitions"], size(5, 1.0)),
        together(&["TagResource", "UntagResource"], size(20, 10.0)),
        together(&["ListTagsForResource"], size(50, 20.0)),
        together(&["RunTask"], size(20, 20.0)),
        together(&["ExecuteCommand", "StartTask", "StopTask"], size(100, 40.0)),
        together(
            &["DescribeTasks", "ListTasks", "DescribeContainerInstances", "ListContainerInstances"],
            size(100, 20.0),
        ),
        together(&["CreateService", "DeleteService", "UpdateService"], size(50, 5.0)),
        together(&["DescribeServices", "ListServices"], size(100, 20.0)),
        together(&["DescribeServiceDeployments", "ListServiceDeployments"], size(50, 20.0)),
        together(&["DescribeServiceRevisions"], size(50, 20.0)),
    ],
};

/// "Each API is evaluated individually." The seven reads have the larger bucket of the other reads if they are filtered or ask for
/// pages; whether they do, a name alone does not tell.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const EC2: Service = Service {
    name: "ec2",
    all: None,
    groups: &[
        each(
            Operations::Named(&[
                "DescribeInstances",
                "DescribeInstanceStatus",
                "DescribeNetworkInterfaces",
                "DescribeSecurityGroups",
                "DescribeSnapshots",
                "DescribeSpotInstanceRequests",
                "DescribeVolumes",
            ]),
            size(50, 10.0),
        ),
        each(Operations::Named(&["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"]), size(50, 5.0)),
        each(Operations::Named(&["CreateNatGateway", "DeleteNatGateway"]), size(10, 1.0)),
        each(Operations::Named(&["CreateTags", "DeleteTags"]), size(100, 10.0)),
        each(Operations::Named(&["CreateVpcEndpoint", "DeleteVpcEndpoints", "ModifyVpcEndpoint"]), size(4, 0.3)),
        each(Operations::Named(&["ModifyInstanceMetadataOptions", "TerminateInstances"]), size(100, 5.0)),
        each(
            Operations::Named(&["CreateNetworkInterface", "DeleteNetworkInterface", "ModifyNetworkInterfaceAttribute"]),
            size(100, 5.0),
        ),
        each(Operations::Named(&["RunInstances", "StartInstances"]), size(5, 2.0)),
        each(Operations::Reads, size(100, 20.0)),
        each(Operations::Others, size(50, 5.0)),
    ],
};

/// "There is an account-level throttling limit that is shared across all Elastic Load Balancing API actions", and categories. What
/// ECS calls on behalf of the account does not count.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html>
const ELB: Service = Service {
    name: "elasticloadbalancing",
    all: Some(size(40, 10.0)),
    groups: &[
        together(&["CreateLoadBalancer", "SetSubnets"], size(10, 0.2)),
        together(&["RegisterTargets", "DeregisterTargets"], size(20, 4.0)),
        Group { operations: Operations::Reads, shared: true, size: size(40, 10.0) },
        Group { operations: Operations::Others, shared: true, size: size(20, 3.0) },
    ],
};

/// AWS publishes that IAM has token buckets for each operation, and not their sizes. Steampipe, which reads whole accounts, keeps its
/// `GetRole` and its lists of a role's policies at 15 a second.
/// <https://aws.amazon.com/blogs/security/how-to-monitor-and-query-iam-resources-at-scale-part-2/>,
/// <https://github.com/turbot/steampipe-plugin-aws/blob/main/aws/plugin.go>
const IAM: Service = Service { name: "iam", all: None, groups: &[each(Operations::Others, size(15, 15.0))] };

/// "By default, you can make up to 300 requests in a burst and a sustained 12 requests per second."
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-api-throttling.html>
const RDS: Service = Service { name: "rds", all: Some(size(300, 12.0)), groups: &[] };

/// Each operation has its rate. AWS publishes no burst, which is taken for one second's worth. Where the rate differs between
/// regions, the least of them counts; operations that the page does not list count as most of those that it does.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const LOGS: Service = Service {
    name: "logs",
    all: None,
    groups: &[
        each(
            Operations::Named(&["CreateLogGroup", "DeleteLogGroup", "DescribeLogGroups", "GetLogEvents"]),
            size(10, 10.0),
        ),
        each(Operations::Named(&["DescribeLogStreams"]), size(25, 25.0)),
        each(Operations::Named(&["CreateLogStream"]), size(50, 50.0)),
        each(Operations::Named(&["DeleteLogStream"]), size(15, 15.0)),
        each(Operations::Others, size(5, 5.0)),
    ],
};

/// `GetSecretValue` and `DescribeSecret` have 10,000 a second and more, and so no bucket here. AWS publishes no burst.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
const SECRETS: Service = Service {
    name: "secretsmanager",
    all: None,
    groups: &[
        together(&["BatchGetSecretValue"], size(100, 100.0)),
        together(&["ListSecrets", "ListSecretVersionIds"], size(100, 100.0)),
        together(&["PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage"], size(50, 50.0)),
        together(&["TagResource", "UntagResource"], size(50, 50.0)),
        each(Operations::Named(&["CreateSecret", "DeleteSecret", "RestoreSecret"]), size(50, 50.0)),
    ],
};

/// The reads share 40 a second, AWS publishes. Of writes it does not: AWS's support says 3 a second of `PutParameter` and 5 of
/// `DeleteParameter`.
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>,
/// <https://github.com/github-aws-runners/terraform-aws-github-runner/issues/2944>,
/// <https://github.com/github-aws-runners/terraform-aws-github-runner/issues/5243>
const SSM: Service = Service {
    name: "ssm",
    all: None,
    groups: &[
        together(&["GetParameter", "GetParameters", "GetParametersByPath"], size(40, 40.0)),
        together(&["PutParameter"], size(3, 3.0)),
        together(&["DeleteParameter", "DeleteParameters"], size(5, 5.0)),
    ],
};

/// "A request consumes a token from both buckets": the account's and the operation's. One of records also takes a token for each
/// record from a third one, of 1,500, which a stack does not empty.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/api-throttling.html>
const ROUTE53: Service = Service {
    name: "route53",
    all: Some(size(50, 10.0)),
    groups: &[
        each(Operations::Named(&["CreateHostedZone"]), size(40, 2.0)),
        each(Operations::Named(&["DeleteHostedZone"]), size(40, 5.0)),
        each(Operations::Others, size(50, 10.0)),
    ],
};

const SERVICES: &[Service] = &[EC2, ECS, ELB, IAM, LOGS, RDS, ROUTE53, SECRETS, SSM];

/// The buckets that a request for `operation` takes a token from, the smaller one first. `service` is the name that it is signed
/// for. None, where no limit is known.
pub fn of(service: &str, operation: &str) -> Vec<Bucket> {
    let Some(service) = SERVICES.iter().find(|known| known.name == service) else { return Vec::new() };
    let own = service.groups.iter().find(|group| group.operations.has(operation));
    let own = own.map(|group| Bucket { name: group.bucket(service.name, operation), size: group.size });
    let all = service.all.map(|size| Bucket { name: service.name.to_owned(), size });
    own.into_iter().chain(all).collect()
}

impl Group {
    /// The name of the bucket that `operation` takes from.
    fn bucket(&self, service: &str, operation: &str) -> String {
        match &self.operations {
            _ if !self.shared => format!("{service}:{operation}"),
            Operations::Named([only]) => format!("{service}:{only}"),
            Operations::Named(names) => format!("{service}:{}…", names.first().unwrap_or(&operation)),
            Operations::Reads => format!("{service}:reads"),
            Operations::Others => format!("{service}:others"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(service: &str, operation: &str) -> Vec<String> {
        of(service, operation).into_iter().map(|bucket| bucket.name).collect()
    }

    #[test]
    fn an_operation_takes_from_its_own_bucket_and_that_of_all() {
        for (service, operation, wanted) in [
            ("ecs", "DeregisterTaskDefinition", vec!["ecs:RegisterTaskDefinition…"]),
            ("ecs", "PutAttributes", vec![]),
            ("ec2", "CreateVpc", vec!["ec2:CreateVpc"]),
            ("elasticloadbalancing", "CreateRule", vec!["elasticloadbalancing:others", "elasticloadbalancing"]),
            ("elasticloadbalancing", "DescribeTags", vec!["elasticloadbalancing:reads", "elasticloadbalancing"]),
            ("rds", "DescribeDBInstances", vec!["rds"]),
            ("secretsmanager", "DescribeSecret", vec![]),
            ("s3", "CreateBucket", vec![]),
        ] {
            assert_eq!(names(service, operation), wanted, "{service} {operation}");
        }
    }

    #[test]
    fn a_bucket_has_the_size_that_its_page_gives() {
        for (service, operation, burst, per_second) in [
            ("ecs", "RegisterTaskDefinition", 20, 1.0),
            ("ecs", "DescribeServices", 100, 20.0),
            ("ecs", "RunTask", 20, 20.0),
            ("ec2", "DescribeSubnets", 100, 20.0),
            ("ec2", "DescribeSecurityGroups", 50, 10.0),
            ("ec2", "CreateSubnet", 50, 5.0),
            ("elasticloadbalancing", "CreateLoadBalancer", 10, 0.2),
            ("logs", "PutRetentionPolicy", 5, 5.0),
            ("ssm", "PutParameter", 3, 3.0),
        ] {
            let first = of(service, operation).into_iter().next().expect("it has a bucket");
            assert_eq!(first.size, Size { burst, per_second }, "{service} {operation}");
        }
    }

    #[test]
    fn no_operation_is_in_two_groups_and_every_bucket_refills() {
        for service in SERVICES {
            let mut named: Vec<&str> = Vec::new();
            for group in service.groups {
                assert!(group.size.burst > 0 && group.size.per_second > 0.0, "{}", service.name);
                if let Operations::Named(names) = group.operations {
                    named.extend(names);
                }
            }
            let count = named.len();
            named.sort_unstable();
            named.dedup();
            assert_eq!(named.len(), count, "{}", service.name);
        }
    }
}
