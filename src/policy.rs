//! The minimal IAM policy for a stack: the permissions of the kinds that the stack has, limited to its names and tags.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    aws, blueprint,
    kind::Registry,
    kinds::{ecs::cluster, elb},
    model::{Failure, On, Permission, Purpose},
    session,
    spec::{Given, Stack},
};

/// The maximum length of a managed policy, in characters without white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const LONGEST_MANAGED: usize = 6_144;

/// The maximum total length of a role's inline policies, in characters without white space, from the same page.
pub const LONGEST_INLINE: usize = 10_240;

/// The permissions that belong to no kind: the zones of the region, and the lock.
const COMMON: &[Permission] = &[
    Permission::look(&["ec2:DescribeAvailabilityZones"]),
    // `status` shows who holds the lock.
    Permission::look_at(&["ssm:GetParameter"], LOCK),
    // `status` and `deploy` show the origin of 5xx responses.
    elb::errors::PERMISSION,
    Permission::lock(&["ssm:DeleteParameter", "ssm:PutParameter"], LOCK),
];

/// The lock of the stack.
const LOCK: On = On::Named(&["ssm:{region}:{account}:parameter/stackctl/{stack}/{environment}/*"]);

/// The commands that a policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commands {
    /// The commands that only read: `plan`, `status`, `logs`, `releases`.
    Plan,
    /// The commands that release, `deploy`, `rollback` and `run`, and those that only read.
    Deploy,
    /// `destroy`, and the commands that only read.
    Destroy,
    /// `exec` and `forward`, and the commands that only read.
    Exec,
    /// All commands.
    All,
}

/// An IAM policy, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Value>,
}

impl Commands {
    fn need(self, purpose: Purpose) -> bool {
        match (self, purpose) {
            (Self::All, _) | (_, Purpose::Look) => true,
            (Self::Plan, _) => false,
            (Self::Deploy, purpose) => matches!(purpose, Purpose::Lock | Purpose::Release),
            (Self::Destroy, purpose) => matches!(purpose, Purpose::Lock | Purpose::Delete),
            (Self::Exec, purpose) => purpose == Purpose::Session,
        }
    }
}

/// Returns the policy that `commands` need for `stack`, in `account` or in any account.
///
/// # Errors
/// If the resources of stack.yaml cannot be determined.
pub fn of(kinds: &Registry, stack: &Stack, commands: Commands, account: Option<&str>) -> Result<Policy, Failure> {
    let has = kinds_of(stack)?;
    // A plan reads all kinds, because it must report resources that stack.yaml no longer has.
    let of_kinds = kinds.iter().flat_map(|kind| {
        let is_there = has.contains(kind.name());
        kind.permissions().iter().filter(move |permission| is_there || permission.purpose == Purpose::Look)
    });
    let has_sessions = stack.services.values().any(|service| service.exec);
    let sessions: &[Permission] = if has_sessions { session::PERMISSIONS } else { &[] };
    let on_spot = stack.services.values().any(|service| service.spot.is_some());
    let on_spot: &[Permission] = if on_spot { cluster::ON_SPOT } else { &[] };
    let others = COMMON.iter().chain(sessions).chain(on_spot);
    let mut grouped: BTreeMap<(bool, Group), Statement> = BTreeMap::new();
    for permission in others.chain(of_kinds).filter(|permission| commands.need(permission.purpose)) {
        let group = Group::of(permission.on);
        // In a policy that allows more than reads, reads and changes by name share a statement.
        let changes = permission.purpose != Purpose::Look || (group == Group::Named && commands != Commands::Plan);
        let statement = grouped.entry((changes, group)).or_default();
        statement.actions.extend(permission.actions);
        match permission.on {
            On::Named(arns) => statement.arns.extend(arns),
            On::PassedTo(service) | On::ServiceRole(service) => {
                statement.services.insert(service);
            }
            _ => {}
        }
    }
    // Reads that are allowed on all resources need not be repeated with the changes.
    let looks = grouped.get(&(false, Group::Any)).map(|look| look.actions.clone()).unwrap_or_default();
    if let Some(anywhere) = grouped.get_mut(&(true, Group::Any)) {
        anywhere.actions.retain(|action| !looks.contains(action));
    }
    let places = Places { stack, account: account.unwrap_or("*") };
    let statements = grouped.iter().map(|((changes, group), statement)| places.filled(*changes, *group, statement));
    let mut statements: Vec<Value> = statements.collect();
    statements.extend(places.on_listener(commands));
    statements
        .extend(stack.network.given.as_ref().filter(|_| commands == Commands::All).map(|given| places.inside(given)));
    Ok(Policy { statements })
}

