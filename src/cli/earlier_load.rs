//! The loads of killed `db load` commands: decides how the next command handles them before it loads a dump or deletes
//! resources that they use. `kinds::ecs::database_load::earlier` reads them from AWS.

use crate::{
    blueprint,
    cli::project::Project,
    kinds::ecs::database_load::{
        TASK,
        earlier::{self, Begun, Left, Order, State},
    },
    model::{Action, Address, Failure, LiveResource, Plan, Step, Subject},
    output::Output,
};

/// How many digits of a dump's checksum are shown.
const SHOWN_DIGITS: usize = 12;

/// The loads of incomplete commands, newest first.
pub(super) struct Earlier(Vec<Begun>);

/// How `db load` proceeds with a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It loads the dump.
    Begin,
    /// It waits for a task that is loading the dump already.
    Wait(Begun),
    /// The dump is loaded already; only the resources of the load are deleted.
    Loaded(Begun),
}

impl Earlier {
    /// Reads the earlier loads from AWS.
    ///
    /// # Errors
    /// If AWS cannot be read.
    pub(super) async fn of(project: &Project) -> Result<Self, Failure> {
        let (groups, definitions) =
            futures::try_join!(project.observe_kind("log_group"), project.observe_kind("task_definition"))?;
        let own = |found: &&LiveResource| found.address.name() == TASK;
        let definition = definitions.iter().find(own).filter(|found| found.live["inactive"] != true);
        let left = Left {
            log: groups.iter().any(|found| own(&found)),
            definition: definition.and_then(|found| found.live["arn"].as_str()).map(str::to_owned),
        };
        earlier::begun(&project.cx, &left).await.map(Self)
    }

    /// Returns how to proceed with the dump of `order`. `cluster` is the cluster of its task.
    ///
    /// # Errors
    /// If another load is running, or it is unknown whether this dump is loaded.
    pub(super) fn way(&self, order: &Order, cluster: &str) -> Result<Way, Failure> {
        let mut running = self.0.iter().filter(|load| load.state == State::Runs);
        match (running.next(), running.next()) {
            (Some(one), None) if one.order.as_ref() == Some(order) && one.run.is_some() => {
                return Ok(Way::Wait(one.clone()));
            }
            (Some(one), _) => return Err(busy(one, cluster)),
            (None, _) => {}
        }
        for load in &self.0 {
            match (load.state, &load.order) {
                (State::Loaded, Some(other)) if other == order => return Ok(Way::Loaded(load.clone())),
                // A load with `--replace` removed everything that was loaded before.
                (State::Loaded, Some(other)) if other.replaces => break,
                (State::Unknown, Some(other)) if other == order => return Err(unknown(load)),
                (State::Loaded | State::Unknown, None) => return Err(unknown(load)),
                _ => {}
            }
        }
        Ok(Way::Begin)
    }

    /// Returns the load that the run `run` of stackctl started, if there is one.
    pub(super) fn of_run(&self, run: &str) -> Option<&Begun> {
        self.0.iter().find(|load| load.run.as_deref() == Some(run))
    }

    /// Returns messages about the results that the user needs to know.
    pub(super) fn outcomes(&self) -> Vec<String> {
        self.0.iter().filter_map(outcome).collect()
    }
}

fn outcome(load: &Begun) -> Option<String> {
    let task = format!("Task {} of an interrupted `stackctl db load`", load.task);
    let what = load.order.as_ref().map_or_else(|| "a dump".to_owned(), shown);
    match load.state {
        State::Loaded if load.leaves_old => Some(format!("{task} loaded {what} into the database. {}", old_is_left())),
        State::Loaded => Some(format!("{task} loaded {what} into the database.")),
        State::Unknown => {
            Some(format!("{task} started to load {what}, but its result is no longer known: check the database."))
        }
        State::Killed if may_be_half_loaded(load) => Some(format!("{task} was killed. {}", half_loaded())),
        State::Runs | State::Undone | State::Killed => None,
    }
}

/// Formats a dump for a message.
fn shown(order: &Order) -> String {
    let digits: String = order.sha256.chars().take(SHOWN_DIGITS).collect();
    format!("the dump whose compressed SHA-256 starts with {digits}")
}

/// Returns whether the server may have a partly loaded database.
pub(super) fn may_be_half_loaded(load: &Begun) -> bool {
    load.state == State::Killed && load.order.as_ref().is_none_or(|order| order.replaces)
}

