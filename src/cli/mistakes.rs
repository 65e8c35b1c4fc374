//! Commands and flags of other tools that people type: which ones of stackctl they mean.

use clap::{
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Commands of other tools, and what to use instead.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["apply", "create", "update", "provision", "start", "install"],
        "use 'stackctl up' to create or update the stack",
    ),
    (&["release", "publish", "ship", "push", "build"], "use 'stackctl deploy' to build and release the images"),
    (&["diff", "preview", "changeset", "refresh"], "use 'stackctl plan' to see what 'up' would change"),
    (&["show", "ps", "ls", "list", "info", "describe", "get", "health"], "use 'stackctl status' to see the stack"),
    (&["open", "url", "outputs", "output"], "use 'stackctl status' to see the URL"),
    (&["down", "delete", "remove", "rm", "teardown", "stop"], "use 'stackctl destroy' to delete the stack"),
    (&["log", "tail", "events"], "use 'stackctl logs --follow' to see new lines"),
    (&["ssh", "shell", "bash", "console", "attach"], "use 'stackctl exec SERVICE' to open a shell in a running task"),
    (&["task", "run-task"], "use 'stackctl run SERVICE -- COMMAND' to run a command in a new task"),
    (&["proxy", "tunnel", "port-forward"], "use 'stackctl forward' to reach the database, the cache or a task"),
    (&["psql", "database", "pg"], "use 'stackctl db connect' to open psql on the database"),
    (&["undo", "revert", "restore"], "use 'stackctl rollback' to return to an earlier release"),
    (&["history", "revisions"], "use 'stackctl releases' to list the releases"),
    (
        &["import", "migrate", "convert"],
        "use 'stackctl init --from' to convert a project, or 'stackctl adopt' to adopt a resource",
    ),
    (&["lint", "check", "config", "fmt"], "use 'stackctl validate' to check stack.yaml"),
    (&["price", "estimate", "prices", "costs"], "use 'stackctl cost' to estimate the monthly cost"),
    (&["secret", "vars"], "use 'stackctl secrets' to list and set secrets"),
    (&["job", "cron"], "use 'stackctl jobs' to list and run jobs"),
    (&["iam", "permissions"], "use 'stackctl policy' to print the IAM policy"),
    (&["local", "dev", "emulator"], "use 'stackctl sandbox start' to try the stack without AWS"),
    (&["scale"], "set 'replicas' or 'scale' of the service in stack.yaml, then run 'stackctl up'"),
    (&["restart", "redeploy"], "use 'stackctl deploy': it replaces the tasks if the image or stack.yaml has changed"),
    (
        &["env", "environment", "environments", "workspace"],
        "use '--env NAME' to choose one of the environments in stack.yaml",
    ),
    (
        &["login", "configure", "auth"],
        "stackctl uses the credentials of the AWS CLI: run 'aws login' or 'aws configure sso'",
    ),
    (&["version"], "use 'stackctl --version'"),
    (&["state"], "stackctl has no state file: 'stackctl status' reads the stack from AWS"),
    (
        &["svc", "app", "service", "services"],
        "write the services in stack.yaml, then run 'stackctl up' or 'stackctl deploy'",
    ),
];

/// Flags of other tools, and what to use instead.
const FLAGS: &[(&[&str], &str)] = &[
    (&["--dry-run", "--check", "--diff"], "use 'stackctl plan' to see the changes without making them"),
    (&["--environment", "--stage", "--workspace"], "use '--env NAME' to choose an environment"),
    (&["--region"], "set 'region' in stack.yaml"),
    (&["--profile"], "set the variable AWS_PROFILE"),
    (&["--force", "--approve", "--no-confirm"], "use '--yes' to answer every question with yes"),
    (&["--json"], "use '--output json'"),
    (&["--debug"], "use '--verbose'"),
];

/// Returns `error` with a tip if its command or flag is known from another tool.
pub(super) fn explained(mut error: clap::Error) -> clap::Error {
    let (context, nearest) = match error.kind() {
        ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        _ => return error,
    };
    let Some(ContextValue::String(typed)) = error.get(context) else { return error };
    let Some(tip) = tip(error.kind(), typed) else { return error };
    // A name that only looks similar would mislead.
    error.remove(nearest);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    error
}

fn tip(kind: ErrorKind, typed: &str) -> Option<String> {
    let table = if kind == ErrorKind::InvalidSubcommand { COMMANDS } else { FLAGS };
    let known = table.iter().find(|(words, _)| words.contains(&typed)).map(|(_, tip)| (*tip).to_owned());
    let is_word = kind == ErrorKind::UnknownArgument && !typed.starts_with('-');
    known.or_else(|| is_word.then(|| format!("to choose an environment, use '--env {typed}'")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::command;

    fn said(words: &[&str]) -> String {
        let error = command().try_get_matches_from([&["stackctl"], words].concat()).expect_err("it is unknown");
        explained(error).to_string()
    }

    #[test]
    fn commands_of_other_tools_are_answered_with_ours() {
        let apply = said(&["apply"]);
        assert!(apply.contains("tip: use 'stackctl up' to create or update the stack"), "{apply}");
        assert!(!apply.contains("deploy"), "a similar name is not offered beside it: {apply}");
        assert!(said(&["statsu"]).contains("'status'"), "a slip of the finger is still answered with the nearest name");
        assert!(said(&["up", "--dry-run"]).contains("use 'stackctl plan'"));
        assert!(said(&["status", "prod"]).contains("use '--env prod'"));
    }

    #[test]
    fn tables_name_no_command_or_flag_of_ours() {
        let program = command();
        let own: BTreeSet<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
        let words: Vec<&str> = COMMANDS.iter().flat_map(|(words, _)| *words).copied().collect();
        assert_eq!(words.iter().filter(|word| own.contains(*word)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len(), "each word is there once");
        for (_, tip) in COMMANDS {
            let named = tip.split("'stackctl ").skip(1).filter_map(|rest| rest.split([' ', '\'']).next());
            named.for_each(|name| assert!(own.contains(name) || name.starts_with('-'), "{tip}"));
        }
    }
}
