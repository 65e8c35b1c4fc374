//! A service of the Compose files: its image, its role, its variables and the names that others call it by.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    images::{Image, Role, role_by_name, store_by_name},
    load::{Fallback, Line, Project},
    marks, words,
};
use crate::{
    convert::{
        names,
        secrecy::is_name,
        source::{Entry, Item, Place, Value},
    },
    document::problem::Problems,
};

/// A service as the files have it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// Its name there.
    pub(super) name: String,
    /// Its name in stack.yaml.
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) item: Item,
    pub(super) image: Option<String>,
    pub(super) role: Role,
    /// The names that others call it by.
    pub(super) hosts: BTreeSet<String>,
    pub(super) variables: Vec<Variable>,
    pub(super) env_files: Vec<EnvFile>,
}

/// A variable that its container gets.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    /// Where it is said; the last one counts.
    pub(super) places: Vec<Place>,
    /// Whether it is the caller's, who has not set it.
    pub(super) is_passed: bool,
    /// Whether the last one is in a file of variables.
    pub(super) of_file: bool,
    /// Whether stackctl reads something else in that file.
    pub(super) has_variable: bool,
}

/// One of `env_file`.
#[derive(Clone, Debug)]
pub(super) struct EnvFile {
    /// From the folder of stack.yaml.
    pub(super) path: String,
    pub(super) place: Place,
    /// What stands in for it, where it is not there.
    pub(super) example: Option<String>,
    pub(super) is_there: bool,
    pub(super) is_required: bool,
}

impl Service {
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.item.entry(key).filter(|entry| !entry.item.is_null())
    }

    pub(super) fn at(&self, path: &[&str]) -> Option<&Item> {
        self.item.at(path).filter(|item| !item.is_null())
    }

    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Item::text)
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|variable| variable.name == name).map(|variable| variable.value.as_str())
    }

    /// Whether it is part of the stack.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.role, Role::Program | Role::Server(_) | Role::Proxy(_))
    }

    /// The words of a command, or none. An empty list or text is `Some` of none.
    pub(super) fn words(&self, key: &str) -> Option<Vec<String>> {
        let entry = self.entry(key)?;
        Some(match &entry.item.value {
            Value::List(items) => items.iter().filter_map(raw_text).collect(),
            _ => words::words(&raw_text(&entry.item).unwrap_or_default()),
        })
    }

    /// The labels of the service and of its deployment.
    pub(super) fn labels(&self) -> impl Iterator<Item = &Entry> {
        let lists = [self.at(&["labels"]), self.at(&["deploy", "labels"])];
        lists.into_iter().flatten().flat_map(Item::entries)
    }
}

fn raw_text(item: &Item) -> Option<String> {
    match &item.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    }
}

/// The services that are not behind a profile that nobody asked for, with their variables.
pub(super) fn read(project: &mut Project<'_>, folder: &Path) -> Result<Vec<Service>, Problems> {
    let Some(services) = project.root.at(&["services"]).filter(|item| !item.entries().is_empty()).cloned() else {
        let message = "the file contains no services";
        return Err(project.sources.problem(
            project.root.place,
            message,
            "write at least one service below \
         `services:`",
        ));
    };
    let mut keys: BTreeSet<String> = BTreeSet::new();
    let mut files: BTreeMap<PathBuf, Option<Fallback<Vec<Line>>>> = BTreeMap::new();
    let mut all = Vec::new();
    for entry in services.entries() {
        let wanted = names::name(&entry.key).unwrap_or_else(|| format!("svc-{}", all.len() + 1));
        let mut key = wanted.clone();
        let mut number = 2;
        while !keys.insert(key.clone()) {
            let cut: String = wanted.chars().take(17).collect();
            key = format!("{}-{number}", cut.trim_end_matches('-'));
            number += 1;
        }
        let image = entry.item.at(&["image"]).and_then(Item::text).map(str::to_owned);
        let mut service = Service {
            name: entry.key.clone(),
            key,
            place: entry.place,
            item: entry.item.clone(),
            image,
            role: Role::Program,
            hosts: BTreeSet::from([entry.key.clone()]),
            variables: Vec::new(),
            env_files: Vec::new(),
        };
        for name in ["container_name", "hostname"] {
            service.hosts.extend(entry.item.at(&[name]).and_then(Item::text).map(str::to_owned));
        }
        for network in entry.item.at(&["networks"]).map(Item::entries).unwrap_or_default() {
            let aliases = network.item.at(&["aliases"]).map(Item::items).unwrap_or_default();
            service.hosts.extend(aliases.iter().filter_map(|alias| alias.text().map(str::to_owned)));
        }
        variables(&mut service, project, folder, &mut files)?;
        service.role = role(&service);
        all.push(service);
    }
    Ok(all)
}

/// What a service is, by its image, its name and what it mounts.
fn role(service: &Service) -> Role {
    let image = service.image.as_deref().map(Image::of);
    let is_built = service.entry("build").is_some();
    if let Some(role) = image.as_ref().and_then(Image::role).filter(|_| !is_built) {
        return role;
    }
    if image.is_none() && !is_built {
        return store_by_name(&service.name).unwrap_or(Role::Impossible(
            "the service has neither `image` nor `build`, and its name is not that of a known store: set one of them",
        ));
    }
    if let Some(role) = role_by_name(&service.name) {
        return role;
    }
    if is_own_postgres(service, image.as_ref()) {
        return own_postgres(service);
    }
    let tag = image.as_ref().map(|image| image.tag.to_lowercase()).unwrap_or_default();
    if tag.starts_with("elasticsearch") {
        return Role::Impossible(
            "stackctl does not offer Elasticsearch: use OpenSearch or Elastic Cloud, and store \
         its address in `secrets`",
        );
    }
    Role::Program
}

