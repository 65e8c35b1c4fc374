//! Commands that are killed at a write, with or without its response. The same command or another one then completes
//! the work, and nothing is lost, duplicated or left behind. `make test` kills the commands of a small stack at each
//! of their writes, `make torture` in every combination, and also those of a whole stack.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::{
    support::{World, text},
    sweep,
    tiny::Tiny,
};

const UP: &[&str] = &["up", "--yes"];
const DEPLOY: &[&str] = &["deploy", "--yes"];
const DESTROY: &[&str] = &["destroy", "--yes"];

/// The command that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    FirstUp,
    Deploy,
    /// An `up` that adds a service and changes the existing one.
    Extension,
    /// An `up` that reverts both.
    Reduction,
    Destroy,
}

impl Killed {
    fn command(self) -> &'static [&'static str] {
        match self {
            Self::FirstUp | Self::Extension | Self::Reduction => UP,
            Self::Deploy => DEPLOY,
            Self::Destroy => DESTROY,
        }
    }

    /// Returns another command that someone may run next.
    fn another(self) -> &'static [&'static str] {
        match self {
            Self::FirstUp | Self::Extension | Self::Reduction => DESTROY,
            Self::Deploy | Self::Destroy => UP,
        }
    }
}

/// The point at which a command is killed, and the next command.
#[derive(Clone, Copy)]
struct Point {
    after: usize,
    /// Whether the command gets the response to its last write.
    answered: bool,
    /// Whether another command runs next.
    another: bool,
}

/// The writes at which a command is killed.
#[derive(Clone, Copy)]
enum Points {
    /// This many writes, spread from the first to the last.
    Spread(usize),
    /// Each write, alternating between with and without response and between the same and another command.
    Each,
    /// Each write in every combination: each write once, alternating, then each with the next combination.
    All,
}

impl Points {
    fn of(self, writes: usize) -> Vec<Point> {
        let turned = |after: usize, turn: usize| {
            let step = after + turn;
            Point { after, answered: step.is_multiple_of(2), another: (step / 2).is_multiple_of(2) }
        };
        let by_turns = |after: usize| turned(after, 0);
        match self {
            Self::Spread(count) => {
                (0..count).map(|point| by_turns(1 + point * (writes - 1) / (count - 1).max(1))).collect()
            }
            Self::Each => (1..=writes).map(by_turns).collect(),
            Self::All => (0..4).flat_map(|turn| (1..=writes).map(move |after| turned(after, turn))).collect(),
        }
    }
}

/// A stack whose commands are killed repeatedly.
struct Stack {
    project: Project,
    /// The initial stack.yaml.
    base: String,
    /// The stack.yaml that is deployed: empty if nothing is, `None` if unknown.
    stands: Option<String>,
    turn: usize,
}

enum Project {
    /// The repository's own stack.
    Whole(World),
    /// A stack without a database and a NAT gateway, which is up in seconds.
    Tiny(Tiny),
}

