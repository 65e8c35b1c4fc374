//! `stackctl init --from copilot`: what AWS Copilot's `copilot/` says, as one stack.yaml with `environments`.

mod addon;
mod addresses;
mod checks;
mod context;
mod count;
mod functions;
mod http;
mod image;
mod meaning;
mod merge;
mod network;
mod overrides;
mod paths;
mod routes;
mod schedule;
mod sidecars;
mod storage;
mod templates;
mod texts;
mod variables;
mod workload;
mod workspace;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use addon::Addon;
use context::{Context, Peer, Scene};
use image::Target;
use workspace::Workspace;

use super::{
    conversion::{Answers, Conversion, Open, Options},
    ledger::Ledger,
    names,
    page::{Map, Page, Value},
    source::{Item, Sources},
};
use crate::{document::problem::Problems, spec::DEFAULT_ENVIRONMENT};

/// Converts the workspace in the folder that `options` names.
///
/// # Errors
/// There is none, or a file of it is not what Copilot reads.
pub(crate) fn convert(options: &Options, answers: &dyn Answers) -> Result<Conversion, Problems> {
    let mut sources = Sources::default();
    let workspace = Workspace::read(&options.folder, &mut sources)?;
    let application = workspace.summary.as_ref().and_then(|item| item.at(&["application"])).and_then(Item::text);
    let mut context = Context {
        ledger: Ledger::default(),
        open: Open::new(answers),
        application: application.map_or_else(|| options.stack_name(None), str::to_owned),
        peers: peers(&workspace),
        keep_data: options.keep_data,
        paths: paths::Paths::of(&workspace.root, built(&workspace)),
        exposed: BTreeMap::new(),
        has_environments: false,
    };
    if let Some(entry) = workspace.summary.as_ref().and_then(|item| item.entry("application")) {
        context.carried(entry, "name");
    }
    let mut page = Page { head: head(&context), root: Map::default() };
    page.root.set("name", Value::text(options.stack_name(application)));
    let scenes = scenes(&workspace);
    context.has_environments = !scenes.is_empty();
    let region = scenes.iter().find_map(|scene| scene.region.clone());
    let options = Options { region: options.region.clone().or(region), ..options.clone() };
    context.open.settle_region(&options, &mut page.root);

    let base = Scene { name: DEFAULT_ENVIRONMENT.to_owned(), ..Scene::default() };
    let region = page.root.get("region").cloned();
    let plain = stack(&mut context, base, &workspace, region.as_ref());
    let mut stacks: Vec<(String, Map)> = Vec::new();
    let only = scenes.len() == 1;
    for mut scene in scenes {
        if only {
            scene.prefix = String::new();
        }
        let name = scene.name.clone();
        let mut root = stack(&mut context, scene.clone(), &workspace, region.as_ref());
        if let (Some(own), false) = (&scene.region, only)
            && Some(&Value::text(own.clone())) != region.as_ref()
            && options.region.as_ref() != Some(own)
        {
            root.set("region", Value::text(own.clone()));
        }
        stacks.push((name, root));
    }
    let first = if only { stacks[0].1.clone() } else { plain };
    for key in first.keys().map(str::to_owned).collect::<Vec<_>>() {
        page.root.copy(&first, &key);
    }
    let mut bare = page.root.clone();
    for key in ["name", "region"] {
        bare.remove(key);
    }
    for (name, root) in &stacks {
        let changes = if only { Map::default() } else { bare.changes_to(root) };
        page.root.map("environments").set(name.clone(), Value::Map(changes));
    }
    rest(&mut context, &workspace, &mut sources)?;
    let mut asked = BTreeSet::new();
    context.open.questions.retain(|question| asked.insert(question.key.clone()));
    let mut items: Vec<&Item> = workspace.summary.iter().collect();
    let units = workspace.environments.values().chain(workspace.workloads.values());
    items.extend(units.flat_map(|unit| [&unit.manifest].into_iter().chain(&unit.addons).chain(&unit.patches)));
    items.extend(workspace.addons.iter().chain(&workspace.patches).chain(&workspace.pipelines).chain(&workspace.stray));
    Ok(Conversion { page, report: context.ledger.close(&sources, &items), open: context.open.questions })
}

fn head(context: &Context) -> Vec<String> {
    let mut head = vec![
        "Converted from AWS Copilot. STACK_NAME and STACK_ENVIRONMENT replace COPILOT_APPLICATION_NAME and".to_owned(),
        "COPILOT_ENVIRONMENT_NAME. Each environment has its own resources: use --env NAME.".to_owned(),
    ];
    if let Some(folder) = context.paths.elsewhere() {
        head.push(format!("Decide: move this file to {folder}/. Its paths are relative to that folder."));
    }
    head
}

