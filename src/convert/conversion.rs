//! What comes of a conversion, and what is asked meanwhile.

use super::{ledger::Report, page::Page};

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
