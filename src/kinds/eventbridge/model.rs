//! An in-memory model of EventBridge with the operations that the rule kind calls, as the API reference describes them.
//! It contains a schedule group, which shows that a stack has jobs.
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use std::collections::BTreeMap;

use aws_sdk_eventbridge::{
    operation::{
        delete_rule::{DeleteRuleError, DeleteRuleInput, DeleteRuleOutput},
        list_rules::{ListRulesError, ListRulesInput, ListRulesOutput},
        list_tags_for_resource::{ListTagsForResourceError, ListTagsForResourceInput, ListTagsForResourceOutput},
        list_targets_by_rule::{ListTargetsByRuleError, ListTargetsByRuleInput, ListTargetsByRuleOutput},
        put_rule::{PutRuleError, PutRuleInput, PutRuleOutput},
        put_targets::{PutTargetsError, PutTargetsInput, PutTargetsOutput},
        remove_targets::{RemoveTargetsError, RemoveTargetsInput, RemoveTargetsOutput},
    },
    types::{InputTransformer, Rule, Tag, Target},
};
use aws_sdk_scheduler::{
    operation::list_schedule_groups::{ListScheduleGroupsError, ListScheduleGroupsInput, ListScheduleGroupsOutput},
    types::ScheduleGroupSummary,
};

use crate::aws::model::{Cloud, Refusal, Service, line};

/// The rules of the account in the region.
#[derive(Clone, Default)]
pub(super) struct Events {
    /// The rules by name.
    rules: BTreeMap<String, OneRule>,
}

#[derive(Clone)]
struct OneRule {
    rule: Rule,
    tags: Vec<Tag>,
    targets: Vec<Target>,
}

impl Service for Events {
    fn present(&self) -> Vec<String> {
        let line = |one: &OneRule| format!("{} {:?} {:?}", line("rule", &one.tags), one.rule, in_words(&one.targets));
        self.rules.values().map(line).collect()
    }
}

/// Returns an AWS with EventBridge and a rule that belongs to no stack but has a name that the stack could use.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(PutRuleError::generic, put);
    cloud.on(ListRulesError::generic, list);
    cloud.on(ListTagsForResourceError::generic, list_tags);
    cloud.on(ListTargetsByRuleError::generic, list_targets);
    cloud.on(PutTargetsError::generic, put_targets);
    cloud.on(RemoveTargetsError::generic, remove_targets);
    cloud.on(DeleteRuleError::generic, delete);
    cloud.on(ListScheduleGroupsError::generic, groups);
    cloud.with(|events: &mut Events| {
        let name = "shop-test-given";
        let rule = Rule::builder().name(name).arn(arn(name)).build();
        events.rules.insert(name.to_owned(), OneRule { rule, tags: Vec::new(), targets: Vec::new() });
    });
    cloud
}

impl Events {
    /// Changes the rules of stacks, as a user of the console would.
    pub(super) fn change(&mut self, change: impl Fn(&mut Rule, &mut Vec<Target>)) {
        let of_stacks = self.rules.values_mut().filter(|one| !one.tags.is_empty());
        of_stacks.for_each(|one| change(&mut one.rule, &mut one.targets));
    }

    fn rule(&mut self, name: Option<&str>) -> Result<&mut OneRule, Refusal> {
        self.rules.get_mut(name.unwrap_or_default()).ok_or_else(absent)
    }
}

/// Returns the targets as text, without the placeholders of an input transformer, whose order is not fixed.
fn in_words(targets: &[Target]) -> Vec<String> {
    let in_words = |target: &Target| {
        let template = target.input_transformer().map(InputTransformer::input_template).map(str::to_owned);
        let mut target = target.clone();
        target.input_transformer = None;
        format!("{target:?} {template:?}")
    };
    targets.iter().map(in_words).collect()
}

fn arn(name: &str) -> String {
    format!("arn:aws:events:eu-west-1:123456789012:rule/{name}")
}

fn absent() -> Refusal {
    Refusal::new("ResourceNotFoundException", "Rule does not exist on EventBus default.")
}

/// Creates a rule or overwrites it. An existing rule keeps its tags and targets.
fn put(events: &mut Events, input: &PutRuleInput) -> Result<PutRuleOutput, Refusal> {
    let name = input.name().unwrap_or_default();
    let rule = Rule::builder()
        .name(name)
        .arn(arn(name))
        .set_description(input.description.clone())
        .set_event_pattern(input.event_pattern.clone())
        .set_state(input.state.clone())
        .build();
    let there = events.rules.get(name);
    let (tags, targets) =
        there.map_or((input.tags().to_vec(), Vec::new()), |one| (one.tags.clone(), one.targets.clone()));
    events.rules.insert(name.to_owned(), OneRule { rule, tags, targets });
    Ok(PutRuleOutput::builder().rule_arn(arn(name)).build())
}

fn list(events: &mut Events, input: &ListRulesInput) -> Result<ListRulesOutput, Refusal> {
    let prefix = input.name_prefix().unwrap_or_default();
    let found = events.rules.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, one)| one.rule.clone());
    Ok(ListRulesOutput::builder().set_rules(Some(found.collect())).build())
}

fn list_tags(events: &mut Events, input: &ListTagsForResourceInput) -> Result<ListTagsForResourceOutput, Refusal> {
    let found = events.rules.values().find(|one| one.rule.arn() == input.resource_arn()).ok_or_else(absent)?;
    Ok(ListTagsForResourceOutput::builder().set_tags(Some(found.tags.clone())).build())
}

fn list_targets(events: &mut Events, input: &ListTargetsByRuleInput) -> Result<ListTargetsByRuleOutput, Refusal> {
    let targets = events.rule(input.rule())?.targets.clone();
    Ok(ListTargetsByRuleOutput::builder().set_targets(Some(targets)).build())
}

/// Creates targets or overwrites those with the same id.
fn put_targets(events: &mut Events, input: &PutTargetsInput) -> Result<PutTargetsOutput, Refusal> {
    let one = events.rule(input.rule())?;
    for target in input.targets() {
        one.targets.retain(|known| known.id() != target.id());
        one.targets.push(target.clone());
    }
    Ok(PutTargetsOutput::builder().failed_entry_count(0).build())
}

fn remove_targets(events: &mut Events, input: &RemoveTargetsInput) -> Result<RemoveTargetsOutput, Refusal> {
    let one = events.rule(input.rule())?;
    one.targets.retain(|target| !input.ids().iter().any(|id| id == target.id()));
    Ok(RemoveTargetsOutput::builder().failed_entry_count(0).build())
}

fn delete(events: &mut Events, input: &DeleteRuleInput) -> Result<DeleteRuleOutput, Refusal> {
    if !events.rule(input.name())?.targets.is_empty() {
        return Err(Refusal::new("ValidationException", "Rule can't be deleted since it has targets."));
    }
    events.rules.remove(input.name().unwrap_or_default());
    Ok(DeleteRuleOutput::builder().build())
}

fn groups(_: &mut Events, input: &ListScheduleGroupsInput) -> Result<ListScheduleGroupsOutput, Refusal> {
    let group = ScheduleGroupSummary::builder().name(input.name_prefix().unwrap_or_default()).build();
    let output = ListScheduleGroupsOutput::builder().schedule_groups(group).build();
    Ok(output.expect("the groups are given"))
}
