//! `stackctl secrets set`: sets a service's secret to a given value. The value comes from the terminal or standard
//! input, and goes only to Secrets Manager.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{IsTerminal, Read},
};

use clap::Args;

use crate::{
    blueprint,
    cli::{
        change::{About, Change, Consent},
        error::Stop,
        global::Global,
        project::Project,
        release_part,
    },
    engine, exit,
    kind::{InRelease, Kind, Registry},
    kinds::{ecs::task_definition::TaskDefinition, scheduler::schedule::Schedule, secretsmanager::secret},
    model::{Address, Failure, Graph, Plan, Subject},
    output::Output,
    spec::{Job, SecretFrom, Stack},
};

/// Arguments of `stackctl secrets set`.
#[derive(Debug, Args)]
#[command(
    after_help = "stackctl asks for the value without showing it, or reads it from standard input and removes one trailing newline.\n\n\
    Examples:\n  \
    stackctl secrets set web.API_KEY\n  \
    pass show shop/api | stackctl secrets set web.API_KEY --redeploy"
)]
pub(super) struct Set {
    /// SERVICE.KEY of a secret that is `set` in stack.yaml, such as `web.API_KEY`.
    #[arg(value_name = "NAME")]
    name: String,
    /// Nothing belongs here: a value on the command line is refused.
    #[arg(hide = true, value_name = "VALUE", num_args = 0.., allow_hyphen_values = true)]
    value: Vec<OsString>,
    /// Redeploy the services that use it, without asking; `--yes` does the same.
    #[arg(long)]
    redeploy: bool,
}

/// A secret of stack.yaml.
struct Wanted {
    service: String,
    address: Address,
}

/// The effect of a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// No running task has the old value.
    Nothing,
    /// Running tasks keep the old value for now.
    ToRedeploy,
    /// Running tasks have the old value and are replaced.
    Redeployment,
}

impl Set {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        if !self.value.is_empty() {
            return Err(Stop::usage(
                "a value on the command line is visible to other users of this computer and stays in the shell \
                 history; nothing was changed",
                format!(
                    "omit the value and stackctl asks for it, or pipe it to standard input: … | stackctl secrets \
                     set {}",
                    self.name
                ),
            ));
        }
        let project = Project::open(global, output).await?;
        let wanted = wanted(&project.stack, &self.name)?;
        let value = self.read(output)?;
        let then = self.then(&project, &wanted, global, output).await?;
        let work = self.give(&project, &wanted, value, then, output);
        project.under_lock("secrets set", global, work).await
    }

    /// Reads the value from the terminal or from standard input.
    fn read(&self, output: &Output) -> Result<String, Stop> {
        let stdin = std::io::stdin();
        let bytes = if stdin.is_terminal() {
            let typed = output.ask_unseen(&format!("Value of {} (hidden)", self.name));
            typed.map_err(|error| Failure::about(Subject::command("secrets set"), error.to_string()))?.into_bytes()
        } else {
            let mut bytes = Vec::new();
            let limit = u64::try_from(secret::LONGEST + 3).unwrap_or(u64::MAX);
            let read = stdin.lock().take(limit).read_to_end(&mut bytes);
            read.map_err(|error| Failure::about(Subject::command("secrets set"), error.to_string()))?;
            bytes
        };
        value(bytes).map_err(|why| {
            Stop::usage(format!("{why}; nothing was changed"), "pipe only the value to standard input, or type it")
        })
    }

    /// Returns the effect of the new value. A task has the value that the secret had when it started.
    async fn then(&self, project: &Project, wanted: &Wanted, global: &Global, output: &Output) -> Result<Then, Stop> {
        let service = &wanted.service;
        let runs = project.observe_kind("service").await?;
        if !runs.iter().any(|found| found.address.name() == service) {
            return Ok(Then::Nothing);
        }
        let redeploys = self.redeploy || global.yes || asked(service, output);
        Ok(if redeploys { Then::Redeployment } else { Then::ToRedeploy })
    }

    /// Stores the value in Secrets Manager and applies the change. The caller holds the stack's lock.
    async fn give(
        &self,
        project: &Project,
        wanted: &Wanted,
        value: String,
        then: Then,
        output: &Output,
    ) -> Result<u8, Stop> {
        let found = project.observe_kind("secret").await?;
        let found = found.into_iter().find(|found| found.address == wanted.address);
        let found: Option<secret::Live> = found.map(|found| found.decoded()).transpose()?;
        let given = secret::give(&project.cx, &wanted.address, found.as_ref(), value).await?;
        output.status(&format!("Set {}; {} holds the value.", self.name, given.name));
        let followed = match then {
            Then::Redeployment => Self::redeploy(project, wanted, output).await,
            Then::ToRedeploy | Then::Nothing => Ok(exit::DONE),
        };
        self.conclude(wanted, &given, then, matches!(followed, Ok(exit::DONE)), output);
        followed
    }

    /// Redeploys the service.
    async fn redeploy(project: &Project, wanted: &Wanted, output: &Output) -> Result<u8, Stop> {
        let change = Change {
            command: "up",
            consent: Consent::Given,
            about: About::Stack,
            unprotect: false,
            plan: &|view| {
                let graph = project.graph(&view, &BTreeMap::new(), None)?;
                let whole = engine::plan(&project.kinds, &project.cx.id, &graph, view.live)?;
                only_of(&project.kinds, &wanted.service, &project.stack, &graph, &whole)
            },
        };
        Ok(change.run_locked(project, output).await?.code)
    }

    /// Reports what is left to do.
    fn conclude(&self, wanted: &Wanted, given: &secret::Live, then: Then, is_done: bool, output: &Output) {
        let service = &wanted.service;
        let waits = then == Then::ToRedeploy || !is_done;
        if waits {
            output.status(&format!("{service} uses the old value until `stackctl up` redeploys it."));
        } else if then == Then::Nothing {
            output.status("The next `stackctl up` uses it.");
        }
        if output.is_json() {
            let to_redeploy: &[&String] = if waits { &[service] } else { &[] };
            output.document(&serde_json::json!({
                "event": "set", "secret": given.name, "name": self.name, "to_redeploy": to_redeploy,
            }));
        }
    }
}

