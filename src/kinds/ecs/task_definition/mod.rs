//! A task definition: the image, size, environment, secrets and roles of a service's tasks. A revision never changes;
//! each change registers a new one.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html>

mod container;
mod deletion;
mod desired;
mod family;
mod field;
mod revision;
#[cfg(test)]
mod sample;
mod volume;

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    Compatibility, EphemeralStorage, NetworkMode, TaskDefinition as SdkDefinition, TaskDefinitionStatus,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

pub use container::{Check, Condition, Container, SecretRef};
use desired::compared;
pub use desired::{Desired, Roles};
pub use family::revisions_arn;
pub use field::Field;
pub use revision::{Revision, active, find};
pub use volume::{Mount, Volume};

use crate::{
    aws::{self, About, Once, Outcome, given},
    kind::{Arch, Context, Cost, Doc, Figures, InRelease, Kind, State},
    kinds::ecs::{self, task},
    model::{
        Address, Cause, Changed, Changes, Diff, Failure, Found, Input, Name, NoField, On, Outputs, Permission, Phase,
        Shown,
    },
};

/// The number of revisions to keep for rollbacks.
const KEPT: usize = 10;

/// A task definition.
pub struct TaskDefinition;

/// The current revision as AWS reports it: the one that the service runs, or the newest if there is no service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The ARN, with the revision.
    pub arn: String,
    /// Its family.
    pub family: String,
    /// The values that `diff` compares, by field.
    pub fields: BTreeMap<Name<Field>, String>,
    /// The commit that its image was built from, if known. Not compared.
    #[serde(default)]
    pub commit: Option<String>,
    /// Whether its family has no active revision, because a deletion was started and did not finish.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inactive: bool,
}

