//! What comes of a conversion, and what is asked meanwhile.

use std::path::PathBuf;

use super::{
    ledger::Report,
    names::stack_name,
    page::{Map, Page, Value},
};

/// What came of the files.
#[derive(Debug)]
pub(crate) struct Conversion {
    /// stack.yaml.
    pub(crate) page: Page,
    /// What became of each key.
    pub(crate) report: Report,
    /// What a person still has to decide, by the key of stack.yaml. The page has a comment at each.
    pub(crate) open: Vec<Question>,
}

/// Something that the files do not say, and stack.yaml has to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The key of stack.yaml that the answer is for, such as `services.web.routes`. `--answer KEY=VALUE` gives it.
    pub(crate) key: String,
    /// The question, as a person is asked it.
    pub(crate) text: String,
    /// What is taken where nobody answers. None leaves the question open.
    pub(crate) default: Option<String>,
}

/// Who answers questions: the command line, a person, or nobody.
pub(crate) trait Answers {
    /// The answer; none leaves the question open.
    fn answer(&self, question: &Question) -> Option<String>;
}

/// What the command line says of the stack, before any file is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Its name; otherwise what the files say, or the folder.
    pub(crate) name: Option<String>,
    /// Its region.
    pub(crate) region: Option<String>,
    /// The folder that the application is in: what paths in stack.yaml are relative to.
    pub(crate) folder: PathBuf,
    /// Whether a database stays where the other tool made it.
    pub(crate) keep_data: bool,
}

impl Options {
    /// The stack's name: as the command line has it, or after `otherwise`, or after the folder.
    pub(crate) fn stack_name(&self, otherwise: Option<&str>) -> String {
        let folder = || self.folder.canonicalize().ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
        match &self.name {
            Some(name) => name.clone(),
            None => stack_name(&otherwise.map(str::to_owned).or_else(folder).unwrap_or_default()),
        }
    }
}

/// Gathers the questions that stay open.
pub(crate) struct Open<'a> {
    answers: &'a dyn Answers,
    pub(crate) questions: Vec<Question>,
}

impl<'a> Open<'a> {
    pub(crate) fn new(answers: &'a dyn Answers) -> Self {
        Self { answers, questions: Vec::new() }
    }

    /// The answer to a question. Without one it stays open.
    pub(crate) fn ask(&mut self, key: &str, text: impl Into<String>, default: Option<&str>) -> Option<String> {
        let question = Question { key: key.to_owned(), text: text.into(), default: default.map(str::to_owned) };
        let answer = self.answers.answer(&question);
        if answer.is_none() && !self.questions.contains(&question) {
            self.questions.push(question);
        }
        answer
    }

    /// Writes the region: as the command line has it, or as it is answered.
    pub(crate) fn settle_region(&mut self, options: &Options, root: &mut Map) {
        let given = options.region.clone().or_else(|| self.ask("region", "The AWS region", Some(USUAL_REGION)));
        let is_open = given.is_none();
        root.set("region", Value::text(given.unwrap_or_else(|| USUAL_REGION.to_owned())));
        if is_open {
            root.note("region", "Decide: where the data lives.");
        }
    }
}

/// The region that is written where nobody says another.
const USUAL_REGION: &str = "eu-west-1";
