//! Killed at every call: a command is killed at one of its writes, with the answer to it or without; the next one completes
//! it, and nothing is there twice. `make test` tries a spread of the calls, `make torture` every one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    support::{World, text},
    sweep,
    tiny::Tiny,
};

/// Which of a command's writes it is killed at.
#[derive(Clone, Copy)]
enum Points {
    /// So many, from the first to the last, with and without the answer by turns.
    Spread(usize),
    /// Every one, with and without the answer.
    All,
}

impl Points {
    /// The points among `writes`: after how many of them, and whether the last one is answered.
    fn of(self, writes: usize) -> Vec<(usize, bool)> {
        match self {
            Self::All => (1..=writes).flat_map(|after| [(after, true), (after, false)]).collect(),
            Self::Spread(count) => {
                (0..count).map(|point| (1 + point * (writes - 1) / (count - 1).max(1), point % 2 == 0)).collect()
            }
        }
    }
}

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    FirstUp,
    Deploy,
    EditingUp,
    Destroy,
}

impl Killed {
    fn command(self) -> &'static [&'static str] {
        match self {
            Self::FirstUp | Self::EditingUp => &["up", "--yes"],
            Self::Deploy => &["deploy", "--yes"],
            Self::Destroy => &["destroy", "--yes"],
        }
    }
}

/// A stack that is killed again and again.
enum Stack {
    /// The repository's own.
    Whole(World),
    /// One without a database and NAT gateway, which is up in seconds.
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
    fn world(&self) -> &World {
        match self {
            Self::Whole(world) | Self::Tiny(Tiny(world)) => world,
        }
    }

    /// Makes the state that `killed` begins with, however the last one ended; `turn` tells the turns apart.
    fn prepare(&self, killed: Killed, turn: usize) {
        let (world, Self::Tiny(tiny)) = (self.world(), self) else {
            let first = if killed == Killed::FirstUp { ["destroy", "--yes"] } else { ["up", "--yes"] };
            self.world().must(&first);
            return;
        };
        match killed {
            Killed::FirstUp => drop(world.must(&["destroy", "--yes"])),
            Killed::Destroy => drop(world.must(&["up", "--yes"])),
            Killed::Deploy => {
                world.must(&["up", "--yes"]);
                tiny.say(&format!("word{turn}"));
            }
            Killed::EditingUp => {
                world.must(&["up", "--yes"]);
                let file = world.project().join("stack.yaml");
                let before = std::fs::read_to_string(&file).expect("it is there");
                let after = match before.strip_suffix(SECOND) {
                    Some(first) => first.replace("memory: 1024", "memory: 512").replace("/health", "/status"),
                    None => format!(
                        "{}{SECOND}",
                        before.replace("memory: 512", "memory: 1024").replace("/status", "/health")
                    ),
                };
                std::fs::write(file, after).expect("it can be written");
            }
        }
    }
}

