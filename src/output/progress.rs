//! Reports the events of a run: a live line for each resource on a terminal, plain lines elsewhere, and one JSON event
//! per line for programs.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{format::Format, human, line::write_line, style::Style};
use crate::{
    engine::{Event, Forecast, OVERDUE},
    model::{Action, Address, readable},
};

/// How often a waiting step is reported again without a terminal: rarely enough to keep logs short, and often enough
/// for CI systems that stop silent jobs.
const REMINDER: Duration = Duration::from_secs(30);

/// How often to check whether such a report is due.
const TICK: Duration = Duration::from_secs(1);

/// Prints events.
pub struct Reporter {
    format: Format,
    style: Style,
    quiet: bool,
    live: Option<MultiProgress>,
    headline: Option<ProgressBar>,
    forecast: Forecast,
    began: Instant,
    steps: BTreeMap<Address, Running>,
    last_image_line: Option<String>,
    building: Option<ProgressBar>,
}

struct Running {
    action: Action,
    began: Instant,
    waiting_for: Option<String>,
    said: Instant,
    bar: Option<ProgressBar>,
}

impl Reporter {
    pub(super) fn new(format: Format, style: Style, animated: bool, quiet: bool, forecast: Forecast) -> Self {
        let live = animated.then(MultiProgress::new);
        // Placed above the steps, because lines that do not fit on the screen are cut at the end.
        let headline = live.as_ref().filter(|_| forecast.done().1 > 0).map(|live| {
            let bar = live.add(ProgressBar::new_spinner());
            bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        let steps = BTreeMap::new();
        let (began, last_image_line, building) = (Instant::now(), None, None);
        Self { format, style, quiet, live, headline, forecast, began, steps, last_image_line, building }
    }

    /// Reports events until the channel is closed.
    pub async fn run(mut self, mut events: UnboundedReceiver<Event>) {
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.report(event),
                    None => break,
                },
                _ = tick.tick() => self.remind(),
            }
            if let Some(headline) = &self.headline {
                headline.set_message(self.style.dim(self.overview()));
            }
        }
        if let Some(live) = &self.live {
            // Lines of unfinished steps would stay and look as if they were still running.
            drop(live.clear());
        }
    }

    fn report(&mut self, event: Event) {
        if self.format == Format::Json {
            let line = serde_json::to_string(&event).expect("an event is plain data");
            write_line(&mut std::io::stdout().lock(), &line);
            return;
        }
        self.reckon(&event);
        match event {
            Event::Started { address, action } => self.started(address, action),
            Event::Waiting { address, waiting_for } => self.waiting(&address, waiting_for),
            Event::Done { address, action, elapsed } => {
                self.finish(&address);
                let line = format!(
                    "{} {address} {} {}",
                    self.style.good("✓"),
                    past(action),
                    self.style.dim(duration(elapsed))
                );
                self.line(&line);
            }
            Event::Failed { address, action, failure } => {
                self.finish(&address);
                let line = format!("{} {address} could not be {}", self.style.bad("✗"), past(action));
                self.line(&line);
                let text = human::failure(Some(&address), &failure);
                readable(&text).lines().for_each(|line| self.always(&format!("    {line}")));
                if let Some(hint) = &failure.hint {
                    let line = format!("    {} {}", self.style.hint("hint:"), readable(hint));
                    self.always(&line);
                }
            }
            Event::Skipped { address, action } => {
                let line = format!("  {}", self.style.dim(format!("{address} was not {}", past(action))));
                self.line(&line);
            }
            Event::Left { address, action, runs_on } => {
                self.finish(&address);
                let line = format!("  {}", self.style.dim(format!("{address} {}: continues on AWS", present(action))));
                self.line(&line);
                runs_on.into_iter().for_each(|what| self.line(&format!("    {what}")));
            }
            Event::Image { source, message } => self.image(&source, message),
            Event::Notice { message } => self.line(&readable(&message)),
        }
    }

    /// Updates the forecast.
    fn reckon(&mut self, event: &Event) {
        match event {
            Event::Started { address, action } => self.forecast.began(address, *action, self.began.elapsed()),
            Event::Done { address, action, elapsed } => self.forecast.took(address, *action, *elapsed),
            Event::Failed { address, action, .. }
            | Event::Skipped { address, action }
            | Event::Left { address, action, .. } => {
                self.forecast.gone(address, *action);
            }
            Event::Waiting { .. } | Event::Image { .. } | Event::Notice { .. } => {}
        }
    }

    /// Returns the progress and the remaining time.
    fn overview(&self) -> String {
        let (done, all) = self.forecast.done();
        let elapsed = self.began.elapsed();
        let left = match self.forecast.left(elapsed) {
            // Nobody knows how long a step takes that has taken as long as usual.
            Some(left) if left.time <= OVERDUE => format!("; waiting for {}", left.longest),
            Some(left) => format!("; about {} left (longest: {})", about(left.time), left.longest),
            None => String::new(),
        };
        format!("{done} of {all} done in {}{left}", clock(elapsed))
    }

    fn started(&mut self, address: Address, action: Action) {
        let now = Instant::now();
        let bar = self.live.as_ref().map(|live| {
            let bar = spinner(live);
            bar.set_message(format!("{address} {}", present(action)));
            bar
        });
        let running = Running { action, began: now, waiting_for: None, said: now, bar };
        self.steps.insert(address, running);
    }

    fn waiting(&mut self, address: &Address, waiting_for: String) {
        let Some(running) = self.steps.get_mut(address) else { return };
        if running.waiting_for.as_ref() == Some(&waiting_for) {
            return;
        }
        let line = format!("{address} {}", state(running.action, Some(&waiting_for)));
        running.waiting_for = Some(waiting_for);
        running.said = Instant::now();
        match &running.bar {
            Some(bar) => bar.set_message(line),
            None => self.line(&format!("  {line}")),
        }
    }

    fn remind(&mut self) {
        if self.live.is_some() || self.format == Format::Json {
            return;
        }
        let mut lines = Vec::new();
        for (address, running) in &mut self.steps {
            if running.said.elapsed() >= REMINDER {
                running.said = Instant::now();
                let since = duration(running.began.elapsed());
                let state = state(running.action, running.waiting_for.as_deref());
                lines.push(format!("  {address} {state} {since}"));
            }
        }
        if !lines.is_empty() {
            lines.push(format!("  {}", self.overview()));
        }
        lines.iter().for_each(|line| self.line(line));
    }

    /// Shows a spinner and a clock for a build outside of the steps.
    fn build(&mut self, source: &str) {
        let Some(live) = self.live.as_ref().filter(|_| self.steps.is_empty() && self.building.is_none()) else {
            return;
        };
        let bar = spinner(live);
        bar.set_message(format!("[{source}] building"));
        self.building = Some(bar);
    }

    fn image(&mut self, source: &str, message: String) {
        self.build(source);
        // Compilers repeat lines; print a repeated line only once.
        if self.last_image_line.as_ref() != Some(&message) {
            let line = format!("  {} {}", self.style.dim(format!("[{source}]")), readable(&message));
            self.line(&line);
            self.last_image_line = Some(message);
        }
    }

    fn finish(&mut self, address: &Address) {
        if let Some(bar) = self.steps.remove(address).and_then(|running| running.bar) {
            bar.finish_and_clear();
        }
    }

    fn line(&self, line: &str) {
        if !self.quiet {
            self.always(line);
        }
    }

    fn always(&self, line: &str) {
        match &self.live {
            // Prints above the live lines, which move down.
            Some(live) => drop(live.println(line)),
            None => write_line(&mut std::io::stderr().lock(), line),
        }
    }
}

