//! Helpers for the Elastic Load Balancing kinds: the reads that several of them need.

mod conditions;
pub mod errors;
pub mod listener;
pub mod listener_rule;
pub mod load_balancer;
#[cfg(test)]
pub(super) mod model;
mod redirect;
pub mod target_group;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aws_sdk_elasticloadbalancingv2::types::{Listener, LoadBalancer, Rule, Tag, TargetGroup};
use futures::future::try_join_all;

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Failure},
};

/// The ARN patterns of the stack's load balancers, target groups, listeners and rules. The ARNs of listeners and rules
/// contain the name of the load balancer. One pattern for these three keeps the policy short.
pub(super) const ARNS: &[&str] = &[
    "elasticloadbalancing:{region}:{account}:*/app/{name:32}*",
    "elasticloadbalancing:{region}:{account}:targetgroup/{name:32}*",
];

/// The maximum length of a load balancer or target group name, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
pub(super) const LONGEST_NAME: usize = 32;

/// The ELB error codes for a new subnet, security group or ELB resource that is not visible everywhere yet.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
pub(super) const NOT_YET: &[&str] = &[
    "SubnetNotFound",
    "InvalidSubnet",
    "InvalidSecurityGroup",
    "LoadBalancerNotFound",
    "ListenerNotFound",
    "TargetGroupNotFound",
];

/// Returns the CloudWatch dimension of the load balancer or target group with this ARN: `app/<name>/<id>` or
/// `targetgroup/<name>/<id>`.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
#[must_use]
pub fn dimension(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}

/// The largest page size for load balancers, target groups, listeners and rules. Each additional page costs a round
/// trip.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html>
const PAGE: i32 = 400;

/// The maximum number of resources in one `DescribeTags` call.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>
const TAGGED_AT_ONCE: usize = 20;

// A rule is listed by its listener, and a listener by its load balancer, but only tags show whether they belong to the
// stack. Waiting for the tags of one level before listing the next would double the round trips. So the reads below
// list everything that may belong to the stack by its name, and read the tags in parallel: once for load balancers and
// target groups, and once for listeners and rules.

/// Returns the load balancers whose names may belong to the stack. They are listed once per look at AWS.
async fn candidates(cx: &Context) -> Result<Arc<Vec<LoadBalancer>>, Failure> {
    cx.shared(
        "elb load balancers",
        Box::pin(async {
            let pages = cx.aws.elb.describe_load_balancers().page_size(PAGE).into_paginator().items().send();
            let all: Vec<LoadBalancer> = pages.try_collect().await.during("DescribeLoadBalancers")?;
            let likely = all.into_iter().filter(|balancer| {
                aws::may_be_ours(&cx.id, balancer.load_balancer_name().unwrap_or_default(), LONGEST_NAME)
            });
            Ok(likely.collect())
        }),
    )
    .await
}

/// Returns the target groups whose names may belong to the stack. They are listed once per look at AWS.
async fn candidate_groups(cx: &Context) -> Result<Arc<Vec<TargetGroup>>, Failure> {
    cx.shared(
        "elb target groups",
        Box::pin(async {
            let pages = cx.aws.elb.describe_target_groups().page_size(PAGE).into_paginator().items().send();
            let all: Vec<TargetGroup> = pages.try_collect().await.during("DescribeTargetGroups")?;
            let likely = all
                .into_iter()
                .filter(|group| aws::may_be_ours(&cx.id, group.target_group_name().unwrap_or_default(), LONGEST_NAME));
            Ok(likely.collect())
        }),
    )
    .await
}

/// Returns the listeners of those load balancers. They are listed once per look at AWS.
async fn candidate_listeners(cx: &Context) -> Result<Arc<Vec<Listener>>, Failure> {
    cx.shared(
        "elb listeners",
        Box::pin(async {
            let balancers = candidates(cx).await?;
            let reads = balancers.iter().filter_map(LoadBalancer::load_balancer_arn).map(|arn| async move {
                let call = cx
                    .aws
                    .elb
                    .describe_listeners()
                    .load_balancer_arn(arn)
                    .page_size(PAGE)
                    .into_paginator()
                    .items()
                    .send();
                call.try_collect().await.or_absent("DescribeListeners", &["LoadBalancerNotFound"])
            });
            let found: Vec<Option<Vec<Listener>>> = try_join_all(reads).await?;
            Ok(found.into_iter().flatten().flatten().collect())
        }),
    )
    .await
}

