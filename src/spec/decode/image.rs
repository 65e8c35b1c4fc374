//! Decodes `build` and `image` of a service.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::spec::{
    check,
    images::{Imaged, images},
    keys::DOCKERFILE,
    paths,
    problem::Collector,
    read::{Entries, Field, Map},
    repository,
    service::{ImageFrom, Service},
    stack::Job,
};

pub(super) fn image(map: &Map, service: &Field, problems: &mut Collector) -> Option<ImageFrom> {
    match (map.get("build"), map.get("image")) {
        (Some(build), Some(_)) => {
            build.wrong("found both `build` and `image`", "keep one of them", problems);
            None
        }
        (None, None) => {
            let hint =
                "add `build: app` for a Cargo package, `build: { dockerfile: ./Dockerfile }`, or `image: nginx:1.27`";
            problems.add(service.key.span, &service.path, format!("`{}` has no image", service.key.text), hint);
            None
        }
        (None, Some(_)) => map.text("image", problems).map(ImageFrom::Named),
        (Some(field), None) if field.node.what() == "a mapping" => dockerfile(&field, problems),
        (Some(field), None) => {
            let folder = PathBuf::from(field.text(problems)?);
            below(&field, &folder, "write the folder of the package, such as app", problems);
            Some(ImageFrom::Package(folder))
        }
    }
}

fn dockerfile(build: &Field, problems: &mut Collector) -> Option<ImageFrom> {
    let map = Map::new(build.node, &build.path, &DOCKERFILE, problems)?;
    let mut path = |key: &str, hint: &str| {
        let path = PathBuf::from(map.text(key, problems)?);
        if let Some(field) = map.get(key) {
            below(&field, &path, hint, problems);
        }
        Some(path)
    };
    let context = path("context", "write a folder, such as .");
    let path = path("dockerfile", "write the path of the file, such as ./Dockerfile");
    let target = map.text("target", problems);
    let args = map.get("args").map_or(Some(BTreeMap::new()), |field| arguments(&field, problems));
    let path = path?;
    let own = path.parent().filter(|own| !own.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    Some(ImageFrom::Dockerfile { path, context: context.unwrap_or(own), target, args: args? })
}

/// The environment variables that the `docker` command reads.
/// <https://docs.docker.com/reference/cli/docker/#environment-variables>
const DOCKERS: [&str; 14] = [
    "DOCKER_API_VERSION",
    "DOCKER_BUILDKIT",
    "DOCKER_CERT_PATH",
    "DOCKER_CLI_HINTS",
    "DOCKER_CONFIG",
    "DOCKER_CONTENT_TRUST",
    "DOCKER_CONTENT_TRUST_SERVER",
    "DOCKER_CONTEXT",
    "DOCKER_CUSTOM_HEADERS",
    "DOCKER_DEFAULT_PLATFORM",
    "DOCKER_HIDE_LEGACY_COMMANDS",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
];

/// Decodes build arguments. Their values are passed in Docker's environment, which other users of the machine cannot
/// see. So no argument may have the name of a variable that Docker itself reads.
fn arguments(field: &Field, problems: &mut Collector) -> Option<BTreeMap<String, String>> {
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut arguments = BTreeMap::new();
    for field in entries.fields() {
        let name = field.key.text.clone();
        let is_dockers =
            name.starts_with("BUILDX_") || name.starts_with("BUILDKIT_") || DOCKERS.contains(&name.as_str());
        if !check::is_variable(&name) {
            let hint = "use letters, digits and _, not beginning with a digit";
            problems.add(field.key.span, &field.path, format!("invalid build argument name `{name}`"), hint);
        } else if is_dockers || matches!(name.as_str(), "HOME" | "PATH") {
            let hint = "use another name, also in the ARG line of the Dockerfile";
            problems.add(
                field.key.span,
                &field.path,
                format!("the docker command reserves the build argument `{name}`"),
                hint,
            );
        }
        arguments.insert(name, field.loose_text(problems)?);
    }
    Some(arguments)
}

/// Reports a path outside the project: it would refer to something else on each machine.
pub(super) fn below(field: &Field, path: &Path, hint: &str, problems: &mut Collector) {
    if !paths::is_below(path) {
        field.wrong(format!("the path `{}` is not inside the folder of stack.yaml", path.display()), hint, problems);
    }
}

/// Each source has a repository of its own, whose name ECR takes; the names follow from paths. `root` is the stack called `stack`,
/// and these services and jobs build images.
pub(super) fn repositories(
    root: &Map,
    services: &BTreeMap<String, Service>,
    jobs: &BTreeMap<String, Job>,
    stack: &str,
    problems: &mut Collector,
) {
    let containers: Vec<Imaged> = images(services, jobs).collect();
    let mut taken: BTreeMap<String, &Imaged> = BTreeMap::new();
    let mut placed: Vec<(&Imaged, Field)> =
        containers.iter().filter_map(|container| Some((container, place(root, services, container)?))).collect();
    placed.sort_by_key(|(_, field)| field.key.span);
    for (container, field) in placed {
        // It has the name of the first container that builds it.
        let first = containers.iter().find(|other| container.service.has_image_of(&other.service));
        let Some(name) = first.and_then(|first| first.repository(stack)) else { continue };
        let is_image = |key: &str| key == "build" || key == "image";
        let Some((key, build)) = field.node.entries().iter().find(|(key, _)| is_image(&key.text)) else { continue };
        let path = format!("{}.{}", field.path, key.text);
        if name.len() > repository::LONGEST {
            let message = format!("the path is too long for the name of an ECR repository: {} characters", name.len());
            let hint = format!("use a path of at most {} characters", repository::LONGEST);
            problems.add(build.span, &path, message, hint);
        }
        match taken.get(&name) {
            Some(other) if !other.service.has_image_of(&container.service) => {
                let (one, other) = (container.name(), other.name());
                let message =
                    format!("`{one}` and `{other}` build different images for the same ECR repository, `{name}`");
                let hint = "rename one of the two folders, or build both in the same way; repository names differ only \
                            in letters, digits and single hyphens";
                problems.add(build.span, &path, message, hint);
            }
            Some(_) => {}
            None => drop(taken.insert(name, container)),
        }
    }
}

/// Where `container` is written.
fn place<'a>(root: &Map<'a>, services: &BTreeMap<String, Service>, container: &Imaged) -> Option<Field<'a>> {
    let section = if services.contains_key(container.program) { "services" } else { "jobs" };
    let program = within(&root.get(section)?, container.program)?;
    match container.sidecar {
        Some(sidecar) => within(&within(&program, "sidecars")?, sidecar),
        None => Some(program),
    }
}

/// What `field`, a mapping, has under `key`.
fn within<'a>(field: &Field<'a>, key: &str) -> Option<Field<'a>> {
    let entries = Entries::new(field.node, &field.path, &mut Collector::default())?;
    entries.fields().find(|field| field.key.text == key)
}
