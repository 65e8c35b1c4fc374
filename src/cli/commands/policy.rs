//! `stackctl policy`: prints the minimal IAM policy for a stack. Makes no calls to AWS.

use clap::{Args, ValueEnum};

use crate::{
    cli::{commands::init::account, error::Stop, global::Global, project},
    exit, kinds,
    output::Output,
    policy::{self, Commands, LONGEST_INLINE, LONGEST_MANAGED},
};

/// Arguments of `stackctl policy`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl policy > policy.json\n  \
    aws iam put-role-policy --role-name ROLE --policy-name stackctl --policy-document file://policy.json\n  \
    stackctl policy --for plan --account 123456789012")]
pub(in crate::cli) struct PolicyArgs {
    /// Commands that the policy allows.
    #[arg(long = "for", value_enum, default_value_t, value_name = "COMMANDS")]
    commands: For,
    /// AWS account to restrict the policy to [default: any account].
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// Print part N of the policy, split into managed policies of at most 6,144 characters.
    #[arg(long, value_name = "N")]
    part: Option<usize>,
}

/// Sets of commands.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum For {
    /// `plan`, `status`, `logs`, `releases`.
    Plan,
    /// `deploy`, `rollback`, `run`, and all commands of `plan`.
    Deploy,
    /// `destroy`, and all commands of `plan`.
    Destroy,
    /// `exec`, `forward`, and all commands of `plan`, if a service has `exec: true`.
    Exec,
    /// Every command.
    #[default]
    All,
}

impl PolicyArgs {
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let stack = project::read(global)?;
        let commands = match self.commands {
            For::Plan => Commands::Plan,
            For::Deploy => Commands::Deploy,
            For::Destroy => Commands::Destroy,
            For::Exec => Commands::Exec,
            For::All => Commands::All,
        };
        let whole = policy::of(&kinds::registry(), &stack, commands, self.account.as_deref())?;
        let parts = whole.split(LONGEST_MANAGED);
        let Some(part) = self.part else {
            output.data(&policy::text(&whole)?);
            if parts.len() > 1 {
                output.status(&length(whole.length(), parts.len()));
            }
            return Ok(exit::DONE);
        };
        let Some(one) = part.checked_sub(1).and_then(|at| parts.get(at)) else {
            let hint = if parts.len() == 1 { "omit --part".to_owned() } else { format!("1 to {}", parts.len()) };
            return Err(Stop::usage(format!("invalid --part {part}"), hint));
        };
        output.data(&policy::text(one)?);
        Ok(exit::DONE)
    }
}

/// Returns the explanation for a policy that exceeds one managed policy.
fn length(length: usize, parts: usize) -> String {
    let inline = if length <= LONGEST_INLINE {
        format!("It fits a role's inline policy ({LONGEST_INLINE}).")
    } else {
        format!("It also exceeds the limit for a role's inline policies ({LONGEST_INLINE}).")
    };
    let last = if parts == 2 { "--part 1 and --part 2".to_owned() } else { format!("--part 1 to --part {parts}") };
    format!(
        "The policy has {length} characters, more than a managed policy allows ({LONGEST_MANAGED}). {inline} To \
         split it into {parts} managed policies, use {last}."
    )
}
