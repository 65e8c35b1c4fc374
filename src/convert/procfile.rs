//! A Procfile, as Heroku and its kin have it: one command for each process, all of them from one image.
//! <https://devcenter.heroku.com/articles/procfile>

use std::path::Path;

use super::{
    conversion::{Answers, Conversion, Open, Options},
    ledger::Ledger,
    names::name,
    page::{Map, Page, Value},
    source::{Place, Sources},
};
use crate::document::problem::Problems;

/// The process that gets requests.
const WEB: &str = "web";

/// The process that runs before a version serves.
const RELEASE: &str = "release";

/// One line of a Procfile.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    /// For a shell.
    pub(crate) command: String,
    pub(crate) place: Place,
}

/// Reads the Procfile at `path`, and names its lines in the `ledger`.
///
/// # Errors
/// It cannot be read, or a line is no process.
pub(crate) fn read(path: &Path, sources: &mut Sources, ledger: &mut Ledger) -> Result<Vec<Process>, Problems> {
    let text = sources.text(path)?;
    let mut processes: Vec<Process> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = sources.place(index + 1);
        let is_word =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let process = line.split_once(':').map(|(name, command)| (name.trim(), command.trim()));
        let Some((name, command)) = process.filter(|(name, command)| is_word(name) && !command.is_empty()) else {
            let message = "expected `name: command`";
            return Err(sources.problem(place, message, "write the process as in `web: ./server`"));
        };
        if processes.iter().any(|known| known.name == name) {
            return Err(sources.problem(place, format!("duplicate process `{name}`"), "keep one of them"));
        }
        ledger.name(place, name);
        processes.push(Process { name: name.to_owned(), command: command.to_owned(), place });
    }
    if processes.is_empty() {
        return Err(sources.problem(sources.place(1), "the file is empty", "write `web: command`"));
    }
    Ok(processes)
}

/// The arguments that run `command`: its words where they say all, else a shell with the whole of it.
pub(crate) fn arguments(command: &str) -> Value {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "/._-:=,+@%".contains(c);
    let assigns = command.split_whitespace().next().is_some_and(|first| first.contains('='));
    if command.chars().all(is_plain) && !assigns {
        return Value::texts(command.split_whitespace());
    }
    Value::texts(["sh", "-c", command])
}

/// Converts the Procfile at `path`.
///
/// # Errors
/// It cannot be read, or a line is no process.
pub(crate) fn convert(path: &Path, options: &Options, answers: &dyn Answers) -> Result<Conversion, Problems> {
    let (mut sources, mut ledger, mut open) = (Sources::default(), Ledger::default(), Open::new(answers));
    let processes = read(path, &mut sources, &mut ledger)?;
    let mut page = Page { head: vec![format!("Converted from {}.", path.display())], root: Map::default() };
    page.root.set("name", Value::text(options.stack_name(None)));
    open.settle_region(options, &mut page.root);

    let (build, is_there) = build(options);
    let serving: Vec<&Process> = processes.iter().filter(|process| process.name != RELEASE).collect();
    for (index, process) in serving.iter().enumerate() {
        let Some(service) = name(&process.name) else {
            return Err(sources.problem(
                process.place,
                format!("`{}` is not a valid service name", process.name),
                "use a name of two or more letters",
            ));
        };
        let key = format!("services.{service}");
        let map = page.root.map("services").map(&service);
        map.set("build", build.clone());
        if index == 0 && !is_there {
            map.comment("build", "Decide: no Dockerfile found. A buildpack built the image until now.");
            open.ask(&format!("{key}.build"), "Write a Dockerfile, or name a Cargo package", None);
        }
        map.set("command", arguments(&process.command));
        ledger.carried(process.place, format!("{key}.command"));
        if process.name == WEB {
            map.set("port", Value::number(PORT));
            let health =
                open.ask(&format!("{key}.health"), "The path that returns 200 when a task is ready", Some("/"));
            let is_open = health.is_none();
            map.set("health", Value::text(health.unwrap_or_else(|| "/".to_owned())));
            if is_open {
                map.note("health", "Decide: a path that returns 200.");
            }
        }
    }
    if let Some(release) = processes.iter().find(|process| process.name == RELEASE) {
        match serving.iter().find(|process| process.name == WEB).or(serving.first()).and_then(|one| name(&one.name)) {
            Some(service) => {
                page.root.map("services").map(&service).set("release", arguments(&release.command));
                ledger.carried(release.place, format!("services.{service}.release"));
            }
            None => ledger.not_possible(release.place, "a `release` command needs a service: add another process"),
        }
    }
    Ok(Conversion { page, report: ledger.close(&sources, &[]), open: open.questions })
}

/// The port of a process that takes it from `PORT`.
const PORT: u16 = 3000;

/// What the image is built from, and whether that is there.
fn build(options: &Options) -> (Value, bool) {
    let is_there = |name: &str| options.folder.join(name).is_file();
    if !is_there("Dockerfile") && is_there("Cargo.toml") {
        return (Value::text("."), true);
    }
    let mut map = Map::default();
    map.set("dockerfile", Value::text("Dockerfile"));
    (Value::Map(map), is_there("Dockerfile"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{convert::conversion::Question, spec};

    struct Nobody;

    impl Answers for Nobody {
        fn answer(&self, _: &Question) -> Option<String> {
            None
        }
    }

    fn converted(text: &str) -> Result<(String, Conversion), String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("Procfile"), text).expect("it can be written");
        fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("it can be written");
        let options = Options { name: Some("shop".to_owned()), folder: folder.path().to_owned(), ..Options::default() };
        let conversion = convert(&folder.path().join("Procfile"), &options, &Nobody);
        let conversion = conversion.map_err(|problems| problems.render(false))?;
        Ok((conversion.page.render(), conversion))
    }

    #[test]
    fn processes_become_services_of_one_image() {
        let text =
            "# all of it\nweb: bundle exec puma -p $PORT\nworker: bundle exec sidekiq\nrelease: rake db:migrate\n";
        let (page, conversion) = converted(text).expect("it is a Procfile");
        let stack = spec::parse("stack.yaml", &page, spec::DEFAULT_ENVIRONMENT, &|_| None);
        let stack = stack.unwrap_or_else(|problems| panic!("{page}\n{}", problems.render(false)));
        assert_eq!(stack.services["web"].port, Some(PORT));
        assert_eq!(stack.services["worker"].port, None);
        assert!(page.contains("command: [sh, \"-c\", \"bundle exec puma -p $PORT\"]"), "{page}");
        assert!(page.contains("release: [rake, \"db:migrate\"]"), "{page}");
        let keys: Vec<&str> = conversion.report.rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, ["web", "worker", "release"]);
        let open: Vec<&str> = conversion.open.iter().map(|question| question.key.as_str()).collect();
        assert_eq!(open, ["region", "services.web.health"]);
    }

    #[test]
    fn a_line_that_is_no_process_is_told_at_its_place() {
        for (text, told) in [
            ("web: run\nhello\n", "Procfile:2:1"),
            ("web:\n", "expected `name: command`"),
            ("web: a\nweb: b\n", "duplicate process `web`"),
            ("\n", "the file is empty"),
        ] {
            let message = converted(text).map(drop).expect_err(text);
            assert!(message.contains(told), "{text}: {message}");
        }
    }
}
