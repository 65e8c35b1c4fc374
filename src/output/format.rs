//! The output format: for people or for programs.

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for people.
    #[default]
    Human,
    /// One JSON document, or one JSON event per line for commands that take time.
    Json,
}
