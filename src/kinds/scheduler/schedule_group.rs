//! The group of the stack's schedules in EventBridge Scheduler. Groups have tags, while schedules have none, so the
//! group records their owner.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html>

use aws_sdk_scheduler::types::ScheduleGroupState;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome},
    kind::{Context, Cost, Doc, Kind},
    kinds::scheduler,
    model::{Address, Failure, Found, NoField, On, Outputs, Permission, Phase},
};

/// A schedule group.
pub struct ScheduleGroup;

/// The schedule group that stack.yaml describes. It has no settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {}

/// The schedule group as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Whether it is being deleted with all its schedules.
    pub deleting: bool,
}

impl Kind for ScheduleGroup {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = NoField;

    const NAME: &'static str = "schedule_group";
    const DOC: Doc = Doc {
        summary: "Contains the schedules of the stack.",
        page: "https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html",
    };
    const USES: &'static [&'static str] = &[];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a group");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["scheduler:ListScheduleGroups", "scheduler:ListTagsForResource"]),
        Permission::make(&["scheduler:CreateScheduleGroup", "scheduler:TagResource"], On::Named(&[scheduler::ARNS])),
        Permission::delete(&["scheduler:DeleteScheduleGroup"], On::Named(&[scheduler::ARNS])),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let Some(group) = &*scheduler::group(cx).await? else { return Ok(Vec::new()) };
        let call = cx.aws.scheduler.list_tags_for_resource().resource_arn(group.arn().unwrap_or_default()).send();
        let tags = call.await.or_absent("ListTagsForResource", &["ResourceNotFoundException"])?;
        let tags = tags.map(|answer| answer.tags.unwrap_or_default()).unwrap_or_default();
        let Some(address) = aws::address_of(&cx.id, &tags) else {
            return Ok(Vec::new());
        };
        let name = group.name().unwrap_or_default().to_owned();
        let deleting = group.state() == Some(&ScheduleGroupState::Deleting);
        Ok(vec![Found { address, id: name.clone(), live: Live { name, deleting } }])
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        if live.deleting { Phase::Deleting("deleting".into()) } else { Phase::Ready }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, _desired: &Desired) -> Result<Live, Failure> {
        let name = scheduler::group_name(&cx.id);
        let call = cx.aws.scheduler.create_schedule_group().name(&name).set_tags(Some(aws::tags(&cx.id, address)));
        let call = call.client_token(scheduler::token(cx, address, "")).customize().once();
        call.send().await.during("CreateScheduleGroup")?;
        Ok(Live { name, deleting: false })
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.scheduler.delete_schedule_group().name(&live.name).customize().once();
        call.send().await.or_absent("DeleteScheduleGroup", &["ResourceNotFoundException"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        // An earlier call whose response was lost has started the deletion.
        let is_going = failure.is_of("DeleteScheduleGroup") && failure.is(&["ConflictException"]);
        is_going.then_some("its deletion to finish")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        crate::kind::Sample::new(scheduler::model::cloud, Desired {})
    }
}
