//! `stackctl secrets list`: lists the secrets of stack.yaml and those that stackctl adds. No value is read.

use std::collections::BTreeMap;

use clap::Args;

use crate::{
    blueprint,
    cli::{error::Stop, global::Global, project::Project},
    exit,
    kinds::secretsmanager::secret,
    model::Address,
    output::{Output, SecretLine, SecretsView},
    spec::{SecretFrom, Stack},
};

/// Arguments of `stackctl secrets list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    stackctl secrets list --env production")]
pub(super) struct List {}

impl List {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let mut live = BTreeMap::new();
        for found in project.observe_kind("secret").await? {
            let secret: secret::Live = found.decoded()?;
            live.insert(found.address, secret);
        }
        let secrets = lines(&project.stack, &live);
        let (stack, environment) = (project.cx.id.stack.clone(), project.cx.id.environment.clone());
        output.secrets(&SecretsView { stack, environment, secrets });
        Ok(exit::DONE)
    }
}

/// Returns a line for each secret: first those of services, in the order of stack.yaml, then those that stackctl adds.
fn lines(stack: &Stack, live: &BTreeMap<Address, secret::Live>) -> Vec<SecretLine> {
    let mut lines = Vec::new();
    let mut of_services = Vec::new();
    for (service, wanted) in stack.programs() {
        for (variable, from) in &wanted.secrets {
            let address = match from {
                SecretFrom::Composed(value) => blueprint::composed_secret(service, variable, value),
                _ => blueprint::service_secret(service, variable),
            };
            let kept = live.get(&address);
            let (source, kept_as) = match from {
                SecretFrom::Generate => ("generate", kept.map(|live| live.name.clone())),
                SecretFrom::Set => ("set", kept.map(|live| live.name.clone())),
                // A part of another secret is stored there.
                SecretFrom::Composed(_) => ("composed", kept.map(|live| live.name.clone())),
                SecretFrom::SecretsManager { arn, .. } | SecretFrom::Parameter { id: arn } => {
                    ("from", Some(arn.clone()))
                }
            };
            let name = format!("{service}.{variable}");
            let services = if stack.services.contains_key(service) { vec![service.clone()] } else { Vec::new() };
            let changed = kept.and_then(|live| live.changed);
            // The other secret has its own line.
            let is_part = matches!(from, SecretFrom::Composed(_)) && address.name() != name;
            of_services.extend(Some(address).filter(|_| !is_part));
            lines.push(SecretLine { name, source, services, jobs: jobs(stack, service), kept_as, changed });
        }
    }
    for (address, secret) in live.iter().filter(|(address, _)| !of_services.contains(address)) {
        let users = using(address, stack);
        lines.push(SecretLine {
            name: name(address, stack),
            source: "stackctl",
            jobs: users.iter().flat_map(|user| jobs(stack, user)).collect(),
            services: users.into_iter().filter(|user| stack.services.contains_key(user)).collect(),
            kept_as: Some(secret.name.clone()),
            changed: secret.changed,
        });
    }
    lines
}

/// Returns the jobs that run with the configuration of `service`.
fn jobs(stack: &Stack, service: &str) -> Vec<String> {
    let jobs = stack.jobs.iter().filter(|(name, job)| job.runs.container(name) == service);
    jobs.map(|(name, _)| name.clone()).collect()
}

/// Returns the name in `secrets rotate`, or else the name in the address.
fn name(address: &Address, stack: &Stack) -> String {
    let users = stack.database.iter().flat_map(|database| &database.users);
    let user = users.map(|user| user.name.as_str()).find(|user| blueprint::database_password(user) == *address);
    user.map_or_else(|| address.name().replace('/', "."), |user| format!("database.{user}"))
}

/// Returns the services, and the jobs with their own image, that get this secret as a default variable: the URLs of the
/// database and the cache go to each of them unless stack.yaml overrides the variable.
fn using(address: &Address, stack: &Stack) -> Vec<String> {
    let url = |of: &str| *address == Address::new("secret", of);
    let variable = match () {
        () if stack.database.is_some() && url("database-url") => "DATABASE_URL",
        () if stack.cache.is_some() && url("cache-url") => "REDIS_URL",
        () => return Vec::new(),
    };
    let given = stack.programs().filter(|(_, program)| program.is_given(variable));
    given.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn each_secret_is_listed_with_its_users() {
        let text = "name: demo\nregion: eu-west-1\ndatabase: { users: { app: owner } }\nservices:\n  \
            web: { build: app, secrets: { KEY: set, TOKEN: generate } }\n  other: { build: app }\n\
            jobs: { report: { service: web, command: [r], schedule: rate(1 day) } }\n";
        let stack = spec::parse("stack.yaml", text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
        let secret = |name: &str| secret::Live {
            arn: format!("arn:{name}"),
            name: format!("demo/default/{name}"),
            inputs: String::new(),
            version: "v".into(),
            changed: jiff::Timestamp::from_second(0).ok(),
        };
        let names = ["web/TOKEN", "database-url", "database-user-app", "web/OLD"];
        let live = names.map(|name| (Address::new("secret", name), secret(name))).into_iter().collect();
        let shown: Vec<String> = lines(&stack, &live)
            .iter()
            .map(|line| {
                let users = line.services.iter().chain(&line.jobs).cloned().collect::<Vec<_>>().join(" ");
                format!("{} {} [{users}] {}", line.name, line.source, line.changed.is_some())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "web.KEY set [web report] false",
                "web.TOKEN generate [web report] true",
                "database-url stackctl [other web report] true",
                "database.app stackctl [] true",
                "web.OLD stackctl [] true",
            ]
        );
    }
}