/// What each workload is called here, and where the others call it.
fn peers(workspace: &Workspace) -> BTreeMap<String, Peer> {
    let mut taken = BTreeSet::new();
    let peer = |(name, unit): (&String, &workspace::Unit)| {
        let own = names::name(name).unwrap_or_else(|| "service".to_owned());
        let base: String = own.chars().take(17).collect();
        let mut all =
            std::iter::once(own).chain((2..).map(|number| format!("{}-{number}", base.trim_end_matches('-'))));
        let own = all.find(|name| taken.insert(name.clone())).unwrap_or_default();
        let is_service = unit.manifest.at(&["type"]).and_then(Item::text) != Some(workload::JOB);
        (name.clone(), Peer { name: own, port: workload::port(&unit.manifest).filter(|_| is_service) })
    };
    workspace.workloads.iter().map(peer).collect()
}

/// The paths that the workloads are built from.
fn built(workspace: &Workspace) -> impl Iterator<Item = &str> {
    workspace.workloads.values().flat_map(|unit| {
        let build = unit.manifest.at(&["image", "build"]);
        let inside = build.iter().flat_map(|build| ["dockerfile", "context"].map(|key| build.at(&[key]))).flatten();
        build.into_iter().chain(inside.collect::<Vec<_>>()).filter_map(Item::text).collect::<Vec<_>>()
    })
}

/// The environments that the files name.
fn scenes(workspace: &Workspace) -> Vec<Scene> {
    let mut names: BTreeSet<String> = workspace.environments.keys().cloned().collect();
    for unit in workspace.workloads.values() {
        let own = unit.manifest.at(&["environments"]).map(Item::entries).unwrap_or_default();
        names.extend(own.iter().map(|entry| entry.key.clone()));
    }
    let mut taken: BTreeSet<String> = BTreeSet::from([DEFAULT_ENVIRONMENT.to_owned()]);
    let scene = |name: String| {
        let short: String = names::name(&name).unwrap_or_else(|| "env".to_owned()).chars().take(12).collect();
        let short = short.trim_end_matches('-').to_owned();
        let base: String = short.chars().take(10).collect();
        let mut all = std::iter::once(short).chain((2..100).map(|number| format!("{base}{number}")));
        let short = all.find(|name| taken.insert(name.clone())).unwrap_or_default();
        let mut arns = Vec::new();
        if let Some(unit) = workspace.environments.get(&name) {
            texts_of(&unit.manifest, &mut arns);
        }
        for unit in workspace.workloads.values() {
            texts_of(&unit.manifest, &mut arns);
        }
        let place = arns.iter().find_map(|arn| Some((network::region(arn)?, arn.split(':').nth(4)?)));
        Scene {
            prefix: format!("environments.{short}."),
            environment: Some(name),
            name: short,
            region: place.map(|(region, _)| region.to_owned()),
            account: place.map(|(_, account)| account.to_owned()),
            ..Scene::default()
        }
    };
    names.into_iter().take(50).map(scene).collect()
}

fn texts_of<'a>(item: &'a Item, texts: &mut Vec<&'a str>) {
    texts.extend(item.text());
    item.items().iter().for_each(|item| texts_of(item, texts));
    item.entries().iter().for_each(|entry| texts_of(&entry.item, texts));
}

/// The whole stack as it is in one environment, without its name and its region.
fn stack(context: &mut Context, mut scene: Scene, workspace: &Workspace, region: Option<&Value>) -> Map {
    let mut root = Map::default();
    root.map("services");
    let own = scene.environment.as_ref().and_then(|name| workspace.environments.get(name));
    let certificate = own.and_then(|unit| network::of_environment(context, &mut scene, &unit.manifest, &mut root));
    scene.has_certificate = certificate.is_some();
    let addons: Vec<&Item> = workspace.addons.iter().chain(own.iter().flat_map(|unit| &unit.addons)).collect();
    for template in &addons {
        templates::addon(context, &mut scene, &Addon { template, workload: None }, &mut root, None);
    }
    if let Some(unit) = own {
        unit.patches.iter().for_each(|file| overrides::patches(context, file, None));
    }
    workspace.patches.iter().for_each(|file| overrides::patches(context, file, None));

    // What an addon makes, other workloads may read.
    let mut extras: BTreeMap<&str, Map> = BTreeMap::new();
    for (name, unit) in &workspace.workloads {
        let key = place(context, name, unit);
        let map = extras.entry(name).or_default();
        for template in &unit.addons {
            let mut target = Target { map, key: &key };
            let addon = Addon { template, workload: Some(name) };
            templates::addon(context, &mut scene, &addon, &mut root, Some(&mut target));
        }
    }
    let mut private = false;
    for (name, unit) in &workspace.workloads {
        let manifest = merge::effective(&unit.manifest, scene.environment.as_deref());
        private |= manifest.at(&["network", "vpc", "placement"]).and_then(Item::text) == Some("private");
        workload::workload(context, &mut scene, name, &manifest, &mut root);
        let key = place(context, name, unit);
        let (section, own) = key.split_once('.').unwrap_or(("services", &key));
        if root.map(section).get(own).is_none() {
            continue;
        }
        let map = root.map(section).map(own);
        if let Some(extra) = extras.remove(name.as_str()) {
            map.absorb(extra);
        }
        for file in &unit.patches {
            overrides::patches(context, file, Some(Target { map: &mut *map, key: &key }));
        }
    }
    finish(context, &scene, (private, certificate, region), &mut root);
    root
}

