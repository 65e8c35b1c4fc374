//! An application load balancer. The public one is the only part of a stack that the internet can reach. The internal
//! one has only private addresses.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum, LoadBalancerTypeEnum, Tag,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Blocker, Charge, Context, Cost, Doc, Kind, Owned, PUBLIC_ADDRESS, State},
    kinds::elb,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, Shown, fields},
};

/// The attribute for the idle timeout of connections.
const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

/// The other attributes that stackctl sets. Requests with malformed headers never reach an application.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html>
const ATTRIBUTES: &[(&str, &str)] =
    &[("routing.http.drop_invalid_header_fields.enabled", "true"), ("routing.http2.enabled", "true")];

/// The attribute for deletion protection. stackctl never sets it, and removes it only on request.
const PROTECTION: &str = "deletion_protection.enabled";

/// A load balancer.
pub struct LoadBalancer;

/// The load balancer that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Its subnets, in at least two zones: public ones, unless it is internal.
    pub subnets: Vec<Input>,
    /// The security group that allows incoming connections.
    pub security_group: Input,
    /// The ids of the hosted zones with records for this load balancer. Its tags store them, so that the records are
    /// found.
    pub zones: Vec<String>,
    /// Whether it has only private addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
    /// The idle timeout of connections, in seconds.
    #[serde(default = "usual_idle_timeout", skip_serializing_if = "is_usual_idle_timeout")]
    pub idle_timeout: u32,
}

/// Returns the AWS default.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html>
fn usual_idle_timeout() -> u32 {
    60
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_usual_idle_timeout(seconds: &u32) -> bool {
    *seconds == usual_idle_timeout()
}

impl Desired {
    /// Returns the attributes that stackctl sets.
    fn attributes(&self) -> BTreeMap<String, String> {
        let idle = (IDLE_TIMEOUT.to_owned(), self.idle_timeout.to_string());
        ATTRIBUTES.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).chain([idle]).collect()
    }
}

/// The load balancer as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// Its DNS name.
    pub dns_name: String,
    /// The hosted zone of that name, for an alias record.
    pub zone_id: String,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// The hosted zones in which the stack has or had records.
    pub zones: Vec<String>,
    /// The attributes that stackctl sets.
    pub attributes: BTreeMap<String, String>,
    /// Whether it has only private addresses.
    #[serde(default)]
    pub internal: bool,
    /// Whether somebody enabled deletion protection.
    #[serde(default)]
    pub protected: bool,
    /// The state that AWS reports: `provisioning`, `active`, `active_impaired` or `failed`.
    pub state: String,
    /// The reason that AWS gives for the state.
    pub reason: Option<String>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Subnets = "subnets",
        SecurityGroup = "security_group",
        Zones = "zones",
        Attributes = "attributes.*",
    }

    /// The fields whose change replaces the load balancer.
    pub enum Fixed {
        Internal = "internal",
    }
}

