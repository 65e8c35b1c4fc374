//! `build` and `image` of a service.

use std::path::{Component, Path, PathBuf};

use crate::spec::{
    problem::Collector,
    read::{Field, Map},
    stack::ImageFrom,
};

pub(super) fn image(map: &Map, service: &Field, problems: &mut Collector) -> Option<ImageFrom> {
    match (map.get("build"), map.get("image")) {
        (Some(build), Some(_)) => {
            build.wrong("a service has `build` or `image`, not both", "keep one of them", problems);
            None
        }
        (None, None) => {
            let hint =
                "add `build: app` for a Cargo package, `build: { dockerfile: ./Dockerfile }`, or `image: nginx:1.27`";
            problems.add(service.key.span, &service.path, format!("`{}` has no image", service.key.text), hint);
            None
        }
        (None, Some(field)) => {
            let name = field.text(problems)?;
            if name.is_empty() || name.contains(char::is_whitespace) {
                field.wrong(format!("`{name}` is no image"), "such as nginx:1.27", problems);
            }
            Some(ImageFrom::Named(name))
        }
        (Some(field), None) if field.node.what() == "a mapping" => dockerfile(&field, problems),
        (Some(field), None) => {
            let folder = PathBuf::from(field.text(problems)?);
            below(&field, &folder, "name the package's folder, such as app", problems);
            Some(ImageFrom::Package(folder))
        }
    }
}

fn dockerfile(build: &Field, problems: &mut Collector) -> Option<ImageFrom> {
    let map = Map::new(build.node, &build.path, &["dockerfile", "context"], &[], problems)?;
    let field = map.required("dockerfile", "./Dockerfile", problems)?;
    let path = PathBuf::from(field.text(problems)?);
    below(&field, &path, "name the file, such as ./Dockerfile", problems);
    let own = path.parent().filter(|own| !own.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let context = match map.get("context") {
        None => own,
        Some(field) => {
            let context = PathBuf::from(field.text(problems)?);
            below(&field, &context, "name a folder, such as .", problems);
            context
        }
    };
    Some(ImageFrom::Dockerfile { path, context })
}

/// What is built has to be in the project: a path that leaves it would be another one on each machine.
fn below(field: &Field, path: &Path, hint: &str, problems: &mut Collector) {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || path.as_os_str().is_empty() {
        field.wrong(format!("`{}` is not below the folder of stack.yaml", path.display()), hint, problems);
    }
}