/// The section and the name of a workload.
fn place(context: &Context, workload: &str, unit: &workspace::Unit) -> String {
    let is_job = unit.manifest.at(&["type"]).and_then(Item::text) == Some(workload::JOB)
        && schedule::of(&unit.manifest).is_some();
    let name = context.peers.get(workload).map_or(workload, |peer| peer.name.as_str());
    format!("{}.{name}", if is_job { "jobs" } else { "services" })
}

/// What follows from all workloads together.
fn finish(
    context: &mut Context,
    scene: &Scene,
    (private, certificate, region): (bool, Option<String>, Option<&Value>),
    root: &mut Map,
) {
    let services: Vec<String> = root.map("services").keys().map(str::to_owned).collect();
    for name in &services {
        let ports = context.exposed.get(name).cloned().unwrap_or_default();
        for port in ports {
            let service = root.map("services").map(name);
            variables::add_value(service, "expose", Value::number(port));
        }
    }
    // Copilot runs tasks in public subnets, unless the manifest says otherwise.
    if !private {
        root.map("network").set("nat", Value::text("none"));
    } else if !scene.has_vpc {
        root.map("network").set("nat", Value::text("per-zone"));
    }
    routes::apart(context, root);
    let all: Vec<&Map> = services
        .iter()
        .filter_map(|name| match root.get("services") {
            Some(Value::Map(all)) => match all.get(name) {
                Some(Value::Map(service)) => Some(service),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let is_public = all.iter().any(|service| service.get("routes").is_some() && service.get("internal").is_none());
    let has_domains = all.iter().any(|service| service.get("domains").is_some());
    let certificate = certificate.filter(|arn| {
        network::region(arn)
            .is_some_and(|own| scene.region.as_deref() == Some(own) || region == Some(&Value::text(own)))
    });
    match certificate {
        Some(arn) if is_public => drop(root.map("load_balancer").set("tls", Value::text(arn))),
        _ if has_domains => drop(root.map("load_balancer").set("tls", Value::text("acm"))),
        _ => {}
    }
    if root.map("services").is_empty() {
        idle(root);
    }
    root.order(&["network", "database", "cache", "buckets", "volumes", "load_balancer", "services", "jobs"]);
}

/// A stack has a service at least: beside jobs alone, one of a job's image without tasks.
fn idle(root: &mut Map) {
    let Some(Value::Map(jobs)) = root.get("jobs").cloned() else { return };
    let Some(Value::Map(job)) = jobs.keys().next().and_then(|name| jobs.get(name)).cloned() else { return };
    let name = ["run", "one-off", "idle"].into_iter().find(|name| jobs.get(name).is_none()).unwrap_or("run");
    let service = root.map("services").map(name);
    ["cpu", "memory", "build", "image", "arch"].iter().for_each(|key| service.copy(&job, key));
    service.set("replicas", Value::number(0));
    service.comment("cpu", "A stack needs at least one service. This one has no tasks; `stackctl run` uses it.");
}

/// What belongs to no environment.
fn rest(context: &mut Context, workspace: &Workspace, sources: &mut Sources) -> Result<(), Problems> {
    for entry in workspace.pipelines.iter().flat_map(Item::entries) {
        context.ledger.approximated(
            entry.place,
            None,
            "`stackctl init --ci github`, `gitlab` or `jenkins` writes a pipeline",
        );
    }
    for entry in workspace.stray.iter().flat_map(Item::entries) {
        context.left_out(entry, "Copilot reads environment manifests only from copilot/environments");
    }
    for path in &workspace.programs {
        sources.text(path)?;
        let place = sources.place(1);
        context.ledger.name(place, "overrides");
        context.ledger.not_possible(
            place,
            "stackctl does not run CDK programs: add what this program changes to \
         stack.yaml",
        );
    }
    Ok(())
}