/// Returns the message about what a killed load with `--replace` leaves, and how to remove it.
pub(super) fn half_loaded() -> String {
    let name = blueprint::DATABASE_NAME;
    format!(
        "The server may still have the partly loaded database {name}_loading, or the old database as \
         {name}_replaced. The next `stackctl db load` removes both. To remove it manually: {}",
        by_hand("loading")
    )
}

/// Returns the message about the old database that a load with `--replace` could not drop, and how to remove it.
pub(super) fn old_is_left() -> String {
    let name = blueprint::DATABASE_NAME;
    format!(
        "The old database could not be dropped and still exists as {name}_replaced. The next `stackctl db load` \
         removes it. To remove it manually: {}",
        by_hand("replaced")
    )
}

fn by_hand(ending: &str) -> String {
    let (name, (user, _)) = (blueprint::DATABASE_NAME, blueprint::master());
    format!("stackctl db connect --user {user} -- --command='DROP DATABASE IF EXISTS {name}_{ending} WITH (FORCE)'")
}

fn busy(load: &Begun, cluster: &str) -> Failure {
    let what = load.order.as_ref().map_or_else(|| "a dump".to_owned(), shown);
    let id = &load.task;
    Failure::about(Subject::command("db load"), format!("task {id} is already loading {what}; nothing was changed"))
        .hint(format!("wait for it to finish, or stop it: aws ecs stop-task --cluster {cluster} --task {id}"))
}

fn unknown(load: &Begun) -> Failure {
    let message = format!(
        "task {} of a killed command started to load this dump, but its result is no longer known; nothing was \
         changed",
        load.task
    );
    Failure::about(Subject::command("db load"), message).hint(
        "check whether the dump is in the database. To load it again, run `stackctl up` (which removes the rest of \
         that load), then `stackctl db load`",
    )
}

/// Refuses `plan` if it deletes resources that the running task of a load needs. Reports the results of loads whose
/// remaining resources it deletes. Makes no call if the plan deletes nothing of a load.
///
/// # Errors
/// If such a task is running. If AWS cannot be read.
pub(super) async fn spare(project: &Project, command: &str, plan: &Plan, output: &Output) -> Result<(), Failure> {
    if !touches(plan) {
        return Ok(());
    }
    let earlier = Earlier::of(project).await?;
    if let Some(load) = earlier.0.iter().find(|load| load.state == State::Runs) {
        let (id, cluster) = (&load.task, earlier::cluster(&project.cx));
        let message = format!(
            "task {id} of an interrupted `stackctl db load` is still loading a dump and needs resources that would \
             be removed; nothing was changed"
        );
        return Err(Failure::about(Subject::command(command), message).hint(format!(
            "run that `stackctl db load` again to wait for it, or stop it, which undoes the load: aws ecs stop-task \
             --cluster {cluster} --task {id}"
        )));
    }
    earlier.outcomes().iter().for_each(|line| output.status(line));
    Ok(())
}

