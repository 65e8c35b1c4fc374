//! Addons: templates of other resources. A database, a cache and buckets are the stack's own; the rest is named.

use super::{
    addon::{Addon, Resource, bucket},
    context::{Context, Scene},
    functions,
    image::Target,
    meaning::Meaning,
    variables::{self, Owner},
};
use crate::convert::{
    page::{Map, Value},
    source::{Entry, Item},
};

/// What comes along with a database or a cache.
const BESIDE: [&str; 11] = [
    "AWS::RDS::DBSubnetGroup",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBParameterGroup",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::SecretsManager::SecretTargetAttachment",
    "AWS::ElastiCache::SubnetGroup",
    "AWS::ElastiCache::ParameterGroup",
    "AWS::Logs::LogGroup",
    "AWS::SSM::Parameter",
];

fn resources(template: &Item) -> Vec<Resource<'_>> {
    let all = template.at(&["Resources"]).map(Item::entries).unwrap_or_default();
    all.iter()
        .map(|entry| Resource { entry, kind: entry.item.at(&["Type"]).and_then(Item::text).unwrap_or_default() })
        .collect()
}

fn property<'a>(resource: &'a Entry, key: &str) -> Option<&'a Item> {
    resource.item.at(&["Properties", key])
}

/// Converts a template into `root`, and what its outputs give into the workload `owner`.
pub(super) fn addon(
    context: &mut Context,
    scene: &mut Scene,
    addon: &Addon,
    root: &mut Map,
    mut own: Option<&mut Target>,
) {
    let template = addon.template;
    let all = resources(template);
    for resource in &all {
        made(context, scene, (addon, &all, resource), root, own.as_deref_mut());
    }
    for entry in template.entries() {
        match entry.key.as_str() {
            "Resources" => {}
            "Outputs" => outputs(context, scene, (addon, entry, &all), own.as_deref_mut()),
            _ => context.itself(entry, "with its resources"),
        }
    }
}

fn is_kept(context: &Context, engine: &str) -> bool {
    context.keep_data || engine.contains("mysql") || engine.contains("mariadb")
}

/// Writes what one resource becomes.
fn made(
    context: &mut Context,
    scene: &mut Scene,
    (addon, all, resource): (&Addon, &[Resource], &Resource),
    root: &mut Map,
    own: Option<&mut Target>,
) {
    let entry = resource.entry;
    let text = |key: &str| property(entry, key).and_then(Item::text).unwrap_or_default().to_owned();
    match resource.kind {
        "AWS::RDS::DBCluster" | "AWS::RDS::DBInstance" => {
            let of_cluster =
                resource.kind == "AWS::RDS::DBInstance" && all.iter().any(|one| one.kind == "AWS::RDS::DBCluster");
            if of_cluster {
                context.itself(entry, "with its cluster");
            } else {
                database(context, scene, (addon, all, entry), root, own);
            }
        }
        kind if kind.starts_with("AWS::ElastiCache::") && !BESIDE.contains(&kind) => {
            if text("Engine") == "memcached" {
                context.impossible(entry, "the stack's cache is Valkey: create Memcached with another tool");
                return;
            }
            scene.has_cache = true;
            root.map("cache");
            let how = "Valkey, which is compatible with Redis. It is empty at first and needs TLS and a password; \
             REDIS_URL contains both";
            context.nearly(entry, "cache", how);
        }
        "AWS::S3::Bucket" => {
            let name = bucket(&entry.key);
            root.map("buckets").map(&name);
            if let Some(target) = own {
                variables::add(target.map, "buckets", &name);
            }
            context.nearly(
                entry,
                &format!("buckets.{name}"),
                "the stack has its own bucket, which is empty at first: copy the objects to it",
            );
        }
        "AWS::S3::BucketPolicy" => context.itself(entry, "every bucket rejects requests without TLS"),
        "AWS::IAM::ManagedPolicy" | "AWS::IAM::Policy" => policy(context, entry, all, own),
        "AWS::IAM::User" | "AWS::IAM::AccessKey" => {
            context.left_out(entry, "the task role has access, without access keys");
        }
        "AWS::SecretsManager::Secret" => {
            let how = "the stack generates its own passwords. Add another secret with `secrets: { NAME: generate }` \
             or `{ from: … }`";
            context.nearly(entry, "services.NAME.secrets", how);
        }
        "AWS::KMS::Key" | "AWS::KMS::Alias" => {
            context.left_out(entry, "the database and the buckets are encrypted with keys that AWS manages");
        }
        kind if BESIDE.contains(&kind) => context.itself(entry, "stackctl creates its own"),
        "AWS::IAM::Role" if !all.iter().any(|one| one.kind.starts_with("AWS::Lambda::")) => {
            context.left_out(entry, "add what it allows to `permissions` of the service");
        }
        kind => {
            let kind = if kind.is_empty() { "this" } else { kind };
            let instead = format!(
                "stackctl does not create {kind}: deploy the template as a separate CloudFormation stack, and give \
                 the service `permissions` and the resource's name in `env`"
            );
            context.impossible(entry, instead);
        }
    }
}

