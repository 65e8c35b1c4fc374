//! A target group: the tasks of a service behind the load balancer, and their health check.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html>

use std::fmt;

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetGroup as SdkTargetGroup, TargetGroupAttribute, TargetTypeEnum,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::elb,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, fields},
};

/// The attribute for how long a deregistering target may finish its requests.
const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// The attributes for sticky sessions with a cookie of the load balancer: whether they are enabled, the type, and the
/// duration in seconds.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#sticky-sessions>
const STICKINESS: [&str; 3] = ["stickiness.enabled", "stickiness.type", "stickiness.lb_cookie.duration_seconds"];

/// The default of the duration in a new group, where it has no effect.
const STICKY_BY_DEFAULT: u32 = 86_400;

/// A target group.
pub struct TargetGroup;

/// The value of the health check port that means the port of each target.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const TRAFFIC_PORT: &str = "traffic-port";

/// The protocol version between the load balancer and the targets.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2. Requires an HTTPS listener.
    Http2,
    /// gRPC over HTTP/2. Requires an HTTPS listener.
    Grpc,
}

impl Protocol {
    /// Returns the protocol version as AWS writes it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP1",
            Self::Http2 => "HTTP2",
            Self::Grpc => "GRPC",
        }
    }

    fn of(group: &SdkTargetGroup) -> Self {
        let named = |one: &Self| group.protocol_version() == Some(one.as_str());
        [Self::Http2, Self::Grpc].into_iter().find(named).unwrap_or_default()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_http1(&self) -> bool {
        *self == Self::Http1
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The health check of the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// The path of the check.
    pub path: String,
    /// The time between two checks, in seconds (5 to 300).
    pub interval: u32,
    /// The timeout of a check, in seconds (2 to 120). Must be less than the interval.
    pub timeout: u32,
    /// The number of consecutive successes after which a target is healthy (2 to 10).
    pub healthy: u32,
    /// The number of consecutive failures after which a target is unhealthy (2 to 10).
    pub unhealthy: u32,
    /// The HTTP status codes that count as success, such as `200` or `200-299,301` (200 to 499). For gRPC, the gRPC
    /// codes (0 to 99).
    pub matcher: String,
    /// The port of the check. If `None`, the port of each target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl Health {
    /// Reads the health check of a target group.
    fn of(group: &SdkTargetGroup) -> Self {
        let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
        Self {
            path: group.health_check_path().unwrap_or_default().to_owned(),
            interval: number(group.health_check_interval_seconds()),
            timeout: number(group.health_check_timeout_seconds()),
            healthy: number(group.healthy_threshold_count()),
            unhealthy: number(group.unhealthy_threshold_count()),
            matcher: group
                .matcher()
                .and_then(|matcher| matcher.grpc_code().or(matcher.http_code()))
                .unwrap_or_default()
                .to_owned(),
            port: group.health_check_port().and_then(|port| port.parse().ok()),
        }
    }

    /// Returns the success codes for a call.
    fn codes(&self, protocol: Protocol) -> Matcher {
        match protocol {
            Protocol::Grpc => Matcher::builder().grpc_code(&self.matcher).build(),
            Protocol::Http1 | Protocol::Http2 => Matcher::builder().http_code(&self.matcher).build(),
        }
    }

    /// Returns the port for a call.
    fn port_in_words(&self) -> String {
        self.port.map_or_else(|| TRAFFIC_PORT.to_owned(), |port| port.to_string())
    }
}

/// Sets the health check in the call that creates or modifies a target group.
macro_rules! with_health {
    ($call:expr, $desired:expr) => {{
        let desired: &Desired = $desired;
        let health: &Health = &desired.health;
        let Health { path, interval, timeout, healthy, unhealthy, matcher: _, port: _ } = health;
        $call
            .health_check_path(path)
            .health_check_interval_seconds(aws::signed(*interval))
            .health_check_timeout_seconds(aws::signed(*timeout))
            .healthy_threshold_count(aws::signed(*healthy))
            .unhealthy_threshold_count(aws::signed(*unhealthy))
            .matcher(health.codes(desired.protocol))
            .health_check_port(health.port_in_words())
    }};
}

/// The target group that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The VPC of the targets.
    pub vpc: Input,
    /// The port of the group. It has no effect: ECS registers each task with its actual port, so a service can move to
    /// another port without another group.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html>
    pub port: u16,
    /// The protocol version between the load balancer and the targets.
    #[serde(default, skip_serializing_if = "Protocol::is_http1")]
    pub protocol: Protocol,
    /// The health check.
    pub health: Health,
    /// How long a deregistering target may finish its requests, in seconds (0 to 3600).
    pub deregistration_delay: u32,
    /// The duration of sticky sessions, in seconds (1 to 604800). If `None`, each request may go to any target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds: Option<u32>,
}

