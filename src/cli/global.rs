//! The global options, and the parsing of durations.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    Arg, Args, ValueEnum,
    builder::{EnumValueParser, PossibleValue, TypedValueParser},
};

use crate::output::Format;

/// What every command takes.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Path of stack.yaml.
    #[arg(
        short,
        long,
        global = true,
        env = "STACKCTL_FILE",
        hide_env_values = true,
        default_value = "stack.yaml",
        value_name = "PATH"
    )]
    pub(super) file: PathBuf,
    /// Environment to work on: one of `environments:` in stack.yaml.
    #[arg(
        short,
        long,
        global = true,
        env = "STACKCTL_ENV",
        hide_env_values = true,
        default_value = "default",
        value_name = "NAME"
    )]
    pub(super) env: String,
    /// Use the local sandbox that `stackctl sandbox start` runs instead of AWS.
    #[arg(long, global = true, env = "STACKCTL_SANDBOX", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_possible_values = true, hide_default_value = true)]
    pub(super) sandbox: bool,
    /// Output format.
    #[arg(short, long, global = true, env = "STACKCTL_OUTPUT", hide_env_values = true, value_parser = Outputs, default_value = "human", value_name = "FORMAT")]
    pub(super) output: OutputArg,
    /// Answer every question with yes.
    #[arg(short, long, alias = "auto-approve", global = true, env = "STACKCTL_YES", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_possible_values = true, hide_default_value = true)]
    pub(super) yes: bool,
    /// How long to wait if another run holds the lock, such as `30s` or `5m`.
    #[arg(long, global = true, env = "STACKCTL_LOCK_TIMEOUT", hide_env_values = true, default_value = "0s", value_parser = duration, value_name = "TIME")]
    pub(super) lock_timeout: Duration,
    /// Print results and errors only.
    #[arg(short, long, global = true, env = "STACKCTL_QUIET", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_possible_values = true, hide_default_value = true)]
    pub(super) quiet: bool,
    /// Show all fields of new resources in plans, and the IDs of all resources in `status`.
    #[arg(long, global = true)]
    pub(super) details: bool,
    /// Print more: account, endpoint, and every resource that is found.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

/// The value of `--output`: a format, or for `init --from` the file to write.
#[derive(Clone, Debug)]
pub(super) enum OutputArg {
    Format(Format),
    File(PathBuf),
}

impl OutputArg {
    pub(super) fn format(&self) -> Format {
        match self {
            Self::Format(format) => *format,
            Self::File(_) => Format::default(),
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Format(_) => None,
            Self::File(path) => Some(path),
        }
    }

    /// Returns the error for a command that writes no file, if `--output` names one.
    pub(super) fn refused(&self, mut command: clap::Command) -> Option<clap::Error> {
        // clap knows the text of an argument in errors only after this.
        command.build();
        let argument = command.get_arguments().find(|argument| argument.get_id() == "output");
        EnumValueParser::<Format>::new().parse_ref(&command, argument, self.file()?.as_os_str()).err()
    }
}

/// Parses `--output`.
#[derive(Clone)]
struct Outputs;

impl TypedValueParser for Outputs {
    type Value = OutputArg;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<OutputArg, clap::Error> {
        let format = EnumValueParser::<Format>::new().parse_ref(command, argument, value);
        match format {
            Err(error) if value.is_empty() => Err(error),
            format => Ok(format.map_or_else(|_| OutputArg::File(PathBuf::from(value)), OutputArg::Format)),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Format::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

/// Parses a duration such as `30s`, `5m`, `1h`, `2d`, or a plain number of seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| "expected a time such as 30s, 5m or 1h".to_owned())?;
    let seconds = match unit {
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        "d" => number.checked_mul(86_400),
        _ => None,
    };
    seconds.map(Duration::from_secs).ok_or_else(|| "expected a time such as 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_with_and_without_a_unit() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        assert!(duration("5 minutes").is_err());
        assert!(duration("soon").is_err());
    }
}