impl Kind for LoadBalancer {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "load_balancer";
    const DOC: Doc = Doc {
        summary: "An application load balancer. Requests from the internet reach the services through the public one \
                  only.",
        page: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html",
    };
    const USES: &'static [&'static str] = &["subnet", "security_group", "internet_gateway"];
    const COST: Cost<Desired, Live> = Cost::Counted {
        prices: &["load_balancer hour", PUBLIC_ADDRESS],
        charge: |_, state, _| Ok(Some(charge(state))),
    };
    const NOT_YET: &'static [&'static str] = elb::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&[
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers",
            "elasticloadbalancing:DescribeTags",
        ]),
        // Finds the resources that may block a deletion.
        Permission::look(&["elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules"]),
        Permission::make(
            &[
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            On::Named(elb::ARNS),
        ),
        // Elastic Load Balancing reads these with the permissions of the caller.
        Permission::make(&["ec2:DescribeAccountAttributes"], On::Any),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("elasticloadbalancing.amazonaws.com")),
        // A deletion first removes the deletion protection.
        Permission::delete(
            &["elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:ModifyLoadBalancerAttributes"],
            On::Named(elb::ARNS),
        ),
    ];
    const USUAL: Duration = Duration::from_secs(150);
    const DEADLINE: Duration = Duration::from_secs(900);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let balancers = elb::load_balancers(cx).await?;
        let reads = balancers.iter().map(|elb::Balancer { address, zones, sdk: balancer }| async move {
            let arn = balancer.load_balancer_arn().unwrap_or_default().to_owned();
            let call = cx.aws.elb.describe_load_balancer_attributes().load_balancer_arn(&arn).send().await;
            let attributes = call.or_absent("DescribeLoadBalancerAttributes", &["LoadBalancerNotFound"])?;
            let Some(attributes) = attributes else { return Ok(None) };
            let known = attributes.attributes().iter().filter_map(|attribute| {
                let (key, value) = (attribute.key()?, attribute.value()?);
                let is_ours = key == IDLE_TIMEOUT || ATTRIBUTES.iter().any(|(ours, _)| *ours == key);
                is_ours.then(|| (key.to_owned(), value.to_owned()))
            });
            let protects = |attribute: &LoadBalancerAttribute| {
                attribute.key() == Some(PROTECTION) && attribute.value() == Some("true")
            };
            let protected = attributes.attributes().iter().any(protects);
            let state = balancer.state();
            let live = Live {
                dns_name: balancer.dns_name().unwrap_or_default().to_owned(),
                zone_id: balancer.canonical_hosted_zone_id().unwrap_or_default().to_owned(),
                subnets: balancer
                    .availability_zones()
                    .iter()
                    .filter_map(|zone| zone.subnet_id().map(str::to_owned))
                    .collect(),
                security_groups: balancer.security_groups().to_vec(),
                zones: zones.clone(),
                attributes: known.collect(),
                internal: balancer.scheme() == Some(&LoadBalancerSchemeEnum::Internal),
                protected,
                state: state.and_then(|state| state.code()).map_or(String::new(), |code| code.as_str().to_owned()),
                reason: state.and_then(|state| state.reason()).map(str::to_owned),
                arn: arn.clone(),
            };
            Ok::<_, Failure>(Some(Found { address: address.clone(), id: arn, live }))
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed(Fixed::Internal, &live.internal, &desired.internal);
        diff.inputs(Field::Subnets, &live.subnets, &desired.subnets);
        let groups = std::slice::from_ref(&desired.security_group);
        diff.inputs(Field::SecurityGroup, &live.security_groups, groups);
        // An additional zone, where the stack once had records, does no harm.
        for zone in desired.zones.iter().filter(|zone| !live.zones.contains(zone)) {
            diff.push(Field::Zones, Shown::Absent, Shown::value(zone));
        }
        for (key, value) in &desired.attributes() {
            let has = live.attributes.get(key).map_or("", String::as_str);
            diff.field((Field::Attributes, key), &has, &value.as_str());
        }
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        let failed = LoadBalancerStateEnum::Failed.as_str();
        let active = [LoadBalancerStateEnum::Active.as_str(), LoadBalancerStateEnum::ActiveImpaired.as_str()];
        if active.contains(&live.state.as_str()) {
            Phase::Ready
        } else if live.state == failed {
            Phase::Failed(live.reason.clone().unwrap_or_else(|| "AWS gave no reason".to_owned()))
        } else {
            Phase::Pending(live.state.clone())
        }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new()
            .with("arn", &live.arn)
            .with("dns_name", &live.dns_name)
            .with("zone_id", &live.zone_id)
            .with("dimension", elb::dimension(&live.arn))
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let (subnets, group) = (Input::all(&desired.subnets)?, desired.security_group.get()?);
        let mut tags = aws::tags(&cx.id, address);
        tags.extend(zones_tag(&desired.zones));
        let call = cx
            .aws
            .elb
            .create_load_balancer()
            .name(aws::derived(&cx.id, address, elb::LONGEST_NAME))
            .r#type(LoadBalancerTypeEnum::Application)
            .scheme(if desired.internal {
                LoadBalancerSchemeEnum::Internal
            } else {
                LoadBalancerSchemeEnum::InternetFacing
            })
            .set_subnets(Some(subnets.clone()))
            .security_groups(group)
            .set_tags(Some(tags));
        let answer = call.customize().once().send().await.during("CreateLoadBalancer")?;
        let made = given(
            answer.load_balancers.and_then(|made| made.into_iter().next()),
            "CreateLoadBalancer",
            "LoadBalancers",
        )?;
        let live = Live {
            arn: given(made.load_balancer_arn, "CreateLoadBalancer", "LoadBalancerArn")?,
            dns_name: made.dns_name.unwrap_or_default(),
            zone_id: made.canonical_hosted_zone_id.unwrap_or_default(),
            subnets,
            security_groups: vec![group.to_owned()],
            zones: desired.zones.clone(),
            attributes: BTreeMap::new(),
            internal: desired.internal,
            protected: false,
            state: made.state.and_then(|state| state.code).map_or(String::new(), |code| code.as_str().to_owned()),
            reason: None,
        };
        set_attributes(cx, desired, live).await
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        let arn = live.arn.clone();
        for field in changes {
            match field {
                Field::Subnets => {
                    live.subnets = Input::all(&desired.subnets)?;
                    let call = cx.aws.elb.set_subnets().load_balancer_arn(&arn).set_subnets(Some(live.subnets.clone()));
                    call.customize().once().send().await.during("SetSubnets")?;
                }
                Field::SecurityGroup => {
                    live.security_groups = vec![desired.security_group.get()?.to_owned()];
                    let groups = Some(live.security_groups.clone());
                    let call = cx.aws.elb.set_security_groups().load_balancer_arn(&arn).set_security_groups(groups);
                    call.customize().once().send().await.during("SetSecurityGroups")?;
                }
                Field::Zones => {
                    let new = desired.zones.iter().filter(|zone| !live.zones.contains(zone));
                    let new: Vec<String> = new.cloned().collect();
                    live.zones.extend(new);
                    let tags = zones_tag(&live.zones).into_iter().collect();
                    let call = cx.aws.elb.add_tags().resource_arns(&arn).set_tags(Some(tags));
                    call.customize().once().send().await.during("AddTags")?;
                }
                Field::Attributes => live = set_attributes(cx, desired, live).await?,
            }
        }
        Ok(live)
    }

    async fn blockers(cx: &Context, going: &[Found<Live>], owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        let found = try_join_all(going.iter().map(|balancer| foreign(cx, owned, balancer))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn gone(cx: &Context, live: &Live) -> Result<Option<bool>, Failure> {
        let call = cx.aws.elb.describe_load_balancers().load_balancer_arns(&live.arn).send().await;
        Ok(Some(call.or_absent("DescribeLoadBalancers", &["LoadBalancerNotFound"])?.is_none()))
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        if live.protected {
            let off = LoadBalancerAttribute::builder().key(PROTECTION).value("false").build();
            let call = cx.aws.elb.modify_load_balancer_attributes().load_balancer_arn(&live.arn).attributes(off);
            let answer = call.customize().once().send().await;
            answer.or_absent("ModifyLoadBalancerAttributes", &["LoadBalancerNotFound"])?;
        }
        let call = cx.aws.elb.delete_load_balancer().load_balancer_arn(&live.arn);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteLoadBalancer", &["LoadBalancerNotFound"]).map(drop)
    }

    fn summary(live: &Live) -> Option<String> {
        live.internal.then(|| format!("http://{}/", live.dns_name))
    }

    fn guard(live: &Live) -> Option<String> {
        live.protected.then(|| "deletion protection is on (attribute of the load balancer)".to_owned())
    }

    fn loss(_address: &Address) -> Option<&'static str> {
        Some("is deleted, and with it the URL of the stack")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use elb::model::{Elb, cloud};
        let base = || Desired {
            subnets: vec!["subnet-one".into(), "subnet-two".into()],
            security_group: "sg-given".into(),
            zones: vec!["Z1".into(), "Z2".into()],
            internal: false,
            idle_timeout: usual_idle_timeout(),
        };
        let moved = vec!["subnet-two".into(), "subnet-three".into()];
        crate::kind::Sample::new(cloud, base())
            .variant(&["subnets"], Desired { subnets: moved, ..base() })
            .variant(&["security_group"], Desired { security_group: "sg-other".into(), ..base() })
            .variant(&["internal"], Desired { internal: true, ..base() })
            .variant(&["attributes.idle_timeout.timeout_seconds"], Desired { idle_timeout: 120, ..base() })
            .drift(&["security_group"], |cloud| cloud.with(Elb::add_security_group))
            .drift(&["zones"], |cloud| cloud.with(|elb: &mut Elb| elb.untag(aws::ZONES)))
            .drift(&["attributes.idle_timeout.timeout_seconds"], |cloud| {
                cloud.with(|elb: &mut Elb| elb.set_attribute("idle_timeout.timeout_seconds", "5"));
            })
    }
}

/// Returns the listeners and rules of others, which would be deleted with the load balancer.
async fn foreign(cx: &Context, owned: &Owned, balancer: &Found<Live>) -> Result<Vec<Blocker>, Failure> {
    let at = &balancer.address;
    let (listeners, rules) = futures::try_join!(elb::candidate_listeners(cx), elb::candidate_rules(cx))?;
    let mut found = Vec::new();
    let mut own = BTreeSet::new();
    for listener in listeners.iter().filter(|one| one.load_balancer_arn() == Some(&balancer.live.arn)) {
        let arn = listener.listener_arn().unwrap_or_default();
        if owned.has(arn) {
            own.insert(arn);
            continue;
        }
        let port = listener.port().map(|port| format!("on port {port}"));
        found.push(Blocker::new("listener", arn, format!("at {at}"), port, "delete it"));
    }
    for (_, rule) in rules.iter().filter(|(listener, _)| own.contains(listener.as_str())) {
        let arn = rule.rule_arn().unwrap_or_default();
        if !owned.has(arn) {
            let priority = rule.priority().map(|priority| format!("of priority {priority}"));
            found.push(Blocker::new("listener rule", arn, format!("at {at}"), priority, "delete it"));
        }
    }
    Ok(found)
}

/// Returns the cost. A public load balancer has a public address in each of its subnets.
fn charge(state: &State<Desired, Live>) -> Charge {
    let (subnets, internal) = match state {
        State::Desired(desired) => (desired.subnets.len(), desired.internal),
        State::Live(live) => (live.subnets.len(), live.internal),
    };
    if internal {
        return Charge::new("an internal load balancer".to_owned()).plus("load_balancer hour", 1);
    }
    let addresses = u32::try_from(subnets).unwrap_or(u32::MAX);
    Charge::new(format!("a load balancer, {addresses} public addresses"))
        .plus("load_balancer hour", 1)
        .plus(PUBLIC_ADDRESS, addresses)
}

/// Returns the tag that lists the hosted zones, or `None` if there are none.
fn zones_tag(zones: &[String]) -> Option<Tag> {
    (!zones.is_empty()).then(|| aws::tag(aws::ZONES, &zones.join(" ")))
}

async fn set_attributes(cx: &Context, desired: &Desired, mut live: Live) -> Result<Live, Failure> {
    let wanted = desired.attributes();
    let attributes = wanted.iter().map(|(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build());
    let attributes = Some(attributes.collect());
    let call = cx.aws.elb.modify_load_balancer_attributes().load_balancer_arn(&live.arn).set_attributes(attributes);
    call.customize().once().send().await.during("ModifyLoadBalancerAttributes")?;
    live.attributes = wanted;
    Ok(live)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        aws::model,
        kind::NoImages,
        kinds::elb::model::{Elb, cloud},
        model::StackId,
    };

    #[tokio::test]
    async fn protected_load_balancer_is_deleted_only_on_request() {
        let cloud = cloud();
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
        let desired = Desired {
            subnets: vec!["subnet-one".into(), "subnet-two".into()],
            security_group: "sg-given".into(),
            zones: Vec::new(),
            internal: false,
            idle_timeout: usual_idle_timeout(),
        };
        let made = LoadBalancer::create(&cx, &Address::new("load_balancer", "main"), &desired).await;
        assert_eq!(LoadBalancer::guard(&made.expect("it is made")), None);
        cloud.with(|elb: &mut Elb| elb.set_attribute(PROTECTION, "true"));
        let found = LoadBalancer::list(&cx.fresh()).await.expect("it is listed");
        let live = &found[0].live;
        assert!(LoadBalancer::guard(live).is_some_and(|why| why.contains("deletion protection")));
        assert_eq!(LoadBalancer::diff(&desired, live), [], "it may stay protected");
        LoadBalancer::delete(&cx, live).await.expect("its protection is taken off first");
        assert_eq!(LoadBalancer::list(&cx.fresh()).await, Ok(Vec::new()));
    }
}
