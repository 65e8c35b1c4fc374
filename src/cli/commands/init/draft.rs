//! The settings and the text of a new stack.yaml. `spec` checks them.

use std::{fmt, str::FromStr};

use super::survey::{Candidate, Source, Survey};
use crate::{
    blueprint,
    cli::error::Stop,
    convert::{
        names::{self, stack_name},
        page::scalar,
    },
    cost, kinds, spec,
};

/// The column in which comments start.
const COMMENT: usize = 32;

/// The port of a program that is built here, as in stackctl's examples.
const OWN_PORT: u16 = 3000;

/// The port of an existing image: most of them are web servers.
const IMAGE_PORT: u16 = 80;

/// The settings of a new stack.yaml.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) source: Source,
    pub(super) port: Port,
    pub(super) health: String,
    pub(super) database: bool,
    pub(super) cache: bool,
    /// The other services of the project.
    pub(super) others: Vec<Candidate>,
}

/// The port that a service listens on, or `None` for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port(pub(super) Option<u16>);

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            _ => match text.parse() {
                Ok(port) if port > 0 => Ok(Self(Some(port))),
                _ => Err("expected a number from 1 to 65535, or none".to_owned()),
            },
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(port) => port.fmt(f),
            None => f.write_str("none"),
        }
    }
}

impl Draft {
    /// Creates a draft from the project, with defaults for the rest.
    pub(super) fn new(survey: &Survey) -> Self {
        Self {
            name: stack_name(survey.name.as_deref().unwrap_or_default()),
            region: "eu-west-1".to_owned(),
            service: "web".to_owned(),
            source: Source::Image("nginx:1.27".to_owned()),
            port: Port(Some(IMAGE_PORT)),
            health: "/".to_owned(),
            database: false,
            cache: false,
            others: Vec::new(),
        }
    }

    /// Sets the source, and the default port for its kind.
    pub(super) fn set_source(&mut self, source: Source) {
        self.port = Port(Some(if matches!(source, Source::Image(_)) { IMAGE_PORT } else { OWN_PORT }));
        self.source = source;
    }

    /// Returns the first error in the draft and its fix, for the user who is answering questions.
    pub(super) fn complaint(&self) -> Result<(), String> {
        let Err(problems) = spec::parse("stack.yaml", &self.render(), spec::DEFAULT_ENVIRONMENT, &|_| None) else {
            return Ok(());
        };
        let first = problems.list().first();
        Err(first.map_or_else(String::new, |problem| match &problem.hint {
            Some(hint) => format!("{}: {hint}", problem.message),
            None => problem.message.clone(),
        }))
    }

    /// Summarizes the settings that come from the project or the defaults, for a hint.
    pub(super) fn in_short(&self) -> String {
        let database = if self.database { "a database" } else { "no database" };
        format!("name {}, service {}, port {}, health {}, {database}", self.name, self.service, self.port, self.health)
    }

    /// Returns what the stack costs, if the prices of its region are known.
    pub(super) fn price(&self) -> Option<String> {
        let stack = spec::parse("stack.yaml", &self.render(), spec::DEFAULT_ENVIRONMENT, &|_| None).ok()?;
        let prices = cost::built_in_for(&stack.region)?;
        let resources = cost::asked_for(&blueprint::sketch(&stack).ok()?);
        let month = cost::estimate(&kinds::registry(), &resources, &stack.region, &prices).ok()?.month;
        let month = cost::dollars(month);
        Some(format!("This stack costs about {month} USD a month (list prices). `stackctl cost` shows each resource."))
    }

    /// Returns the text of stack.yaml.
    pub(super) fn render(&self) -> String {
        let mut page = Page::default();
        page.line("# This file describes what stackctl creates on AWS for this project.");
        page.line("# `stackctl validate` checks it, `stackctl plan` shows the changes, `stackctl up` makes them.");
        page.line(&format!("name: {}", scalar(&self.name)));
        page.line(&format!("region: {}", scalar(&self.region)));
        page.line("");
        page.noted("network:", "");
        page.noted("  zones: 2", "Availability Zones for tasks and subnets");
        page.noted(
            "  nat: single",
            "one NAT gateway for outbound traffic; with `none`, tasks have public addresses instead",
        );
        if self.database {
            page.line("");
            page.noted("database: {}", "RDS for PostgreSQL, private and encrypted; the service gets DATABASE_URL");
        }
        if self.cache {
            page.line("");
            page.noted("cache: {}", "ElastiCache for Valkey, private; the service gets REDIS_URL");
        }
        page.line("");
        page.line("services:");
        page.line(&format!("  {}:", scalar(&self.service)));
        page.source(&self.source);
        if let Some(port) = self.port.0 {
            page.noted(&format!("    port: {port}"), "set as PORT; the program must listen on 0.0.0.0");
            page.noted(&format!("    health: {}", scalar(&self.health)), "must return 200 when a task is ready");
        }
        if self.port.0.is_some() && self.others.iter().any(|other| other.port.is_some()) {
            page.noted("    routes: [\"/*\"]", "paths of the load balancer that this service serves");
        }
        page.noted("    replicas: 1", "number of tasks; with 2 or more, one can fail");
        page.noted("    # release: [migrate]", "arguments of a task that runs before each release");
        page.noted("    # env: { GREETING: hello }", "plain environment variables");
        page.noted("    # secrets: { KEY: generate }", "generated once, stored in Secrets Manager");
        for other in &self.others {
            let name = service_name(&other.name);
            page.line(&format!("  {}:", scalar(&name)));
            page.source(&other.source);
            match other.port {
                Some(port) => {
                    page.noted(&format!("    port: {port}"), "the port that the Dockerfile exposes");
                    page.noted(&format!("    routes: [\"/{name}/*\"]"), "decide: which paths does it serve?");
                }
                None => page.noted("    # port: 3000", "a worker has no port; with one, add `routes` as well"),
            }
        }
        page.text
    }
}