/// A load balancer that belongs to the stack.
#[derive(Clone, Debug)]
pub(super) struct Balancer {
    pub(super) address: Address,
    /// The ids of the hosted zones in which the stack has records.
    pub(super) zones: Vec<String>,
    pub(super) sdk: LoadBalancer,
}

/// Returns the stack's load balancers. They are read once per look at AWS.
pub(super) async fn load_balancers(cx: &Context) -> Result<Arc<Vec<Balancer>>, Failure> {
    cx.shared(
        "elb owned load balancers",
        Box::pin(async {
            let (found, tags) = futures::try_join!(candidates(cx), upper_tags(cx))?;
            let owned = found.iter().filter_map(|sdk| {
                let tags = tags.get(sdk.load_balancer_arn()?)?;
                let address = aws::address_of(&cx.id, tags)?;
                Some(Balancer { address, zones: aws::zones_of(tags), sdk: sdk.clone() })
            });
            Ok(owned.collect())
        }),
    )
    .await
}

/// Returns the stack's target groups with their addresses.
pub(super) async fn target_groups(cx: &Context) -> Result<Vec<(Address, TargetGroup)>, Failure> {
    let (found, tags) = futures::try_join!(candidate_groups(cx), upper_tags(cx))?;
    Ok(owned(cx, &found, &tags, TargetGroup::target_group_arn))
}

/// Returns the tags of the load balancers and target groups that may belong to the stack. They are read once per look
/// at AWS.
async fn upper_tags(cx: &Context) -> Result<Arc<Tags>, Failure> {
    cx.shared(
        "elb tags of load balancers and target groups",
        Box::pin(async {
            let (balancers, groups) = futures::try_join!(candidates(cx), candidate_groups(cx))?;
            let balancers = balancers.iter().filter_map(LoadBalancer::load_balancer_arn);
            let arns: Vec<&str> = balancers.chain(groups.iter().filter_map(TargetGroup::target_group_arn)).collect();
            tags(cx, &arns).await
        }),
    )
    .await
}

/// Returns the ARNs of the certificates on listeners that may belong to the stack.
pub(super) async fn shown_certificates(cx: &Context) -> Result<BTreeSet<String>, Failure> {
    let listeners = candidate_listeners(cx).await?;
    let shown = listeners.iter().flat_map(Listener::certificates);
    Ok(shown.filter_map(|certificate| certificate.certificate_arn().map(str::to_owned)).collect())
}

/// Returns the stack's listeners with their addresses.
pub(super) async fn listeners(cx: &Context) -> Result<Vec<(Address, Listener)>, Failure> {
    let (found, tags) = futures::try_join!(candidate_listeners(cx), lower_tags(cx))?;
    Ok(owned(cx, &found, &tags, Listener::listener_arn))
}

/// Returns the stack's rules with their addresses and the ARNs of their listeners. Default rules are part of the
/// listeners.
pub(super) async fn rules(cx: &Context) -> Result<Vec<(Address, (String, Rule))>, Failure> {
    let (found, tags) = futures::try_join!(candidate_rules(cx), lower_tags(cx))?;
    Ok(owned(cx, &found, &tags, |(_, rule)| rule.rule_arn()))
}

/// Returns the ARNs of listeners of others that may have rules of the stack: those in stack.yaml, and those of load
/// balancers that forward to a target group of the stack.
async fn others_listeners(cx: &Context) -> Result<BTreeSet<String>, Failure> {
    let named = cx.expected("listener_rule").filter_map(|(_, desired)| desired["listener"].as_str());
    let mut listeners: BTreeSet<String> = named.map(str::to_owned).collect();
    let (own, groups) = futures::try_join!(candidates(cx), candidate_groups(cx))?;
    let is_own = |arn: &str| own.iter().any(|balancer| balancer.load_balancer_arn() == Some(arn));
    let others = groups.iter().flat_map(TargetGroup::load_balancer_arns).filter(|arn| !is_own(arn));
    let reads = others.collect::<BTreeSet<_>>().into_iter().map(|arn| async move {
        let call = cx.aws.elb.describe_listeners().load_balancer_arn(arn).page_size(PAGE).into_paginator().items();
        let found: Result<Vec<Listener>, _> = call.send().try_collect().await;
        found.or_absent("DescribeListeners", &["LoadBalancerNotFound"])
    });
    let found = try_join_all(reads).await?;
    listeners.extend(found.into_iter().flatten().flatten().filter_map(|listener| listener.listener_arn));
    Ok(listeners)
}