impl Kind for TaskDefinition {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "task_definition";
    const HEADLINE: &'static [&'static str] = &["cpu", "memory", "image"];
    const DOC: Doc = Doc {
        summary: "What a task runs: image, size, environment, secrets and roles. A change creates a new revision.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html",
    };
    const USES: &'static [&'static str] = &["role", "image", "secret", "log_group"];
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the tasks of its service");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitionFamilies", "ecs:ListTaskDefinitions"]),
        Permission::release(&["ecs:RegisterTaskDefinition"], On::Tagged),
        // IAM supports no narrower resource for this action.
        Permission::release(&["ecs:DeregisterTaskDefinition"], On::Any),
        Permission::release(&["iam:PassRole"], On::PassedTo("ecs-tasks.amazonaws.com")),
        ecs::TAGGING,
        Permission::delete(&["ecs:DeregisterTaskDefinition"], On::Any),
        Permission::delete(&["ecs:DeleteTaskDefinitions"], On::Named(task::ARNS)),
    ];
    const UPDATE_RENEWS_OUTPUTS: bool = true;
    // An inactive family blocks nothing: a new revision makes it active again.
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let definitions = ecs::definitions(cx).await?;
        Ok(definitions
            .iter()
            .map(|known| {
                let live = Live { inactive: known.inactive, ..live(&known.definition, known.commit.clone()) };
                Found { address: known.address.clone(), id: aws::last_part(&live.arn).to_owned(), live }
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        let wanted = compared(desired);
        let mut names: Vec<&Name<Field>> = wanted.keys().chain(live.fields.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let has = live.fields.get(name).map_or(Shown::Absent, Shown::value);
            let wants = match wanted.get(name) {
                Some(Some(value)) => Shown::value(value),
                Some(None) => Shown::KnownAfterApply,
                None => Shown::Absent,
            };
            if has != wants {
                diff.push(name.clone(), has, wants);
            }
        }
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        if live.inactive { Phase::Deleting("inactive".into()) } else { Phase::Ready }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn).with("family", &live.family)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        register(cx, address, desired, None).await
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        live: &Live,
        _changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let registered = register(cx, address, desired, Some(live)).await?;
        match tidy(cx, address, live).await {
            // The engine would repeat the update and register another revision. The next release deregisters the rest.
            Err(failure) if matches!(failure.cause, Cause::Throttled | Cause::Ambiguous) => Ok(registered),
            tidied => tidied.map(|()| registered),
        }
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn figures(state: &State<Desired, Live>) -> Figures {
        let (cpu, memory, disk) = match state {
            State::Desired(desired) => (Some(desired.cpu), Some(desired.memory), desired.disk),
            State::Live(live) => {
                let field = |name: &str| live.fields.get(name)?.parse().ok();
                (field("cpu"), field("memory"), field("disk"))
            }
        };
        let is_arm = match state {
            State::Desired(desired) => desired.arch == Arch::Arm64,
            State::Live(live) => live.fields.get(Field::Arch.name()).is_some_and(|arch| arch == Arch::Arm64.name()),
        };
        [("cpu", cpu), ("memory", memory), ("disk", disk), ("arm64", is_arm.then_some(1))]
            .into_iter()
            .filter_map(|(name, number)| Some((name, number?)))
            .collect()
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        deletion::delete(cx, &live.family).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        let fast = failure.is_of("RegisterTaskDefinition") && failure.is(&["ClientException"]);
        let fast = fast && aws::about(failure) == About::Concurrency;
        fast.then_some("ECS to register another revision")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

fn live(definition: &SdkDefinition, commit: Option<String>) -> Live {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let fields = compared(&desired::read(definition)).into_iter();
    Live {
        arn: owned(definition.task_definition_arn()),
        family: owned(definition.family()),
        fields: fields.map(|(name, value)| (name, value.unwrap_or_default())).collect(),
        commit,
        inactive: false,
    }
}

/// Registers the revision that `desired` describes.
async fn register(cx: &Context, address: &Address, desired: &Desired, before: Option<&Live>) -> Result<Live, Failure> {
    let same_image = before
        .filter(|before| before.fields.get(Field::Image.name()).map(String::as_str) == desired.main.image.known());
    let commit = match same_image {
        // For example, only the memory changed, and the image was built from an earlier commit.
        Some(before) => before.commit.clone(),
        None => cx.origin.get().and_then(|origin| origin.commit.clone()),
    };
    let mut tags = aws::tags(&cx.id, address);
    tags.extend(revision::provenance(cx.origin.get(), commit.as_deref()));
    let call = cx
        .aws
        .ecs
        .register_task_definition()
        .family(family::name(&cx.id, address))
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu(desired.cpu.to_string())
        .memory(desired.memory.to_string())
        .execution_role_arn(desired.execution_role.get()?)
        .set_task_role_arn(desired.task_role.as_ref().map(Input::get).transpose()?.map(str::to_owned))
        .set_runtime_platform(desired::platform(desired.arch))
        .set_ephemeral_storage(
            desired.disk.map(|disk| EphemeralStorage::builder().size_in_gib(aws::signed(disk)).build()),
        )
        .set_volumes(volume::written(&desired.volumes)?)
        .set_container_definitions(Some(desired::containers(&cx.aws.region, desired)?))
        .set_tags(Some(tags));
    let answer = call.customize().once().send().await.during("RegisterTaskDefinition")?;
    Ok(live(&given(answer.task_definition, "RegisterTaskDefinition", "taskDefinition")?, commit))
}

/// Returns the revisions to deregister: all that the stack registered except the newest. Revisions that others
/// registered in the family stay.
async fn superseded(cx: &Context, address: &Address, family: &str) -> Result<Vec<String>, Failure> {
    let newest_first = family::revisions(cx, family, TaskDefinitionStatus::Active).await?;
    // If at most one revision exceeds the limit, only the oldest must be read.
    let looked_at = if newest_first.len() > KEPT + 1 { newest_first.len() } else { 1 };
    let (known, looked_at) = newest_first.split_at(newest_first.len().saturating_sub(looked_at));
    let reads = looked_at.iter().map(|arn| async move {
        let number = arn.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or_default();
        let revision = find(cx, address, number).await?;
        Ok::<_, Failure>(revision.is_some_and(|revision| !revision.by_hand).then(|| arn.clone()))
    });
    let own = if newest_first.len() > KEPT { try_join_all(reads).await? } else { Vec::new() };
    Ok(own.into_iter().flatten().skip(KEPT.saturating_sub(known.len())).collect())
}

/// Deregisters old revisions. The SDK retries these calls, because they are idempotent.
async fn tidy(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
    // The running revision is the one to roll back to, however many newer ones failed.
    for old in superseded(cx, address, &live.family).await?.iter().filter(|old| **old != live.arn) {
        let call = cx.aws.ecs.deregister_task_definition().task_definition(old);
        call.send().await.during("DeregisterTaskDefinition")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_sdk_ecs::types::ContainerDefinition;

    use super::*;
    use crate::{aws::model, kind::NoImages, kinds::ecs::model::Ecs, model::StackId};

    fn desired() -> Desired {
        let roles = Roles { execution: "execution".into(), task: Some("task".into()) };
        let main = Container {
            port: Some(3000),
            environment: BTreeMap::from([("A".into(), "1".into())]),
            secrets: BTreeMap::from([("S".into(), reference())]),
            read_only: true,
            ..Container::new("repository:1".into(), "logs".into())
        };
        Desired::new("web", main, roles)
    }

    fn reference() -> SecretRef {
        SecretRef { secret: "arn".into(), key: Some("url".into()), version: None }
    }

    fn live() -> Live {
        let fields = compared(&desired()).into_iter().map(|(name, value)| (name, value.expect("all is known")));
        Live { arn: "arn".into(), family: "web".into(), fields: fields.collect(), commit: None, inactive: false }
    }

    /// Returns a stack with one registered revision and `count` newer ones that were registered manually.
    async fn with_revisions_by_hand(count: usize) -> (Context, Address) {
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&ecs::model::cloud())), Arc::new(NoImages));
        let address = Address::new("task_definition", "main");
        TaskDefinition::create(&cx, &address, &desired()).await.expect("it is registered");
        for _ in 0..count {
            let container = ContainerDefinition::builder().name("main").image("by-hand").build();
            let call = cx.aws.ecs.register_task_definition().family("shop-test-main");
            call.container_definitions(container).send().await.expect("it is registered");
        }
        (cx, address)
    }

    #[tokio::test]
    async fn manual_revision_does_not_hide_the_stacks_revision() {
        let (cx, address) = with_revisions_by_hand(2).await;
        let found = TaskDefinition::list(&cx.fresh()).await.expect("it is listed");
        assert_eq!(found.iter().map(|found| found.id.as_str()).collect::<Vec<_>>(), ["shop-test-main:1"]);
        assert_eq!(TaskDefinition::diff(&desired(), &found[0].live), [], "and it is as desired");
        let by_hand = find(&cx, &address, 3).await.expect("it can be read").expect("it is there");
        assert!(by_hand.by_hand && by_hand.number == 3);
        TaskDefinition::delete(&cx, &found[0].live).await.expect("the family goes");
        assert_eq!(TaskDefinition::list(&cx.fresh()).await, Ok(Vec::new()));
        let next_run = Context::new(cx.id.clone(), Arc::clone(&cx.aws), Arc::new(NoImages));
        assert_eq!(find(&next_run, &address, 1).await, Ok(None), "ECS still describes it, and deletes it");
    }

    #[tokio::test]
    async fn manual_revision_that_the_service_runs_is_current() {
        let (cx, _) = with_revisions_by_hand(2).await;
        let name = "shop-test-main";
        let ecs = &cx.aws.ecs;
        ecs.create_cluster().cluster_name(name).send().await.expect("it is made");
        let tags = aws::tags(&cx.id, &Address::new("service", "main"));
        let call = ecs.create_service().cluster(name).service_name(name).desired_count(1).set_tags(Some(tags));
        call.task_definition(format!("{name}:2")).send().await.expect("it is made");
        let found = TaskDefinition::list(&cx.fresh()).await.expect("it is listed");
        let seen: Vec<(String, &str)> =
            found.iter().map(|found| (found.address.to_string(), found.id.as_str())).collect();
        assert_eq!(seen, [("task_definition.main".to_owned(), "shop-test-main:2")]);
        assert_eq!(found[0].live.fields["image"], "by-hand", "so that `up` stays with its image");
        let all = TaskDefinition::list(&cx.fresh().deleting_all()).await.expect("it is listed");
        let seen: Vec<_> = all.iter().map(|found| (found.id.as_str(), found.live.family.as_str())).collect();
        assert_eq!(seen, [("shop-test-main:2", name)], "what it says is not read to delete the family");
        assert_eq!(all[0].live.fields["image"], "");
    }

    #[tokio::test]
    async fn release_does_not_deregister_manual_revisions() {
        let (cx, address) = with_revisions_by_hand(KEPT + 2).await;
        let live = TaskDefinition::list(&cx.fresh()).await.expect("it is listed").remove(0).live;
        for count in 1..=KEPT {
            let desired = Desired { cpu: 256 + u32::try_from(count).expect("it is small"), ..desired() };
            register(&cx, &address, &desired, None).await.expect("it is registered");
        }
        assert_eq!(superseded(&cx, &address, &live.family).await, Ok(vec![live.arn]));
    }

    /// Returns the numbers of the active revisions.
    async fn active(cx: &Context) -> Vec<String> {
        let revisions = family::revisions(cx, "shop-test-main", TaskDefinitionStatus::Active).await;
        let numbers =
            revisions.expect("they are listed").into_iter().map(|arn| arn.rsplit(':').next().map(str::to_owned));
        numbers.collect::<Option<_>>().expect("each has a number")
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_deregistration_registers_no_second_revision() {
        let cloud = ecs::model::cloud();
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
        let address = Address::new("task_definition", "main");
        let sized = |count: usize| Desired { cpu: u32::try_from(count).expect("it is small"), ..desired() };
        let mut live = TaskDefinition::create(&cx, &address, &sized(0)).await.expect("it is registered");
        for count in 1..=KEPT {
            live = register(&cx, &address, &sized(count), None).await.expect("it is registered");
        }
        let changed = || Changed::of(&TaskDefinition::diff(&sized(99), &live)).expect("it is changed in place");
        cloud.with(|ecs: &mut Ecs| ecs.throttled = 1_000);
        TaskDefinition::update(&cx, &address, &sized(99), &live, &changed()).await.expect("it is registered");
        let all: Vec<String> = (1..=KEPT + 2).rev().map(|number| number.to_string()).collect();
        assert_eq!(active(&cx).await, all, "it is registered once, and none is deregistered");
        // ECS accepts the third try.
        cloud.with(|ecs: &mut Ecs| ecs.throttled = 2);
        TaskDefinition::update(&cx, &address, &sized(99), &live, &changed()).await.expect("it is registered");
        assert_eq!(active(&cx).await.len(), KEPT, "the next release deregisters more");
    }

    #[tokio::test]
    async fn registration_rate_limit_is_waited_for() {
        let cloud = ecs::model::cloud();
        cloud.with(|ecs: &mut Ecs| ecs.too_fast = 1);
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
        let address = Address::new("task_definition", "main");
        let refused = TaskDefinition::create(&cx, &address, &desired()).await.expect_err("it is one too many");
        assert_eq!(TaskDefinition::passing(&refused), Some("ECS to register another revision"));
        TaskDefinition::create(&cx, &address, &desired()).await.expect("it is registered");
        let other = Failure { message: "No Fargate configuration exists".to_owned(), ..refused };
        assert_eq!(TaskDefinition::passing(&other), None);
    }

    #[test]
    fn unchanged_definition_needs_no_revision() {
        assert_eq!(TaskDefinition::diff(&desired(), &live()), []);
    }

    #[test]
    fn more_cpu_is_the_only_change_shown() {
        let changes = TaskDefinition::diff(&Desired { cpu: 512, ..desired() }, &live());
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].field.as_str(), &changes[0].to), ("cpu", &Shown::value(512)));
    }

    #[test]
    fn new_secret_value_needs_a_revision_but_is_not_pinned() {
        let version = |version: &str| {
            let reference = SecretRef { version: Some(version.into()), ..reference() };
            let main = Container { secrets: BTreeMap::from([("S".to_owned(), reference)]), ..desired().main };
            Desired { main, ..desired() }
        };
        let fields = compared(&version("v1")).into_iter().map(|(name, value)| (name, value.expect("all is known")));
        let live = Live { fields: fields.collect(), ..live() };
        assert_eq!(TaskDefinition::diff(&version("v1"), &live), []);
        let changes = TaskDefinition::diff(&version("v2"), &live);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!((changes[0].field.as_str(), &changes[0].to), ("secrets.S.version", &Shown::value("v2")));
        assert!(!live.fields["secrets.S"].contains("v1"));
    }
}
