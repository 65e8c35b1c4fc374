//! `stackctl db load`: a dump from this machine into the private database. What it takes is drawn into the stack's graph,
//! made by the engine as `up` would, and taken away again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::Args;

use super::reach::has_database;
use crate::{
    aws, blueprint,
    cli::{
        change::{Change, Consent, confirm},
        error::Stop,
        global::Global,
        project::{Project, View},
    },
    dump::{Dump, Refusal},
    engine, exit,
    kind::{ImageSource, Images},
    kinds::ecs::database_load::TASK,
    model::{Address, Failure, Graph, LiveResource, Plan, Step, Subject},
    output::Output,
    spec::Stack,
};

/// Arguments of `stackctl db load`.
#[derive(Debug, Args)]
#[command(
    after_help = "The dump is pushed to a repository of the stack, and a task beside the database hands it to psql; both \
    are removed at the end. A failure leaves the database as it was.\n\n\
    Examples:\n  pg_dump --no-owner --file=dump.sql olddb\n  stackctl db load dump.sql\n  stackctl db load --replace dump.sql.gz"
)]
pub(super) struct Load {
    /// What `pg_dump` has written in SQL, plain or packed by gzip.
    #[arg(value_name = "DUMP.sql[.gz]")]
    dump: PathBuf,
    /// Load into a new database, and put it in the place of the one that is there.
    #[arg(long)]
    replace: bool,
}

impl Load {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        has_database(&project.stack)?;
        let dump = self.prepare(&project.stack, output).await?;
        refuse_second(&project).await?;
        self.ask(&project, global, output)?;
        let built = project.images().build(&ImageSource::Dump(dump.path())).await?;
        let load = blueprint::Load {
            file: dump.path(),
            digest: built.digest,
            sha256: dump.sha256.clone(),
            replaces: self.replace,
            run: project.cx.run.clone(),
        };
        project.under_lock("db load", global, self.load(&project, &load, output)).await
    }

    /// Loads the dump and takes away what was there for that, under the stack's lock, which the caller holds.
    async fn load(&self, project: &Project, load: &blueprint::Load, output: &Output) -> Result<u8, Stop> {
        // Another run may have begun since the first look.
        refuse_second(project).await?;
        // Where it did not begin, there is nothing to take away.
        let code = change(&|view| plan(project, view, load)).run_locked(project, output).await?.code;
        if code != exit::DONE {
            stop_running(project).await?;
        }
        if code == exit::LOCKED {
            output.status("What was there for it is left: the next `stackctl up` removes it.");
            return Ok(code);
        }
        output.status("What was there for it is taken away.");
        let cleaned = change(&|view| leftovers(project, view, load)).run_locked(project, output).await?.code;
        if code != exit::DONE {
            return Ok(code);
        }
        self.conclude(&project.stack, output);
        Ok(cleaned)
    }

    /// Reads and checks the file; nothing of AWS's has been asked yet.
    async fn prepare(&self, stack: &Stack, output: &Output) -> Result<Dump, Stop> {
        let (path, replaces) = (self.dump.clone(), self.replace);
        let prepared = tokio::task::spawn_blocking(move || Dump::prepare(&path, replaces)).await;
        let dump = prepared
            .map_err(|error| Failure::internal(format!("the dump could not be read: {error}")))?
            .map_err(|refusal| self.refused(&refusal))?;
        let owner = stack.database.as_ref().and_then(|database| database.first_owner());
        let owner = owner.map_or("the master user", |owner| owner.name.as_str());
        let named = match dump.owners {
            0 => String::new(),
            1 => format!("; the owner that it names is left out: all will belong to {owner}"),
            count => {
                format!("; the owners that it names ({count} statements) are left out: all will belong to {owner}")
            }
        };
        let (sql, packed) = (megabytes(dump.unpacked), megabytes(dump.packed));
        output.status(&format!("{}: {sql} MB of SQL, {packed} MB packed{named}.", self.dump.display()));
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
            let name = &project.stack.name;
            let what = format!("The database of {id} is replaced, and all that is in it now is lost");
            (format!("{what}. Type the stack's name, {name}, to go on"), name.as_str())
        } else {
            (format!("Load it into the database of {id}? Only `yes` will do"), "yes")
        };
        confirm(&question, expected, "add --yes to carry this out without a question", global, output)
    }

    fn conclude(&self, stack: &Stack, output: &Output) {
        let how =
            if self.replace { "is what the dump says, and nothing else" } else { "has what the dump has as well" };
        output.status(&format!("The database {how}."));
        let migrates = stack.services.iter().find(|(_, service)| !service.release.is_empty());
        if let Some((name, service)) = migrates.filter(|_| self.replace) {
            let command = service.release.join(" ");
            output.status(&format!("Its tables may be older than the application: stackctl run {name} -- {command}"));
        }
    }
}

fn megabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The tasks that load a dump now.
async fn running(project: &Project) -> Result<Vec<LiveResource>, Failure> {
    let found = project.observe_kind(TASK).await?;
    Ok(found.into_iter().filter(|task| task.live["status"] != "STOPPED").collect())
}

/// # Errors
/// If a dump is being loaded: a run that was killed leaves its task at work.
async fn refuse_second(project: &Project) -> Result<(), Stop> {
    let Some(task) = running(project).await?.into_iter().next() else { return Ok(()) };
    let id = aws::last_part(&task.id).to_owned();
    let cluster = task.live["cluster"].as_str().unwrap_or_default().to_owned();
    Err(Failure::about(Subject::command("db load"), format!("task {id} is loading a dump already; nothing was done"))
        .hint(format!("wait for its end, or stop it: aws ecs stop-task --cluster {cluster} --task {id}"))
        .into())
}

/// Of a load that was interrupted, nothing shall come after all: with its task, its transaction ends.
async fn stop_running(project: &Project) -> Result<(), Failure> {
    for task in running(project).await? {
        project.kinds.of(&task.address)?.delete(&project.cx, &task.live).await?;
    }
    Ok(())
}

/// A part of the load, to which the question was about all of it.
fn change(plan: &(dyn Fn(View) -> Result<Plan, Failure> + Sync)) -> Change<'_> {
    Change { command: "db load", consent: Consent::Given, unprotect: false, plan }
}

/// What is in the graph for the load alone, and the database's security group, which lets its task in.
fn own<'a>(without: &Graph, with: &'a Graph) -> impl Iterator<Item = &'a Address> {
    let group = Address::new("security_group", "database");
    let without: BTreeSet<Address> = without.nodes().map(|node| node.address.clone()).collect();
    with.nodes().map(|node| &node.address).filter(move |address| **address == group || !without.contains(address))
}

/// The steps of the load, which stand on a stack that is as stack.yaml says.
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
    let message = format!("the stack is not as stack.yaml says, and nothing was loaded: {}", others.join(", "));
    Err(Failure::about(Subject::command("db load"), message).hint("run `stackctl up` first"))
}

/// The steps that take away what is there for the load.
fn leftovers(project: &Project, view: View, load: &blueprint::Load) -> Result<Plan, Failure> {
    let without = project.graph(&view, &BTreeMap::new(), None)?;
    let with = project.graph(&view, &BTreeMap::new(), Some(load))?;
    let own: BTreeSet<&Address> = own(&without, &with).collect();
    let whole = engine::plan(&project.kinds, &project.cx.id, &without, view.live)?;
    Ok(engine::only(&whole, |step: &Step| own.contains(&step.address)))
}
