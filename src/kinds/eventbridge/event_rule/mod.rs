//! A rule of EventBridge: the action after a failed run of a job, which is another run or a message.
//!
//! EventBridge receives ECS events at least once, so two runs or two messages may follow one failure.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html>

mod desired;
mod live;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use aws_sdk_eventbridge::{
    operation::list_rules::ListRulesOutput,
    types::{
        AssignPublicIp, AwsVpcConfiguration, EcsParameters, InputTransformer, LaunchType, NetworkConfiguration,
        RetryPolicy, Rule, RuleState, Tag, Target,
    },
};
use futures::future::try_join_all;
use serde_json::Value;

pub use desired::{Desired, Start, Then};
pub use live::{Live, LiveTarget};

use desired::{PATHS, TARGET, input, pattern};
use live::{as_desired, live};

use crate::{
    aws::{self, About, Once, Outcome},
    kind::{Context, Cost, Doc, InRelease, Kind},
    kinds::scheduler::{self, ATTEMPTS, OLDEST, in_words},
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Permission, Phase, Shown, fields},
};

/// The maximum length of a rule name, in characters.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>
const LONGEST_NAME: usize = 64;

/// The ARN pattern of the stack's rules.
const ARNS: &[&str] = &["events:{region}:{account}:rule/{name:64}*"];

/// An EventBridge rule.
pub struct EventRule;

fields! {
    /// The fields that change in place.
    pub enum Field {
        Pattern = "pattern",
        Enabled = "enabled",
        Target = "target",
        Role = "role",
        Input = "input",
        Retries = "retries",
        TaskDefinition = "task_definition",
        TaskGroup = "task_group",
        Subnets = "subnets",
        SecurityGroups = "security_groups",
        PublicIp = "public_ip",
        Others = "other_targets",
    }
}

