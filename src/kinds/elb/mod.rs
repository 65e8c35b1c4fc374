//! What the Elastic Load Balancing kinds share: the reads that several of them need.

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

/// The ARNs of the stack's load balancers, target groups, listeners and rules. Listeners and rules have the load balancer's
/// name, and all three share a pattern, because a policy has to be short.
pub(super) const ARNS: &[&str] = &[
    "elasticloadbalancing:{region}:{account}:*/app/{name:32}*",
    "elasticloadbalancing:{region}:{account}:targetgroup/{name:32}*",
];

/// The longest name of a load balancer or target group, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
pub(super) const LONGEST_NAME: usize = 32;

/// ELB's codes for a subnet, a security group or a resource of its own that was just made and is not known everywhere yet.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
pub(super) const NOT_YET: &[&str] = &[
    "SubnetNotFound",
    "InvalidSubnet",
    "InvalidSecurityGroup",
    "LoadBalancerNotFound",
    "ListenerNotFound",
    "TargetGroupNotFound",
];

/// What CloudWatch calls the load balancer or target group with this ARN: `app/<name>/<id>` or `targetgroup/<name>/<id>`.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
#[must_use]
pub fn dimension(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}

/// The largest page of load balancers, target groups, listeners or rules: what needs another page waits for it.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html>
const PAGE: i32 = 400;

/// How many resources one `DescribeTags` call takes.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>
const TAGGED_AT_ONCE: usize = 20;

// A rule is found through its listener and that through its load balancer, and whose each is, only its tags say. To wait
// for the tags of one before asking for the next would double the rounds of a look; so what may be ours by its name is
// followed down, and the tags are read beside: once for load balancers and target groups, once for listeners and rules.

/// The load balancers that can be the stack's by their names, read once a look at the cloud.
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

/// The target groups that can be the stack's by their names, read once a look at the cloud.
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

/// The listeners of those load balancers, read once a look at the cloud.
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

/// A load balancer of the stack.
#[derive(Clone, Debug)]
pub(super) struct Balancer {
    pub(super) address: Address,
    /// The hosted zones in which the stack has records, by their ids.
    pub(super) zones: Vec<String>,
    pub(super) sdk: LoadBalancer,
}

/// The stack's load balancers, read once a look at the cloud.
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

/// The stack's target groups with their addresses.
pub(super) async fn target_groups(cx: &Context) -> Result<Vec<(Address, TargetGroup)>, Failure> {
    let (found, tags) = futures::try_join!(candidate_groups(cx), upper_tags(cx))?;
    Ok(owned(cx, &found, &tags, TargetGroup::target_group_arn))
}

/// The tags of the load balancers and target groups that can be the stack's, read once a look at the cloud.
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

/// The certificates, by ARN, that listeners show which may be the stack's.
pub(super) async fn shown_certificates(cx: &Context) -> Result<BTreeSet<String>, Failure> {
    let listeners = candidate_listeners(cx).await?;
    let shown = listeners.iter().flat_map(Listener::certificates);
    Ok(shown.filter_map(|certificate| certificate.certificate_arn().map(str::to_owned)).collect())
}

/// The stack's listeners with their addresses.
pub(super) async fn listeners(cx: &Context) -> Result<Vec<(Address, Listener)>, Failure> {
    let (found, tags) = futures::try_join!(candidate_listeners(cx), lower_tags(cx))?;
    Ok(owned(cx, &found, &tags, Listener::listener_arn))
}

/// The stack's rules with their addresses and their listeners' ARNs; the default rules are the listeners' own.
pub(super) async fn rules(cx: &Context) -> Result<Vec<(Address, (String, Rule))>, Failure> {
    let (found, tags) = futures::try_join!(candidate_rules(cx), lower_tags(cx))?;
    Ok(owned(cx, &found, &tags, |(_, rule)| rule.rule_arn()))
}

/// The listeners of others that rules of the stack may be on, by their ARNs: those that stack.yaml names, and those of load balancers
/// that lead to a target group of the stack.
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

/// The rules of those listeners, with the listeners' ARNs, read once a look at the cloud.
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

/// The tags of those listeners and rules, read once a look at the cloud.
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

/// Those of `all` whose tags give them an address of the stack, with it.
fn owned<T: Clone>(cx: &Context, all: &[T], tags: &Tags, arn: impl Fn(&T) -> Option<&str>) -> Vec<(Address, T)> {
    let address = |one: &T| aws::address_of(&cx.id, tags.get(arn(one)?)?);
    all.iter().filter_map(|one| Some((address(one)?, one.clone()))).collect()
}

/// Tags by ARN.
type Tags = BTreeMap<String, Vec<Tag>>;

/// The tags of these ARNs.
async fn tags(cx: &Context, arns: &[&str]) -> Result<Tags, Failure> {
    let reads = arns.chunks(TAGGED_AT_ONCE).map(|some| async move {
        if let Some(tags) = tags_at_once(cx, some).await? {
            return Ok(tags);
        }
        // One that has just gone makes the whole call fail, and must not hide the others.
        let each = try_join_all(some.iter().map(|arn| async move { tags_at_once(cx, &[*arn]).await })).await?;
        Ok::<_, Failure>(each.into_iter().flatten().flatten().collect())
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// The tags of up to twenty ARNs; none if one of them is not there any more.
async fn tags_at_once(cx: &Context, arns: &[&str]) -> Result<Option<Tags>, Failure> {
    let arns = arns.iter().map(|arn| (*arn).to_owned()).collect();
    let call = cx.aws.elb.describe_tags().set_resource_arns(Some(arns)).send().await;
    let gone = ["LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound"];
    let Some(page) = call.or_absent("DescribeTags", &gone)? else { return Ok(None) };
    let described = page.tag_descriptions.unwrap_or_default();
    Ok(Some(described.into_iter().filter_map(|one| Some((one.resource_arn?, one.tags.unwrap_or_default()))).collect()))
}