fn database(
    context: &mut Context,
    scene: &mut Scene,
    (addon, all, entry): (&Addon, &[Resource], &Entry),
    root: &mut Map,
    own: Option<&mut Target>,
) {
    let text = |key: &str| property(entry, key).and_then(Item::text).unwrap_or_default().to_owned();
    let engine = text("Engine");
    if !engine.is_empty() && !engine.contains("postgres") && !engine.contains("mysql") && !engine.contains("mariadb") {
        context.impossible(
            entry,
            format!(
                "stackctl creates only PostgreSQL: keep {engine} outside the stack, and reach it with \
             `security_groups` and a secret"
            ),
        );
        return;
    }
    if is_kept(context, &engine) {
        kept(context, scene, (&variable_of_secret(addon, all), entry), own);
        return;
    }
    if scene.has_database {
        context.impossible(
            entry,
            "a stack has one database: create a second stack, or run `CREATE DATABASE` in `stackctl db connect \
             --user postgres`",
        );
        return;
    }
    scene.has_database = true;
    let map = root.map("database");
    let version = text("EngineVersion");
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if let Some(major) = major {
        map.set("version", Value::text(major.clamp(13, 18).to_string()));
    }
    let class = text("DBInstanceClass");
    if class.starts_with("db.")
        && class.split('.').count() == 3
        && property(entry, "DBInstanceClass").is_some_and(|item| item.tag.is_none())
    {
        map.set("class", Value::text(class));
    }
    if let Ok(storage) = text("AllocatedStorage").parse::<u64>() {
        map.set("storage", Value::number(storage.clamp(20, 65536)));
    }
    if text("MultiAZ") == "true" {
        map.set("multi_az", Value::truth(true));
    }
    let size = if map.get("class").is_none() { "Decide: `class`, the instance class. " } else { "" };
    root.comment("database", format!("{size}The database is empty at first: see docs/guides/loading-a-dump.md."));
    let old =
        if major.is_some_and(|major| major < 13) { "; 13 is the oldest version that stackctl supports" } else { "" };
    let how = format!(
        "one RDS for PostgreSQL instance, which is empty at first: load a dump. DATABASE_URL contains its \
         address{old}"
    );
    context.nearly(entry, "database", how);
}

/// The variable that Copilot gives the secret of a template's database as.
fn variable_of_secret(addon: &Addon, all: &[Resource]) -> String {
    let is_secret =
        |name: &str| all.iter().any(|one| one.entry.key == name && one.kind == "AWS::SecretsManager::Secret");
    let outputs = addon.template.at(&["Outputs"]).map(Item::entries).unwrap_or_default();
    let named = outputs.iter().find(|output| {
        let value = output.item.at(&["Value"]);
        let short = value.filter(|value| value.tag.as_deref() == Some("!Ref"));
        short.or(value.and_then(|value| value.at(&["Ref"]))).and_then(Item::text).is_some_and(is_secret)
    });
    named.map_or_else(|| "DATABASE_SECRET".to_owned(), |output| snake(&output.key))
}

/// Leaves a database where Copilot made it: its service has the secret as `variable`, and a security group that it admits.
fn kept(context: &mut Context, scene: &mut Scene, (variable, entry): (&str, &Entry), own: Option<&mut Target>) {
    let question = "the ARN of the secret of Copilot's database";
    let key = own.as_ref().map_or("services.NAME".to_owned(), |target| target.key.to_owned());
    if let Some(target) = own.filter(|target| target.key.starts_with("services.")) {
        let asked = context.open.ask(&scene.key(&format!("{key}.secrets.{variable}.from")), question, None);
        let secrets = target.map.map("secrets");
        if let Some(place) = asked.and_then(|answer| variables::place(context, scene, &answer, false)) {
            secrets.set(variable, Value::Map(place));
        } else {
            secrets.set(variable, Value::text("set"));
            let comment = format!(
                "Decide: {{ from: … }} with {question}, and `security_groups` with the group that the \
                 database allows."
            );
            secrets.comment(variable, comment);
        }
        let groups = "the ID of the security group that Copilot's database allows";
        let asked = context.open.ask(&scene.key(&format!("{key}.security_groups")), groups, None);
        if let Some(answer) = asked.filter(|_| scene.has_vpc) {
            target.map.set("security_groups", Value::texts(answer.split(',').map(str::trim)));
        } else {
            let comment = "Decide: `network.vpc` of Copilot's environment, and `security_groups`. The tasks need \
             both to reach the database.";
            target.map.comment("secrets", comment);
        }
    }
    let how = "the database stays where Copilot created it. Tasks reach it from the same VPC, with its secret and a \
     security group";
    context.nearly(entry, &format!("{key}.security_groups"), how);
}