/// Returns whether `plan` deletes resources of a load, or closes the database to its task. A plan that deletes the
/// cluster does not count, because it stops all tasks.
fn touches(plan: &Plan) -> bool {
    let removes = |step: &Step| matches!(step.action, Action::Delete | Action::DeleteReplaced);
    let ends = plan.steps.iter().any(|step| removes(step) && step.address.kind() == "cluster");
    let way_in = Address::new("security_group", "database");
    let touched = |step: &Step| {
        let own = step.address.name().strip_prefix(TASK).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        (own && removes(step)) || (step.address == way_in && step.action == Action::Update)
    };
    !ends && plan.steps.iter().any(touched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StackId;

    fn order(sha256: &str, replaces: bool) -> Order {
        Order { sha256: sha256.into(), replaces }
    }

    fn load(task: &str, of: Option<Order>, state: State) -> Begun {
        let run = Some(format!("run of {task}"));
        Begun { task: task.into(), run, order: of, state, leaves_old: false, at: 0 }
    }

    /// Returns how `db load` proceeds with the dump `a`, and the id of the task that decides it, or the start of an
    /// error.
    fn way(loads: Vec<Begun>) -> Result<(&'static str, String), String> {
        match Earlier(loads).way(&order("a", false), "shop-test-main") {
            Ok(Way::Begin) => Ok(("begin", String::new())),
            Ok(Way::Wait(load)) => Ok(("wait", load.task)),
            Ok(Way::Loaded(load)) => Ok(("loaded", load.task)),
            Err(failure) => Err(failure.to_string()),
        }
    }

    fn decided(how: &'static str, task: &str) -> (&'static str, String) {
        (how, task.to_owned())
    }

    #[test]
    fn a_dump_is_loaded_by_one_task_only() {
        let (a, b) = (Some(order("a", false)), Some(order("b", false)));
        assert_eq!(way(Vec::new()), Ok(decided("begin", "")));
        assert_eq!(way(vec![load("1", a.clone(), State::Runs)]), Ok(decided("wait", "1")));
        assert_eq!(way(vec![load("1", a.clone(), State::Loaded)]), Ok(decided("loaded", "1")));
        for undone in [State::Undone, State::Killed] {
            assert_eq!(way(vec![load("1", a.clone(), undone)]), Ok(decided("begin", "")));
        }
        // The dump was loaded, although others followed.
        let later = [State::Undone, State::Loaded, State::Unknown].map(|state| load("2", b.clone(), state));
        for later in later {
            assert_eq!(way(vec![later, load("1", a.clone(), State::Loaded)]), Ok(decided("loaded", "1")));
        }
        let replaced = load("2", Some(order("b", true)), State::Loaded);
        assert_eq!(way(vec![replaced, load("1", a, State::Loaded)]), Ok(decided("begin", "")));
    }

    #[test]
    fn another_running_load_fails_with_a_hint() {
        let others = [Some(order("b", false)), Some(order("a", true)), None];
        for other in others {
            let failure = Earlier(vec![load("1", other, State::Runs)]).way(&order("a", false), "shop-test-main");
            let failure = failure.expect_err("it runs");
            assert!(failure.to_string().contains("task 1 is already loading"), "{failure}");
            let hint = failure.hint.expect("it has one");
            assert!(hint.ends_with("aws ecs stop-task --cluster shop-test-main --task 1"), "{hint}");
        }
        let two = ["1", "2"].map(|task| load(task, Some(order("a", false)), State::Runs));
        assert!(way(two.to_vec()).is_err_and(|why| why.contains("task 1 is already loading")));
    }

    #[test]
    fn a_load_of_the_same_dump_with_an_unknown_result_fails() {
        let a = Some(order("a", false));
        for (of, state) in [(a, State::Unknown), (None, State::Unknown), (None, State::Loaded)] {
            let why = way(vec![load("1", of, state)]).expect_err("it may be loaded");
            assert!(why.contains("no longer known; nothing was changed"), "{why}");
        }
        assert_eq!(way(vec![load("1", Some(order("b", false)), State::Unknown)]), Ok(decided("begin", "")));
    }

    #[test]
    fn leftovers_of_a_load_are_reported() {
        let a = |replaces| Some(order("0123456789abcdef", replaces));
        let told = |of, state| Earlier(vec![load("1", of, state)]).outcomes().join("\n");
        assert!(told(a(false), State::Loaded).ends_with("starts with 0123456789ab into the database."));
        let left = Begun { leaves_old: true, ..load("1", a(true), State::Loaded) };
        let left = Earlier(vec![left]).outcomes().join("\n");
        assert!(left.contains("into the database. The old database could not be dropped"), "{left}");
        assert_eq!(told(a(false), State::Undone), "");
        assert_eq!(told(a(false), State::Killed), "", "its transaction is undone");
        let half = told(a(true), State::Killed);
        assert!(
            half.contains("partly loaded database app_loading")
                && half.contains("next `stackctl db load` removes both"),
            "{half}"
        );
        assert!(told(a(true), State::Unknown).contains("check the database"));
    }

    #[test]
    fn only_a_plan_that_affects_loads_reads_them() {
        let step = |kind: &str, name: &str, action| Step {
            address: Address::new(kind, name),
            action,
            changes: Vec::new(),
            desired: None,
            live: None,
            needs: Vec::new(),
        };
        let plan = |steps| Plan::new(StackId { stack: "shop".into(), environment: "test".into() }, steps);
        for taken in [
            step("role", "database_load-execution", Action::Delete),
            step("log_group", TASK, Action::Delete),
            step("security_group", "database", Action::Update),
        ] {
            assert!(touches(&plan(vec![taken.clone()])), "{}", taken.address);
            let cluster = step("cluster", "main", Action::Delete);
            assert!(!touches(&plan(vec![taken, cluster])), "a destroy ends it");
        }
        let others = [step("role", "database_loader-task", Action::Delete), step("service", "web", Action::Update)];
        assert!(!touches(&plan(others.to_vec())));
    }
}