/// Returns the kinds of which any command creates a resource for the stack.
fn kinds_of(stack: &Stack) -> Result<BTreeSet<String>, Failure> {
    let graph = blueprint::sketch_of_all(stack)?;
    Ok(graph.nodes().map(|node| node.address.kind().to_owned()).collect())
}

/// The key by which permissions share a statement. An action only applies to resources of its own service, so sharing
/// allows no more than separate statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Any,
    Named,
    Tagged,
    Owned,
    Tagging(&'static str),
    PassRole,
    ServiceRoles,
    GuardDuty,
    Records,
}

impl Group {
    fn of(on: On) -> Self {
        match on {
            On::Any => Self::Any,
            On::Named(_) => Self::Named,
            On::Tagged => Self::Tagged,
            On::Owned => Self::Owned,
            On::Tagging(service) => Self::Tagging(service),
            On::PassedTo(_) => Self::PassRole,
            On::ServiceRole(_) => Self::ServiceRoles,
            On::GuardDuty => Self::GuardDuty,
            On::Records => Self::Records,
        }
    }

    /// Returns its name in a statement id, which allows only letters and digits.
    fn name(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Named => "Named".to_owned(),
            Self::Tagged => "Tagged".to_owned(),
            Self::Owned => "Owned".to_owned(),
            Self::Tagging(service) => format!("Tags{}", service.to_uppercase()),
            Self::PassRole => "PassRole".to_owned(),
            Self::ServiceRoles => "ServiceRoles".to_owned(),
            Self::GuardDuty => "GuardDuty".to_owned(),
            Self::Records => "Records".to_owned(),
        }
    }
}

/// A statement under construction.
#[derive(Default)]
struct Statement {
    actions: BTreeSet<&'static str>,
    arns: BTreeSet<&'static str>,
    services: BTreeSet<&'static str>,
}

/// The values of the placeholders in ARNs.
struct Places<'a> {
    stack: &'a Stack,
    account: &'a str,
}