fn asked(service: &str, output: &Output) -> bool {
    let question = format!("{service} uses the old value until it is redeployed. Redeploy it now? Type \"yes\"");
    output.ask(&question).is_some_and(|answer| answer.trim() == "yes")
}

/// Returns the secret called `name`, which must be `set` in stack.yaml.
fn wanted(stack: &Stack, name: &str) -> Result<Wanted, Stop> {
    let all = stack.programs().flat_map(|(service, of)| {
        of.secrets.iter().map(move |(variable, from)| (service, variable, from, format!("{service}.{variable}")))
    });
    let all: Vec<_> = all.collect();
    let found = all.iter().find(|(.., full)| full == name);
    let refuse = |why: String, hint: String| Err(Stop::usage(format!("{why}; nothing was changed"), hint));
    match found {
        Some((service, variable, SecretFrom::Set, _)) => {
            let address = blueprint::service_secret(service, variable);
            Ok(Wanted { service: (*service).clone(), address })
        }
        Some((_, variable, SecretFrom::Generate, _)) => refuse(
            format!("the value of {name} is generated"),
            format!("write `{variable}: set` in stack.yaml to give it by hand"),
        ),
        Some((_, variable, SecretFrom::Composed(_), _)) => refuse(
            format!("the value of {name} is composed from references"),
            format!("write `{variable}: set` in stack.yaml to give it by hand"),
        ),
        Some((_, _, SecretFrom::SecretsManager { arn, .. } | SecretFrom::Parameter { id: arn }, _)) => {
            refuse(format!("{name} is stored outside the stack"), format!("change it there: {arn}"))
        }
        None => {
            let known = all.iter().filter(|(_, _, from, _)| **from == SecretFrom::Set);
            let known: Vec<&str> = known.map(|(.., full)| full.as_str()).collect();
            let hint = if known.is_empty() {
                "stack.yaml has no secret that is set by hand (`secrets: { NAME: set }` of a service)".to_owned()
            } else {
                format!("secrets: {}", known.join(", "))
            };
            refuse(format!("secret `{name}` not found in stack.yaml"), hint)
        }
    }
}

/// Returns the input as the value of an environment variable.
fn value(bytes: Vec<u8>) -> Result<String, &'static str> {
    let text = String::from_utf8(bytes).map_err(|_| "the value is not valid UTF-8")?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    match text {
        "" => Err("the value is empty"),
        text if text.contains('\0') => Err("the value contains a zero byte, which is invalid in an environment \
         variable"),
        text if text.len() > secret::LONGEST => Err("the value is longer than 65,536 bytes, Secrets Manager's limit"),
        text => Ok(text.to_owned()),
    }
}

/// Returns the steps of `plan`, which leads to `graph`, that replace the tasks of `service` and update its jobs.
fn only_of(kinds: &Registry, service: &str, stack: &Stack, graph: &Graph, plan: &Plan) -> Result<Plan, Failure> {
    let is_own = |address: &Address| {
        let name = address.name();
        let of_job = || stack.jobs.get(name).filter(|job| job.runs.container(name) == service);
        match address.kind() {
            Schedule::NAME => of_job().is_some(),
            TaskDefinition::NAME => name == service || of_job().is_some_and(Job::has_definition),
            _ => name == service,
        }
    };
    let runs_tasks =
        |address: &Address| kinds.named(address.kind()).is_some_and(|kind| kind.in_release() == InRelease::Tasks);
    release_part(kinds, graph, &engine::only(plan, |step| is_own(&step.address) && runs_tasks(&step.address)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn only_secrets_with_set_can_be_set() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/x";
        let text = format!(
            "name: demo\nregion: eu-west-1\nservices:\n  web: {{ build: app, secrets: {{ KEY: set, TOKEN: generate, \
             FAR: {{ from: \"{arn}\" }} }} }}\n"
        );
        let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
        assert_eq!(wanted(&stack, "web.KEY").expect("it can").address.to_string(), "secret.web/KEY");
        for (name, says) in [
            ("web.TOKEN", "`TOKEN: set` in stack.yaml"),
            ("web.FAR", arn),
            ("KEY", "secrets: web.KEY"),
            ("web.key", "secrets: web.KEY"),
        ] {
            let Err(Stop::Usage { hint, .. }) = wanted(&stack, name) else { panic!("{name} cannot be set") };
            assert!(hint.as_deref().is_some_and(|hint| hint.contains(says)), "{name}: {hint:?}");
        }
    }

    #[test]
    fn a_value_loses_only_one_line_end() {
        assert_eq!(value(b"abc\n".to_vec()).as_deref(), Ok("abc"));
        assert_eq!(value(b"abc\r\n".to_vec()).as_deref(), Ok("abc"));
        assert_eq!(value(b" a\nb \n\n".to_vec()).as_deref(), Ok(" a\nb \n"));
        assert_eq!(value(vec![b'x'; secret::LONGEST]).map(|value| value.len()), Ok(secret::LONGEST));
        for wrong in [b"".to_vec(), b"\n".to_vec(), b"a\0b".to_vec(), vec![0xff, 0xfe], vec![b'x'; secret::LONGEST + 1]]
        {
            assert!(value(wrong.clone()).is_err(), "{:?}", &wrong[..wrong.len().min(8)]);
        }
    }
}