/// Returns the rules of all those listeners with the ARNs of the listeners. They are listed once per look at AWS.
async fn candidate_rules(cx: &Context) -> Result<Arc<Vec<(String, Rule)>>, Failure> {
    cx.shared(
        "elb rules",
        Box::pin(async {
            let (listeners, others) = futures::try_join!(candidate_listeners(cx), others_listeners(cx))?;
            let own = listeners.iter().filter_map(Listener::listener_arn);
            let all: BTreeSet<&str> = own.chain(others.iter().map(String::as_str)).collect();
            let reads = all.into_iter().map(|arn| async move {
                let call =
                    cx.aws.elb.describe_rules().listener_arn(arn).page_size(PAGE).into_paginator().items().send();
                let rules: Option<Vec<Rule>> =
                    call.try_collect().await.or_absent("DescribeRules", &["ListenerNotFound"])?;
                let rules = rules.unwrap_or_default().into_iter().filter(|rule| rule.is_default() != Some(true));
                Ok::<_, Failure>(rules.map(|rule| (arn.to_owned(), rule)).collect::<Vec<_>>())
            });
            Ok(try_join_all(reads).await?.into_iter().flatten().collect())
        }),
    )
    .await
}

/// Returns the tags of those listeners and rules. They are read once per look at AWS.
async fn lower_tags(cx: &Context) -> Result<Arc<Tags>, Failure> {
    cx.shared(
        "elb tags of listeners and rules",
        Box::pin(async {
            let (listeners, rules) = futures::try_join!(candidate_listeners(cx), candidate_rules(cx))?;
            let listeners = listeners.iter().filter_map(Listener::listener_arn);
            let arns: Vec<&str> = listeners.chain(rules.iter().filter_map(|(_, rule)| rule.rule_arn())).collect();
            tags(cx, &arns).await
        }),
    )
    .await
}

/// Returns those of `all` that belong to the stack according to their tags, with their addresses.
fn owned<T: Clone>(cx: &Context, all: &[T], tags: &Tags, arn: impl Fn(&T) -> Option<&str>) -> Vec<(Address, T)> {
    let address = |one: &T| aws::address_of(&cx.id, tags.get(arn(one)?)?);
    all.iter().filter_map(|one| Some((address(one)?, one.clone()))).collect()
}

/// Tags by ARN.
type Tags = BTreeMap<String, Vec<Tag>>;

/// Returns the tags of these ARNs.
async fn tags(cx: &Context, arns: &[&str]) -> Result<Tags, Failure> {
    let reads = arns.chunks(TAGGED_AT_ONCE).map(|some| async move {
        if let Some(tags) = tags_at_once(cx, some).await? {
            return Ok(tags);
        }
        // A resource that was just deleted makes the whole call fail, and must not hide the others.
        let each = try_join_all(some.iter().map(|arn| async move { tags_at_once(cx, &[*arn]).await })).await?;
        Ok::<_, Failure>(each.into_iter().flatten().flatten().collect())
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// Returns the tags of up to twenty ARNs, or `None` if one of the resources does not exist.
async fn tags_at_once(cx: &Context, arns: &[&str]) -> Result<Option<Tags>, Failure> {
    let arns = arns.iter().map(|arn| (*arn).to_owned()).collect();
    let call = cx.aws.elb.describe_tags().set_resource_arns(Some(arns)).send().await;
    let gone = ["LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound"];
    let Some(page) = call.or_absent("DescribeTags", &gone)? else { return Ok(None) };
    let described = page.tag_descriptions.unwrap_or_default();
    Ok(Some(described.into_iter().filter_map(|one| Some((one.resource_arn?, one.tags.unwrap_or_default()))).collect()))
}