impl Kind for EventRule {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "event_rule";
    const DOC: Doc = Doc {
        summary: "Starts a failed run of a job again, or tells the topic of the alarms about it.",
        page: "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html",
    };
    const RARE: bool = true;
    const USES: &'static [&'static str] = &[
        // The schedule group shows that a stack may have rules.
        "schedule_group",
        // The rule that reacts to a failed run is deleted before the schedule that starts runs.
        "schedule",
        "topic",
        "role",
        "task_definition",
        "cluster",
        "subnet",
        "route_table",
        "security_group",
        "secret",
        "log_group",
    ];
    // The run that it starts uses the revision of its service.
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for events of its own services");
    const NOT_YET: &'static [&'static str] = &["ResourceNotFoundException"];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["events:ListRules", "events:ListTagsForResource", "events:ListTargetsByRule"]),
        Permission::look(&["scheduler:ListScheduleGroups"]),
        Permission::release(&["events:PutRule", "events:PutTargets"], On::Named(ARNS)),
        Permission::release(&["iam:PassRole"], On::PassedTo("events.amazonaws.com")),
        Permission::make(&["events:TagResource"], On::Named(ARNS)),
        Permission::delete(&["events:DeleteRule", "events:RemoveTargets"], On::Named(ARNS)),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        // Most stacks have no jobs, and a stack with jobs has a schedule group.
        if cx.expected(Self::NAME).next().is_none() && scheduler::group(cx).await?.is_none() {
            return Ok(Vec::new());
        }
        let rules = rules(cx).await?;
        Ok(try_join_all(rules.iter().map(|rule| found(cx, rule))).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        match desired.cluster.known().map(|cluster| pattern(cluster, &desired.runs)) {
            Some(wanted) if live::same(&live.pattern, &wanted) => {}
            Some(wanted) => {
                let wanted = wanted.to_string();
                let (from, to) = (live::shown(&live.pattern), live::shown(&wanted));
                let (from, to) = if from == to { (live.pattern.clone(), wanted) } else { (from, to) };
                diff.push(Field::Pattern, Shown::value(from), Shown::value(to));
            }
            None => {
                diff.push(Field::Pattern, Shown::value(live::shown(&live.pattern)), Shown::KnownAfterApply);
            }
        }
        diff.field(Field::Enabled, &live.enabled, &true);
        let none = LiveTarget::default();
        let target = live.target.as_ref().unwrap_or(&none);
        diff.input(Field::Target, &target.arn, desired.target());
        diff.input(Field::Role, &target.role, &desired.role);
        let wanted = input(&desired.then);
        let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
        if parsed(&target.input) != parsed(&wanted) {
            diff.push(Field::Input, Shown::value(&target.input), Shown::value(wanted));
        }
        diff.field(Field::Retries, &in_words(target.retries), &in_words((ATTEMPTS, OLDEST)));
        let task = desired.start();
        let definition = task.map(|task| &task.task_definition);
        match definition.map(|wanted| wanted.known()) {
            Some(Some(wanted)) if wanted == target.task_definition => {}
            None if target.task_definition.is_empty() => {}
            wanted => {
                let to = match wanted {
                    Some(Some(wanted)) => Shown::value(aws::last_part(wanted)),
                    Some(None) => Shown::KnownAfterApply,
                    None => Shown::Absent,
                };
                diff.push(Field::TaskDefinition, Shown::value(aws::last_part(&target.task_definition)), to);
            }
        }
        let group = task.map_or(String::new(), |task| task.group.clone());
        diff.field(Field::TaskGroup, &target.group, &group);
        diff.inputs(Field::Subnets, &target.subnets, task.map_or(&[], |task| &task.subnets));
        diff.inputs(Field::SecurityGroups, &target.security_groups, task.map_or(&[], |task| &task.security_groups));
        diff.field(Field::PublicIp, &target.public_ip, &task.is_some_and(|task| task.public_ip));
        for other in others(live) {
            diff.push(Field::Others, Shown::value(other), Shown::Absent);
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = aws::derived(&cx.id, address, LONGEST_NAME);
        put(cx, address, &name, desired, Some(aws::tags(&cx.id, address))).await?;
        put_target(cx, &name, desired).await?;
        as_desired(name, desired)
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let (mut rule, mut target, mut foreign) = (false, false, false);
        for field in changes {
            match field {
                Field::Pattern | Field::Enabled => rule = true,
                Field::Others => foreign = true,
                Field::Target
                | Field::Role
                | Field::Input
                | Field::Retries
                | Field::TaskDefinition
                | Field::TaskGroup
                | Field::Subnets
                | Field::SecurityGroups
                | Field::PublicIp => target = true,
            }
        }
        if rule {
            put(cx, address, &live.name, desired, None).await?;
        }
        if target {
            put_target(cx, &live.name, desired).await?;
        }
        if foreign {
            remove(cx, &live.name, others(live).map(str::to_owned).collect()).await?;
        }
        as_desired(live.name.clone(), desired)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // AWS does not delete a rule that has targets.
        if !live.targets.is_empty() {
            remove(cx, &live.name, live.targets.clone()).await?;
        }
        let call = cx.aws.events.delete_rule().name(&live.name).customize().once();
        call.send().await.or_absent("DeleteRule", &["ResourceNotFoundException"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&["ConcurrentModificationException"]) {
            return Some("another change of it to finish");
        }
        // EventBridge rejects a new role in this way and has no specific code for it.
        let role = failure.is(&["ValidationException"]) && aws::about(failure) == About::Role;
        role.then_some("EventBridge to accept its role")
    }

    fn summary(live: &Live) -> Option<String> {
        Some(live::shown(&live.pattern))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

/// Returns the targets that stackctl did not create.
fn others(live: &Live) -> impl Iterator<Item = &str> {
    live.targets.iter().map(String::as_str).filter(|id| *id != TARGET)
}

/// Returns the rules whose names may belong to the stack.
async fn rules(cx: &Context) -> Result<Vec<Rule>, Failure> {
    let (mut rules, mut next) = (Vec::new(), None);
    loop {
        let call = cx.aws.events.list_rules().name_prefix(aws::may_begin(&cx.id, LONGEST_NAME)).set_next_token(next);
        let ListRulesOutput { rules: page, next_token, .. } = call.send().await.during("ListRules")?;
        rules.extend(page.unwrap_or_default());
        if next_token.is_none() {
            return Ok(rules);
        }
        next = next_token;
    }
}

/// Returns `rule` with its targets, if it belongs to the stack and still exists.
async fn found(cx: &Context, rule: &Rule) -> Result<Option<Found<Live>>, Failure> {
    let tags = cx.aws.events.list_tags_for_resource().resource_arn(rule.arn().unwrap_or_default()).send().await;
    let tags = tags.or_absent("ListTagsForResource", &["ResourceNotFoundException"])?;
    let Some(address) = tags.and_then(|tags| aws::address_of(&cx.id, tags.tags())) else { return Ok(None) };
    let targets = cx.aws.events.list_targets_by_rule().rule(rule.name().unwrap_or_default()).send().await;
    let targets = targets.or_absent("ListTargetsByRule", &["ResourceNotFoundException"])?;
    Ok(targets.map(|targets| {
        let live = live(rule, targets.targets());
        Found { address, id: live.name.clone(), live }
    }))
}

/// Creates the rule, or overwrites it. An existing rule keeps its tags, whatever the call contains.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>
async fn put(
    cx: &Context,
    address: &Address,
    name: &str,
    desired: &Desired,
    tags: Option<Vec<Tag>>,
) -> Result<(), Failure> {
    let call = cx
        .aws
        .events
        .put_rule()
        .name(name)
        .description(format!("{address} of {}", cx.id))
        .event_pattern(desired.pattern()?.to_string())
        .state(RuleState::Enabled)
        .set_tags(tags);
    call.customize().once().send().await.during("PutRule").map(drop)
}

/// Creates the target of the rule, or overwrites it.
async fn put_target(cx: &Context, name: &str, desired: &Desired) -> Result<(), Failure> {
    let retries = RetryPolicy::builder().maximum_retry_attempts(ATTEMPTS).maximum_event_age_in_seconds(OLDEST).build();
    let target =
        Target::builder().id(TARGET).arn(desired.target().get()?).role_arn(desired.role.get()?).retry_policy(retries);
    let target = match &desired.then {
        Then::Start(start) => target.input(input(&desired.then)).ecs_parameters(task(start)?),
        Then::Tell { .. } => {
            let mut words = InputTransformer::builder().input_template(input(&desired.then));
            for (word, path) in PATHS {
                words = words.input_paths_map(word, path);
            }
            target.input_transformer(words.build().map_err(aws::incomplete)?)
        }
    };
    let call = cx.aws.events.put_targets().rule(name).targets(target.build().map_err(aws::incomplete)?);
    let answer = call.customize().once().send().await.during("PutTargets")?;
    let failed = answer.failed_entries().first().map(|entry| {
        let failure = Failure::refused("PutTargets", entry.error_message().unwrap_or("the target is refused"));
        Failure { code: entry.error_code().map(str::to_owned), ..failure }
    });
    failed.map_or(Ok(()), Err)
}

fn task(start: &Start) -> Result<EcsParameters, Failure> {
    let public = if start.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(Input::all(&start.subnets)?))
        .set_security_groups(Some(Input::all(&start.security_groups)?))
        .assign_public_ip(public)
        .build();
    let network = NetworkConfiguration::builder().awsvpc_configuration(vpc.map_err(aws::incomplete)?).build();
    let task = EcsParameters::builder()
        .task_definition_arn(start.task_definition.get()?)
        .task_count(1)
        .launch_type(LaunchType::Fargate)
        .group(&start.group)
        .network_configuration(network);
    task.build().map_err(aws::incomplete)
}

async fn remove(cx: &Context, rule: &str, ids: Vec<String>) -> Result<(), Failure> {
    let call = cx.aws.events.remove_targets().rule(rule).set_ids(Some(ids)).customize().once();
    call.send().await.or_absent("RemoveTargets", &["ResourceNotFoundException"]).map(drop)
}
