//! A listener rule: it routes the requests that match its conditions.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html>

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, Rule, RuleCondition, RulePriorityPair,
    TargetGroupStickinessConfig, TargetGroupTuple,
};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::elb::{self, conditions::Conditions, redirect},
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, Shown, fields},
};

/// The weights of a target group that gets all requests and of one that gets none (0 to 999).
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupTuple.html>
const ALL: i32 = 1;
const NONE: i32 = 0;

/// A listener rule.
pub struct ListenerRule;

/// The action for matching requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Forwards to a target group, by ARN.
    Forward(Input),
    /// Forwards to one target group and associates a second one. The load balancer checks the targets of the second
    /// group but sends it no requests.
    Beside {
        /// The ARN of the group that gets all requests.
        serving: Input,
        /// The ARN of the group that gets none.
        joining: Input,
    },
    /// Returns 404.
    NotFound,
    /// Redirects with 301 to the same path and query at this host, over HTTPS.
    Redirect(String),
}

/// The rule that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The ARN of the listener.
    pub listener: Input,
    /// The priority (1 to 50000). Rules with lower values are evaluated first.
    pub priority: u16,
    /// If there are other rules: the priority, after theirs, at which a new rule waits until its target exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_at: Option<u16>,
    /// Path patterns, of which one must match.
    pub paths: Vec<String>,
    /// Regular expressions instead of path patterns (at most 128 characters each). One must match the path as it was
    /// sent.
    pub expressions: Vec<String>,
    /// Host patterns, of which one must match. Empty for every host. AWS allows at most three values in each condition,
    /// and five in total.
    pub hosts: Vec<String>,
    /// Address ranges, of which one must contain the client. Empty for every client.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The action for matching requests.
    pub action: RuleAction,
}

/// The rule as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The ARN of the listener.
    pub listener: String,
    /// Its priority.
    pub priority: i32,
    /// Its path patterns.
    pub paths: Vec<String>,
    /// Its regular expressions for paths.
    pub expressions: Vec<String>,
    /// Its host patterns.
    pub hosts: Vec<String>,
    /// Its address ranges of clients.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The fields of conditions that stackctl never sets.
    pub other_conditions: Vec<String>,
    /// The action, as text.
    pub action: String,
    /// The target group that gets all requests, if there is one.
    #[serde(default)]
    pub serving: Option<String>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Priority = "priority",
        Paths = "paths",
        Expressions = "expressions",
        Hosts = "hosts",
        Sources = "sources",
        Conditions = "conditions",
        Action = "action",
    }

    /// The fields whose change replaces the rule.
    pub enum Fixed {
        Listener = "listener",
    }
}

