//! Services that run cron. If the project has the crontab and each line is simple, each line becomes a job.

use std::path::Path;

use super::{proxies::text_of, schedule::schedule, service::Service, words, work::Work};
use crate::convert::{
    names,
    page::Value,
    procfile::arguments,
    source::{Item, Place},
};

/// Programs that read a crontab and keep running.
const PROGRAMS: &[&str] = &["crond", "cron", "supercronic", "busybox-crond"];

/// Commands that may come before them in a shell line. A job does not need them.
const BEFORE: &[&str] = &["printenv", "env", "touch", "chmod", "crontab", "mkdir", "echo", "exec"];

/// Folders that these programs read.
const FOLDERS: &[&str] = &["/etc/crontabs", "/var/spool/cron", "/etc/cron.d", "/etc/crontab"];

/// Words of a command that do not describe what it does.
const PLAIN: &[&str] = &[
    "cd",
    "sh",
    "bash",
    "/bin/sh",
    "/bin/bash",
    "python",
    "python3",
    "php",
    "node",
    "ruby",
    "bundle",
    "exec",
    "rails",
    "rake",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "run",
    "artisan",
    "manage.py",
    "env",
    "poetry",
    "uv",
    "deno",
    "bun",
    "java",
    "flock",
    "nice",
];

/// One line of a crontab.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// From 1.
    number: usize,
    /// In the syntax of EventBridge.
    schedule: String,
    command: String,
}

/// The lines of a crontab, and its time zone.
type Crontab = (Vec<Line>, Option<String>);

/// Reads a crontab. An error has the number of a line that cannot become a job, and the reason.
fn lines(text: &str, has_user: bool) -> Result<Crontab, (usize, &'static str)> {
    let (mut all, mut zone) = (Vec::new(), None);
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let first = line.split_whitespace().next().unwrap_or_default();
        if let Some((name, value)) =
            line.split_once('=').filter(|_| !line.starts_with(['@', '*']) && first.contains('='))
        {
            match name.trim() {
                "CRON_TZ" | "TZ" => zone = Some(value.trim().trim_matches(['"', '\'']).to_owned()),
                "SHELL" | "PATH" | "MAILTO" | "HOME" => {}
                _ => return Err((number, "it sets a variable")),
            }
            continue;
        }
        let (when, rest) = parted(line).ok_or((number, "it does not have five fields and a command"))?;
        let rest = if has_user { rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest) } else { rest };
        let command = without_output(rest.trim());
        if command.is_empty() {
            return Err((number, "the command is missing"));
        }
        if command.contains('%') {
            return Err((number, "cron reads `%` as a line break"));
        }
        let is_often = |minute: &str| minute == "*" || ["*/1", "*/2", "*/3", "*/4"].contains(&minute);
        if is_often(when.split_whitespace().next().unwrap_or_default()) && !when.starts_with('@') {
            return Err((number, "it runs every few minutes, and a task takes about one minute to start"));
        }
        let schedule = schedule(&when).ok_or((number, "EventBridge does not support its schedule"))?;
        all.push(Line { number, schedule, command });
    }
    Ok((all, zone))
        .and_then(|(all, zone)| if all.is_empty() { Err((1, "the file has no entries")) } else { Ok((all, zone)) })
}

/// The schedule of a line, and the text after it.
fn parted(line: &str) -> Option<(String, &str)> {
    let mut rest = line;
    let mut fields = Vec::new();
    let count = if line.starts_with("@every") {
        2
    } else if line.starts_with('@') {
        1
    } else {
        5
    };
    for _ in 0..count {
        let (field, after) = rest.split_once(char::is_whitespace)?;
        fields.push(field);
        rest = after.trim_start();
    }
    // Six fields begin with seconds, which EventBridge does not have.
    let next = rest.split_whitespace().next().unwrap_or_default();
    let is_field =
        !next.is_empty() && next.chars().all(|c| c.is_ascii_digit() || "*/,-".contains(c)) && !next.starts_with('/');
    (count != 5 || !is_field).then(|| (fields.join(" "), rest))
}

/// A command without the redirection of its output, which goes to the log.
fn without_output(command: &str) -> String {
    let mut text = command.trim();
    loop {
        let before = text;
        for end in [
            "2>&1",
            ">> /dev/null",
            ">>/dev/null",
            "2> /dev/null",
            "2>/dev/null",
            "> /dev/null",
            ">/dev/null",
            "2>/proc/1/fd/2",
            "2> /proc/1/fd/2",
            ">> /proc/1/fd/1",
            ">>/proc/1/fd/1",
            "> /proc/1/fd/1",
            ">/proc/1/fd/1",
        ] {
            text = text.strip_suffix(end).unwrap_or(text).trim_end();
        }
        let cut = text.rfind(">>").filter(|at| !text[at + 2..].trim().contains(char::is_whitespace));
        if let Some(at) = cut.filter(|at| text[at + 2..].trim().rsplit('.').next() == Some("log")) {
            text = text[..at].trim_end();
        }
        if text == before {
            return text.to_owned();
        }
    }
}

