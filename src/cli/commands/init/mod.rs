//! `stackctl init`: writes a stack.yaml for the project in this folder, converts the files of another tool with
//! `--from`, or writes a pipeline that deploys the stack with `--ci`. `survey` examines the project and `draft` creates
//! the text; this file asks the questions and writes the files.

mod draft;
mod files;
mod from;
mod pipeline;
mod report;
mod survey;

use std::{fmt::Display, path::Path};

use clap::Args;

use crate::{
    cli::{error::Stop, global::Global, project},
    exit,
    output::Output,
};
use draft::{Draft, Port, service_name};
use files::Files;
use from::{FromArgs, Tool};
use pipeline::PipelineArgs;
pub(super) use pipeline::account;
use survey::{Source, Survey};

/// Arguments of `stackctl init`.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "The stack",
    after_help = "Examples:\n  \
    stackctl init                                        ask questions, then write stack.yaml\n  \
    stackctl init --yes --region eu-west-1               use what the project says, and defaults\n  \
    stackctl init --name shop --region eu-west-1 --image nginx:1.27 --port 80 --no-database --yes\n  \
    stackctl init --from procfile                        convert a Procfile and report on each line\n  \
    stackctl init --ci github --account 123456789012     write a pipeline and its IAM roles"
)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of a command line")]
pub(in crate::cli) struct Init {
    /// Name of the stack [default: the Cargo package's or the folder's name].
    #[arg(long)]
    name: Option<String>,
    /// AWS region [default: `AWS_REGION` or `AWS_DEFAULT_REGION`].
    #[arg(long)]
    region: Option<String>,
    /// Name of the service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Folder of the Cargo package to build.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["dockerfile", "image"])]
    build: Option<String>,
    /// Dockerfile to build.
    #[arg(long, value_name = "PATH", conflicts_with = "image")]
    dockerfile: Option<String>,
    /// Existing image to run.
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Port that the service listens on; `none` for a worker.
    #[arg(long, value_name = "PORT")]
    port: Option<Port>,
    /// Path that returns 200 when the service is ready.
    #[arg(long, value_name = "PATH")]
    health: Option<String>,
    /// Add a PostgreSQL database.
    #[arg(long, overrides_with = "no_database")]
    database: bool,
    /// Add no database.
    #[arg(long)]
    no_database: bool,
    /// Add a Redis-compatible cache.
    #[arg(long, overrides_with = "no_cache")]
    cache: bool,
    /// Add no cache.
    #[arg(long)]
    no_cache: bool,
    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
}

/// How questions are answered.
struct Asking<'a> {
    output: &'a Output,
    /// Use the defaults.
    yes: bool,
    /// The flags of the questions without an answer.
    unanswered: Vec<&'static str>,
}

/// A function that stores an answer in a draft.
type Set<'a> = dyn Fn(&mut Draft, &str) -> Result<(), String> + 'a;

/// A question, which a flag can answer.
struct Question<'a> {
    flag: &'static str,
    text: &'a str,
    default: String,
    set: &'a Set<'a>,
}

