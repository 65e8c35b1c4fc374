//! The rule as AWS reports it, in stackctl's types.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types::{
    AssignPublicIp, AwsVpcConfiguration, EcsParameters, InputTransformer, RetryPolicy, Rule, RuleState, Target,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::desired::{Desired, Start, TARGET, Then, input};
use crate::{
    aws,
    kinds::scheduler::{ATTEMPTS, OLDEST},
    model::{Failure, Input},
};

/// The rule as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// The event pattern, as JSON.
    pub pattern: String,
    /// Whether the rule is enabled.
    pub enabled: bool,
    /// The target that stackctl created.
    pub target: Option<LiveTarget>,
    /// The ids of all targets.
    pub targets: Vec<String>,
}

/// The target of a rule as AWS reports it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LiveTarget {
    /// The ARN of the cluster or the topic.
    pub arn: String,
    /// The role that EventBridge uses.
    pub role: String,
    /// The input of the target: the overrides of a task, or a message.
    pub input: String,
    /// The retry policy: the number of attempts, and the maximum age of an event in seconds.
    pub retries: (i32, i32),
    /// The ARN of the task definition.
    pub task_definition: String,
    /// The ECS group of the task.
    pub group: String,
    /// The subnets of the task.
    pub subnets: Vec<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

impl Live {
    /// Whether the rule starts a revision of `family`.
    pub fn runs(&self, family: &str) -> bool {
        let revision = self.target.as_ref().map_or("", |target| aws::last_part(&target.task_definition));
        revision.rsplit_once(':').is_some_and(|(own, _)| own == family)
    }
}

impl Desired {
    /// Returns `live` with another revision. `None` if the rule is not one of stackctl's that start a run.
    pub fn as_it_runs(live: &Live, task_definition: Input) -> Option<Self> {
        let target = live.target.as_ref()?;
        let pattern: Value = serde_json::from_str(&live.pattern).ok()?;
        let detail = &pattern["detail"];
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let overrides: Value = serde_json::from_str(&target.input).ok()?;
        let own = &overrides["containerOverrides"][0];
        let container = own["name"].as_str()?.to_owned();
        let inputs = |all: &[String]| all.iter().map(|one| one.as_str().into()).collect();
        let runs = texts(&detail["group"]).into_iter().map(|group| (group, container.clone())).collect();
        let start = Start {
            group: target.group.clone(),
            container,
            command: texts(&own["command"]),
            task_definition,
            subnets: inputs(&target.subnets),
            security_groups: inputs(&target.security_groups),
            public_ip: target.public_ip,
        };
        let cluster = target.arn.as_str().into();
        Some(Self { cluster, runs, role: target.role.as_str().into(), then: Then::Start(Box::new(start)) })
    }
}

/// Returns the rule as AWS reports it after both writes.
pub(super) fn as_desired(name: String, desired: &Desired) -> Result<Live, Failure> {
    let mut target = LiveTarget {
        arn: desired.target().get()?.to_owned(),
        role: desired.role.get()?.to_owned(),
        input: input(&desired.then),
        retries: (ATTEMPTS, OLDEST),
        ..LiveTarget::default()
    };
    if let Some(start) = desired.start() {
        start.task_definition.get()?.clone_into(&mut target.task_definition);
        target.group.clone_from(&start.group);
        target.subnets = Input::all(&start.subnets)?;
        target.security_groups = Input::all(&start.security_groups)?;
        target.public_ip = start.public_ip;
    }
    Ok(Live {
        name,
        pattern: desired.pattern()?.to_string(),
        enabled: true,
        target: Some(target),
        targets: vec![TARGET.to_owned()],
    })
}

pub(super) fn live(rule: &Rule, targets: &[Target]) -> Live {
    Live {
        name: rule.name().unwrap_or_default().to_owned(),
        pattern: rule.event_pattern().unwrap_or_default().to_owned(),
        enabled: rule.state() == Some(&RuleState::Enabled),
        target: targets.iter().find(|target| target.id() == TARGET).map(target),
        targets: targets.iter().map(|target| target.id().to_owned()).collect(),
    }
}

fn target(target: &Target) -> LiveTarget {
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let task = target.ecs_parameters();
    let vpc = task.and_then(|task| task.network_configuration()?.awsvpc_configuration());
    let retries = target.retry_policy();
    let template = target.input_transformer().map(InputTransformer::input_template);
    LiveTarget {
        arn: target.arn().to_owned(),
        role: owned(target.role_arn()),
        input: owned(target.input().or(template)),
        retries: (
            retries.and_then(RetryPolicy::maximum_retry_attempts).unwrap_or_default(),
            retries.and_then(RetryPolicy::maximum_event_age_in_seconds).unwrap_or_default(),
        ),
        task_definition: owned(task.map(EcsParameters::task_definition_arn)),
        group: owned(task.and_then(EcsParameters::group)),
        subnets: vpc.map(|vpc| vpc.subnets().to_vec()).unwrap_or_default(),
        security_groups: vpc.map(|vpc| vpc.security_groups().to_vec()).unwrap_or_default(),
        public_ip: vpc.and_then(AwsVpcConfiguration::assign_public_ip) == Some(&AssignPublicIp::Enabled),
    }
}

/// Returns the groups in a pattern by container, as text. Returns the pattern itself if stackctl did not write it.
pub(super) fn shown(pattern: &str) -> String {
    let parsed: Value = serde_json::from_str(pattern).unwrap_or_default();
    let words = |value: &Value| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let detail = &parsed["detail"];
    let groups = words(&detail["group"]).map(|groups| groups.join(", "));
    let cluster = words(&detail["clusterArn"]).map(|clusters| clusters.join(", "));
    match (groups, cluster) {
        (Some(groups), Some(cluster)) => format!("failures of {groups} in {}", aws::last_part(&cluster)),
        _ => pattern.to_owned(),
    }
}

/// Whether two patterns are equal, whatever the order of their fields.
pub(super) fn same(one: &str, other: &Value) -> bool {
    let sorted = |value: &Value| serde_json::from_value::<BTreeMap<String, Value>>(value.clone()).ok();
    serde_json::from_str::<Value>(one).is_ok_and(|one| one == *other || sorted(&one) == sorted(other))
}