/// How many of each kind there are; of revisions a repeated release makes one more.
async fn census(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in sweep::everything(world).await.iter().filter(|one| !one.starts_with("task definition")) {
        let kind = one.rsplit_once(' ').map_or(one.as_str(), |(kind, _)| kind);
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}

/// What came of it.
#[derive(Default)]
struct Report {
    tried: usize,
    /// At how many points the command still ran when it was killed.
    held: usize,
    failed: Vec<String>,
}

/// Kills `killed` at `points`, each time completed by the same command.
async fn torture(stack: impl Fn() -> Stack, killed: Killed, points: Points) {
    let mut on = stack();
    let mut report = Report::default();
    // What it comes to and how many writes that takes, undisturbed; an edit goes there and back, to two ends.
    let mut good = Vec::new();
    let mut writes = 0;
    for turn in 0..2 {
        on.prepare(killed, turn);
        on.world().forget_calls().await;
        on.world().must(killed.command());
        // The lock is renewed as often as it is slow; that is left out.
        let counts = |call: &&Value| call["mutating"] == true && call["operation"] != "PutParameter";
        writes = writes.max(1 + on.world().calls().await.iter().filter(counts).count());
        good.push(census(on.world()).await);
    }
    for (turn, (after, answered)) in points.of(writes).into_iter().enumerate() {
        report.tried += 1;
        on.prepare(killed, turn + 2);
        match kill_and_complete(&on, killed, after, answered, &good).await {
            Ok(held) => report.held += usize::from(held),
            Err(why) => {
                report.failed.push(format!("killed after {after} of {writes}, answered: {answered}: {why}"));
                on = stack();
            }
        }
    }
    let passed = report.tried - report.failed.len();
    println!(
        "{killed:?}: {} points of {writes} writes tried, {} killed in time, {passed} passed",
        report.tried, report.held
    );
    assert!(report.failed.is_empty(), "{}", report.failed.join("\n\n"));
    // A call that AWS made wait is repeated, so that one run makes a few writes more than another.
    assert!(report.held * 10 >= report.tried * 8, "killed in time at {} of {}", report.held, report.tried);
}

/// The writes that the sandbox was asked for since its log was last cleared, each with the code that it was refused with.
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

/// Kills the command and completes it. Says whether it still ran when it was killed. A failure names the writes before the
/// kill and after it.
async fn kill_and_complete(
    on: &Stack,
    killed: Killed,
    after: usize,
    answered: bool,
    good: &[BTreeMap<String, usize>],
) -> Result<bool, String> {
    let world = on.world();
    world.forget_calls().await;
    let held = kill(world, killed, after, answered).await;
    let before = writes(world).await;
    world.forget_calls().await;
    let completed = complete(world, killed, good).await;
    let next = writes(world).await;
    completed.map(|()| held).map_err(|why| format!("{why}\nbefore the kill: {before}\nafter the kill: {next}"))
}

/// Kills the command after so many writes. Says whether it still ran.
async fn kill(world: &World, killed: Killed, after: usize, answered: bool) -> bool {
    world.set(json!({ "hold_after": after, "answer_last": answered })).await;
    let mut child = world.spawn(killed.command());
    let held = world.until_held(&mut child).await;
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    world.set(json!({ "hold_after": null })).await;
    held
}

/// Runs the command that was killed once more; gives what is wrong after it.
async fn complete(world: &World, killed: Killed, good: &[BTreeMap<String, usize>]) -> Result<(), String> {
    // Its lock stands for a minute; a human who knows that it is dead removes it.
    world.must(&["unlock", "--yes"]);
    let next = world.stackctl(killed.command());
    if !next.status.success() {
        return Err(text(&next));
    }
    let there = census(world).await;
    if !good.contains(&there) {
        return Err(format!("there is {there:?}, expected {good:?}"));
    }
    if killed == Killed::Destroy {
        let left = sweep::everything(world).await;
        return if left.is_empty() { Ok(()) } else { Err(format!("left: {left:?}")) };
    }
    let plan = world.plan();
    if plan.is_empty() { Ok(()) } else { Err(format!("still to be done: {plan:?}")) }
}

fn whole() -> Stack {
    Stack::Whole(World::start())
}

fn tiny() -> Stack {
    Stack::Tiny(Tiny::start())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_up_that_was_killed_is_completed_by_the_next_one() {
    torture(whole, Killed::FirstUp, Points::Spread(7)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_first_up_is_completed_by_the_next_one() {
    torture(tiny, Killed::FirstUp, Points::Spread(8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_was_killed_is_completed_by_the_next_one() {
    torture(tiny, Killed::Deploy, Points::Spread(6)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_up_of_an_edited_file_is_completed_by_the_next_one() {
    torture(tiny, Killed::EditingUp, Points::Spread(8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroy_that_was_killed_is_completed_by_the_next_one() {
    torture(tiny, Killed::Destroy, Points::Spread(8)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes an hour: make torture"]
async fn every_call_of_a_first_up() {
    torture(whole, Killed::FirstUp, Points::All).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes long: make torture"]
async fn every_call_of_a_deploy() {
    torture(tiny, Killed::Deploy, Points::All).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes long: make torture"]
async fn every_call_of_an_up_of_an_edited_file() {
    torture(tiny, Killed::EditingUp, Points::All).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes an hour: make torture"]
async fn every_call_of_a_destroy() {
    torture(whole, Killed::Destroy, Points::All).await;
}