/// Adds a live line with a clock.
fn spinner(live: &MultiProgress) -> ProgressBar {
    let bar = live.add(ProgressBar::new_spinner());
    let template = "{spinner} {msg} {elapsed:.dim}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn present(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Narrow => "narrowing",
        Action::Replace => "replacing",
        Action::Run => "running",
        Action::Wait => "waiting",
        Action::Delete | Action::DeleteReplaced => "deleting",
    }
}

/// Returns the activity of a step, with what it waits for if that adds something.
fn state(action: Action, waiting_for: Option<&str>) -> String {
    let present = present(action);
    match waiting_for.map(readable) {
        Some(what) if what != present => format!("{present}: {what}"),
        _ => present.to_owned(),
    }
}

pub(super) fn past(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Narrow => "narrowed",
        Action::Replace => "replaced",
        Action::Run => "run",
        Action::Wait => "awaited",
        Action::Delete => "deleted",
        Action::DeleteReplaced => "deleted (the old one)",
    }
}

/// Formats an approximate duration.
fn about(length: Duration) -> String {
    match length.as_secs() {
        0..10 => "10s".to_owned(),
        seconds @ 10..90 => format!("{}s", seconds.div_ceil(10) * 10),
        seconds => format!("{}m", seconds.div_ceil(60)),
    }
}

fn duration(length: Duration) -> String {
    format!("({})", clock(length))
}

/// Formats an exact duration.
pub(super) fn clock(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => format!("{:.1}s", length.as_secs_f64()),
        1..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}