/// Whether it is a Postgres with an image of the project's own.
fn is_own_postgres(service: &Service, image: Option<&Image>) -> bool {
    let of_build = ["context", "dockerfile"].iter().any(|key| {
        let text = service.text(&["build", key]).unwrap_or_default().to_lowercase();
        text.contains("postg") || text.contains("pgvector")
    });
    let of_image = image.is_some_and(|image| image.name.contains("postgres") && !service.name.contains("backup"));
    let has = |name: &str| service.variable(name).is_some();
    let of_variables = has("POSTGRES_USER") && has("POSTGRES_DB") && service.entry("depends_on").is_none();
    let is_called =
        ["db", "database", "postgres", "postgresql", "pgsql"].contains(&service.name.to_lowercase().as_str());
    let name = service.name.to_lowercase();
    let parts = || name.split(['-', '_', '.']).any(|part| ["db", "database", "postgres", "postgresql"].contains(&part));
    let of_tag = image.is_some_and(|image| image.tag.to_lowercase().contains("postgres")) && parts();
    (of_build || of_image || of_tag || of_variables && is_called) && !connects(service)
}

/// Whether it is told of a database: then it is none itself.
fn connects(service: &Service) -> bool {
    service.variables.iter().any(|variable| {
        let is_host = variable.name.to_uppercase().ends_with("DB_HOST") || variable.name == "PGHOST";
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| variable.value.starts_with(scheme));
        is_host && !variable.value.is_empty() && !is_local(&variable.value) || is_url && variable.name.ends_with("URL")
    })
}

/// An own image with settings of its own is more than RDS can take over.
fn own_postgres(service: &Service) -> Role {
    let mounts = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
    let is_setting = |item: &Item| {
        let text = item.text().map(|text| words::mount(text).target).unwrap_or_default();
        text.ends_with("pg_hba.conf") || text.ends_with("postgresql.conf")
    };
    let users = service.variables.iter().filter(|variable| variable.name.ends_with("_PASSWORD")).count();
    if mounts.iter().any(is_setting) && users > 1 {
        return Role::Impossible(
            "the database has a custom image with its own settings and roles. RDS supports a fixed list of \
             extensions; create the roles in a migration",
        );
    }
    Role::Database
}

type Files = BTreeMap<PathBuf, Option<Fallback<Vec<Line>>>>;

/// The variables of a service: its files in their order, then `environment`.
fn variables(
    service: &mut Service,
    project: &mut Project<'_>,
    folder: &Path,
    files: &mut Files,
) -> Result<(), Problems> {
    let items = service.at(&["env_file"]).map(|item| item.items().to_vec()).unwrap_or_default();
    for item in items {
        let named = item.text().or_else(|| item.at(&["path"]).and_then(Item::text));
        let Some(path) = named.map(str::to_owned) else { continue };
        let is_required = item.at(&["required"]).and_then(Item::truth).unwrap_or(true);
        let whole = folder.join(&path);
        if !files.contains_key(&whole) {
            let lines = project.env_file(&whole)?;
            for line in lines.iter().flat_map(Fallback::inside) {
                project.ledger.name(line.place, line.name.clone());
            }
            files.insert(whole.clone(), lines);
        }
        let Some(found) = files.get(&whole).and_then(Option::as_ref) else {
            let file = EnvFile { path, place: item.place, example: None, is_there: false, is_required };
            service.env_files.push(file);
            continue;
        };
        let example = found.example().map(|path| path.strip_prefix(folder).unwrap_or(path).display().to_string());
        service.env_files.push(EnvFile { path, place: item.place, example, is_there: true, is_required });
        for line in found.inside().clone() {
            let value = line.value.or_else(|| project.variables.value(&line.name));
            let Some(value) = value else {
                project.ledger.carried_with(line.place, None, "not set: the variable stays unset, as in Compose");
                continue;
            };
            let variable = Variable {
                name: line.name,
                value,
                places: vec![line.place],
                is_passed: false,
                of_file: true,
                has_variable: line.has_variable,
            };
            add(&mut service.variables, variable);
        }
    }
    let entries = service.at(&["environment"]).map(|item| item.entries().to_vec()).unwrap_or_default();
    for entry in entries {
        let value = match raw_text(&entry.item).filter(|_| !entry.item.is_null()) {
            Some(value) => Some(value),
            // One that has the name of a secret is given by hand.
            None => {
                project.variables.value(&entry.key).or_else(|| is_name(&entry.key).then(|| marks::unset(&entry.key)))
            }
        };
        let Some(value) = value else {
            project.ledger.carried_with(entry.place, None, "not set: the variable stays unset, as in Compose");
            continue;
        };
        let places = vec![entry.place];
        let is_passed = value == marks::unset(&entry.key) && entry.item.is_null();
        let variable = Variable { name: entry.key, value, places, is_passed, of_file: false, has_variable: false };
        add(&mut service.variables, variable);
    }
    Ok(())
}

/// Adds a variable in the place of an earlier one.
fn add(variables: &mut Vec<Variable>, mut variable: Variable) {
    if let Some(known) = variables.iter_mut().find(|known| known.name == variable.name) {
        variable.places.splice(0..0, known.places.iter().copied());
        *known = variable;
    } else {
        variables.push(variable);
    }
}

/// Whether a text is a host that only a container of the same project has, or the machine itself.
pub(super) fn is_local(host: &str) -> bool {
    ["localhost", "127.0.0.1", "0.0.0.0", "::1", "host.docker.internal", ""].contains(&host)
        || host.starts_with("/var/run/postgresql")
        || !marks::is_whole(host)
}