impl Kind for ListenerRule {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "listener_rule";
    const HEADLINE: &'static [&'static str] = &["hosts", "paths"];
    const DOC: Doc = Doc {
        summary: "Forwards requests for some hosts and paths to a service, or blocks them.",
        page: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html",
    };
    const USES: &'static [&'static str] = &["listener", "target_group"];
    // The tasks of a new target group must be healthy before it gets requests.
    const COUNTED_ON_BY: &'static [&'static str] = &["service"];
    // Every path stays routed or blocked while one rule replaces another.
    const TAKES_OVER: bool = true;
    const REPLACEMENT: Replacement = Replacement::CreateFirst;
    const COST: Cost<Desired, Live> = Cost::Free("the price of the load balancer includes it");
    const NOT_YET: &'static [&'static str] = elb::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags"]),
        Permission::make(
            &[
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateRule",
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:SetRulePriorities",
            ],
            On::Named(elb::ARNS),
        ),
        Permission::delete(&["elasticloadbalancing:DeleteRule"], On::Named(elb::ARNS)),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let rules = elb::rules(cx).await?;
        Ok(rules
            .into_iter()
            .map(|(address, (listener, rule))| {
                let live = live(listener, &rule);
                Found { address, id: live.arn.clone(), live }
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::Listener, &live.listener, &desired.listener);
        diff.field(Field::Priority, &live.priority, &i32::from(desired.priority));
        diff.set(Field::Paths, &live.paths, &desired.paths);
        diff.set(Field::Expressions, &live.expressions, &desired.expressions);
        diff.set(Field::Hosts, &live.hosts, &desired.hosts);
        diff.set(Field::Sources, &live.sources, &desired.sources);
        diff.set(Field::Conditions, &live.other_conditions, &[]);
        match in_words(&desired.action) {
            Some(words) => diff.field(Field::Action, &live.action, &words),
            None => diff.push(Field::Action, Shown::value(&live.action), Shown::KnownAfterApply),
        };
        diff.finish()
    }

    /// Associates the new target group before it gets requests. ECS adds tasks only to a target group that a rule uses,
    /// and the tasks take some time to become healthy.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
    fn wider(desired: &Desired, live: &Live) -> Option<Desired> {
        let (RuleAction::Forward(joining), Some(serving)) = (&desired.action, &live.serving) else { return None };
        if desired.waits_at.map(i32::from) == Some(live.priority) {
            return Self::waiting(desired);
        }
        let moves = joining.known() != Some(serving);
        let action = || RuleAction::Beside { serving: serving.as_str().into(), joining: joining.clone() };
        moves.then(|| Desired { action: action(), ..desired.clone() })
    }

    /// Returns the rule at its waiting priority, after the rule that serves these requests until now.
    fn waiting(desired: &Desired) -> Option<Desired> {
        desired.waits_at.map(|priority| Desired { priority, waits_at: None, ..desired.clone() })
    }

    fn closes(live: &Live) -> bool {
        live.serving.is_none()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let listener = desired.listener.get()?;
        let call = cx
            .aws
            .elb
            .create_rule()
            .listener_arn(listener)
            .priority(i32::from(desired.priority))
            .set_conditions(Some(conditions(desired)))
            .actions(action(desired)?)
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = call.customize().once().send().await.during("CreateRule")?;
        let made = answer.rules.and_then(|made| made.into_iter().next());
        Ok(live(listener.to_owned(), &given(made, "CreateRule", "Rules")?))
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        let mut modified = false;
        for field in changes {
            match field {
                Field::Priority => {
                    live.priority = i32::from(desired.priority);
                    let pair = RulePriorityPair::builder().rule_arn(&live.arn).priority(live.priority).build();
                    let call = cx.aws.elb.set_rule_priorities().rule_priorities(pair);
                    call.customize().once().send().await.during("SetRulePriorities")?;
                }
                Field::Paths
                | Field::Expressions
                | Field::Hosts
                | Field::Sources
                | Field::Conditions
                | Field::Action => modified = true,
            }
        }
        if !modified {
            return Ok(live);
        }
        let call = cx.aws.elb.modify_rule().rule_arn(&live.arn);
        let call = call.set_conditions(Some(conditions(desired))).actions(action(desired)?);
        let answer = call.customize().once().send().await.during("ModifyRule")?;
        let made = answer.rules.and_then(|made| made.into_iter().next());
        let made = self::live(live.listener, &given(made, "ModifyRule", "Rules")?);
        Ok(Live { priority: live.priority, ..made })
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.elb.delete_rule().rule_arn(&live.arn).customize().once();
        call.send().await.or_absent("DeleteRule", &["RuleNotFound", "ListenerNotFound"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // Two rules exchange their priorities: the other rule moves too.
        failure.is(&["PriorityInUse"]).then_some("another rule to release its priority")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use elb::model::{Elb, GROUP, LISTENER, OTHER_GROUP, OTHER_LISTENER, cloud};
        let base = || Desired {
            listener: LISTENER.into(),
            priority: 1000,
            waits_at: None,
            paths: vec!["/api/*".into()],
            expressions: Vec::new(),
            hosts: vec!["api.example.com".into()],
            sources: Vec::new(),
            action: RuleAction::Forward(GROUP.into()),
        };
        let beside = RuleAction::Beside { serving: GROUP.into(), joining: OTHER_GROUP.into() };
        let expressions = Desired { paths: Vec::new(), expressions: vec!["^/[Aa]$".into()], ..base() };
        crate::kind::Sample::new(cloud, base())
            .variant(&["listener"], Desired { listener: OTHER_LISTENER.into(), ..base() })
            .variant(&["priority"], Desired { priority: 2000, ..base() })
            .variant(&["priority", "action"], Desired { priority: 2000, action: RuleAction::NotFound, ..base() })
            .variant(&["paths"], Desired { paths: vec!["/*".into()], ..base() })
            .variant(&["paths", "expressions"], expressions)
            .variant(&["hosts"], Desired { hosts: Vec::new(), ..base() })
            .variant(&["sources"], Desired { sources: vec!["203.0.113.0/24".into(), "2001:db8::/32".into()], ..base() })
            .variant(&["action"], Desired { action: RuleAction::NotFound, ..base() })
            .variant(&["action"], Desired { action: RuleAction::Forward(OTHER_GROUP.into()), ..base() })
            .variant(&["action"], Desired { action: beside, ..base() })
            .variant(&["action"], Desired { action: RuleAction::Redirect("example.com".into()), ..base() })
            .drift(&["sources", "conditions"], |cloud| cloud.with(Elb::restrict_rules))
    }
}

fn conditions(desired: &Desired) -> Vec<RuleCondition> {
    let Desired { paths, expressions, hosts, sources, .. } = desired.clone();
    Conditions { paths, expressions, hosts, sources, others: Vec::new() }.written()
}

/// Returns the action as the text of a live rule. `None` until its target groups exist.
fn in_words(action: &RuleAction) -> Option<String> {
    Some(match action {
        RuleAction::NotFound => "return 404".to_owned(),
        RuleAction::Redirect(host) => redirect::to(host),
        RuleAction::Forward(group) => forwarding(&[(group.known()?, ALL)]),
        RuleAction::Beside { serving, joining } => forwarding(&[(serving.known()?, ALL), (joining.known()?, NONE)]),
    })
}

fn forwarding(groups: &[(&str, i32)]) -> String {
    let to = |(group, weight): &(&str, i32)| match *weight {
        NONE => format!("{group} (no requests yet)"),
        ALL => (*group).to_owned(),
        weight => format!("{group} (weight {weight})"),
    };
    format!("forward to {}", groups.iter().map(to).collect::<Vec<_>>().join(" and "))
}

/// Returns the target groups of `action` with their weights, highest weight first.
fn groups(action: &Action) -> Vec<(&str, i32)> {
    let weighted = action.forward_config().map(ForwardActionConfig::target_groups).unwrap_or_default();
    let mut groups: Vec<(&str, i32)> =
        weighted.iter().filter_map(|group| Some((group.target_group_arn()?, group.weight().unwrap_or(ALL)))).collect();
    if groups.len() < 2 {
        // The weight of a single group has no effect.
        let alone = groups.first().map(|(group, _)| *group).or(action.target_group_arn());
        return alone.map(|group| (group, ALL)).into_iter().collect();
    }
    groups.sort_by_key(|(_, weight)| -weight);
    groups
}

fn action(desired: &Desired) -> Result<Action, Failure> {
    Ok(match &desired.action {
        RuleAction::Redirect(host) => redirect::action(host),
        RuleAction::Forward(group) => {
            Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group.get()?).build()
        }
        RuleAction::Beside { serving, joining } => {
            let tuple = |group: &Input, weight| {
                Ok::<_, Failure>(TargetGroupTuple::builder().target_group_arn(group.get()?).weight(weight).build())
            };
            let both = ForwardActionConfig::builder().target_groups(tuple(serving, ALL)?);
            // If targets are sticky, AWS accepts a rule with two groups only if the groups are sticky too. This
            // stickiness of one second ends when one group is left.
            let sticky = TargetGroupStickinessConfig::builder().enabled(true).duration_seconds(1).build();
            let both = both.target_groups(tuple(joining, NONE)?).target_group_stickiness_config(sticky).build();
            Action::builder().r#type(ActionTypeEnum::Forward).forward_config(both).build()
        }
        RuleAction::NotFound => {
            let answer = FixedResponseActionConfig::builder()
                .status_code("404")
                .content_type("text/plain")
                .message_body("Not found")
                .build();
            Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer).build()
        }
    })
}

