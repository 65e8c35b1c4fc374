//! `stackctl secrets rotate`: changes the password of a database user and applies the change.

use std::collections::BTreeMap;

use clap::Args;

use crate::cli::{
    change::{About, Change, Consent, confirm},
    error::Stop,
    global::Global,
    project::Project,
};
use crate::{
    blueprint, engine, exit,
    kind::Kind,
    kinds::{
        ecs::database_users::DatabaseUsers,
        secretsmanager::secret::{self, Secret},
    },
    model::{Address, Failure, LiveResource, Plan, Subject},
    output::Output,
    spec::{DatabaseRole, DatabaseUser, Reference, Service, Stack, Template},
};

/// The prefix of the name of a database user's password.
const DATABASE: &str = "database.";

/// Arguments of `stackctl secrets rotate`.
#[derive(Debug, Args)]
#[command(after_help = "Example: stackctl secrets rotate database.developer")]
pub(super) struct Rotate {
    /// `database.USER`, where USER is one of `database.users` in stack.yaml.
    #[arg(value_name = "NAME")]
    name: String,
    /// Keep running tasks, which cannot open new connections until the next `up` redeploys them.
    #[arg(long)]
    no_redeploy: bool,
}

impl Rotate {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let user = user(&project.stack, &self.name)?;
        let address = blueprint::database_password(&user.name);
        ready(&project, &address).await?;
        let services = using(&project.stack, user);
        self.ask(&user.name, &services, global, output)?;
        let rotated = self.rotate(&project, user, &services, output);
        project.under_lock("secrets rotate", global, rotated).await
    }

    /// Changes the password and applies the change. The caller holds the stack's lock.
    async fn rotate(
        &self,
        project: &Project,
        user: &DatabaseUser,
        services: &[&str],
        output: &Output,
    ) -> Result<u8, Stop> {
        let address = blueprint::database_password(&user.name);
        // Another run may have changed the stack since the question.
        let secret = ready(project, &address).await?;
        secret::renew(&project.cx, &secret, blueprint::PASSWORD_LENGTH).await?;
        output.status(&format!("Changed the password of {}; {address} holds it.", user.name));
        let followed = self.follow(project, output).await;
        if matches!(followed, Ok(exit::DONE)) {
            self.conclude(&secret, services, output);
        } else {
            output.status(&format!(
                "{} has a new password in Secrets Manager, but the database or its clients may not have it yet. Run \
                 `stackctl up` to finish.",
                user.name
            ));
        }
        followed
    }

    /// Applies the new password to the database and to all its users.
    async fn follow(&self, project: &Project, output: &Output) -> Result<u8, Stop> {
        // From here on, any run that continues only applies stack.yaml.
        let change = Change {
            command: "up",
            consent: Consent::Given,
            about: About::Stack,
            unprotect: false,
            plan: &|view| {
                let whole = project.plan(view, &BTreeMap::new())?;
                Ok(if self.no_redeploy { database_part(&whole) } else { whole })
            },
        };
        Ok(change.run_locked(project, output).await?.code)
    }

    fn ask(&self, user: &str, services: &[&str], global: &Global, output: &Output) -> Result<(), Stop> {
        let then = if services.is_empty() {
            "No service uses it".to_owned()
        } else if self.no_redeploy {
            format!("{} cannot open new connections until they are redeployed", services.join(", "))
        } else {
            format!(
                "{} cannot open new connections until stackctl has redeployed them, which it does next",
                services.join(", ")
            )
        };
        let question = format!("Change the password of the database user {user}? {then}. Type \"yes\"");
        confirm(&question, "yes", "add --yes to change it without asking", global, output)
    }

    fn conclude(&self, secret: &secret::Live, services: &[&str], output: &Output) {
        let waiting: &[&str] = if self.no_redeploy { services } else { &[] };
        if output.is_json() {
            output.document(&serde_json::json!({
                "event": "rotated", "secret": secret.name, "name": self.name, "to_redeploy": waiting,
            }));
        }
        output.status(&format!("The new password is in Secrets Manager: {}.", secret.name));
        if !waiting.is_empty() {
            output.status(&format!("Still to be redeployed: {}. Run `stackctl up`.", waiting.join(", ")));
        }
    }
}