impl Init {
    /// Returns whether `--output` may name a file.
    pub(in crate::cli) fn takes_output_file(&self) -> bool {
        self.from.is_asked_for()
    }

    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        if self.from.is_asked_for() {
            return self.from.run((self.name.as_deref(), self.region.as_deref()), self.force, global, output);
        }
        if let Some(tool) = self.found(global, output)? {
            let from = FromArgs::of(tool, &project::folder(&global.file));
            return from.run((self.name.as_deref(), self.region.as_deref()), self.force, global, output);
        }
        let files = if self.pipeline.is_asked_for() {
            let stack = project::read(global)?;
            self.pipeline.files(&stack, global, output)?
        } else {
            self.stack_file(global, output).await?
        };
        let written = files.write(self.force)?;
        if output.is_json() {
            output.document(&serde_json::json!({ "written": written }));
        } else {
            written.iter().for_each(|path| output.data(path));
            output.status(&files.next);
        }
        Ok(exit::DONE)
    }

    /// Offers to convert the files of another tool that are in the folder. Returns the tool if the user wants that.
    fn found(&self, global: &Global, output: &Output) -> Result<Option<Tool>, Stop> {
        if self.pipeline.is_asked_for() || self.source().is_some() {
            return Ok(None);
        }
        let Some((tool, file)) = Tool::found_in(&project::folder(&global.file)) else { return Ok(None) };
        files::refuse_existing(&global.file, self.force)?;
        let answer = if global.yes { None } else { output.ask(&format!("Convert {file}? (yes or no) [yes]")) };
        if answer.as_deref().is_some_and(|answer| matches!(answer.trim(), "" | "y" | "yes")) {
            return Ok(Some(tool));
        }
        output.status(&format!("{file} is not used. To convert it, run `stackctl init {}`.", tool.flag()));
        Ok(None)
    }

    async fn stack_file(&self, global: &Global, output: &Output) -> Result<Files, Stop> {
        // Check this before asking the questions, whose answers would be lost otherwise.
        files::refuse_existing(&global.file, self.force)?;
        let folder = project::folder(&global.file);
        let draft = self.settle(&folder, Asking { output, yes: global.yes, unanswered: Vec::new() }).await?;
        let text = draft.render();
        draft::check(&global.file.display().to_string(), &text)?;
        let next = [draft.price(), Some(next_step(&global.file, &draft.source))];
        let next: Vec<String> = next.into_iter().flatten().collect();
        Ok(Files::one(global.file.clone(), text, next.join("\n")))
    }

    /// Combines the flags, the project, and for the rest the user's answers or the defaults.
    async fn settle(&self, folder: &Path, mut asking: Asking<'_>) -> Result<Draft, Stop> {
        let survey = Survey::of(folder, self.source().is_none()).await?;
        if let Some(found) = survey.found().filter(|_| self.source().is_none()) {
            asking.output.status(&format!("Found {found}."));
        }
        let mut draft = Draft::new(&survey);
        let name = Question::new("--name", "Name of the stack", &draft.name, &Draft::set_name);
        asking.settle(&mut draft, &name, self.name.as_deref())?;
        let here = survey::region();
        let region =
            Question::new("--region", "AWS region", here.as_ref().unwrap_or(&draft.region), &Draft::set_region);
        if asking.yes && self.region.is_none() && here.is_none() {
            // Never guess the region, because it decides where data is stored.
            asking.unanswered.push(region.flag);
        } else {
            let given = self.region.as_deref().or(here.as_deref().filter(|_| asking.yes));
            asking.settle(&mut draft, &region, given)?;
        }
        if let [first, _, ..] = survey.candidates().as_slice()
            && self.source().is_none()
        {
            draft.service = service_name(&first.name);
        }
        let service = Question::new("--service", "Name of the service", &draft.service, &Draft::set_service);
        asking.settle(&mut draft, &service, self.service.as_deref())?;
        self.settle_source(&survey, &mut draft, &mut asking)?;
        let port = Question::new("--port", "Port of the service, or none for a worker", &draft.port, &Draft::set_port);
        let given = self.port.map(|port| port.to_string());
        asking.settle(&mut draft, &port, given.as_deref())?;
        if draft.port.0.is_some() {
            let text = "Path that returns 200 when it is ready";
            let health = Question::new("--health", text, &draft.health, &Draft::set_health);
            asking.settle(&mut draft, &health, self.health.as_deref())?;
        } else if self.health.is_some() {
            return Err(Stop::usage("--health is invalid for a worker", "add --port, or omit --health"));
        }
        let no = draft::word(false);
        let text = "Add a PostgreSQL database? (yes or no)";
        let database = Question::new("--database or --no-database", text, &no, &Draft::set_database);
        asking.settle(&mut draft, &database, flag(self.database, self.no_database))?;
        let text = "Add a Redis-compatible cache? (yes or no)";
        let cache = Question::new("--cache or --no-cache", text, &no, &Draft::set_cache);
        asking.settle(&mut draft, &cache, flag(self.cache, self.no_cache))?;
        if asking.unanswered.is_empty() {
            return Ok(draft);
        }
        let missing = asking.unanswered.join(", ");
        if asking.yes {
            return Err(Stop::usage(format!("missing: {missing}"), "pass it on the command line"));
        }
        let message = format!("missing: {missing}; cannot ask without a terminal");
        Err(Stop::usage(message, format!("pass them, or add --yes to use the defaults: {}", draft.in_short())))
    }

    fn source(&self) -> Option<Source> {
        let package = self.build.clone().map(Source::Package);
        let dockerfile = || self.dockerfile.clone().map(Source::Dockerfile);
        package.or_else(dockerfile).or_else(|| self.image.clone().map(Source::Image))
    }

    /// Uses the only program of the project. If there are several or none, the user has to choose.
    fn settle_source(&self, survey: &Survey, draft: &mut Draft, asking: &mut Asking) -> Result<(), Stop> {
        if let Some(source) = self.source() {
            draft.set_source(source);
            return Ok(());
        }
        let candidates = survey.candidates();
        if let [first, others @ ..] = candidates.as_slice()
            && (!others.is_empty() || survey.programs.is_empty())
            && survey.dockerfile.is_none()
        {
            draft.set_source(first.source.clone());
            draft.port = Port(first.port.or(draft.port.0));
            others.clone_into(&mut draft.others);
            return Ok(());
        }
        match (survey.programs.as_slice(), &survey.dockerfile) {
            ([one], _) => draft.set_source(Source::Package(one.folder.clone())),
            ([], Some(dockerfile)) => {
                draft.set_source(Source::Dockerfile("Dockerfile".to_owned()));
                if let Some(port) = dockerfile.port {
                    draft.port = Port(Some(port));
                }
            }
            ([], None) if asking.yes => asking.unanswered.push("--build, --dockerfile or --image"),
            ([], None) => {
                let question = "No Cargo package with a binary found. Image to run";
                let set = |draft: &mut Draft, text: &str| {
                    draft.set_source(Source::Image(text.to_owned()));
                    Ok(())
                };
                let question = Question::new("--build, --dockerfile or --image", question, &"nginx:1.27", &set);
                asking.settle(draft, &question, None)?;
            }
            (several, _) if asking.yes => {
                let folders: Vec<&str> = several.iter().map(|program| program.folder.as_str()).collect();
                let message = format!("the project has several binaries: {}", survey::names(several));
                return Err(Stop::usage(message, format!("choose one with --build: {}", folders.join(", "))));
            }
            (several, _) => {
                draft.set_source(Source::Package(several[0].folder.clone()));
                let text = format!("Folder of the binary to run ({})", survey::names(several));
                let set = |draft: &mut Draft, text: &str| {
                    if several.iter().any(|program| program.folder == text) {
                        draft.set_source(Source::Package(text.to_owned()));
                        return Ok(());
                    }
                    Err("no binary in that folder".to_owned())
                };
                asking.settle(draft, &Question::new("--build", &text, &several[0].folder, &set), None)?;
            }
        }
        Ok(())
    }
}

