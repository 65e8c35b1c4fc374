//! `stackctl init --from`: converts the files of another tool and reports on each of their keys.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{
    files::{self, Files},
    report, survey,
};
use crate::{
    cli::{error::Stop, global::Global, project},
    convert::{
        compose,
        conversion::{Answers, Conversion, Options, Question},
        copilot, procfile,
    },
    exit,
    output::Output,
    spec::{self, Surroundings},
};

/// Arguments of `stackctl init --from`.
#[derive(Debug, Args)]
#[command(next_help_heading = "From another tool")]
pub(super) struct FromArgs {
    /// Convert the files of another tool to stack.yaml, and report on each of their keys.
    #[arg(long, value_name = "TOOL")]
    from: Option<Tool>,
    /// Folder or files to convert [default: this folder].
    #[arg(value_name = "PATH", requires = "from")]
    paths: Vec<PathBuf>,
    /// Format of the report.
    #[arg(long, value_name = "FORMAT", requires = "from", default_value = "human")]
    report: Form,
    /// Answer to a question, by the key of stack.yaml; can be repeated.
    #[arg(long = "answer", value_name = "KEY=VALUE", requires = "from", value_parser = answer)]
    answers: Vec<(String, String)>,
    /// Compose profile whose services are converted too; can be repeated.
    #[arg(long = "profile", value_name = "NAME", requires = "from")]
    profiles: Vec<String>,
    /// Keep using the database that Copilot created: write its secret and a security group instead of `database`.
    #[arg(long, requires = "from")]
    keep_data: bool,
}

/// The tools whose files can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Tool {
    /// Compose files, read by Compose's own rules.
    Compose,
    /// AWS Copilot: the folder that contains copilot/.
    Copilot,
    /// A Procfile as used by Heroku.
    Procfile,
}

/// The form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A table.
    Human,
    /// One JSON document on standard output.
    Json,
}

impl Tool {
    /// The tool whose files are in `folder`, with the file that shows it.
    pub(super) fn found_in(folder: &Path) -> Option<(Self, &'static str)> {
        let of = |tool: Self, names: &[&'static str]| {
            let found = names.iter().find(|name| folder.join(name).exists());
            found.map(|name| (tool, *name))
        };
        of(Self::Copilot, &["copilot/.workspace"])
            .or_else(|| {
                of(Self::Compose, &["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"])
            })
            .or_else(|| of(Self::Procfile, &["Procfile"]))
    }

    /// The flag that converts its files.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Compose => "--from compose",
            Self::Copilot => "--from copilot",
            Self::Procfile => "--from procfile",
        }
    }
}

impl FromArgs {
    /// The arguments that convert the files of `tool` in `folder`.
    pub(super) fn of(tool: Tool, folder: &Path) -> Self {
        let (answers, profiles) = Default::default();
        let paths = if folder == Path::new(".") { Vec::new() } else { vec![folder.to_owned()] };
        Self { from: Some(tool), paths, report: Form::Human, answers, profiles, keep_data: false }
    }
}

