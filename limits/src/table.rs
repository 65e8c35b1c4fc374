//! The request limits that AWS publishes, each with its page, for the services that a large stack calls most.
//!
//! The limits are the defaults of an account; AWS raises most of them on request. Services that are not listed have
//! limits that AWS does not publish, or that one command cannot reach.

/// The size of a token bucket. Each request takes one token; a request without a token is throttled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// The capacity in tokens, which is the largest number of requests at once.
    pub burst: u32,
    /// The number of tokens added per second.
    pub per_second: f64,
}

/// A bucket that requests take tokens from.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// The service and the operations that share the bucket: `rds`, `ec2:CreateVpc`, `ecs:DeregisterTaskDefinition…`.
    pub name: String,
    /// The size of the bucket.
    pub size: Size,
}

/// The limits of a service.
struct Service {
    /// The service name in request signatures.
    name: &'static str,
    /// The bucket that all operations share, in addition to the buckets of their groups.
    all: Option<Size>,
    /// The groups of operations. The first group that contains an operation applies; an operation without a group has
    /// only the shared bucket.
    groups: &'static [Group],
}

/// Operations whose buckets have the same size.
struct Group {
    operations: Operations,
    /// Whether the operations share one bucket; if not, each has a separate bucket.
    shared: bool,
    size: Size,
}

/// The operations of a group.
enum Operations {
    Named(&'static [&'static str]),
    /// Operations that only read.
    Reads,
    /// All operations that no earlier group contains.
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

/// Returns a group of operations that share one bucket.
const fn together(names: &'static [&'static str], size: Size) -> Group {
    Group { operations: Operations::Named(names), shared: true, size }
}

/// Returns a group of operations with separate buckets.
const fn each(operations: Operations, size: Size) -> Group {
    Group { operations, shared: false, size }
}

/// The limits of ECS. "API actions are grouped into categories. All API actions in a category share the same token
/// bucket." Fargate limits `RunTask` to 20 per second, which is below the limit of its category.
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

/// The limits of EC2. "Each API is evaluated individually." The seven reads listed by name have the larger bucket of
/// the other reads if they are filtered or paginated, but the name of an operation does not show that.
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

/// The limits of Elastic Load Balancing. "There is an account-level throttling limit that is shared across all Elastic
/// Load Balancing API actions", and there are categories. Calls by ECS on behalf of the account do not count.
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

/// The limits of IAM. AWS publishes that each operation of IAM has a token bucket, but not its size. Steampipe, which
/// reads whole accounts, limits `GetRole` and the lists of a role's policies to 15 per second.
/// <https://aws.amazon.com/blogs/security/how-to-monitor-and-query-iam-resources-at-scale-part-2/>,
/// <https://github.com/turbot/steampipe-plugin-aws/blob/main/aws/plugin.go>
const IAM: Service = Service { name: "iam", all: None, groups: &[each(Operations::Others, size(15, 15.0))] };

/// The limits of RDS. "By default, you can make up to 300 requests in a burst and a sustained 12 requests per second."
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-api-throttling.html>
const RDS: Service = Service { name: "rds", all: Some(size(300, 12.0)), groups: &[] };

/// The limits of CloudWatch Logs. Each operation has a rate. AWS publishes no burst; it is assumed to be one second's
/// tokens. If the rate differs between regions, the lowest applies. Operations that are not on the page get the most
/// common rate of the page.
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

/// The limits of Secrets Manager. `GetSecretValue` and `DescribeSecret` have no bucket here, because AWS allows 10,000
/// and more per second. AWS publishes no burst.
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

/// The limits of Systems Manager. AWS publishes that the reads share 40 per second, but nothing about writes. AWS
/// support states 3 per second for `PutParameter` and 5 for `DeleteParameter`.
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

/// The limits of Route 53. "A request consumes a token from both buckets": that of the account and that of the
/// operation. A request that changes records also takes a token per record from a third bucket of 1,500, which a stack
/// does not empty.
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

/// Returns the buckets that a request for `operation` takes a token from, the smaller one first. `service` is the
/// service name in the request signature. Empty if no limit is known.
pub fn of(service: &str, operation: &str) -> Vec<Bucket> {
    let Some(service) = SERVICES.iter().find(|known| known.name == service) else { return Vec::new() };
    let own = service.groups.iter().find(|group| group.operations.has(operation));
    let own = own.map(|group| Bucket { name: group.bucket(service.name, operation), size: group.size });
    let all = service.all.map(|size| Bucket { name: service.name.to_owned(), size });
    own.into_iter().chain(all).collect()
}

impl Group {
    /// Returns the name of the bucket that `operation` takes a token from.
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
    fn operation_takes_from_its_group_and_the_shared_bucket() {
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
    fn buckets_have_the_sizes_on_their_aws_pages() {
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
    fn operations_have_one_group_and_buckets_refill() {
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
