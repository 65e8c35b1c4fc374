//! `stackctl db load`: loads a local dump into the private database. The resources for the load are added to the
//! stack's graph, created by the engine as in `up`, and deleted afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use tokio::time::{Instant, sleep};

use super::reach::has_database;
use crate::{
    aws, blueprint,
    cli::{
        change::{About, Change, Consent, confirm},
        earlier_load::{Earlier, Way, half_loaded, may_be_half_loaded, old_is_left},
        error::Stop,
        global::Global,
        project::{Project, View},
    },
    dump::{Dump, Refusal},
    engine, exit,
    kind::{Base, ImageSource, Images},
    kinds::ecs::database_load::{
        TASK,
        earlier::{Order, State, cluster},
    },
    model::{Action, Address, Failure, Graph, LiveResource, Plan, Step, Subject},
    output::Output,
    spec::Stack,
};

/// How long a stopped task may take to end: ECS kills it after its `stop_timeout` and then removes its network
/// interface.
const STOPS: Duration = Duration::from_secs(240);

/// How long ECS may take to list a started task.
const LISTED: Duration = Duration::from_secs(5);

/// The pause between two reads of a task that is stopping.
const LOOK: Duration = Duration::from_secs(1);

/// Arguments of `stackctl db load`.
#[derive(Debug, Args)]
#[command(
    after_help = "stackctl pushes the dump to a repository of the stack and starts a task that loads it with psql. It removes both at \
    the end. If the load fails or you press Ctrl-C, the database stays unchanged. If stackctl is killed, the task keeps \
    running: run the same command again to wait for it. The dump is not loaded twice.\n\n\
    Examples:\n  pg_dump --no-owner --file=dump.sql olddb\n  stackctl db load dump.sql\n  stackctl db load --replace dump.sql.gz"
)]
pub(super) struct Load {
    /// SQL file that `pg_dump` wrote, plain or compressed with gzip.
    #[arg(value_name = "DUMP.sql[.gz]")]
    dump: PathBuf,
    /// Load into a new database, then replace the existing database with it.
    #[arg(long)]
    replace: bool,
}

