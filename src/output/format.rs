//! Whom output is for: people, or programs.

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs: one JSON document, or one JSON event a line where the command takes time.
    Json,
}
