//! Autoscaling of a service with Application Auto Scaling: the service as a scalable target, with one policy for each
//! measure.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html>

mod actions;
mod bounds;
mod policy;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, time::Duration};

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ScalingPolicy, ServiceNamespace};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use actions::LiveEntry;
pub use bounds::Entry;
pub use policy::{Cooldown, LivePolicy, Measure, Policy};

use crate::{
    aws::{self, Once, Outcome},
    kind::{Charge, Context, Cost, Doc, Figures, Kind, State},
    kinds::ecs,
    model::{Address, Changed, Changes, Diff, Failure, Found, NoField, On, Permission, Phase, Shown, StackId, fields},
};

/// The scaling of a service.
pub struct Scaling;

/// The scaling that stack.yaml describes. It belongs to the service of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The minimum number of tasks.
    pub min: u32,
    /// The maximum number of tasks.
    pub max: u32,
    /// The policies. If there are several, the one that needs the most tasks decides.
    pub policies: Vec<Policy>,
    /// The time to wait between two scaling activities.
    #[serde(default, skip_serializing_if = "Cooldown::is_usual")]
    pub cooldown: Cooldown,
    /// Other task limits from given times on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<Entry>,
}

impl Desired {
    /// Returns the minimum and maximum number of tasks while no schedule entry applies.
    fn usual(&self) -> (u32, u32) {
        (self.min, self.max)
    }

    /// Returns the current minimum and maximum number of tasks.
    fn bounds(&self) -> (u32, u32) {
        bounds::at(self.usual(), &self.schedule, Timestamp::now())
    }
}

/// The scaling as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `service/<cluster>/<service>`.
    pub resource: String,
    /// The minimum number of tasks.
    pub min: u32,
    /// The maximum number of tasks.
    pub max: u32,
    /// Its policies.
    pub policies: Vec<LivePolicy>,
    /// Its schedule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<LiveEntry>,
    /// When this was read, in seconds since 1970. The expected limits depend on the time.
    #[serde(default)]
    pub read_at: i64,
}

impl Live {
    fn read_at(&self) -> Timestamp {
        Timestamp::from_second(self.read_at).unwrap_or_default()
    }

    /// Returns the name of the schedule entry that currently applies.
    fn holds(&self) -> Option<String> {
        let entries: Vec<Entry> = self.schedule.iter().map(|live| live.entry.clone()).collect();
        let holding = bounds::holding(&entries, self.read_at());
        holding.filter(|entry| (entry.min, entry.max) == (self.min, self.max)).map(|entry| entry.name.clone())
    }
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Min = "min",
        Max = "max",
        Target = "*",
        Metric = "*.metric",
        OutCooldown = "*.out_cooldown",
        InCooldown = "*.in_cooldown",
        Counted = "*.of",
        OtherPolicies = "other_policies",
        Entry = "schedule.*",
        OtherEntries = "other_entries",
    }
}