impl Load {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let mut project = Project::open(global, output).await?;
        has_database(&project.stack)?;
        let dump = self.prepare(&project.stack, output).await?;
        let order = Order { sha256: dump.sha256.clone(), replaces: self.replace };
        let earlier = Earlier::of(&project).await?;
        let way = earlier.way(&order, &cluster(&project.cx))?;
        let load = match &way {
            Way::Begin => {
                earlier.outcomes().iter().for_each(|line| output.status(line));
                self.ask(&project, global, output)?;
                let built = project.images().build(&ImageSource::of(Base::Dump(dump.path()))).await?;
                blueprint::Load {
                    file: dump.path(),
                    digest: built.digest,
                    sha256: dump.sha256.clone(),
                    replaces: self.replace,
                    run: project.cx.run.clone(),
                }
            }
            Way::Wait(task) => {
                let id = &task.task;
                output.status(&format!(
                    "Task {id} of an interrupted `stackctl db load` is already loading this dump. Waiting for it \
                     instead of starting a second task."
                ));
                // Use the run id under which the task was started, so that it is recognized.
                project.cx.run = task.run.clone().unwrap_or_default();
                blueprint::Load::made_up()
            }
            Way::Loaded(_) => blueprint::Load::made_up(),
        };
        project.under_lock("db load", global, self.under_lock(&project, &order, &way, &load, output)).await
    }

    /// Loads the dump and deletes the resources of the load. The caller holds the stack's lock.
    async fn under_lock(
        &self,
        project: &Project,
        order: &Order,
        way: &Way,
        load: &blueprint::Load,
        output: &Output,
    ) -> Result<u8, Stop> {
        // Another load may have started or ended since the first read.
        let now = Earlier::of(project).await?.way(order, &cluster(&project.cx))?;
        let (code, is_loaded) = match (way, now) {
            (Way::Begin, Way::Begin) => {
                let plan = |view| plan(project, view, load);
                (change(About::Load, &plan).run_locked(project, output).await?.code, false)
            }
            (Way::Wait(first), Way::Wait(now)) if first.task == now.task => {
                let task = project.observe_kind(TASK).await?.into_iter().next().ok_or_else(has_changed)?;
                let plan = |view| waiting(project, &view, load, &task);
                (change(About::Load, &plan).run_locked(project, output).await?.code, false)
            }
            (Way::Wait(first) | Way::Loaded(first), Way::Loaded(now)) if first.task == now.task => {
                output.status(&format!(
                    "Task {} of an interrupted `stackctl db load` has already loaded this dump. It is not loaded \
                     again.",
                    now.task
                ));
                (exit::DONE, true)
            }
            _ => return Err(has_changed().into()),
        };
        if code != exit::DONE {
            stop(project, exit::is_stopped(code), output).await?;
        }
        if code != exit::DONE || self.replace {
            tell_of_end(project, code, output).await;
        }
        if code == exit::LOCKED {
            output.status("Resources of the load remain; the next `stackctl up` removes them.");
            return Ok(code);
        }
        output.status("Removing the resources of the load.");
        let plan = |view| leftovers(project, view, load);
        let cleaned = change(About::Leftovers, &plan).run_locked(project, output).await?.code;
        if code != exit::DONE {
            return Ok(code);
        }
        self.conclude(&project.stack, is_loaded, output);
        Ok(cleaned)
    }

    /// Reads and checks the file before any call to AWS.
    async fn prepare(&self, stack: &Stack, output: &Output) -> Result<Dump, Stop> {
        let (path, replaces) = (self.dump.clone(), self.replace);
        let prepared = tokio::task::spawn_blocking(move || Dump::prepare(&path, replaces)).await;
        let dump = prepared
            .map_err(|error| Failure::internal(format!("cannot read the dump: {error}")))?
            .map_err(|refusal| self.refused(&refusal))?;
        let owner = stack.database.as_ref().and_then(|database| database.first_owner());
        let owner = owner.map_or("the master user", |owner| owner.name.as_str());
        let named = match dump.owners {
            0 => String::new(),
            1 => format!("; the owner in the dump is ignored, and everything will belong to {owner}"),
            count => {
                format!(
                    "; the owners in the dump ({count} statements) are ignored, and everything will belong to \
                 {owner}"
                )
            }
        };
        let (sql, packed) = (megabytes(dump.unpacked), megabytes(dump.packed));
        output.status(&format!("{}: {sql} MB of SQL, {packed} MB compressed{named}.", self.dump.display()));
        Ok(dump)
    }

    fn refused(&self, refusal: &Refusal) -> Stop {
        let place = refusal.line.map_or_else(String::new, |line| format!("{line}:1: "));
        let separator = if refusal.line.is_some() { ":" } else { ": " };
        Stop::usage(format!("{}{separator}{place}{}", self.dump.display(), refusal.message), refusal.hint.clone())
    }

    fn ask(&self, project: &Project, global: &Global, output: &Output) -> Result<(), Stop> {
        let id = &project.cx.id;
        let (question, expected) = if self.replace {
            let region = &project.stack.region;
            let what = format!("This replaces the database of {id} in {region} and deletes all its current data");
            (format!("{what}. Type \"{id}\""), id.to_string())
        } else {
            (format!("Load it into the database of {id}? Type \"yes\""), "yes".to_owned())
        };
        confirm(&question, &expected, "add --yes to load it without asking", global, output)
    }

    fn conclude(&self, stack: &Stack, is_loaded: bool, output: &Output) {
        let how = if self.replace { "now contains exactly the dump" } else { "now also contains the dump" };
        output.status(&format!("The database {how}."));
        let migrates = stack.services.iter().find(|(_, service)| !service.release.is_empty());
        if let Some((name, service)) = migrates.filter(|_| self.replace) {
            let command = service.release.join(" ");
            output.status(&format!(
                "Its schema may be older than the application. To migrate it: stackctl run \
             {name} -- {command}"
            ));
        }
        if is_loaded {
            output.status("To load the dump once more, run the same command again.");
        }
    }
}

fn megabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn has_changed() -> Failure {
    let message = "another load has started or ended in the meantime; nothing was changed";
    Failure::about(Subject::command("db load"), message).hint(
        "run the same command again to check what is left to \
     do",
    )
}

/// Stops the task of an interrupted load, so that it cannot finish later. A stopped task undoes the load, and needs its
/// network, roles and log until then. `is_new` says that the task may have just been started.
///
/// # Errors
/// If AWS fails, or the task does not stop.
async fn stop(project: &Project, is_new: bool, output: &Output) -> Result<(), Failure> {
    let began = Instant::now();
    let mut asked = BTreeSet::new();
    loop {
        let tasks = project.observe_kind(TASK).await?;
        let running: Vec<&LiveResource> = tasks.iter().filter(|task| task.live["status"] != "STOPPED").collect();
        for task in &running {
            let id = aws::last_part(&task.id);
            if asked.insert(id.to_owned()) {
                output.status(&format!(
                    "Stopping task {id} and undoing its load. Press Ctrl-C again to quit without waiting; the next \
                     `stackctl db load` or `stackctl up` cleans up."
                ));
                project.kinds.of(&task.address)?.delete(&project.cx, &task.live).await?;
            }
        }
        // ECS may list a task some seconds after its start.
        let is_certain = !tasks.is_empty() || !is_new || began.elapsed() >= LISTED;
        match running.first() {
            None if is_certain => return Ok(()),
            Some(task) if began.elapsed() >= STOPS => {
                let id = aws::last_part(&task.id);
                let message = format!("task {id} has not stopped yet, so its resources remain");
                return Err(Failure::about(Subject::command("db load"), message)
                    .hint("run the same command again to check the task"));
            }
            _ => sleep(LOOK).await,
        }
    }
}

