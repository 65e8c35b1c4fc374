//! Colours, or none.

use anstyle::{AnsiColor, Color, Style as Ansi};

/// The colours that tell tasks apart; red is left to what goes wrong.
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

/// Whether, and how, text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style(bool);

impl Style {
    /// With colours or without.
    pub fn new(on: bool) -> Self {
        Self(on)
    }

    /// Whether there are colours.
    pub fn is_on(self) -> bool {
        self.0
    }

    /// What is made, or went well.
    pub fn good(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Green))))
    }

    /// What is changed.
    pub fn changed(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow))))
    }

    /// What goes, or went wrong.
    pub fn bad(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Red))).bold())
    }

    /// The next step.
    pub fn hint(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(AnsiColor::Cyan))))
    }

    /// What matters less.
    pub fn dim(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().dimmed())
    }

    /// What matters most.
    pub fn strong(self, text: impl std::fmt::Display) -> String {
        self.paint(text, Ansi::new().bold())
    }

    /// One of several things that are told apart by their colours.
    pub fn numbered(self, text: impl std::fmt::Display, number: usize) -> String {
        self.paint(text, Ansi::new().fg_color(Some(Color::Ansi(NUMBERED[number % NUMBERED.len()]))))
    }

    fn paint(self, text: impl std::fmt::Display, style: Ansi) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}
