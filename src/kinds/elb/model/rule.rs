//! The operations on listener rules.

use aws_sdk_elasticloadbalancingv2::{
    operation::{
        create_rule::{CreateRuleError, CreateRuleInput, CreateRuleOutput},
        delete_rule::{DeleteRuleError, DeleteRuleInput, DeleteRuleOutput},
        describe_rules::{DescribeRulesError, DescribeRulesInput, DescribeRulesOutput},
        modify_rule::{ModifyRuleError, ModifyRuleInput, ModifyRuleOutput},
        set_rule_priorities::{SetRulePrioritiesError, SetRulePrioritiesInput, SetRulePrioritiesOutput},
    },
    types::{HttpRequestMethodConditionConfig, Rule, RuleCondition, SourceIpConditionConfig},
};

use super::state::{Elb, find};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateRuleError::generic, create);
    cloud.on(DescribeRulesError::generic, describe);
    cloud.on(ModifyRuleError::generic, modify);
    cloud.on(SetRulePrioritiesError::generic, set_priorities);
    cloud.on(DeleteRuleError::generic, delete);
}

pub(super) fn line(elb: &Elb, listener: &str, rule: &Rule) -> String {
    let mut without_arn = rule.clone();
    without_arn.rule_arn = None;
    // The line of a default rule omits the listener, with which the rule is deleted.
    let listener = if rule.is_default() == Some(true) { "a listener" } else { listener };
    format!("{} at {listener} {without_arn:?}", elb.line("rule", rule.rule_arn()))
}

impl Elb {
    pub(super) fn rule(&self, arn: Option<&str>) -> Result<usize, Refusal> {
        find(&self.rules, |(_, rule)| rule.rule_arn(), arn, "RuleNotFound")
    }

    /// Restricts the rules of stacks to some addresses and one method, as a user of the console would.
    pub(in super::super) fn restrict_rules(&mut self) {
        let sources = SourceIpConditionConfig::builder().values("192.0.2.0/24").build();
        let condition = RuleCondition::builder().field("source-ip").source_ip_config(sources).build();
        let own = self.rules.iter_mut().filter(|(_, rule)| rule.is_default() != Some(true));
        let method = HttpRequestMethodConditionConfig::builder().values("GET").build();
        let method = RuleCondition::builder().field("http-request-method").http_request_method_config(method).build();
        own.for_each(|(_, rule)| rule.conditions.get_or_insert_default().extend([condition.clone(), method.clone()]));
    }

    /// Checks that no other rule of the listener has this priority.
    fn is_free(&self, listener: &str, priority: Option<i32>, rule: Option<&str>) -> Result<(), Refusal> {
        let priority = priority.map(|priority| priority.to_string());
        let mut others = self.rules.iter().filter(|(owner, one)| owner == listener && one.rule_arn() != rule);
        if others.any(|(_, one)| one.priority() == priority.as_deref()) {
            return Err(Refusal::new("PriorityInUse", "The specified priority is in use."));
        }
        Ok(())
    }
}

fn create(elb: &mut Elb, input: &CreateRuleInput) -> Result<CreateRuleOutput, Refusal> {
    elb.listener(input.listener_arn())?;
    elb.targets(input.actions())?;
    let listener = input.listener_arn().unwrap_or_default();
    elb.is_free(listener, input.priority(), None)?;
    let prefix = listener.replacen(":listener/", ":listener-rule/", 1);
    let rule = Rule::builder()
        .rule_arn(elb.arn(&prefix, input.tags()))
        .priority(input.priority().unwrap_or_default().to_string())
        .set_conditions(input.conditions.clone())
        .set_actions(input.actions.clone())
        .is_default(false)
        .build();
    elb.rules.push((listener.to_owned(), rule.clone()));
    Ok(CreateRuleOutput::builder().rules(rule).build())
}

fn describe(elb: &mut Elb, input: &DescribeRulesInput) -> Result<DescribeRulesOutput, Refusal> {
    elb.listener(input.listener_arn())?;
    let shown = elb.rules.iter().filter(|(listener, _)| Some(listener.as_str()) == input.listener_arn());
    Ok(DescribeRulesOutput::builder().set_rules(Some(shown.map(|(_, rule)| rule.clone()).collect())).build())
}

/// Modifies a rule. Fields that the call omits keep their value.
fn modify(elb: &mut Elb, input: &ModifyRuleInput) -> Result<ModifyRuleOutput, Refusal> {
    let at = elb.rule(input.rule_arn())?;
    elb.targets(input.actions())?;
    let (_, rule) = &mut elb.rules[at];
    rule.conditions = input.conditions.clone().or(rule.conditions.take());
    rule.actions = input.actions.clone().or(rule.actions.take());
    Ok(ModifyRuleOutput::builder().rules(rule.clone()).build())
}

fn set_priorities(elb: &mut Elb, input: &SetRulePrioritiesInput) -> Result<SetRulePrioritiesOutput, Refusal> {
    for pair in input.rule_priorities() {
        let at = elb.rule(pair.rule_arn())?;
        let listener = elb.rules[at].0.clone();
        elb.is_free(&listener, pair.priority(), pair.rule_arn())?;
        elb.rules[at].1.priority = pair.priority().map(|priority| priority.to_string());
    }
    Ok(SetRulePrioritiesOutput::builder().build())
}

fn delete(elb: &mut Elb, input: &DeleteRuleInput) -> Result<DeleteRuleOutput, Refusal> {
    let at = elb.rule(input.rule_arn())?;
    elb.rules.remove(at);
    elb.forget(input.rule_arn().unwrap_or_default());
    Ok(DeleteRuleOutput::builder().build())
}
