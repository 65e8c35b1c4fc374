//! Reads stack.yaml: parses the text, merges environments, checks the values and returns a [`Stack`]. Errors have
//! positions in the file, and all of them are reported at once. Of this crate, it imports only `document`.

mod block;
mod check;
mod containers;
mod decode;
mod env_file;
mod image;
mod images;
mod keys;
mod limits;
mod merge;
mod mistakes;
mod names;
mod nearest;
mod paths;
mod places;
mod read;
mod reference;
mod repository;
mod required;
mod schema;
mod scope;
mod service;
mod stack;
mod surroundings;
mod template;
mod variables;
mod volumes;

use std::{fs::File, io::Read, path::Path};

pub(crate) use block::expressions as block_expressions;
pub use containers::{Check, Condition, Sidecar, SidecarSecret};
pub use images::Imaged;
pub(crate) use limits::{VALUES_A_CONDITION, VALUES_A_RULE, hosts_a_rule, ranges_a_rule};
pub use problem::{Problem, Problems};
pub use reference::reference;
pub use schema::schema;
pub use service::{Arch, FileFrom, Health, ImageFrom, Protocol, Scale, ScaleEntry, SecretFrom, Service, Statement};
pub use stack::{
    Alarms, Bastion, BastionUser, Bucket, Cache, Cidr, DEFAULT_ENVIRONMENT, Database, DatabaseRole, DatabaseUser,
    Given, IDLE_TIMEOUT, Job, LoadBalancer, Nat, Network, Runs, Stack, Tls,
};
pub use surroundings::Surroundings;
pub use template::{CacheFact, CalledFact, DatabaseFact, Piece, Reference, StackFact, Template, UserFact, escaped};
pub use volumes::{Kept, Mount, Throughput, Volume};

use crate::document::{problem, yaml};
use problem::Collector;
use yaml::Node;

/// The largest file, in bytes. A larger file is probably not a stack.yaml, and would take minutes to read.
const LARGEST: usize = 512 * 1024;

/// The maximum number of environments in a file. Every environment is checked whenever the file is read.
const ENVIRONMENTS: usize = 50;

/// Reads the file at `path` and returns the stack in `environment`. `variables` returns the caller's environment
/// variables.
///
/// # Errors
/// All problems of the file.
pub fn load(path: &Path, environment: &str, variables: &dyn Fn(&str) -> Option<String>) -> Result<Stack, Problems> {
    let name = path.display().to_string();
    match read_within(path) {
        Ok(bytes) if bytes.len() > LARGEST => Err(too_large(&name)),
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                parse_in(&Surroundings { variables, folder: Some(folder) }, &name, &text, environment)
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
                let message = format!("{name}:{line}: invalid UTF-8");
                Err(Problems::whole(&name, message, "save the file as UTF-8"))
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Problems::whole(
            &name,
            format!("{name} not found"),
            "run `stackctl init` to create one, or name another file with --file",
        )),
        Err(error) => Err(Problems::whole(&name, format!("cannot read {name}: {error}"), "check its permissions")),
    }
}

/// Reads the file, at most one byte more than the largest size.
fn read_within(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LARGEST).map_or(u64::MAX, |largest| largest + 1);
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn too_large(name: &str) -> Problems {
    let message = format!("{name} is larger than {} kB", LARGEST / 1024);
    Problems::whole(
        name,
        message,
        "name a stack.yaml with --file; one with 100 services takes about a tenth of this size",
    )
}

/// Like [`load`], for a text without a folder. Files that the text refers to are assumed to exist.
///
/// # Errors
/// All problems of the text.
pub fn parse(
    file_name: &str,
    text: &str,
    environment: &str,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Stack, Problems> {
    parse_in(&Surroundings { variables, folder: None }, file_name, text, environment)
}

/// Like [`load`], for a text in memory.
///
/// # Errors
/// All problems of the text.
pub fn parse_in(around: &Surroundings<'_>, file_name: &str, text: &str, environment: &str) -> Result<Stack, Problems> {
    if text.len() > LARGEST {
        return Err(too_large(file_name));
    }
    let mut problems = Collector::default();
    let Some(mut root) = yaml::parse(text, &mut problems) else { return Err(problems.finish(file_name, text)) };
    required::check(&root, env!("CARGO_PKG_VERSION"), &mut problems);
    if !problems.is_empty() {
        return Err(problems.finish(file_name, text));
    }
    variables::substitute(&mut root, around.variables, &mut problems);
    let environments = merge::take_environments(&mut root, &mut problems);
    if let Some((name, _)) = environments.get(ENVIRONMENTS) {
        let message = format!("found more than {ENVIRONMENTS} environments");
        problems.add(name.span, "environments", message, "move some of them to another file");
        return Err(problems.finish(file_name, text));
    }
    if environment != DEFAULT_ENVIRONMENT && !environments.iter().any(|(name, _)| name.text == environment) {
        let known: Vec<&str> = environments.iter().map(|(name, _)| name.text.as_str()).collect();
        problems.add(
            root.span,
            "environments",
            format!("environment `{environment}` not found"),
            match known.as_slice() {
                [] => "remove --env; stack.yaml has no `environments`".to_owned(),
                known => format!("use one of: {DEFAULT_ENVIRONMENT}, {}", known.join(", ")),
            },
        );
    }
    // Check the other environments too, so that they do not fail on the first day they are used.
    let bring_in = |mut root: Node, environment: &str, problems: &mut Collector| {
        around.bring_in(&mut root, problems);
        places::fill(&mut root, environment);
        root
    };
    let base = bring_in(root.clone(), DEFAULT_ENVIRONMENT, &mut problems);
    let mut chosen = decode::stack(&base, DEFAULT_ENVIRONMENT, &mut problems);
    let mut names = names::Names::default();
    names.take(chosen.as_ref(), root.span, &mut problems);
    for (name, over) in &environments {
        let merged = bring_in(merge::over(root.clone(), over), &name.text, &mut problems);
        let stack = decode::stack(&merged, &name.text, &mut problems);
        names.take(stack.as_ref(), name.span, &mut problems);
        if name.text == environment {
            chosen = stack;
        }
    }
    if problems.is_empty()
        && let Some(stack) = chosen
    {
        return Ok(stack);
    }
    Err(problems.finish(file_name, text))
}

#[cfg(test)]
mod tests;