/// Reports the result of an incomplete load and what it left on the server, while its log still exists.
async fn tell_of_end(project: &Project, code: u8, output: &Output) {
    // This only reports, so a failed read does not stop the cleanup.
    let Ok(earlier) = Earlier::of(project).await else { return };
    let Some(load) = earlier.of_run(&project.cx.run) else { return };
    match load.state {
        State::Loaded => {
            if code != exit::DONE {
                output.status("The dump is in the database nevertheless.");
            }
            let replaces = load.order.as_ref().is_some_and(|order| order.replaces);
            if load.leaves_old || (code == exit::FAILED && replaces) {
                output.status(&old_is_left());
            }
        }
        State::Undone if code != exit::FAILED => output.status("The database was not changed."),
        _ if may_be_half_loaded(load) => output.status(&half_loaded()),
        _ => {}
    }
}

/// Creates a part of the load. The user has confirmed the whole load before.
fn change(about: About, plan: &(dyn Fn(View) -> Result<Plan, Failure> + Sync)) -> Change<'_> {
    Change { command: "db load", about, consent: Consent::Given, unprotect: false, plan }
}

/// Returns the resources in the graph that only the load needs, and the database's security group, which admits its
/// task.
fn own<'a>(without: &Graph, with: &'a Graph) -> impl Iterator<Item = &'a Address> {
    let group = Address::new("security_group", "database");
    let without: BTreeSet<Address> = without.nodes().map(|node| node.address.clone()).collect();
    with.nodes().map(|node| &node.address).filter(move |address| **address == group || !without.contains(address))
}

/// Returns the steps of the load. The rest of the stack must match stack.yaml.
fn plan(project: &Project, view: View, load: &blueprint::Load) -> Result<Plan, Failure> {
    let without = project.graph(&view, &BTreeMap::new(), None)?;
    let with = project.graph(&view, &BTreeMap::new(), Some(load))?;
    let own: BTreeSet<&Address> = own(&without, &with).collect();
    let plan = engine::plan(&project.kinds, &project.cx.id, &with, view.live)?;
    let others: Vec<String> =
        plan.steps.iter().filter(|step| !own.contains(&step.address)).map(|step| step.address.to_string()).collect();
    if others.is_empty() {
        return Ok(plan);
    }
    let message = format!("the stack does not match stack.yaml; nothing was loaded: {}", others.join(", "));
    Err(Failure::about(Subject::command("db load"), message).hint("run `stackctl up` first"))
}

/// Returns a plan with one step, which waits for a load whose task is already running.
fn waiting(project: &Project, view: &View, load: &blueprint::Load, task: &LiveResource) -> Result<Plan, Failure> {
    let with = project.graph(view, &BTreeMap::new(), Some(load))?;
    let node = with.get(&task.address).ok_or_else(|| Failure::internal(format!("{} is not drawn", task.address)))?;
    let step = Step {
        address: task.address.clone(),
        action: Action::Wait,
        changes: Vec::new(),
        desired: Some(node.desired.clone()),
        live: Some(task.clone()),
        needs: Vec::new(),
    };
    Ok(Plan::new(project.cx.id.clone(), vec![step]))
}

/// Returns the steps that delete the resources of the load.
fn leftovers(project: &Project, view: View, load: &blueprint::Load) -> Result<Plan, Failure> {
    let without = project.graph(&view, &BTreeMap::new(), None)?;
    let with = project.graph(&view, &BTreeMap::new(), Some(load))?;
    let own: BTreeSet<&Address> = own(&without, &with).collect();
    let whole = engine::plan(&project.kinds, &project.cx.id, &without, view.live)?;
    Ok(evidence_last(engine::only(&whole, |step: &Step| own.contains(&step.address))))
}

/// Moves the deletion of the load's log group to the end of `plan`: while it exists, the next command can read the
/// result of the load.
fn evidence_last(mut plan: Plan) -> Plan {
    let evidence = Address::new("log_group", TASK);
    let Some(at) = plan.steps.iter().position(|step| step.address == evidence) else { return plan };
    if plan.steps.iter().any(|step| step.needs.contains(&at)) {
        return plan;
    }
    let last = plan.steps.remove(at);
    for step in &mut plan.steps {
        step.needs.iter_mut().filter(|need| **need > at).for_each(|need| *need -= 1);
    }
    plan.steps.push(Step { needs: (0..plan.steps.len()).collect(), ..last });
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StackId;

    #[test]
    fn the_log_of_a_load_is_deleted_last() {
        let step = |kind: &str, needs: &[usize]| Step {
            address: Address::new(kind, TASK),
            action: Action::Delete,
            changes: Vec::new(),
            desired: None,
            live: None,
            needs: needs.to_vec(),
        };
        let steps =
            vec![step("task_definition", &[]), step("log_group", &[0]), step("role", &[0]), step("secret", &[2])];
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let ordered = evidence_last(Plan::new(id, steps)).steps;
        let kinds: Vec<&str> = ordered.iter().map(|step| step.address.kind()).collect();
        assert_eq!(kinds, ["task_definition", "role", "secret", "log_group"]);
        let needs: Vec<&[usize]> = ordered.iter().map(|step| step.needs.as_slice()).collect();
        assert_eq!(needs, [&[][..], &[0], &[1], &[0, 1, 2]]);
    }
}