/// A second service beside the first one.
const SECOND: &str = "  extra:
    build: tiny
    port: 3000
    replicas: 1
    health: /status
    routes: [/extra/*]
    stop_timeout: 2
";

impl Stack {
    fn of(project: Project) -> Self {
        let mut stack = Self { project, base: String::new(), stands: Some(String::new()), turn: 0 };
        stack.base = fs::read_to_string(stack.world().project().join("stack.yaml")).expect("it is there");
        stack
    }

    fn whole() -> Self {
        Self::of(Project::Whole(World::start()))
    }

    fn tiny() -> Self {
        let tiny = Tiny::start();
        // A second service must not take the load balancer from the first one.
        tiny.0.edit("    release:", "    routes: [/*]\n    release:");
        Self::of(Project::Tiny(tiny))
    }

    fn world(&self) -> &World {
        match &self.project {
            Project::Whole(world) | Project::Tiny(Tiny(world)) => world,
        }
    }

    fn extended(&self) -> String {
        format!("{}{SECOND}", self.base.replace("memory: 512", "memory: 1024").replace("/status", "/health"))
    }

    fn write(&self, file: &str) {
        fs::write(self.world().project().join("stack.yaml"), file).expect("it can be written");
    }

    /// Deploys `file`, or destroys the stack if it is empty.
    fn make_stand(&mut self, file: &str) -> Result<(), String> {
        if self.stands.as_deref() == Some(file) {
            return Ok(());
        }
        if !file.is_empty() {
            self.write(file);
        }
        let command = if file.is_empty() { DESTROY } else { UP };
        let output = self.world().stackctl(command);
        if !output.status.success() {
            let (said, errors) = (text(&output), self.world().sandbox_errors());
            return Err(format!("`{}` does not prepare it:\n{said}\nin the sandbox: {errors}", command.join(" ")));
        }
        self.stands = Some(file.to_owned());
        Ok(())
    }

    /// Prepares the state in which `killed` starts, however the last run ended. Returns the stack.yaml that it
    /// deploys.
    fn prepare(&mut self, killed: Killed) -> Result<String, String> {
        self.turn += 1;
        let (base, extended) = (self.base.clone(), self.extended());
        let (before, after) = match killed {
            Killed::FirstUp => (String::new(), base),
            Killed::Deploy => (base.clone(), base),
            Killed::Extension => (base, extended),
            Killed::Reduction => (extended, base),
            Killed::Destroy => (base, String::new()),
        };
        self.make_stand(&before)?;
        self.write(if after.is_empty() { &before } else { &after });
        if let (Killed::Deploy, Project::Tiny(tiny)) = (killed, &self.project) {
            tiny.say(&format!("word{}", self.turn));
        }
        Ok(after)
    }
}

/// The number of resources of each kind. A repeated release adds a revision.
type Census = BTreeMap<String, usize>;

async fn census(world: &World) -> Census {
    let mut counts = Census::new();
    for one in sweep::everything(world).await.iter().filter(|one| !one.starts_with("task definition")) {
        let kind = one.rsplit_once(' ').map_or(one.as_str(), |(kind, _)| kind);
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}

/// The result of a command that is not killed.
struct Undisturbed {
    killed: Killed,
    /// The number of its successful writes.
    writes: usize,
    /// The resources at its end.
    there: Census,
}

/// The variable with the points to try, separated by semicolons, as the report names them or as parts of that. It
/// repeats points that failed.
const ONLY: &str = "STACKCTL_TORTURE_ONLY";

/// The result of all points.
#[derive(Default)]
struct Report {
    tried: usize,
    /// At how many points the command still ran when it was killed.
    held: usize,
    failed: Vec<String>,
}

/// Kills each of `commands` at `points`, one after the other.
async fn torture(new: impl Fn() -> Stack, commands: &[Killed], points: Points) {
    let mut on = new();
    let mut undisturbed = Vec::new();
    for &killed in commands {
        let after = on.prepare(killed).expect("nothing disturbs it");
        undisturbed.push(observe(on.world(), killed).await);
        on.stands = Some(after);
    }
    let expected = undisturbed.iter().map(|one| points.of(one.writes).into_iter().map(move |point| (one, point)));
    let mut report = Report::default();
    let only = std::env::var(ONLY).unwrap_or_default();
    for (one, point) in interleaved(&expected.map(Iterator::collect).collect::<Vec<_>>()) {
        let answer = if point.answered { "answered" } else { "unanswered" };
        let next = (if point.another { one.killed.another() } else { one.killed.command() }).join(" ");
        let place =
            format!("{:?} killed after {} of {} writes, {answer}, then {next}", one.killed, point.after, one.writes);
        if !only.split(';').any(|part| place.contains(part)) {
            continue;
        }
        report.tried += 1;
        let tried = match on.prepare(one.killed) {
            Ok(after) => kill_and_complete(&mut on, one, point, after, &undisturbed).await,
            Err(why) => Err(why),
        };
        match tried {
            Ok(held) => {
                report.held += usize::from(held);
                println!("passed: {place}");
            }
            Err(why) => {
                println!("failed: {place}: {why}");
                report.failed.push(format!("{place}: {why}"));
                on = new();
            }
        }
    }
    let writes: Vec<String> =
        undisturbed.iter().map(|one| format!("{:?} of {} writes", one.killed, one.writes)).collect();
    let passed = report.tried - report.failed.len();
    println!("{}: {} points tried, {} killed in time, {passed} passed", writes.join(", "), report.tried, report.held);
    assert!(report.failed.is_empty(), "{}", report.failed.join("\n\n"));
    assert!(report.held * 10 >= report.tried * 9, "killed in time at {} of {}", report.held, report.tried);
}

/// Interleaves the lists: the state after one command is the start of the next one.
fn interleaved<T: Copy>(lists: &[Vec<T>]) -> Vec<T> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest).flat_map(|at| lists.iter().filter_map(move |list| list.get(at).copied()).collect::<Vec<T>>()).collect()
}

/// Runs a command to its end.
async fn observe(world: &World, killed: Killed) -> Undisturbed {
    world.forget_calls().await;
    world.must(killed.command());
    // The number of lock renewals depends on the duration, and refused calls are retried, so neither counts.
    let counts =
        |call: &&Value| call["mutating"] == true && call["operation"] != "PutParameter" && call["code"].is_null();
    let writes = 1 + world.calls().await.iter().filter(counts).count();
    Undisturbed { killed, writes, there: census(world).await }
}

/// Returns the writes since the log was cleared, each with its error code if it was refused.
async fn writes(world: &World) -> String {
    let text = |call: &Value, key: &str| call[key].as_str().unwrap_or_default().to_owned();
    let calls = world.calls().await;
    let writes = calls.iter().filter(|call| call["mutating"] == true).map(|call| {
        let refused = text(call, "code");
        let end = if refused.is_empty() { String::new() } else { format!(" ({refused})") };
        format!("{} {}{end}", text(call, "service"), text(call, "operation"))
    });
    writes.collect::<Vec<String>>().join(", ")
}

/// Kills the command and runs the next one. Returns whether it still ran when it was killed. A failure names the
/// writes before and after the kill.
async fn kill_and_complete(
    on: &mut Stack,
    one: &Undisturbed,
    point: Point,
    after: String,
    undisturbed: &[Undisturbed],
) -> Result<bool, String> {
    on.world().forget_calls().await;
    let held = kill(on.world(), one.killed, point).await;
    let before = writes(on.world()).await;
    on.world().forget_calls().await;
    // Its lock is valid for a minute. A human who knows that the run is dead removes it.
    on.world().must(&["unlock", "--yes"]);
    let command = if point.another { one.killed.another() } else { one.killed.command() };
    let completed = complete(on.world(), command, undisturbed).await;
    on.stands = completed.is_ok().then(|| match (command, one.killed) {
        (DESTROY, _) => String::new(),
        (_, Killed::Destroy) => on.base.clone(),
        _ => after,
    });
    let next = writes(on.world()).await;
    let errors = on.world().sandbox_errors();
    completed
        .map(|()| held)
        .map_err(|why| format!("{why}\nbefore the kill: {before}\nafter the kill: {next}\nin the sandbox: {errors}"))
}

/// Kills the command at the point. Returns whether it still ran.
async fn kill(world: &World, killed: Killed, point: Point) -> bool {
    world.set(json!({ "hold_after": point.after, "answer_last": point.answered })).await;
    let mut child = world.spawn(killed.command());
    let held = world.until_held(&mut child).await;
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    world.set(json!({ "hold_after": null })).await;
    held
}

/// Runs the next command. Returns an error if the state is wrong afterwards.
async fn complete(world: &World, command: &[&str], undisturbed: &[Undisturbed]) -> Result<(), String> {
    let next = world.stackctl(command);
    if !next.status.success() {
        return Err(text(&next));
    }
    if command == DESTROY {
        let mut left = sweep::everything(world).await;
        left.extend(sweep::processes_of(world));
        return if left.is_empty() { Ok(()) } else { Err(format!("left: {left:?}")) };
    }
    let plan = world.plan();
    if !plan.is_empty() {
        return Err(format!("still to be done: {plan:?}"));
    }
    let url = String::from_utf8_lossy(&next.stdout).trim().to_owned();
    let (status, body) = world.get(&url).await;
    if status != 200 {
        return Err(format!("{url} answers {status}: {body}"));
    }
    let there = census(world).await;
    let known = undisturbed.iter().any(|one| one.there == there);
    let expected = || undisturbed.iter().map(|one| &one.there).collect::<Vec<&Census>>();
    if known { Ok(()) } else { Err(format!("there is {there:?}, expected one of {:?}", expected())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_and_a_destroy_are_completed_after_a_kill_at_any_write() {
    torture(Stack::tiny, &[Killed::FirstUp, Killed::Destroy], Points::Each).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_and_a_deploy_are_completed_after_a_kill_at_any_write() {
    torture(Stack::tiny, &[Killed::Extension, Killed::Reduction, Killed::Deploy], Points::Each).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_stack_is_completed_after_kills() {
    torture(Stack::whole, &[Killed::FirstUp, Killed::Destroy], Points::Spread(4)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes long: make torture"]
async fn every_write_of_an_up_and_a_destroy() {
    torture(Stack::tiny, &[Killed::FirstUp, Killed::Destroy], Points::All).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes long: make torture"]
async fn every_write_of_an_edit_and_a_deploy() {
    torture(Stack::tiny, &[Killed::Extension, Killed::Reduction, Killed::Deploy], Points::All).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes hours: make torture"]
async fn every_write_of_a_whole_stack() {
    torture(Stack::whole, &[Killed::FirstUp, Killed::Destroy], Points::All).await;
}