fn live(listener: String, rule: &Rule) -> Live {
    let Conditions { paths, expressions, hosts, sources, others } = Conditions::of(rule);
    let mut live = Live {
        arn: rule.rule_arn().unwrap_or_default().to_owned(),
        listener,
        priority: rule.priority().and_then(|priority| priority.parse().ok()).unwrap_or_default(),
        paths,
        expressions,
        hosts,
        sources,
        other_conditions: others,
        action: String::new(),
        serving: None,
    };
    if let Some(action) = rule.actions().last() {
        let status = action.fixed_response_config().and_then(FixedResponseActionConfig::status_code);
        let groups = groups(action);
        let mut served = groups.iter().filter(|(_, weight)| *weight != NONE);
        live.serving = served.next().filter(|_| served.next().is_none()).map(|(group, _)| (*group).to_owned());
        live.action = match action.r#type() {
            Some(ActionTypeEnum::Forward) => forwarding(&groups),
            Some(ActionTypeEnum::FixedResponse) => format!("return {}", status.unwrap_or_default()),
            Some(ActionTypeEnum::Redirect) => action.redirect_config().map(redirect::words).unwrap_or_default(),
            other => other.map_or(String::new(), |other| other.as_str().to_owned()),
        };
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::How;

    fn desired() -> Desired {
        Desired {
            listener: "listener".into(),
            priority: 1000,
            waits_at: Some(40_000),
            paths: vec!["/*".into()],
            expressions: Vec::new(),
            hosts: Vec::new(),
            sources: Vec::new(),
            action: RuleAction::Forward("group".into()),
        }
    }

    fn live() -> Live {
        Live {
            arn: "rule".into(),
            listener: "listener".into(),
            priority: 1000,
            paths: vec!["/*".into()],
            expressions: Vec::new(),
            hosts: Vec::new(),
            sources: Vec::new(),
            other_conditions: Vec::new(),
            action: "forward to group".into(),
            serving: Some("group".into()),
        }
    }

    #[test]
    fn requests_move_to_another_target_group_in_two_steps() {
        let moved = Desired { action: RuleAction::Forward("new".into()), ..desired() };
        let wider = ListenerRule::wider(&moved, &live()).expect("the old group serves meanwhile");
        let sent = action(&wider).expect("both are known");
        assert_eq!(groups(&sent), [("group", ALL), ("new", NONE)]);
        let both = Live { action: in_words(&wider.action).expect("both are known"), ..live() };
        assert_eq!(both.action, "forward to group and new (no requests yet)");
        // If stackctl is killed here, the next run requests the same change.
        assert_eq!(ListenerRule::wider(&moved, &both), Some(wider));
        let done = Live { action: "forward to new".into(), serving: Some("new".into()), ..live() };
        assert_eq!((ListenerRule::wider(&moved, &done), ListenerRule::diff(&moved, &done).len()), (None, 0));
        assert_eq!(ListenerRule::wider(&Desired { action: RuleAction::NotFound, ..desired() }, &live()), None);
    }

    #[test]
    fn waiting_rule_keeps_its_priority_until_it_is_moved() {
        let waiting = ListenerRule::waiting(&desired()).expect("it forwards");
        let waits = Live { priority: 40_000, ..live() };
        assert_eq!(ListenerRule::diff(&waiting, &waits), []);
        assert_eq!(ListenerRule::wider(&desired(), &waits), Some(waiting));
    }

    #[test]
    fn unchanged_listener_rule_has_no_changes() {
        assert_eq!(ListenerRule::diff(&desired(), &live()), []);
    }

    #[test]
    fn changed_action_is_the_only_change_shown() {
        let drifted = Live { action: "return 503".into(), ..live() };
        let changes = ListenerRule::diff(&desired(), &drifted);
        assert_eq!(changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(), ["action"]);
    }

    #[test]
    fn patterns_change_to_expressions_in_place() {
        let desired = Desired { paths: Vec::new(), expressions: vec!["^/[Aa]$".into()], ..desired() };
        let changes = ListenerRule::diff(&desired, &live());
        let fields: Vec<(&str, How)> = changes.iter().map(|change| (change.field.as_str(), change.how)).collect();
        assert_eq!(fields, [("paths", How::InPlace), ("expressions", How::InPlace)]);
        let sent = conditions(&desired);
        let config = sent[0].path_pattern_config().expect("it is about paths");
        assert_eq!((config.values().len(), config.regex_values()), (0, &["^/[Aa]$".to_owned()][..]));
    }
}
