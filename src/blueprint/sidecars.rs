//! Draws the sidecars of a service's tasks.

use std::collections::BTreeMap;

use super::{references::Referable, volumes};
use crate::{
    kinds::ecs::task_definition::{self, Container, SecretRef},
    model::Input,
    spec::{Check, Condition, ImageFrom, SecretFrom, Service, Sidecar, SidecarSecret},
};

/// The first word of a health check command in ECS's format.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
const FORMS: [&str; 2] = ["CMD", "CMD-SHELL"];

/// The variable with the port that a container listens on.
const PORT: &str = "PORT";

/// The sidecars of `service`, by name; `main` is its own container. `built` has the images of sidecars that stackctl makes.
pub(super) fn draw(
    service: &Service,
    main: &Container,
    built: &BTreeMap<&str, Input>,
    referable: &Referable,
) -> BTreeMap<String, Container> {
    let container = |(name, sidecar): (&String, &Sidecar)| {
        (name.clone(), container(sidecar, main, built.get(name.as_str()), referable))
    };
    service.sidecars.iter().map(container).collect()
}

fn container(sidecar: &Sidecar, main: &Container, built: Option<&Input>, referable: &Referable) -> Container {
    // Another process of the application gets what the application gets.
    let base = match (&sidecar.image, built) {
        (Some(from), Some(image)) => Container {
            // As for a service: only such an image is known to need no file of its own.
            read_only: matches!(from, ImageFrom::Package(_)),
            ..Container::new(image.clone(), main.log_group.clone())
        },
        (Some(ImageFrom::Named(image)), None) => Container::new(image.as_str().into(), main.log_group.clone()),
        (Some(ImageFrom::Package(_) | ImageFrom::Dockerfile { .. }), None) => {
            unreachable!("what is built has a source, and every source is drawn")
        }
        (None, _) => Container {
            environment: main.environment.clone(),
            secrets: main.secrets.clone(),
            read_only: main.read_only,
            mounts: main.mounts.clone(),
            ..Container::new(main.image.clone(), main.log_group.clone())
        },
    };
    let mut environment = base.environment;
    environment.remove(PORT);
    environment.extend(sidecar.port.map(|port| (PORT.to_owned(), port.to_string().into())));
    environment.extend(sidecar.env.iter().map(|(name, value)| (name.clone(), referable.plain(value))));
    let mut secrets = base.secrets;
    for (name, from) in &sidecar.secrets {
        let reference = match from {
            SidecarSecret::Shared => main.secrets.get(name).cloned(),
            SidecarSecret::SecretsManager { arn, key } => Some(elsewhere(arn, key.clone())),
            SidecarSecret::Parameter { id } => Some(elsewhere(id, None)),
        };
        secrets.extend(reference.map(|reference| (name.clone(), reference)));
    }
    // A variable is defined once: the sidecar's definition takes precedence.
    environment.retain(|name, _| !sidecar.secrets.contains_key(name));
    secrets.retain(|name, _| !sidecar.env.contains_key(name));
    let mut mounts = base.mounts;
    mounts.extend(volumes::mounts(&sidecar.volumes));
    Container {
        port: sidecar.port,
        environment,
        secrets,
        stop_timeout: sidecar.stop_timeout,
        entry_point: sidecar.entrypoint.clone(),
        command: sidecar.command.clone(),
        essential: sidecar.essential,
        depends_on: dependencies(&sidecar.depends_on),
        check: sidecar.check.as_ref().map(check),
        image: base.image,
        log_group: base.log_group,
        read_only: base.read_only,
        init: base.init,
        user: base.user,
        nofile: base.nofile,
        mounts,
        tmpfs: base.tmpfs,
    }
}

/// Returns a reference to an existing secret.
fn elsewhere(secret: &str, key: Option<String>) -> SecretRef {
    SecretRef { secret: secret.into(), key, version: None }
}

/// Returns the existing secrets that the sidecars use.
pub(super) fn kept(service: &Service) -> impl Iterator<Item = SecretFrom> {
    service.sidecars.values().flat_map(|sidecar| sidecar.secrets.values()).filter_map(|secret| match secret {
        SidecarSecret::SecretsManager { arn, key } => {
            Some(SecretFrom::SecretsManager { arn: arn.clone(), key: key.clone() })
        }
        SidecarSecret::Parameter { id } => Some(SecretFrom::Parameter { id: id.clone() }),
        SidecarSecret::Shared => None,
    })
}

/// Converts a health check to ECS's format. A command without a form word is run as a program, not in a shell.
pub(super) fn check(check: &Check) -> task_definition::Check {
    let has_form = check.command.first().is_some_and(|word| FORMS.contains(&word.as_str()));
    let form = (!has_form).then(|| FORMS[0].to_owned());
    task_definition::Check {
        command: form.into_iter().chain(check.command.iter().cloned()).collect(),
        interval: check.interval,
        timeout: check.timeout,
        retries: check.retries,
        start: check.start,
    }
}

/// Converts the dependencies of a container to ECS's format.
pub(super) fn dependencies(depends_on: &BTreeMap<String, Condition>) -> BTreeMap<String, task_definition::Condition> {
    let condition = |condition: &Condition| match condition {
        Condition::Start => task_definition::Condition::Start,
        Condition::Healthy => task_definition::Condition::Healthy,
        Condition::Complete => task_definition::Condition::Complete,
        Condition::Success => task_definition::Condition::Success,
    };
    depends_on.iter().map(|(name, word)| (name.clone(), condition(word))).collect()
}