/// The target group as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its ARN.
    pub arn: String,
    /// The VPC of the targets.
    pub vpc: String,
    /// The protocol version between the load balancer and the targets.
    #[serde(default)]
    pub protocol: Protocol,
    /// The health check.
    pub health: Health,
    /// The same as in [`Desired`].
    pub deregistration_delay: u32,
    /// The duration of sticky sessions in seconds, such as `60`. Empty without sticky sessions. A setting of another
    /// type is shown in the terms of AWS.
    #[serde(default)]
    pub sticky_seconds: String,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        HealthPath = "health.path",
        HealthInterval = "health.interval",
        HealthTimeout = "health.timeout",
        HealthHealthy = "health.healthy",
        HealthUnhealthy = "health.unhealthy",
        HealthMatcher = "health.matcher",
        HealthPort = "health.port",
        DeregistrationDelay = "deregistration_delay",
        StickySeconds = "sticky_seconds",
    }

    /// The fields whose change replaces the target group.
    pub enum Fixed {
        Vpc = "vpc",
        Protocol = "protocol",
    }
}

impl Kind for TargetGroup {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "target_group";
    const HEADLINE: &'static [&'static str] = &["port", "health.path"];
    const DOC: Doc = Doc {
        summary: "The tasks of a service that receive requests from the load balancer, and their health check.",
        page: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html",
    };
    const USES: &'static [&'static str] = &["vpc"];
    const COST: Cost<Desired, Live> = Cost::Free("the price of the load balancer includes it");
    const NOT_YET: &'static [&'static str] = elb::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&[
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetGroups",
        ]),
        Permission::make(
            &[
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateTargetGroup",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
            ],
            On::Named(elb::ARNS),
        ),
        Permission::delete(&["elasticloadbalancing:DeleteTargetGroup"], On::Named(elb::ARNS)),
    ];
    const GONE_AT_ONCE: bool = true;
    // Network and protocol cannot be changed, and a group that a rule uses cannot be deleted, so the rule first moves
    // to the new group.
    const REPLACEMENT: Replacement = Replacement::CreateFirst;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let owned = elb::target_groups(cx).await?;
        let reads = owned.into_iter().map(|(address, group)| async move {
            let arn = group.target_group_arn().unwrap_or_default().to_owned();
            if cx.deletes_all() {
                return Ok(Found { address, id: arn, live: live(&group) });
            }
            let call = cx.aws.elb.describe_target_group_attributes().target_group_arn(&arn).send().await;
            let answer = call.or_absent("DescribeTargetGroupAttributes", &["TargetGroupNotFound"])?;
            let attributes = answer.and_then(|answer| answer.attributes).unwrap_or_default();
            let value = |key: &str| attributes.iter().find(|one| one.key() == Some(key)).and_then(|one| one.value());
            let live = Live {
                deregistration_delay: value(DEREGISTRATION_DELAY)
                    .and_then(|delay| delay.parse().ok())
                    .unwrap_or_default(),
                sticky_seconds: stickiness(STICKINESS.map(value)),
                ..live(&group)
            };
            Ok::<_, Failure>(Found { address, id: arn, live })
        });
        try_join_all(reads).await
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let (has, wants) = (&live.health, &desired.health);
        Diff::new()
            .fixed_input(Fixed::Vpc, &live.vpc, &desired.vpc)
            .fixed(Fixed::Protocol, &live.protocol, &desired.protocol)
            .field(Field::HealthPath, &has.path, &wants.path)
            .field(Field::HealthInterval, &has.interval, &wants.interval)
            .field(Field::HealthTimeout, &has.timeout, &wants.timeout)
            .field(Field::HealthHealthy, &has.healthy, &wants.healthy)
            .field(Field::HealthUnhealthy, &has.unhealthy, &wants.unhealthy)
            .field(Field::HealthMatcher, &has.matcher, &wants.matcher)
            .field(Field::HealthPort, &has.port_in_words(), &wants.port_in_words())
            .field(Field::DeregistrationDelay, &live.deregistration_delay, &desired.deregistration_delay)
            .field(Field::StickySeconds, &live.sticky_seconds, &in_seconds(desired.sticky_seconds))
            .finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn).with("dimension", elb::dimension(&live.arn))
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let vpc = desired.vpc.get()?;
        let mut forces = format!("{vpc} {}", desired.port);
        if !desired.protocol.is_http1() {
            forces = format!("{forces} {}", desired.protocol);
        }
        let call = cx
            .aws
            .elb
            .create_target_group()
            .name(aws::discriminated(&cx.id, address, &forces, elb::LONGEST_NAME))
            .target_type(TargetTypeEnum::Ip)
            .protocol(ProtocolEnum::Http)
            .protocol_version(desired.protocol.as_str())
            .port(i32::from(desired.port))
            .vpc_id(vpc)
            .health_check_enabled(true)
            .health_check_protocol(ProtocolEnum::Http)
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer = with_health!(call, desired).customize().once().send().await.during("CreateTargetGroup")?;
        let made = answer.target_groups.and_then(|made| made.into_iter().next());
        let made = given(made, "CreateTargetGroup", "TargetGroups")?;
        set_attributes(cx, desired, live(&made)).await
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        let (mut health, mut attributes) = (false, false);
        for field in changes {
            match field {
                Field::HealthPath
                | Field::HealthInterval
                | Field::HealthTimeout
                | Field::HealthHealthy
                | Field::HealthUnhealthy
                | Field::HealthMatcher
                | Field::HealthPort => health = true,
                Field::DeregistrationDelay | Field::StickySeconds => attributes = true,
            }
        }
        if health {
            let call = cx.aws.elb.modify_target_group().target_group_arn(&live.arn);
            let call = with_health!(call, desired);
            call.customize().once().send().await.during("ModifyTargetGroup")?;
            live.health = desired.health.clone();
        }
        if attributes { set_attributes(cx, desired, live).await } else { Ok(live) }
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.elb.delete_target_group().target_group_arn(&live.arn);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteTargetGroup", &["TargetGroupNotFound"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["ResourceInUse"]).then_some("the rules that use it to be deleted")
    }

    fn consequence(desired: &Desired, live: &Live, changes: &Changed<Field>) -> Option<String> {
        let (from, to) = (&live.health, &desired.health);
        let there = if changes.contains(Field::HealthPort) {
            let port = to.port.map_or_else(|| "the port of the service".to_owned(), |port| format!("port {port}"));
            format!("{} on {port} immediately: running tasks that do not answer there get no more requests", to.path)
        } else if changes.contains(Field::HealthPath) {
            let (from, to) = (&from.path, &to.path);
            format!("{to} immediately: running tasks that only answer {from} get no more requests")
        } else {
            return None;
        };
        Some(format!("checks {there}"))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let health = || Health {
            path: "/status".into(),
            interval: 10,
            timeout: 5,
            healthy: 2,
            unhealthy: 3,
            matcher: "200".into(),
            port: None,
        };
        let base = || Desired {
            vpc: "vpc-given".into(),
            port: 3000,
            protocol: Protocol::Http1,
            health: health(),
            deregistration_delay: 30,
            sticky_seconds: None,
        };
        let with = |health| Desired { health, ..base() };
        let slow = Health { interval: 60, timeout: 30, ..health() };
        crate::kind::Sample::new(elb::model::cloud, base())
            .variant(&["vpc"], Desired { vpc: "vpc-other".into(), ..base() })
            .variant(
                &["vpc", "deregistration_delay"],
                Desired { vpc: "vpc-other".into(), deregistration_delay: 300, ..base() },
            )
            .variant(&["protocol"], Desired { protocol: Protocol::Http2, ..base() })
            .variant(
                &["protocol", "health.matcher"],
                Desired { protocol: Protocol::Grpc, health: Health { matcher: "0-12".into(), ..health() }, ..base() },
            )
            .variant(&["health.path"], with(Health { path: "/".into(), ..health() }))
            .variant(&["health.interval"], with(Health { interval: 15, ..health() }))
            .variant(&["health.timeout"], with(Health { timeout: 4, ..health() }))
            .variant(&["health.interval", "health.timeout"], with(slow))
            .variant(&["health.healthy"], with(Health { healthy: 5, ..health() }))
            .variant(&["health.unhealthy"], with(Health { unhealthy: 5, ..health() }))
            .variant(&["health.matcher"], with(Health { matcher: "200-299".into(), ..health() }))
            .variant(&["health.port"], with(Health { port: Some(8081), ..health() }))
            .variant(&["deregistration_delay"], Desired { deregistration_delay: 60, ..base() })
            .variant(&["sticky_seconds"], Desired { sticky_seconds: Some(3600), ..base() })
    }
}

