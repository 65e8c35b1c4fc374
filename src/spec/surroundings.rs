//! The context of stack.yaml: the caller's environment variables, and the folder of the project.

use std::{collections::BTreeSet, path::Path};

use super::{
    env_file, paths,
    problem::Collector,
    variables,
    yaml::{Key, Node, Value},
};

/// The context in which stack.yaml is read.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The caller's environment variables.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// The folder of stack.yaml; if none, the files that stack.yaml refers to are assumed to exist.
    pub folder: Option<&'a Path>,
}

impl Surroundings<'_> {
    /// Adds the variables of each `env_file` to `root`, which is one environment of stack.yaml. Reports files that
    /// `files` refers to and that do not exist.
    pub(super) fn bring_in(&self, root: &mut Node, problems: &mut Collector) {
        let Some(folder) = self.folder else { return };
        for section in ["services", "jobs"] {
            let Some(Node { value: Value::Map(programs), .. }) = child(root, section) else { continue };
            for (name, program) in programs {
                let path = format!("{section}.{}", name.text);
                self.expand(folder, &path, program, problems);
                missing(folder, &path, program, problems);
                without_package(folder, &path, program, problems);
                let Some(Node { value: Value::Map(sidecars), .. }) = child(program, "sidecars") else { continue };
                for (name, sidecar) in sidecars {
                    let path = format!("{path}.sidecars.{}", name.text);
                    missing(folder, &path, sidecar, problems);
                    without_package(folder, &path, sidecar, problems);
                }
            }
        }
    }

    /// Adds the variables of `env_file` to `env`. Values in `env` and `secrets` take precedence; of several files, the
    /// last one does.
    fn expand(&self, folder: &Path, path: &str, container: &mut Node, problems: &mut Collector) {
        let Some(named) = child(container, "env_file") else { return };
        let files: Vec<Node> = match &named.value {
            Value::List(files) => files.clone(),
            _ => vec![named.clone()],
        };
        let mut read: Vec<(Key, Node)> = Vec::new();
        for file in &files {
            // The decoder reports a value that is not a text, or a path outside the project.
            let is_file = |name: &&str| file.what() == "text" && paths::is_below(Path::new(name));
            let Some(name) = file.text().filter(is_file) else { continue };
            let path = format!("{path}.env_file");
            let mut variables = match env_file::read(&folder.join(name), name, file.span) {
                Ok(variables) => Node { span: file.span, value: Value::Map(variables) },
                Err(wrong) => {
                    problems.add(file.span, &path, wrong.message, wrong.hint);
                    continue;
                }
            };
            variables::substitute(&mut variables, self.variables, problems);
            let Value::Map(variables) = variables.value else { continue };
            read.retain(|(key, _)| !variables.iter().any(|(other, _)| other.text == key.text));
            read.extend(variables);
        }
        let says = container.entries().iter().filter(|(key, _)| ["env", "secrets"].contains(&key.text.as_str()));
        let said = says.flat_map(|(_, variables)| variables.entries()).map(|(key, _)| key.text.as_str());
        let said: BTreeSet<&str> = said.collect();
        read.retain(|(key, _)| !said.contains(key.text.as_str()));
        let span = container.span;
        match child(container, "env") {
            Some(Node { value: Value::Map(entries), .. }) => entries.extend(read),
            // The decoder reports an `env` that is not a mapping.
            Some(node) if !node.is_null() => {}
            _ => {
                let Value::Map(entries) = &mut container.value else { return };
                entries.retain(|(key, _)| key.text != "env");
                entries.push((Key { span, text: "env".to_owned() }, Node { span, value: Value::Map(read) }));
            }
        }
    }
}

/// Reports the files and folders in `files` that do not exist.
fn missing(folder: &Path, path: &str, program: &mut Node, problems: &mut Collector) {
    let Some(files) = child(program, "files") else { return };
    for (place, node) in files.entries() {
        let from = node.entries().iter().find(|(key, _)| key.text == "from").map_or(node, |(_, from)| from);
        let Some(name) = from.text().filter(|name| paths::is_below(Path::new(name))) else { continue };
        if !folder.join(name).exists() {
            let path = format!("{path}.files.{}", place.text);
            problems.add(
                from.span,
                &path,
                format!("{name} not found"),
                "write the path relative to the folder of stack.yaml",
            );
        }
    }
}

/// Reports a `build` with the path of a folder that has no Cargo package; in Compose, that path is the folder of a
/// Dockerfile. A folder that does not exist is not reported, because it may be created before the build.
fn without_package(folder: &Path, path: &str, program: &mut Node, problems: &mut Collector) {
    let Some(build) = child(program, "build") else { return };
    let Some(name) = build.text().filter(|name| paths::is_below(Path::new(name))) else { return };
    let source = folder.join(name);
    if !source.is_dir() || source.join("Cargo.toml").is_file() {
        return;
    }
    let name = name.trim_end_matches('/');
    let hint = if source.join("Dockerfile").is_file() {
        format!("to build its Dockerfile, write `build: {{ dockerfile: {name}/Dockerfile }}`")
    } else {
        "name the folder of a Cargo package, or write `build: { dockerfile: … }`".to_owned()
    };
    problems.add(build.span, &format!("{path}.build"), format!("Cargo.toml not found in {name}"), hint);
}

/// Returns the value of `key` in a mapping.
fn child<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|(known, _)| known.text == key).map(|(_, value)| value)
}
