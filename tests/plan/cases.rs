//! Plan cases: `tests/cases/<case>/` contains a `stack.yaml`, a `live.json` with the state on AWS, and a `plan.txt`
//! with the command in its first line and then its output. `UPDATE=1` rewrites each `plan.txt`, to be reviewed.
//!
//! A `live.json` may start from another one in `tests/cases` (`"base"`) and contain only the differences under
//! `"live"`, as a JSON merge patch: `null` removes a resource or a field. If `stack.yaml` is missing, the one in
//! `tests/cases` is used. `"built"` contains the digests that `deploy` has just built, by package folder; `"network"`
//! an existing network that stack.yaml names, and `"listener"` an existing listener.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use stackctl::{
    blueprint::{self, Facts},
    cli, engine,
    kind::{Base, ImageSource},
    kinds,
    model::{Graph, LiveResource, Plan, StackId},
    output::{self, Look, Style},
    spec::{self, Stack},
};

/// Defines one test per case, so that each can run alone.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                check(stringify!($case));
            }
        )*

        #[test]
        fn every_case_has_a_test_and_every_test_a_case() {
            let mut expected = vec![$(stringify!($case).replace('_', "-")),*];
            expected.sort();
            let entries = fs::read_dir(cases()).expect("there are cases").flatten();
            let folders = entries.filter(|entry| entry.path().is_dir());
            let mut there: Vec<String> =
                folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            there.sort();
            assert_eq!(there, expected);
        }
    };
}

cases! {
    addresses_that_are_allowed,
    arm_and_files,
    bucket_removed_and_not_empty,
    bucket_of_a_service,
    calls_between_services,
    command_and_entrypoint,
    database_being_modified,
    database_open_and_not_restarted,
    database_opened_and_upgraded,
    database_opened_to_plain_text,
    database_password_made_anew,
    database_protected_and_removed,
    deploy_before_the_first_alarm,
    deploy_of_a_deleted_image,
    deploy_of_a_new_image,
    deploy_of_the_same_image,
    deploy_where_up_has_work_left,
    deploy_of_what_was_rolled_back,
    deploy_of_what_was_rolled_back_to,
    deploy_that_stops_first,
    destroy,
    environment_staging,
    everything_exists,
    first_alarm,
    http2_to_tasks,
    foundation_that_cannot_be_replaced,
    given_network,
    health_check_of_its_own,
    health_path_changed_behind_our_back,
    image_of_a_registry,
    internal_load_balancer,
    interrupted_replacement,
    job_added,
    job_follows_a_deploy,
    job_removed,
    jobs_of_their_own,
    listener_of_others,
    listener_rule_deleted,
    log_group_deleted,
    made_by_an_earlier_stackctl,
    more_cpu,
    nat_gateway_in_each_zone,
    nothing_exists,
    more_memory_after_a_rollback,
    port_changed,
    references_in_values,
    rolled_back,
    running_image_deleted,
    scaled_by_the_clock,
    second_service_added,
    second_service_removed,
    secrets_from_elsewhere,
    security_group_rule_missing,
    security_groups_of_others,
    sidecar_built_here,
    sidecars_of_a_service,
    sticky_changed_behind_our_back,
    still_deleting,
    target,
    target_that_is_not_there,
    target_without_changes,
    third_zone,
    user_limits_and_init,
    volumes_of_a_service,
    waiting_for_the_database,
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Compares the output of the case's command with its `plan.txt`.
fn check(case: &str) {
    let folder = cases().join(case.replace('_', "-"));
    let file = folder.join("plan.txt");
    let before = fs::read_to_string(&file).unwrap_or_else(|_| "$ stackctl plan\n".to_owned());
    let command = before.lines().next().and_then(|line| line.strip_prefix("$ stackctl "));
    let command = command.unwrap_or_else(|| panic!("{} begins with a command, `$ stackctl …`", file.display()));
    let now = format!("$ stackctl {command}\n{}\n", shown(&folder, command));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, now).expect("it can be written");
    } else if now != before {
        let differs = now.lines().zip(before.lines()).position(|(now, before)| now != before);
        let line = differs.unwrap_or_else(|| now.lines().count().min(before.lines().count())) + 1;
        panic!(
            "{} differs from line {line} on. If that is right, run this test with UPDATE=1 and review it.\n{now}",
            file.display()
        );
    }
}