/// Converts a target group without its attributes.
fn live(group: &SdkTargetGroup) -> Live {
    Live {
        arn: group.target_group_arn().unwrap_or_default().to_owned(),
        vpc: group.vpc_id().unwrap_or_default().to_owned(),
        protocol: Protocol::of(group),
        health: Health::of(group),
        deregistration_delay: 0,
        sticky_seconds: String::new(),
    }
}

/// Returns the text of [`Live::sticky_seconds`].
fn in_seconds(seconds: Option<u32>) -> String {
    seconds.map(|seconds| seconds.to_string()).unwrap_or_default()
}

/// Returns the text of [`Live::sticky_seconds`] for the values of [`STICKINESS`].
fn stickiness([enabled, kind, seconds]: [Option<&str>; 3]) -> String {
    match (enabled, kind) {
        (Some("true"), Some("lb_cookie") | None) => seconds.unwrap_or_default().to_owned(),
        (Some("true"), Some(other)) => format!("by {other}"),
        _ => String::new(),
    }
}

async fn set_attributes(cx: &Context, desired: &Desired, live: Live) -> Result<Live, Failure> {
    let [enabled, kind, seconds] = STICKINESS;
    let wanted = [
        (DEREGISTRATION_DELAY, desired.deregistration_delay.to_string()),
        (enabled, desired.sticky_seconds.is_some().to_string()),
        (kind, "lb_cookie".to_owned()),
        (seconds, desired.sticky_seconds.unwrap_or(STICKY_BY_DEFAULT).to_string()),
    ];
    let attributes =
        wanted.into_iter().map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build());
    let call = cx.aws.elb.modify_target_group_attributes().target_group_arn(&live.arn);
    let call = call.set_attributes(Some(attributes.collect()));
    call.customize().once().send().await.during("ModifyTargetGroupAttributes")?;
    let sticky_seconds = in_seconds(desired.sticky_seconds);
    Ok(Live { deregistration_delay: desired.deregistration_delay, sticky_seconds, ..live })
}
