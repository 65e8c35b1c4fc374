//! `stackctl validate`: checks stack.yaml without calling AWS.

use clap::Args;

use crate::{
    cli::{error::Stop, global::Global, project},
    exit,
    output::Output,
    spec::Stack,
};

/// Arguments of `stackctl validate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl validate\n  \
    stackctl validate --file infra/stack.yaml --output json")]
pub(in crate::cli) struct Validate {}

impl Validate {
    #[expect(clippy::unused_self, reason = "every command has a run of the same shape")]
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let stack = project::read(global)?;
        if output.is_json() {
            output
                .document(&serde_json::json!({ "valid": true, "stack": stack.name, "environment": stack.environment }));
        } else {
            let services = stack.services.keys().cloned().collect::<Vec<_>>().join(", ");
            let more: String = parts(&stack).into_iter().map(|part| format!("; {part}")).collect();
            output.data(&format!(
                "{} is valid: stack {}, environment {}, in {}; services: {services}{more}",
                global.file.display(),
                stack.name,
                stack.environment,
                stack.region,
            ));
        }
        Ok(exit::DONE)
    }
}

/// Returns the parts of the stack other than services.
fn parts(stack: &Stack) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(stack.database.iter().map(|_| "a database".to_owned()));
    parts.extend(stack.cache.iter().map(|_| "a cache".to_owned()));
    let named = |what: &str, names: Vec<&String>| {
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
    };
    parts.extend(named("buckets", stack.buckets.keys().collect()));
    parts.extend(named("volumes", stack.volumes.keys().collect()));
    parts.extend(named("jobs", stack.jobs.keys().collect()));
    parts
}