/// The statements of a policy that stack.yaml can say.
pub(super) fn statements(value: &Item) -> Vec<Map> {
    let document = value.at(&["PolicyDocument"]).unwrap_or(value);
    let list = document.at(&["Statement"]);
    let one = list.map(std::slice::from_ref).unwrap_or_default();
    let all = list.map(Item::items).filter(|items| !items.is_empty()).unwrap_or(one);
    let texts = |item: Option<&Item>| -> Option<Vec<String>> {
        let item = item?;
        let items = if item.items().is_empty() { std::slice::from_ref(item) } else { item.items() };
        items
            .iter()
            .map(|item| item.text().filter(|text| item.tag.is_none() && !text.contains("${")).map(str::to_owned))
            .collect()
    };
    let statement = |item: &Item| {
        let is_allowed =
            item.at(&["Effect"]).and_then(Item::text) == Some("Allow") && item.entry("Condition").is_none();
        let (actions, resources) = (texts(item.at(&["Action"]))?, texts(item.at(&["Resource"]))?);
        let good = actions.iter().all(|action| action.contains(':'))
            && resources.iter().all(|one| one == "*" || one.starts_with("arn:"));
        let mut map = Map::default();
        map.set("actions", Value::texts(actions)).set("resources", Value::texts(resources));
        (is_allowed && good).then_some(map)
    };
    let converted: Vec<Option<Map>> = all.iter().map(statement).collect();
    if converted.iter().all(Option::is_some) { converted.into_iter().flatten().collect() } else { Vec::new() }
}

fn policy(context: &mut Context, entry: &Entry, all: &[Resource], own: Option<&mut Target>) {
    let of_bucket = all.iter().any(|one| one.kind == "AWS::S3::Bucket");
    let found = entry.item.at(&["Properties"]).map(statements).unwrap_or_default();
    match own {
        Some(target) if !found.is_empty() => {
            found.into_iter().for_each(|one| variables::add_value(target.map, "permissions", Value::Map(one)));
            context.carried(entry, format!("{}.permissions", target.key));
        }
        Some(target) if of_bucket => context.carried(entry, format!("{}.buckets", target.key)),
        Some(target) => {
            target
                .map
                .comment("cpu", format!("Decide: `permissions` for what the addon's {} allows, with ARNs.", entry.key));
            context.nearly(
                entry,
                &format!("{}.permissions", target.key),
                "add what it allows to `permissions`, with ARNs",
            );
        }
        None => context.nearly(
            entry,
            "services.NAME.permissions",
            "add what it allows to `permissions` of the services that need it",
        ),
    }
}

/// The outputs of a workload's addon are its variables; the exports of an environment's are read by name.
fn outputs(
    context: &mut Context,
    scene: &mut Scene,
    (addon, outputs, all): (&Addon, &Entry, &[Resource]),
    mut own: Option<&mut Target>,
) {
    for entry in outputs.item.entries() {
        let value = entry.item.at(&["Value"]);
        let meaning = value.map_or(Meaning::Unknown, |value| functions::meaning(context, scene, (addon, all), value));
        if let Some(name) = entry.item.at(&["Export", "Name"]).and_then(Item::text) {
            let name = context.named(scene, name);
            scene.exports.insert(name, meaning.clone());
        }
        let name = snake(&entry.key);
        let mut owner = Owner { workload: addon.workload.unwrap_or_default(), service: None };
        let Some(target) = own.as_deref_mut() else {
            context.itself(entry, "with its resources");
            continue;
        };
        let key = target.key.to_owned();
        if variables::write(&name, &meaning, &mut owner, target) {
            let section = if matches!(meaning, Meaning::Secret(_) | Meaning::Generated) { "secrets" } else { "env" };
            context.carried(entry, format!("{key}.{section}.{name}"));
        } else if matches!(meaning, Meaning::Access | Meaning::Group) || has(target.map, &name) {
            context.itself(entry, "with its resources");
        } else if scene.environment.is_some() || !context.has_environments {
            unknown(context, scene, (entry, &name), target);
        }
    }
}

/// Whether a container has a variable already, as the secret of a database that stays.
fn has(map: &Map, name: &str) -> bool {
    let of = |key: &str| matches!(map.get(key), Some(Value::Map(all)) if all.get(name).is_some());
    of("env") || of("secrets")
}

/// An output whose value nobody but AWS knows: somebody has to say it.
fn unknown(context: &mut Context, scene: &Scene, (entry, name): (&Entry, &str), target: &mut Target) {
    let to = format!("{}.env.{name}", target.key);
    let question = format!("the value of {name}, which is the output {} of an addon", entry.key);
    if let Some(answer) = context.open.ask(&scene.key(&to), question.clone(), None) {
        target.map.map("env").set(name, Value::live(answer));
        context.carried(entry, to);
        return;
    }
    let how = format!("the container got {name} from it: if the program reads it, add its value to `env`");
    context.nearly(entry, &to, how);
}

/// The variable that Copilot makes of an output.
fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (index, c) in chars.iter().enumerate() {
        let begins = c.is_ascii_uppercase() && index > 0;
        let after_small = begins && !chars[index - 1].is_ascii_uppercase();
        let before_small = begins && chars.get(index + 1).is_some_and(char::is_ascii_lowercase);
        if after_small || before_small {
            text.push('_');
        }
        text.push(c.to_ascii_uppercase());
    }
    text
}
