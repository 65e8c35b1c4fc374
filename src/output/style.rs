//! The colours of the output.

use anstyle::{AnsiColor, Color, Style as Ansi};

/// The colours of tasks. Red is reserved for errors.
const NUMBERED: &[AnsiColor] = &[
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
];

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style(bool);

impl Style {
    /// Creates a style with or without colours.
    pub fn new(on: bool) -> Self {
        Self(on)
    }

    /// Returns whether there are colours.
    pub fn is_on(self) -> bool {
        self.0
    }

    /// For creations and successes.
    pub fn good(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Green))))
    }

    /// For changes.
    pub fn changed(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow))))
    }

    /// For deletions and errors.
    pub fn bad(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Red))).bold())
    }

    /// For hints.
    pub fn hint(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Cyan))))
    }

    /// For less important text.
    pub fn dim(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().dimmed())
    }

    /// For the most important text.
    pub fn strong(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().bold())
    }

    /// For one of several items, with a colour for each number.
    pub fn numbered(self, text: impl std::fmt::Display, number: usize) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(NUMBERED[number % NUMBERED.len()]))))
    }

    fn paint(self, text: impl std::fmt::Display, style: Ansi) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}