/// Returns the output of the command before anything is applied.
fn shown(folder: &Path, command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let (name, environment) = match words.as_slice() {
        [name] | [name @ "plan", "--target", ..] => (*name, spec::DEFAULT_ENVIRONMENT),
        [name, "--env", environment] => (*name, *environment),
        other => panic!("a case cannot run {other:?}"),
    };
    let stack = stack(folder, environment);
    let world = world(&folder.join("live.json"));
    let planned = match name {
        "plan" => planned(&stack, &world, BTreeMap::new()).and_then(|(_, plan)| match words.as_slice() {
            [_, "--target", target] => engine::targeted(&plan, &[target.parse().expect("it is an address")]),
            _ => Ok(plan),
        }),
        "deploy" => planned(&stack, &world, built(&world))
            .and_then(|(graph, plan)| cli::release_part(&kinds::registry(), &graph, &plan)),
        "destroy" => engine::plan(&kinds::registry(), &id(&stack), &Graph::new(), live(&world)),
        other => panic!("a case cannot run `stackctl {other}`"),
    };
    match planned {
        Ok(plan) => {
            output::plan_text(&kinds::registry(), &plan, Look { style: Style::new(false), details: true, width: None })
        }
        Err(failure) => {
            let details: Vec<String> = failure.explanation.lines().iter().map(|line| format!("    {line}\n")).collect();
            format!("error: {failure}\n{}hint: {}", details.concat(), failure.hint.as_deref().unwrap_or("none"))
        }
    }
}

fn planned(
    stack: &Stack,
    world: &Value,
    releases: BTreeMap<ImageSource, String>,
) -> Result<(Graph, Plan), stackctl::model::Failure> {
    let zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(str::to_owned).to_vec();
    let live = live(world);
    let network = world.get("network").map(|network| serde_json::from_value(network.clone()).expect("it is one"));
    let listener = world.get("listener").map(|listener| serde_json::from_value(listener.clone()).expect("it is one"));
    let graph =
        blueprint::graph(stack, &Facts { zones, releases, network, listener, ..blueprint::facts(&id(stack), &live)? })?;
    let plan = engine::plan(&kinds::registry(), &id(stack), &graph, live)?;
    Ok((graph, plan))
}

fn id(stack: &Stack) -> StackId {
    StackId { stack: stack.name.clone(), environment: stack.environment.clone() }
}

fn stack(folder: &Path, environment: &str) -> Stack {
    let own = folder.join("stack.yaml");
    let file = if own.is_file() { own } else { cases().join("stack.yaml") };
    spec::load(&file, environment, &|_| None).unwrap_or_else(|problems| panic!("{}: {problems:?}", file.display()))
}

/// Returns a `live.json` merged with its bases.
fn world(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let own: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut world = match own["base"].as_str() {
        Some(base) => world(&cases().join(base)),
        None => json!({}),
    };
    merge(&mut world, &own);
    world
}

/// Applies a JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().expect("it was just made one");
    for (name, value) in patch {
        if value.is_null() {
            fields.shift_remove(name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Returns the live resources. A list means several resources with the same address.
fn live(world: &Value) -> Vec<LiveResource> {
    let resources = world["live"].as_object().into_iter().flatten();
    let resource = |address: &str, live: &Value| {
        // AWS's identifier is the first field that a kind shows.
        let id = live.as_object().and_then(|fields| fields.values().next()).and_then(Value::as_str);
        LiveResource {
            address: address.parse().unwrap_or_else(|error| panic!("{error}")),
            id: id.unwrap_or_else(|| panic!("{address} has no identifier as its first field")).to_owned(),
            live: live.clone(),
        }
    };
    resources
        .flat_map(|(address, live)| match live {
            Value::Array(several) => several.iter().map(|live| resource(address, live)).collect(),
            one => vec![resource(address, one)],
        })
        .collect()
}

fn built(world: &Value) -> BTreeMap<ImageSource, String> {
    let built = world["built"].as_object().into_iter().flatten();
    let digest = |value: &Value| value.as_str().expect("a digest is a text").to_owned();
    built.map(|(folder, value)| (ImageSource::of(Base::Package(folder.into())), digest(value))).collect()
}