/// Returns the next step for the new stack.yaml at `file`.
fn next_step(file: &Path, source: &Source) -> String {
    let file = if file == Path::new("stack.yaml") { String::new() } else { format!(" --file {}", file.display()) };
    let aws = format!(
        "Next: run `stackctl plan{file}` to see what would be created on AWS, then `stackctl \
     up{file}` to create it."
    );
    match source {
        // The sandbox does not pull images from registries.
        Source::Image(_) => aws,
        Source::Package(_) | Source::Dockerfile(_) => {
            format!("{aws}\nTo try it without AWS: run `stackctl sandbox start`, then `stackctl --sandbox up{file}`.")
        }
    }
}

/// Returns the answer of a pair of flags.
fn flag(yes: bool, no: bool) -> Option<&'static str> {
    if yes {
        Some("yes")
    } else if no {
        Some("no")
    } else {
        None
    }
}

impl<'a> Question<'a> {
    fn new(flag: &'static str, text: &'a str, default: &dyn Display, set: &'a Set<'a>) -> Self {
        Self { flag, text, default: default.to_string(), set }
    }
}

impl Asking<'_> {
    /// Stores the value of the flag, the answer or the default in `draft`. Asks again after an invalid answer.
    fn settle(&mut self, draft: &mut Draft, question: &Question, given: Option<&str>) -> Result<(), Stop> {
        if let Some(given) = given {
            // The check of the whole file validates the value and names its line.
            return (question.set)(draft, given).map_err(|problem| {
                Stop::usage(format!("{} {given}: {problem}", question.flag), "see `stackctl init --help`")
            });
        }
        if self.yes {
            return Ok(());
        }
        loop {
            let Some(answer) = self.output.ask(&format!("{} [{}]", question.text, question.default)) else {
                self.unanswered.push(question.flag);
                return Ok(());
            };
            let answer = Some(answer.trim()).filter(|answer| !answer.is_empty()).unwrap_or(&question.default);
            let mut candidate = draft.clone();
            match (question.set)(&mut candidate, answer).and_then(|()| candidate.complaint()) {
                Ok(()) => {
                    *draft = candidate;
                    return Ok(());
                }
                Err(problem) => self.output.status(&problem),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_suggested_only_for_built_images() {
        let (usual, other) = (Path::new("stack.yaml"), Path::new("infra/shop.yaml"));
        let built = next_step(usual, &Source::Package("app".into()));
        assert!(built.contains("`stackctl up` to create it.\nTo try it without AWS:"), "{built}");
        let built = next_step(other, &Source::Dockerfile("Dockerfile".into()));
        assert!(built.ends_with("`stackctl --sandbox up --file infra/shop.yaml`."), "{built}");
        let pulled = next_step(other, &Source::Image("nginx:1.27".into()));
        assert!(pulled.ends_with("`stackctl up --file infra/shop.yaml` to create it."), "{pulled}");
    }
}