/// The name of a job, taken from its command.
fn named(command: &str) -> Option<String> {
    let of = |part: &str| {
        let words =
            part.split_whitespace().filter(|word| !word.starts_with(['-', '$', '"', '\'']) && !word.contains('='));
        let word =
            words.map(|word| word.rsplit('/').next().unwrap_or(word)).find(|word| !PLAIN.contains(word))?.to_owned();
        let stem = [".sh", ".py", ".php", ".js", ".rb"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(&word);
        names::name(stem)
    };
    command.rsplit("&&").next().and_then(of)
}

/// A service that runs cron.
struct Cron {
    /// The path of the crontab in the container, if the command names one.
    path: Option<String>,
}

/// Whether the service runs cron.
fn runs(service: &Service) -> Option<Cron> {
    let mut all = service.words("entrypoint").unwrap_or_default();
    all.extend(service.words("command").unwrap_or_default());
    let script = match all.as_slice() {
        [shell, flag, script, ..] if shell.ends_with("sh") && flag.starts_with('-') && flag.contains('c') => {
            script.clone()
        }
        words => words.join(" "),
    };
    let parts: Vec<Vec<&str>> = script.split("&&").map(|part| part.split_whitespace().collect()).collect();
    let (last, before) = parts.split_last()?;
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let last = if last.first() == Some(&"exec") { &last[1..] } else { last.as_slice() };
    let program = base(last.first()?);
    let is_before = |part: &Vec<&str>| part.first().is_some_and(|word| BEFORE.contains(&base(word).as_str()));
    if !PROGRAMS.contains(&program.as_str()) || !before.iter().all(is_before) {
        return None;
    }
    let of_crontab = before.iter().find(|part| part.first().is_some_and(|word| base(word) == "crontab"));
    let path = match (program.as_str(), of_crontab) {
        ("supercronic", _) => last[1..].iter().rev().find(|word| !word.starts_with('-')),
        (_, Some(part)) => part.last(),
        _ => None,
    };
    Some(Cron { path: path.map(|path| (*path).to_owned()) })
}

/// The crontab in the project, and its path in the container.
fn crontab(service: &Service, named: Option<&str>, folder: &Path) -> Option<(String, String)> {
    let mounts = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
    for mount in mounts.iter().filter_map(words::mounted) {
        let Some(source) = mount.source else { continue };
        let is_it = match named {
            Some(path) => path == mount.target || path.starts_with(&format!("{}/", mount.target)),
            None => FOLDERS.iter().any(|folder| mount.target.starts_with(folder)),
        };
        if !is_it {
            continue;
        }
        let below = named.and_then(|path| path.strip_prefix(mount.target.as_str())).unwrap_or_default();
        let file = format!("{}{below}", source.trim_start_matches("./").trim_end_matches('/'));
        return Some((file, mount.target));
    }
    // A file that the Dockerfile copies there.
    let context = service.text(&["build", "context"]).filter(|_| service.entry("build").is_some())?;
    let dockerfile = service.text(&["build", "dockerfile"]).unwrap_or("Dockerfile");
    let at = |path: &str| Path::new(context).join(path).display().to_string();
    let text = text_of(folder, &at(dockerfile))?;
    let copies = text.lines().map(str::trim).filter(|line| line.starts_with("COPY ") || line.starts_with("ADD "));
    for line in copies {
        let words: Vec<&str> = line.split_whitespace().skip(1).filter(|word| !word.starts_with("--")).collect();
        let [source, target] = words.as_slice() else { continue };
        let is_it = match named {
            Some(path) => {
                *target == path
                    || format!("{}/{}", target.trim_end_matches('/'), source.rsplit('/').next().unwrap_or_default())
                        == path
            }
            None => FOLDERS.iter().any(|folder| target.starts_with(folder)),
        };
        if is_it {
            return Some((at(source).trim_start_matches("./").to_owned(), (*target).to_owned()));
        }
    }
    None
}

/// Turns a service that runs cron into jobs.
pub(super) fn write(service: &Service, work: &mut Work<'_>) {
    let Some(Cron { path }) = runs(service) else { return };
    let place =
        ["command", "entrypoint"].iter().find_map(|key| service.entry(key)).map_or(service.place, |entry| entry.place);
    let key = service.key.clone();
    let to = format!("services.{key}.command");
    let Some((file, target)) = crontab(service, path.as_deref(), &work.folder) else {
        let how = "a service with one task that runs cron; the crontab was not found. Write its lines as `jobs`";
        stays(&key, (place, &to), how, work);
        return;
    };
    let whole = work.folder.join(&file);
    let whole = if whole.is_dir() { whole.join("root") } else { whole };
    let Ok(text) = work.project.sources.text(&whole) else {
        let how = format!("a service with one task that runs cron; {file} was not found. Write its lines as `jobs`");
        stays(&key, (place, &to), &how, work);
        return;
    };
    let has_user = target.starts_with("/etc/cron.d") || target == "/etc/crontab";
    let (lines, zone) = match lines(&text, has_user) {
        Ok(lines) => lines,
        Err((number, why)) => {
            let how = format!(
                "a service with one task that runs cron: line {number} of {file} cannot become a job, because {why}"
            );
            stays(&key, (place, &to), &how, work);
            return;
        }
    };
    let zone = zone.or_else(|| service.variable("TZ").map(str::to_owned)).filter(|zone| zone.contains('/'));
    for line in &lines {
        let base = named(&line.command).unwrap_or_else(|| format!("run-{}", line.number));
        let cut: String = base.chars().take(17).collect();
        let jobs = work.page.root.map("jobs");
        let mut free =
            std::iter::once(base.clone()).chain((2..).map(|number| format!("{}-{number}", cut.trim_end_matches('-'))));
        let name = free.find(|name| jobs.get(name).is_none()).unwrap_or(base);
        let job = jobs.map(&name);
        job.set("service", Value::text(key.clone()));
        job.set("command", arguments(&line.command));
        job.set("schedule", Value::text(line.schedule.clone()));
        if let Some(zone) = &zone {
            job.set("timezone", Value::text(zone.clone()));
        }
        let place = work.project.sources.place(line.number);
        work.ledger().name(place, name.clone());
        work.ledger().carried(place, format!("jobs.{name}"));
    }
    let map = work.service(&key);
    map.remove("command");
    map.remove("entrypoint");
    let is_empty = match map.get("files") {
        Some(Value::Map(_)) => {
            map.map("files").remove(&target);
            map.map("files").is_empty()
        }
        _ => false,
    };
    if is_empty {
        map.remove("files");
    }
    map.set("replicas", Value::number(0));
    map.comment("replicas", "No task keeps running: EventBridge starts the jobs.");
    work.ledger().carried_with(place, Some("jobs"), "each line of the crontab is now a job; no task runs between them");
}

/// Keeps it as a service of at most one task, also during a release.
fn stays(key: &str, (place, to): (Place, &str), how: &str, work: &mut Work<'_>) {
    work.service(key).set("replace", Value::text("stop-first"));
    work.ledger().approximated(place, Some(to), how);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_crontab_are_read() {
        let text = "# m h\nSHELL=/bin/sh\nCRON_TZ=Europe/Oslo\n*/5 * * * * /scripts/sync.sh >> /dev/null 2>&1\n@daily cd /app && php artisan clean --days=3\n";
        let (all, zone) = lines(text, false).expect("it is simple");
        let short: Vec<(&str, &str)> = all.iter().map(|line| (line.schedule.as_str(), line.command.as_str())).collect();
        let expected = [
            ("cron(*/5 * * * ? *)", "/scripts/sync.sh"),
            ("cron(0 0 * * ? *)", "cd /app && php artisan clean --days=3"),
        ];
        assert_eq!((short.as_slice(), zone.as_deref()), (expected.as_slice(), Some("Europe/Oslo")));
        assert_eq!(
            lines("0 4 * * 0 root /bin/x y\n", true).map(|(all, _)| all[0].command.clone()),
            Ok("/bin/x y".to_owned())
        );
        let bad =
            ["* * * * * x", "0 4 1 * 1 x", "*/30 * * * * * x", "A=1\n0 4 * * * x", "0 4 * * * date +%d", "0 4 * *", ""];
        for text in bad {
            assert!(lines(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn jobs_are_named_after_what_they_run() {
        let table = [
            ("/scripts/sync.sh", Some("sync")),
            ("cd /app && php artisan reports:send", Some("reports-send")),
            ("python -m jobs.report --all", Some("jobs-report")),
            ("sh -c", None),
        ];
        for (command, expected) in table {
            assert_eq!(named(command).as_deref(), expected, "{command}");
        }
    }
}