/// Setters for the answers to questions. They do not check the value; [`Draft::complaint`] does.
#[expect(clippy::unnecessary_wraps, reason = "an answer is set by a function of one shape, whether it can fail or not")]
impl Draft {
    pub(super) fn set_name(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.name);
        Ok(())
    }

    pub(super) fn set_region(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.region);
        Ok(())
    }

    pub(super) fn set_service(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.service);
        Ok(())
    }

    pub(super) fn set_port(&mut self, text: &str) -> Result<(), String> {
        self.port = text.parse()?;
        Ok(())
    }

    pub(super) fn set_health(&mut self, text: &str) -> Result<(), String> {
        text.clone_into(&mut self.health);
        Ok(())
    }

    pub(super) fn set_database(&mut self, text: &str) -> Result<(), String> {
        self.database = truth(text)?;
        Ok(())
    }

    pub(super) fn set_cache(&mut self, text: &str) -> Result<(), String> {
        self.cache = truth(text)?;
        Ok(())
    }
}

/// Checks the text of a new stack.yaml.
pub(super) fn check(file: &str, text: &str) -> Result<(), Stop> {
    spec::parse(file, text, spec::DEFAULT_ENVIRONMENT, &|_| None).map(drop).map_err(Stop::from)
}

/// Returns `yes` or `no`.
pub(super) fn word(truth: bool) -> &'static str {
    if truth { "yes" } else { "no" }
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

#[derive(Default)]
struct Page {
    text: String,
}

/// The name of a service after that of a package or a folder.
pub(super) fn service_name(text: &str) -> String {
    names::name(text).unwrap_or_else(|| "service".to_owned())
}

impl Page {
    /// What the image of a service is made of.
    fn source(&mut self, source: &Source) {
        match source {
            Source::Package(folder) => self.noted(
                &format!("    build: {}", scalar(folder)),
                "a Cargo package: stackctl builds the image without Docker",
            ),
            Source::Dockerfile(path) => {
                self.noted(&format!("    build: {{ dockerfile: {} }}", scalar(path)), "built with the docker command");
            }
            Source::Image(image) => self.noted(&format!("    image: {}", scalar(image)), "ECS pulls this image"),
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn noted(&mut self, line: &str, note: &str) {
        if note.is_empty() {
            self.line(line);
        } else {
            self.line(&format!("{line:<COMMENT$} # {note}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draft() -> Draft {
        Draft::new(&Survey::default())
    }

    #[test]
    fn package_and_folder_names_become_stack_names() {
        let cases = [
            ("rates", "rates"),
            ("My Shop", "my-shop"),
            ("2_fast__2_furious", "fast-2-furious"),
            ("a-very-long-name-of-a-package", "a-very-long-name-of"),
            ("日本", "my-app"),
            ("x", "my-app"),
        ];
        for (text, name) in cases {
            assert_eq!(stack_name(text), name, "{text}");
        }
    }

    #[test]
    fn every_kind_of_draft_is_a_valid_stack() {
        for source in [
            Source::Package(".".into()),
            Source::Package("services/api".into()),
            Source::Image(format!("public.ecr.aws/nginx/nginx:1.27@sha256:{}", "0123".repeat(16))),
        ] {
            for (port, database) in [(Some(3000), true), (Some(80), false), (None, true)] {
                let mut draft = Draft { database, ..draft() };
                draft.set_source(source.clone());
                draft.port = Port(port);
                let text = draft.render();
                let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None);
                let stack = stack.unwrap_or_else(|problems| panic!("{text}\n{}", problems.render(false)));
                assert_eq!(stack.database.is_some(), database);
                assert_eq!(stack.services["web"].port, port);
                assert_eq!(draft.complaint(), Ok(()));
            }
        }
    }

    #[test]
    fn a_bad_answer_is_reported_with_a_fix() {
        let mut draft = draft();
        draft.set_name("No Good").expect("any text is taken until it is checked");
        let complaint = draft.complaint().expect_err("a name has no spaces");
        assert!(complaint.contains("invalid stack name") && complaint.contains("such as my-app"), "{complaint}");
        assert!(draft.set_port("70000").is_err());
        assert!(draft.set_port("0").is_err());
        assert!(draft.set_database("maybe").is_err());
        assert!(check("stack.yaml", &draft.render()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_survives_yaml(text in "/[ -~]{0,40}") {
            let draft = Draft { health: text.clone(), ..draft() };
            match spec::parse("stack.yaml", &draft.render(), spec::DEFAULT_ENVIRONMENT, &|_| None) {
                Ok(stack) => prop_assert_eq!(&stack.services["web"].health.path, &text),
                // A path with a space must be refused for the space, not for its quoting.
                Err(problems) => prop_assert!(problems.list().iter().all(|problem| problem.path == "services.web.health")),
            }
        }
    }
}