impl Places<'_> {
    fn filled(&self, changes: bool, group: Group, statement: &Statement) -> Value {
        let mut filled = json!({
            "Sid": format!("{}{}", if changes { "Change" } else { "Look" }, group.name()),
            "Effect": "Allow",
            "Action": statement.actions,
            "Resource": "*",
        });
        match group {
            Group::Any => {}
            Group::Named => {
                let arns: BTreeSet<String> = statement.arns.iter().map(|arn| self.arn(arn)).collect();
                filled["Resource"] = json!(arns);
            }
            Group::Tagged => filled["Condition"] = self.tags("aws:RequestTag"),
            Group::Owned => filled["Condition"] = self.tags("aws:ResourceTag"),
            Group::GuardDuty => {
                filled["Condition"] = json!({ "StringEquals": { "aws:ResourceTag/GuardDutyManaged": "true" } });
            }
            Group::Tagging(service) => {
                // Otherwise a caller who may tag could make any resource part of the stack.
                filled["Condition"] = json!({ "Null": { format!("{service}:CreateAction"): "false" } });
            }
            Group::PassRole => {
                filled["Resource"] = json!(self.arn("iam::{account}:role/stackctl/{stack}/{environment}/*"));
                filled["Condition"] = json!({ "StringEquals": { "iam:PassedToService": statement.services } });
            }
            Group::ServiceRoles => {
                filled["Resource"] = json!(self.arn("iam::{account}:role/aws-service-role/*"));
                filled["Condition"] = json!({ "StringEquals": { "iam:AWSServiceName": statement.services } });
            }
            Group::Records => {
                let domains = self.stack.load_balancer.iter().flat_map(|balancer| &balancer.domains);
                // A name with `*` is below its domain, and so are the validation records of both for their
                // certificates.
                let domains: BTreeSet<String> =
                    domains.map(|domain| domain.trim_start_matches("*.").to_ascii_lowercase()).collect();
                let names: Vec<String> =
                    domains.into_iter().flat_map(|domain| [domain.clone(), format!("*.{domain}")]).collect();
                filled["Resource"] = json!("arn:aws:route53:::hostedzone/*");
                // <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html>
                filled["Condition"] = json!({ "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": names,
                } });
            }
        }
        filled
    }

    /// Returns the statement for creating resources in an existing network outside the stack, which has no tags of the
    /// stack.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>
    fn inside(&self, given: &Given) -> Value {
        let starts_hosts = self.stack.bastion.is_some();
        let subnets = given.public_subnets.iter().chain(&given.private_subnets).map(|id| format!("subnet/{id}"));
        let subnets = subnets.filter(|_| starts_hosts);
        let arns = std::iter::once(format!("vpc/{}", given.vpc)).chain(subnets);
        let arns: BTreeSet<String> = arns.map(|what| self.arn(&format!("ec2:{{region}}:{{account}}:{what}"))).collect();
        let actions = if starts_hosts {
            vec!["ec2:CreateSecurityGroup", "ec2:RunInstances"]
        } else {
            vec!["ec2:CreateSecurityGroup"]
        };
        json!({
            "Sid": "ChangeInside",
            "Effect": "Allow",
            "Action": actions,
            "Resource": arns,
        })
    }

    /// Returns the statement for rules on an existing listener: their ARNs contain the listener, not the stack.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html>
    fn on_listener(&self, commands: Commands) -> Option<Value> {
        let listener = self.stack.load_balancer.as_ref()?.listener.as_ref()?;
        let actions: &[&str] = match commands {
            Commands::All => &["AddTags", "CreateRule", "DeleteRule", "ModifyRule", "SetRulePriorities"],
            Commands::Destroy => &["DeleteRule"],
            Commands::Plan | Commands::Deploy | Commands::Exec => return None,
        };
        let actions: Vec<String> = actions.iter().map(|action| format!("elasticloadbalancing:{action}")).collect();
        let rules = format!("{}/*", listener.replace(":listener/", ":listener-rule/"));
        Some(json!({ "Sid": "ChangeRules", "Effect": "Allow", "Action": actions, "Resource": [listener, rules] }))
    }

    fn tags(&self, key: &str) -> Value {
        json!({ "StringEquals": {
            format!("{key}/{}", aws::STACK): self.stack.name,
            format!("{key}/{}", aws::ENVIRONMENT): self.stack.environment,
        } })
    }

    /// Returns `template` with its placeholders filled in.
    fn arn(&self, template: &str) -> String {
        let Stack { name, environment, region, .. } = self.stack;
        let mut arn = format!("arn:aws:{template}")
            .replace("{region}", region)
            .replace("{account}", self.account)
            .replace("{stack}", name)
            .replace("{environment}", environment);
        let id = blueprint::id(self.stack);
        while let Some((before, rest)) = arn.split_once("{name:") {
            let (limit, after) = rest.split_once('}').unwrap_or((rest, ""));
            let limit = limit.parse().unwrap_or(usize::MAX);
            arn = format!("{before}{}{after}", aws::may_begin(&id, limit));
        }
        arn
    }
}

impl Policy {
    /// Returns the policy document.
    pub fn document(&self) -> Value {
        json!({ "Version": "2012-10-17", "Statement": self.statements })
    }

    /// Returns the length as IAM counts it: characters without white space.
    pub fn length(&self) -> usize {
        self.document().to_string().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// Splits the policy by statements into few policies, none of which exceeds `limit`.
    pub fn split(&self, limit: usize) -> Vec<Self> {
        let mut longest_first: Vec<&Value> = self.statements.iter().collect();
        longest_first.sort_by_key(|statement| std::cmp::Reverse(statement.to_string().len()));
        let mut parts: Vec<Self> = Vec::new();
        for statement in longest_first {
            match parts.iter_mut().find(|part| part.with(statement).length() <= limit) {
                Some(part) => part.statements.push(statement.clone()),
                None => parts.push(Self { statements: vec![statement.clone()] }),
            }
        }
        parts
    }

    fn with(&self, statement: &Value) -> Self {
        let statements = self.statements.iter().chain([statement]).cloned().collect();
        Self { statements }
    }
}

/// Formats a policy as indented JSON.
///
/// # Errors
/// None in practice, because the document is plain data.
pub fn text(policy: &Policy) -> Result<String, Failure> {
    serde_json::to_string_pretty(&policy.document()).map_err(|error| Failure::internal(error.to_string()))
}

#[cfg(test)]
mod tests;
