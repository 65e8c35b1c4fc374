//! Kills a run after each of its writes: the next run must complete the change, for any pair of old and new stack.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use serde_json::{Value, json};

use super::{
    Stage, at,
    fake::{Fake, Identity},
    seconds,
    world::{Answer, World},
};
use crate::{
    kind::Replacement,
    model::{Graph, Input},
};

/// The number of pairs of stacks. Each change is killed after each of its writes.
const PAIRS: u64 = 60;

/// The longest lag of reads. The lock of a killed run keeps other runs out for longer than that.
const LAG: u64 = 5;

/// The lifetime of the lock of a killed run.
const LOCK: u64 = 60;

/// A pseudorandom generator with a fixed sequence for each seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        // xorshift, by Marsaglia's "Xorshift RNGs" (2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// The kinds. Each may refer to the kinds before it.
const KINDS: [&str; 4] = ["a", "b", "c", "d"];
/// The kinds that each of [`KINDS`] may use.
const USES: [&[&str]; 4] = [&[], &["a"], &["a", "b"], &["a", "b", "c"]];

/// Creates kinds with random behaviour.
fn stage(dice: &mut Dice) -> Stage {
    let world = Arc::new(World::default());
    let kinds = KINDS.iter().zip(USES).map(|(name, uses)| {
        Fake::new(name, &world).with(|kind| {
            kind.uses = uses;
            kind.life.ready_after = seconds(dice.below(3) * 20);
            kind.life.gone_after = seconds(dice.below(3) * 20);
            kind.life.lag = seconds(dice.below(2) * LAG);
            kind.knows_outdated = true;
            kind.in_two_steps = dice.coin();
            kind.replacement = if dice.coin() { Replacement::CreateFirst } else { Replacement::DeleteFirst };
            // Two resources with the same name cannot exist at the same time.
            kind.identity = match (kind.replacement, dice.below(3)) {
                (Replacement::DeleteFirst, 0) => Identity::Name,
                (_, 1) => Identity::Many,
                _ => Identity::Token,
            };
        })
    });
    let kinds: Vec<Fake> = kinds.collect();
    Stage::new(world, kinds)
}

/// Creates a stack with up to two resources of each kind. If `like` gives the previous stack, only resources of the
/// last kind may be replaced: a plan cannot replace a resource that others depend on by deleting it first.
fn stack(dice: &mut Dice, like: Option<&Graph>) -> Graph {
    let mut graph = Graph::new();
    let mut before = Vec::new();
    for kind in KINDS {
        for name in ["one", "two"] {
            if dice.below(4) == 0 {
                continue;
            }
            let address = at(&format!("{kind}.{name}"));
            let mut desired = json!({ "size": dice.below(2) });
            let old = like.and_then(|like| like.get(&address));
            desired["fixed"] = match old {
                Some(old) if kind != KINDS[KINDS.len() - 1] => old.desired["fixed"].clone(),
                _ => json!(dice.below(2)),
            };
            let others: Vec<_> = before.iter().filter(|_| dice.coin()).cloned().collect();
            for (number, other) in others.iter().enumerate() {
                desired[format!("of{number}")] = json!(Input::output(other, "id"));
            }
            // A reference that is no longer wanted must be set to null, or it stays.
            for number in others.len()..2 * KINDS.len() {
                desired[format!("of{number}")] = Value::Null;
            }
            graph.add(address.clone(), &desired);
            before.push(address);
        }
    }
    graph
}

/// Returns the live resources by address, without ids: how many there are, and their fields.
fn there(stage: &Stage) -> BTreeMap<String, Vec<String>> {
    let things = stage.world.things();
    let names: BTreeMap<&str, String> =
        things.iter().map(|thing| (thing.id.as_str(), thing.address.to_string())).collect();
    let mut there: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for thing in &things {
        let mut fields = String::new();
        // A field that is null counts as not set.
        for (name, value) in thing.fields.iter().filter(|(_, value)| !value.is_null()) {
            let value = value.as_str().and_then(|id| names.get(id)).cloned().unwrap_or_else(|| value.to_string());
            write!(fields, "{name}={value} ").expect("a text can be written to");
        }
        there.entry(thing.address.to_string()).or_default().push(fields);
    }
    there
}

/// Returns the resources that `graph` describes, in the form of [`there`].
fn expected(graph: &Graph) -> BTreeMap<String, Vec<String>> {
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in graph.nodes() {
        let desired: BTreeMap<String, Value> =
            node.desired.as_object().cloned().unwrap_or_default().into_iter().collect();
        let mut fields = String::new();
        for (name, value) in desired.into_iter().filter(|(_, value)| !value.is_null()) {
            let value = value["$from"].as_str().map_or_else(|| value.to_string(), str::to_owned);
            write!(fields, "{name}={value} ").expect("a text can be written to");
        }
        expected.entry(node.address.to_string()).or_default().push(fields);
    }
    expected
}

/// Kills the change from one stack to another after `writes` writes, then completes it. Returns whether the change
/// ended before it was killed.
async fn killed(seed: u64, writes: usize) -> bool {
    let mut dice = Dice(seed | 1);
    // Small seeds produce similar first numbers, so skip them.
    for _ in 0..20 {
        dice.coin();
    }
    let stage = stage(&mut dice);
    let before = stack(&mut dice, None);
    let after = if dice.below(5) == 0 { Graph::new() } else { stack(&mut dice, Some(&before)) };
    stage.must_up(&before).await;
    tokio::time::sleep(seconds(LOCK)).await;
    assert_eq!(there(&stage), expected(&before), "seed {seed}, before the change");
    let plan = stage.plan(&after).await;
    if dice.coin()
        && let Some(step) = plan.steps.first()
    {
        stage.world.script("create", &step.address, [Answer::LostAfter]);
    }
    let began = stage.world.written().len();
    let ended = stage.kill(&plan, writes).await;
    let until_killed = stage.world.written();
    tokio::time::sleep(seconds(LOCK)).await;
    let completed = stage.up(&after).await;
    let said = || {
        let next = &stage.world.written()[until_killed.len()..];
        format!(
            "seed {seed}, killed after {writes} writes: {:#?}\nthe next run wrote {next:#?}",
            &until_killed[began..]
        )
    };
    assert!(completed.summary.failed.is_empty(), "{}\n{:#?}", said(), completed.summary);
    tokio::time::sleep(seconds(LOCK)).await;
    assert_eq!(there(&stage), expected(&after), "{}", said());
    assert_eq!(stage.plan(&after).await.steps, [], "{}", said());
    ended
}

#[test]
fn killed_after_any_write_the_next_run_completes_it() {
    let mut tried = 0;
    for seed in 1..=PAIRS {
        for writes in 0.. {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            let ended = runtime.expect("a runtime").block_on(killed(seed, writes));
            tried += 1;
            if ended {
                break;
            }
        }
    }
    assert!(tried > PAIRS * 8, "only {tried} kills were tried");
}