impl Kind for Scaling {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "scaling";
    const HEADLINE: &'static [&'static str] = &["min", "max"];
    const DOC: Doc = Doc {
        summary: "Adjusts the number of a service's tasks to their load.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html",
    };
    // AWS keeps a scalable target after its service is deleted. A policy refers to the target group whose requests it
    // counts.
    const USES: &'static [&'static str] = &["service", "target_group", "load_balancer"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> =
        Cost::Counted { prices: &["alarm month"], charge: |_, state, _| Ok(Some(charge(state))) };
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&[
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "application-autoscaling:DescribeScheduledActions",
        ]),
        Permission::make(
            &[
                "application-autoscaling:DeleteScalingPolicy",
                "application-autoscaling:DeleteScheduledAction",
                "application-autoscaling:PutScalingPolicy",
                "application-autoscaling:PutScheduledAction",
                "application-autoscaling:RegisterScalableTarget",
                "application-autoscaling:TagResource",
            ],
            On::Named(&["application-autoscaling:{region}:{account}:scalable-target/*"]),
        ),
        // The alarms of the policies. Application Auto Scaling creates and deletes them.
        Permission::make(
            &["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"],
            On::Named(&["cloudwatch:{region}:{account}:alarm:TargetTracking-service/{name:255}*"]),
        ),
        Permission::make(
            &["iam:CreateServiceLinkedRole"],
            On::ServiceRole("ecs.application-autoscaling.amazonaws.com"),
        ),
        Permission::delete(
            &["application-autoscaling:DeregisterScalableTarget"],
            On::Named(&["application-autoscaling:{region}:{account}:scalable-target/*"]),
        ),
        Permission::delete(
            &["cloudwatch:DeleteAlarms"],
            On::Named(&["cloudwatch:{region}:{account}:alarm:TargetTracking-service/{name:255}*"]),
        ),
    ];
    const GONE_AT_ONCE: bool = true;
    const DEADLINE: Duration = Duration::from_secs(120);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let call = cx.aws.autoscaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
        let pages = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).into_paginator().items().send();
        let targets: Vec<ScalableTarget> = pages.try_collect().await.during("DescribeScalableTargets")?;
        // The response contains no tags. The cluster belongs to the stack, and the names of its services follow from
        // their addresses.
        let prefix = resource(&cx.id, "");
        let mut targets = targets.into_iter().filter(|target| target.resource_id().starts_with(&prefix)).peekable();
        if targets.peek().is_none() {
            return Ok(Vec::new());
        }
        let policies = async {
            let call = cx.aws.autoscaling.describe_scaling_policies().service_namespace(ServiceNamespace::Ecs);
            let pages = call.into_paginator().items().send();
            let policies: Vec<ScalingPolicy> = pages.try_collect().await.during("DescribeScalingPolicies")?;
            Ok(policies)
        };
        let (policies, actions) = futures::future::try_join(policies, actions::list(cx)).await?;
        let read_at = Timestamp::now().as_second();
        Ok(targets
            .map(|target| {
                let own = policies.iter().filter(|policy| policy.resource_id() == target.resource_id());
                let entries = actions.iter().filter(|action| action.resource_id() == target.resource_id());
                let live = Live {
                    resource: target.resource_id().to_owned(),
                    min: u32::try_from(target.min_capacity()).unwrap_or_default(),
                    max: u32::try_from(target.max_capacity()).unwrap_or_default(),
                    policies: own.map(policy::live).collect(),
                    schedule: entries.map(actions::live).collect(),
                    read_at,
                };
                let address = Address::new(Self::NAME, &live.resource[prefix.len()..]);
                Found { address, id: live.resource.clone(), live }
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        if !bounds::hold((live.min, live.max), desired.usual(), &desired.schedule, live.read_at()) {
            let (min, max) = bounds::at(desired.usual(), &desired.schedule, live.read_at());
            diff.field(Field::Min, &live.min, &min).field(Field::Max, &live.max, &max);
        }
        for policy in &desired.policies {
            let (name, target) = (policy.measure.name(), policy.value());
            let Some(has) = live.policies.iter().find(|has| has.name == name) else {
                diff.push((Field::Target, name), Shown::Absent, Shown::value(target));
                continue;
            };
            diff.field((Field::Target, name), &has.target, &target);
            diff.field((Field::Metric, name), &has.metric.as_str(), &policy.measure.metric().as_str());
            diff.field((Field::OutCooldown, name), &has.out_cooldown, &aws::signed(desired.cooldown.out));
            diff.field((Field::InCooldown, name), &has.in_cooldown, &aws::signed(desired.cooldown.r#in));
            let counted = (Field::Counted, name);
            match policy.measure.label() {
                Some(label) => diff.field(counted, &has.label, &label),
                None => diff.push(counted, Shown::value(&has.label), Shown::KnownAfterApply),
            };
        }
        for other in foreign(desired, live) {
            diff.push(Field::OtherPolicies, Shown::value(&other.name), Shown::Absent);
        }
        for entry in &desired.schedule {
            let has = live.schedule.iter().find(|has| has.entry.name == entry.name).map(LiveEntry::words);
            if has.as_ref() != Some(&entry.words()) {
                let from = has.map_or(Shown::Absent, Shown::value);
                diff.push((Field::Entry, entry.name.as_str()), from, Shown::value(entry.words()));
            }
        }
        for other in other_entries(desired, live) {
            diff.push(Field::OtherEntries, Shown::value(&other.entry.name), Shown::Absent);
        }
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let none = Live {
            resource: resource(&cx.id, address.name()),
            min: 0,
            max: 0,
            policies: Vec::new(),
            schedule: Vec::new(),
            read_at: Timestamp::now().as_second(),
        };
        let (min, max) = set_limits(cx, address, desired, &none).await?;
        let policies = put_policies(cx, desired, &none).await?;
        let schedule = put_schedule(cx, desired, &none).await?;
        Ok(Live { min, max, policies, schedule, ..none })
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut after = live.clone();
        let (mut limits, mut policies, mut others, mut entries, mut other_entries) =
            (false, false, false, false, false);
        for field in changes {
            match field {
                Field::Min | Field::Max => limits = true,
                Field::Target | Field::Metric | Field::OutCooldown | Field::InCooldown | Field::Counted => {
                    policies = true;
                }
                Field::OtherPolicies => others = true,
                Field::Entry => entries = true,
                Field::OtherEntries => other_entries = true,
            }
        }
        if limits {
            (after.min, after.max) = set_limits(cx, address, desired, live).await?;
        }
        if policies {
            after.policies = put_policies(cx, desired, live).await?;
            after.policies.extend(foreign(desired, live).cloned());
        }
        if others {
            for other in foreign(desired, live) {
                policy::delete(cx, &live.resource, &other.name).await?;
            }
            after.policies.retain(|has| desired.policies.iter().any(|policy| policy.measure.name() == has.name));
        }
        if entries {
            after.schedule = put_schedule(cx, desired, live).await?;
            after.schedule.extend(self::other_entries(desired, live).cloned());
        }
        if other_entries {
            for other in self::other_entries(desired, live) {
                actions::delete(cx, &live.resource, &other.entry.name).await?;
            }
            after.schedule.retain(|has| desired.schedule.iter().any(|entry| entry.name == has.entry.name));
        }
        Ok(after)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // This also deletes the policies with their alarms, and the scheduled actions.
        // https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
        let call = cx.aws.autoscaling.deregister_scalable_target().service_namespace(ServiceNamespace::Ecs);
        let call = call.resource_id(&live.resource).scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeregisterScalableTarget", &["ObjectNotFoundException"]).map(drop)
    }

    fn figures(state: &State<Desired, Live>) -> Figures {
        let min = match state {
            State::Desired(desired) => desired.schedule.iter().map(|entry| entry.min).fold(desired.min, u32::max),
            State::Live(live) => live.schedule.iter().map(|live| live.entry.min).fold(live.min, u32::max),
        };
        Figures::from([("min", min)])
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&["ConcurrentUpdateException"]) {
            return Some("another change of its scaling to finish");
        }
        // The first use in an account creates a role, which cannot be assumed immediately. A new service may also not
        // be visible yet. AWS has no specific code for either case.
        failure.is(&["ValidationException"]).then_some("Application Auto Scaling to accept the service and its role")
    }

    fn summary(live: &Live) -> Option<String> {
        let held: Vec<String> =
            live.policies.iter().map(|policy| format!("{} {}", policy.name, policy.target)).collect();
        let since = live.holds().map_or(String::new(), |entry| format!(" (scheduled: `{entry}`)"));
        Some(format!("{} to {} tasks{since}, {}", live.min, live.max, held.join(", ")))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

/// Returns the cost. For each policy, AWS creates two alarms: one adds tasks and one removes tasks.
fn charge(state: &State<Desired, Live>) -> Charge {
    let policies = match state {
        State::Desired(desired) => desired.policies.len(),
        State::Live(live) => live.policies.len(),
    };
    let alarms = 2 * u32::try_from(policies).unwrap_or(u32::MAX / 2);
    Charge::new(format!("{alarms} alarms")).plus("alarm month", alarms)
}

/// Returns `service/<cluster>/<service>` for the service called `name` in stack.yaml.
fn resource(id: &StackId, name: &str) -> String {
    format!("service/{}/{}{name}", ecs::cluster_name(id), aws::stack_prefix(id))
}

/// Returns the policies on the service that stack.yaml does not describe.
fn foreign<'a>(desired: &'a Desired, live: &'a Live) -> impl Iterator<Item = &'a LivePolicy> {
    live.policies.iter().filter(|has| desired.policies.iter().all(|policy| policy.measure.name() != has.name))
}

/// Returns the scheduled actions on the service that stack.yaml does not describe.
fn other_entries<'a>(desired: &'a Desired, live: &'a Live) -> impl Iterator<Item = &'a LiveEntry> {
    live.schedule.iter().filter(|has| desired.schedule.iter().all(|entry| entry.name != has.entry.name))
}

/// Sets the current task limits and returns them.
async fn set_limits(cx: &Context, address: &Address, desired: &Desired, live: &Live) -> Result<(u32, u32), Failure> {
    let (min, max) = desired.bounds();
    // Only a new target accepts tags. The target is not new if an earlier run was interrupted while creating it.
    let is_new = live.max == 0 && !is_registered(cx, &live.resource).await?;
    let call = cx
        .aws
        .autoscaling
        .register_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(&live.resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .min_capacity(aws::signed(min))
        .max_capacity(aws::signed(max))
        .set_tags(is_new.then(|| HashMap::from_iter(aws::tags(&cx.id, address))));
    call.customize().once().send().await.during("RegisterScalableTarget").map(|_| (min, max))
}

async fn put_policies(cx: &Context, desired: &Desired, live: &Live) -> Result<Vec<LivePolicy>, Failure> {
    let mut policies = Vec::new();
    for policy in &desired.policies {
        policies.push(policy::put(cx, &live.resource, policy, desired.cooldown).await?);
    }
    Ok(policies)
}

/// Writes the schedule entries that are missing or different.
async fn put_schedule(cx: &Context, desired: &Desired, live: &Live) -> Result<Vec<LiveEntry>, Failure> {
    let mut schedule = Vec::new();
    for entry in &desired.schedule {
        let same = live.schedule.iter().find(|has| has.entry.name == entry.name && has.words() == entry.words());
        schedule.push(match same {
            Some(same) => same.clone(),
            None => actions::put(cx, &live.resource, entry).await?,
        });
    }
    Ok(schedule)
}

/// Whether the service is already a scalable target.
async fn is_registered(cx: &Context, resource: &str) -> Result<bool, Failure> {
    let call = cx.aws.autoscaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
    let call = call.resource_ids(resource).scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
    Ok(!call.send().await.during("DescribeScalableTargets")?.scalable_targets().is_empty())
}