/// Parses an answer on the command line.
fn answer(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as services.web.routes=/api/*")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// The destination of stack.yaml.
enum Destination {
    File(PathBuf),
    /// Standard output.
    Standard,
}

impl FromArgs {
    pub(super) fn is_asked_for(&self) -> bool {
        self.from.is_some()
    }

    pub(super) fn run(
        &self,
        (name, region): (Option<&str>, Option<&str>),
        force: bool,
        global: &Global,
        output: &Output,
    ) -> Result<u8, Stop> {
        let path = global.output.file().unwrap_or(&global.file);
        let destination =
            if path == Path::new("-") { Destination::Standard } else { Destination::File(path.to_owned()) };
        if let Destination::File(path) = &destination {
            files::refuse_existing(path, force)?;
        } else if self.report == Form::Json || output.is_json() {
            let hint = "write stack.yaml to a file, or omit --report json";
            return Err(Stop::usage("cannot write both stack.yaml and the report to standard output", hint));
        }
        let folder = self.folder()?;
        let options = Options {
            name: name.map(str::to_owned),
            region: region.map(str::to_owned).or_else(survey::region),
            folder: folder.clone(),
            keep_data: self.keep_data,
        };
        let answers =
            Given { answers: self.answers.iter().cloned().collect(), yes: global.yes, output, ..Given::of(output) };
        let conversion = self.convert(&options, &answers)?;
        answers.refuse_unasked()?;

        let text = conversion.page.render();
        let around = Surroundings { variables: &|name| std::env::var(name).ok(), folder: Some(&folder) };
        let name = match &destination {
            Destination::File(path) => path.display().to_string(),
            Destination::Standard => "stack.yaml".to_owned(),
        };
        let problems = spec::parse_in(&around, &name, &text, spec::DEFAULT_ENVIRONMENT).err();
        let end = report::End {
            problems: problems.as_ref(),
            open: &conversion.open,
            elsewhere: elsewhere(&folder, &destination),
        };
        match &destination {
            Destination::Standard => {
                output.data(text.trim_end());
                report::lines(&conversion.report, output.colored()).iter().for_each(|line| output.status(line));
            }
            Destination::File(path) => {
                Files::one(path.clone(), text, String::new()).write(force)?;
                if self.report == Form::Json || output.is_json() {
                    output.document(&report::document(&name, &conversion, problems.as_ref()));
                } else {
                    report::lines(&conversion.report, output.stdout_is_colored())
                        .iter()
                        .for_each(|line| output.data(line));
                    output.status(&format!("\nWrote {name}."));
                }
            }
        }
        end.tell(&name, output);
        Ok(exit::DONE)
    }

    /// Returns the folder of the application.
    fn folder(&self) -> Result<PathBuf, Stop> {
        let Some(path) = self.paths.first() else { return Ok(PathBuf::from(".")) };
        if !path.exists() {
            return Err(Stop::usage(format!("{} not found", path.display()), "name a file or folder that exists"));
        }
        // A Compose file may build folders next to its own, so stack.yaml belongs in the folder that contains all of
        // them.
        let is_below = path.is_relative() && !path.starts_with("..");
        if self.from == Some(Tool::Compose) && is_below && !path.is_dir() {
            return Ok(PathBuf::from("."));
        }
        Ok(if path.is_dir() { path.clone() } else { project::folder(path) })
    }

    fn convert(&self, options: &Options, answers: &dyn Answers) -> Result<Conversion, Stop> {
        match self.from {
            Some(Tool::Compose) => {
                let caller = |name: &str| std::env::var(name).ok();
                let asked = compose::Asked { files: &self.paths, profiles: &self.profiles, caller: &caller };
                Ok(compose::convert(&asked, options, answers)?)
            }
            Some(Tool::Copilot) => Ok(copilot::convert(options, answers)?),
            Some(Tool::Procfile) | None => {
                let path = match self.paths.as_slice() {
                    [] => PathBuf::from("Procfile"),
                    [path] if path.is_dir() => path.join("Procfile"),
                    [path] => path.clone(),
                    _ => return Err(Stop::usage("several files given", "name one Procfile, or its folder")),
                };
                Ok(procfile::convert(&path, options, answers)?)
            }
        }
    }
}

/// Returns the folder in which stack.yaml belongs, if it is written to another one.
fn elsewhere(folder: &Path, destination: &Destination) -> Option<String> {
    let Destination::File(path) = destination else { return None };
    let (here, there) = (project::folder(path).canonicalize().ok()?, folder.canonicalize().ok()?);
    (here != there).then(|| folder.display().to_string())
}

/// Answers from the command line or from a user on a terminal.
struct Given<'a> {
    answers: BTreeMap<String, String>,
    /// The questions so far, with their answers.
    asked: RefCell<BTreeMap<String, Option<String>>>,
    used: RefCell<BTreeSet<String>>,
    yes: bool,
    output: &'a Output,
}

impl<'a> Given<'a> {
    fn of(output: &'a Output) -> Self {
        Self { answers: BTreeMap::new(), asked: RefCell::default(), used: RefCell::default(), yes: false, output }
    }

    /// Refuses an answer without a question.
    fn refuse_unasked(&self) -> Result<(), Stop> {
        let used = self.used.borrow();
        let Some(key) = self.answers.keys().find(|key| !used.contains(*key)) else { return Ok(()) };
        let asked: Vec<String> = self.asked.borrow().keys().cloned().collect();
        let hint = match asked.as_slice() {
            [] => "there is no question; omit --answer".to_owned(),
            asked => format!("questions: {}", asked.join(", ")),
        };
        Err(Stop::usage(format!("there is no question for `{key}`"), hint))
    }
}

impl Answers for Given<'_> {
    fn answer(&self, question: &Question) -> Option<String> {
        if let Some(answer) = self.asked.borrow().get(&question.key) {
            return answer.clone();
        }
        let given = self.answers.get(&question.key).cloned();
        if given.is_some() {
            self.used.borrow_mut().insert(question.key.clone());
        }
        let answer = given.or_else(|| if self.yes { None } else { self.ask(question) });
        self.asked.borrow_mut().insert(question.key.clone(), answer.clone());
        answer
    }
}

impl Given<'_> {
    /// Asks the user. An empty answer takes the default or, without one, leaves the question open.
    fn ask(&self, question: &Question) -> Option<String> {
        let default = question.default.as_deref().map(|default| format!(" [{default}]")).unwrap_or_default();
        let answer = self.output.ask(&format!("{}: {}{default}", question.key, question.text))?;
        let answer = answer.trim();
        if answer.is_empty() { question.default.clone() } else { Some(answer.to_owned()) }
    }
}
