//! `stackctl adopt`: brings an existing resource, which belongs to no stack, into this one by adding the stack's tags.

use std::collections::BTreeMap;

use clap::Args;

use crate::{
    aws,
    cli::{change::confirm, error::Stop, global::Global, project::Project},
    engine, exit,
    kind::{AnyKind, Registry},
    model::{Action, Address, Failure, Graph, LiveResource, Plan, Subject},
    output::Output,
};

/// Arguments of `stackctl adopt`.
#[derive(Debug, Args)]
#[command(
    after_help = "An adopted resource belongs to the stack: `up` changes it and `destroy` deletes it. `adopt` changes only its tags, \
    and shows what the next `up` will change. A resource that `up` would have to replace is refused.\n\n\
    Resources that AWS identifies by name, such as services and load balancers, cannot be adopted, because AWS cannot \
    rename them.\n\n\
    Examples:\n  \
    stackctl adopt vpc.main vpc-0f3a5c7e91b2d4680\n  \
    stackctl adopt db_instance.database shop-production"
)]
pub(in crate::cli) struct Adopt {
    /// Address that the resource gets in the stack, as `stackctl plan` shows it.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// ID of the resource on AWS: a network resource's id or a database's identifier.
    #[arg(value_name = "ID")]
    id: String,
}

impl Adopt {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let Some((_, plan)) = self.look(&project).await? else {
            // An earlier attempt, whose response was lost, has adopted it.
            self.conclude(output);
            return Ok(exit::DONE);
        };
        self.show(&project.kinds, &plan, output);
        self.refuse_mismatch(&plan)?;
        let question = format!(
            "Adopt {} as {} of {}? From then on `up` changes it and `destroy` deletes it. Type \"yes\"",
            self.id, self.address, project.cx.id
        );
        confirm(&question, "yes", "add --yes to adopt it without asking", global, output)?;
        let adopt = async {
            // Another run may have adopted or created a resource at this address in the meantime.
            let Some((found, plan)) = self.look(&project).await? else { return Ok(()) };
            self.refuse_mismatch(&plan)?;
            Ok::<_, Stop>(project.kinds.of(&self.address)?.adopt(&project.cx, &self.address, &found.live).await?)
        };
        project.under_lock("adopt", global, adopt).await?;
        self.conclude(output);
        Ok(exit::DONE)
    }

    fn conclude(&self, output: &Output) {
        if output.is_json() {
            let document = serde_json::json!({ "event": "adopted", "address": self.address, "id": self.id });
            output.document(&document);
        }
        output.status(&format!(
            "Adopted {} as {}. Run `stackctl plan` to see what `up` would change.",
            self.id, self.address
        ));
    }

    /// Returns the resource and the plan of `up` as if it belonged to the stack, or `None` if it does already.
    async fn look(&self, project: &Project) -> Result<Option<(LiveResource, Plan)>, Stop> {
        let view = project.look().await?;
        let graph = project.graph(&view, &BTreeMap::new(), None)?;
        self.refuse_others(&project.kinds, &graph)?;
        let owned = view.live.iter().find(|live| live.address == self.address);
        if owned.is_some_and(|owned| owned.id == self.id) {
            return Ok(None);
        }
        if let Some(owned) = owned {
            let message = format!("{} already has {}: {}", project.cx.id, self.address, owned.id);
            return Err(Failure::about(Subject::command("adopt"), message).hint("nothing was changed").into());
        }
        let claim = project.cx.claiming(self.address.clone(), self.id.clone());
        let Some(found) = project.kinds.of(&self.address)?.list(&claim).await?.pop() else {
            let (kind, region) = (self.address.kind(), &project.stack.region);
            let message = format!("{kind} {} not found in {region}, or it belongs to another stack", self.id);
            return Err(Failure::about(Subject::command("adopt"), message)
                .hint(format!("check the region and account, and whether it has the tag `{}`", aws::STACK))
                .into());
        };
        let whole = engine::plan(
            &project.kinds,
            &project.cx.id,
            &graph,
            view.live.into_iter().chain([found.clone()]).collect(),
        )?;
        let own = whole.steps.into_iter().filter(|step| step.address == self.address);
        let steps = own.map(|mut step| {
            step.needs.clear();
            step
        });
        let plan = Plan { targets: vec![self.address.clone()], ..Plan::new(whole.id, steps.collect()) };
        Ok(Some((found, plan)))
    }

    /// Refuses a resource that stack.yaml does not describe, or that AWS identifies by name.
    fn refuse_others(&self, kinds: &Registry, graph: &Graph) -> Result<(), Stop> {
        let adoptable = |address: &Address| kinds.named(address.kind()).is_some_and(AnyKind::adoptable);
        if graph.get(&self.address).is_some() && adoptable(&self.address) {
            return Ok(());
        }
        let all = graph.nodes().map(|node| &node.address).filter(|address| adoptable(address));
        let all: Vec<String> = all.map(ToString::to_string).collect();
        let message = if graph.get(&self.address).is_some() {
            format!("cannot adopt {}: AWS identifies it by its name, which cannot be changed", self.address)
        } else {
            format!("stack.yaml does not describe {}", self.address)
        };
        Err(Stop::usage(message, format!("resources that can be adopted: {}", all.join(", "))))
    }

    fn refuse_mismatch(&self, plan: &Plan) -> Result<(), Failure> {
        if plan.count(Action::Replace) == 0 {
            return Ok(());
        }
        let message = format!("{} does not match {}: `up` would have to replace it", self.id, self.address);
        Err(Failure::about(Subject::command("adopt"), message)
            .hint("nothing was changed; change stack.yaml to match it, or first adopt the resource that contains it"))
    }

    fn show(&self, kinds: &Registry, plan: &Plan, output: &Output) {
        if plan.is_empty() {
            output.status(&format!("{} already matches what stack.yaml says of {}.", self.id, self.address));
        } else {
            output.status(&format!("The next `up` would change {}:", self.id));
            output.announce(kinds, plan);
        }
    }
}