/// Returns the database user called `name`.
fn user<'a>(stack: &'a Stack, name: &str) -> Result<&'a DatabaseUser, Stop> {
    let users = stack.database.as_ref().map(|database| database.users.as_slice()).unwrap_or_default();
    if let Some(wanted) = name.strip_prefix(DATABASE)
        && let Some(user) = users.iter().find(|user| user.name == wanted)
    {
        return Ok(user);
    }
    let known: Vec<String> = users.iter().map(|user| format!("{DATABASE}{}", user.name)).collect();
    let hint = if known.is_empty() {
        "stack.yaml has no `database.users`; only their passwords can be rotated".to_owned()
    } else {
        format!("users: {}", known.join(", "))
    };
    Err(Stop::usage(format!("database user `{name}` not found"), hint))
}

/// Returns the services that connect as `user`: by their URL, or by a value that contains its password.
fn using<'a>(stack: &'a Stack, user: &DatabaseUser) -> Vec<&'a str> {
    let first = stack.database.as_ref().and_then(|database| database.first_owner());
    let is_first = user.role == DatabaseRole::Owner && first == Some(user);
    let refers = |reference: &Reference| match reference {
        Reference::Database(_) => is_first,
        Reference::DatabaseUser { name, .. } => *name == user.name,
        _ => false,
    };
    let uses = |service: &Service| {
        let mut references = service.values().flat_map(Template::references);
        is_first && service.is_given("DATABASE_URL")
            || references.any(|reference| reference.is_secret() && refers(reference))
    };
    stack.programs().filter(|(_, program)| uses(program)).map(|(name, _)| name.as_str()).collect()
}

/// Returns the secret. The stack must match stack.yaml, so that a rotation applies nothing else.
async fn ready(project: &Project, address: &Address) -> Result<secret::Live, Stop> {
    let view = project.look().await?;
    let found = view.live.iter().find(|live| &live.address == address).map(LiveResource::decoded);
    let plan = project.plan(view, &BTreeMap::new())?;
    let found = found.filter(|_| plan.changes().next().is_none());
    let Some(secret) = found else {
        let why = "the stack does not match stack.yaml; nothing was changed";
        return Err(Failure::about(Subject::command("secrets rotate"), why).hint("run `stackctl up` first").into());
    };
    Ok(secret?)
}

/// Returns the steps of `plan` that apply the new password to the database without replacing tasks.
fn database_part(plan: &Plan) -> Plan {
    engine::only(plan, |step| [DatabaseUsers::NAME, Secret::NAME].contains(&step.address.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    fn stack(database: &str) -> Stack {
        let text = format!(
            "name: demo\nregion: eu-west-1\n{database}services:\n  web: {{ build: app }}\n  job: {{ build: app }}\n"
        );
        spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid")
    }

    #[test]
    fn a_user_name_needs_the_database_prefix() {
        let stack = stack("database: { users: { app: owner, developer: read-only } }\n");
        assert_eq!(user(&stack, "database.developer").expect("there is one").name, "developer");
        for unknown in ["developer", "database.", "database.nobody", "database.postgres", "web.ADMIN_PASSWORD"] {
            let Err(Stop::Usage { hint, .. }) = user(&stack, unknown) else { panic!("{unknown} is none") };
            assert_eq!(hint.as_deref(), Some("users: database.app, database.developer"));
        }
    }

    #[test]
    fn a_stack_without_users_is_reported() {
        let Err(Stop::Usage { hint, .. }) = user(&stack("database: {}\n"), "database.app") else {
            panic!("it has none")
        };
        assert!(hint.is_some_and(|hint| hint.contains("no `database.users`")));
    }

    #[test]
    fn services_connect_as_the_first_owner_only() {
        let stack = stack("database: { users: { developer: read-only, app: owner, other: owner } }\n");
        let services = |name: &str| using(&stack, user(&stack, name).expect("there is one"));
        assert_eq!(services("database.app"), ["job", "web"]);
        assert_eq!(services("database.other"), [""; 0]);
        assert_eq!(services("database.developer"), [""; 0]);
    }
}
