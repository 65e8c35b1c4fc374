//! What a service mounts: volumes, files of the project, folders in memory, and what is for development alone.

use std::path::Path;

use super::super::{
    marks,
    rewrite::Called,
    service::Service,
    words::{self, Mount},
    work::Work,
};
use crate::convert::{
    page::{Map, Value},
    source::{Item, Place},
};

/// What a mount is.
enum Kind {
    /// Files that outlive a container.
    Data,
    /// A file or folder of the project that goes into the image.
    Config,
    /// A file with a secret.
    Secret,
    LeftOut(&'static str),
    NotPossible(&'static str),
}

const ENDINGS: &[&str] = &[
    "conf",
    "cnf",
    "cfg",
    "yml",
    "yaml",
    "json",
    "toml",
    "ini",
    "xml",
    "sh",
    "sql",
    "properties",
    "env",
    "lua",
    "py",
    "js",
    "ts",
    "html",
    "txt",
    "tmpl",
    "template",
    "rb",
    "php",
    "j2",
    "csv",
];

const CODE: &[&str] =
    &["src", "app", "apps", "lib", "packages", "server", "client", "frontend", "backend", "node_modules"];

const FOR_WORK: &[&str] = &[
    "htmlcov",
    "coverage",
    "test-results",
    "blob-report",
    "playwright-report",
    "node_modules",
    "vendor",
    ".venv",
    "target",
];

/// Writes `volumes`, `files` and `tmpfs`. Gives the services that mounted files name.
pub(super) fn write(service: &Service, work: &mut Work<'_>) -> Vec<Called> {
    let mut called = Vec::new();
    let items = service.at(&["volumes"]).map(|item| item.items().to_vec()).unwrap_or_default();
    for item in &items {
        let Some((mount, is_tmpfs)) = mount(item) else {
            work.ledger().not_possible(item.place, "a mount needs a `target`");
            continue;
        };
        if is_tmpfs {
            let size = item.at(&["tmpfs", "size"]).and_then(Item::text).and_then(words::mebibytes);
            memory(service, &mount.target, size, item.place, work);
            continue;
        }
        called.extend(one(service, &mount, item.place, work));
    }
    temporary(service, work);
    room(service, work);
    called
}

/// Writes `tmpfs`.
fn temporary(service: &Service, work: &mut Work<'_>) {
    for item in service.at(&["tmpfs"]).map(|item| item.items().to_vec()).unwrap_or_default() {
        let text = item.text().unwrap_or_default().to_owned();
        let (path, options) = text.split_once(':').unwrap_or((&text, ""));
        let size = options.split(',').find_map(|option| option.strip_prefix("size=")).and_then(words::mebibytes);
        memory(service, path, size, item.place, work);
        if options.split(',').any(|option| ["uid", "gid", "mode"].iter().any(|key| option.starts_with(key))) {
            let how = "the folder belongs to root with mode 1777: stack.yaml sets only its size";
            work.ledger().approximated(item.place, Some(&format!("services.{}.tmpfs", service.key)), how);
        }
    }
}

/// What is in memory counts as the task's: it gets more of that.
fn room(service: &Service, work: &mut Work<'_>) {
    let number = |value: Option<&Value>| match value {
        Some(Value::Bare(text)) => text.parse::<u64>().ok(),
        _ => None,
    };
    let map = work.service(&service.key);
    let Some(Value::Map(folders)) = map.get("tmpfs") else { return };
    let total: u64 = folders.keys().filter_map(|key| number(folders.get(key))).sum();
    let cpu = number(map.get("cpu")).unwrap_or(256);
    let memory = number(map.get("memory")).unwrap_or(cpu * 2);
    if total * 2 <= memory {
        return;
    }
    let (cpu, memory) = super::limits::pair(cpu, total + memory);
    if cpu != 256 {
        map.set("cpu", Value::number(cpu));
    }
    map.set("memory", Value::number(memory));
}

/// A folder in memory.
fn memory(service: &Service, path: &str, size: Option<u64>, place: Place, work: &mut Work<'_>) {
    let to = format!("services.{}.tmpfs", service.key);
    let path = path.trim_end_matches('/');
    if !path.starts_with('/') {
        work.ledger().not_possible(place, "the path of a folder in memory starts with /");
        return;
    }
    let size = size.filter(|size| *size > 0).unwrap_or(64);
    work.service(&service.key).map("tmpfs").set(path, Value::number(size));
    work.ledger().carried_with(place, Some(&to), format!("{size} MiB"));
}

/// A mount in its long or short form, and whether it is in memory.
fn mount(item: &Item) -> Option<(Mount, bool)> {
    let is_tmpfs = item.at(&["type"]).and_then(Item::text) == Some("tmpfs");
    Some((words::mounted(item)?, is_tmpfs))
}

fn one(service: &Service, mount: &Mount, place: Place, work: &mut Work<'_>) -> Vec<Called> {
    let key = service.key.clone();
    let Some(source) = mount.source.clone() else {
        let is_path = mount.target.starts_with('/');
        let why = if is_path {
            "left out: a volume without a name is empty in every new container"
        } else {
            "left out: without a path in the container, Docker creates a volume that nothing uses"
        };
        work.ledger().carried_with(place, None, why);
        return Vec::new();
    };
    let source = work.settle(&source);
    match kind(&source, mount, service, &work.folder) {
        Kind::LeftOut(why) => work.ledger().approximated(place, None, why),
        Kind::NotPossible(instead) => work.ledger().not_possible(place, instead),
        Kind::Config => {
            let path = source.trim_start_matches("./").trim_end_matches('/').to_owned();
            let to = format!("services.{key}.files");
            if path.starts_with("..") {
                let instead = "the file is not in the folder of stack.yaml: move it there, and add it to `files`";
                work.ledger().not_possible(place, instead);
                return Vec::new();
            }
            work.service(&key).map("files").set(mount.target.clone(), marks::value(&path));
            work.ledger().carried_with(place, Some(&to), "added to the image; a change of the file is a release");
            return super::configured::tell(service, &path, place, work);
        }
        Kind::Secret => secret(service, &source, &mount.target, place, work),
        Kind::Data => data(service, &source, mount, place, work),
    }
    Vec::new()
}

fn kind(source: &str, mount: &Mount, service: &Service, folder: &Path) -> Kind {
    let target = mount.target.as_str();
    let is_path = source.starts_with(['.', '/', '~', '\\', '\u{e000}']) || source.get(1..2) == Some(":");
    if source.contains("docker.sock") || target.ends_with("docker.sock") {
        return Kind::NotPossible(
            "tasks cannot use Docker: start other containers with `stackctl run`, with `jobs` or with the AWS API",
        );
    }
    if ["/dev", "/sys", "/proc", "/var/run", "/run", "/lib/modules"].iter().any(|path| source.starts_with(path)) {
        return Kind::NotPossible("tasks have no access to a host, its devices or its sockets");
    }
    if ["/etc/ssl", "/etc/localtime", "/etc/timezone", "/usr/share", "/usr/local/share", "/etc/pki"]
        .iter()
        .any(|path| source.starts_with(path))
    {
        return Kind::LeftOut("left out: the image has its own");
    }
    let is_balancers = ["/etc/letsencrypt", "/etc/nginx/certs", "/etc/nginx/ssl", "/etc/acme.sh", "/etc/caddy/certs"];
    if is_balancers.iter().any(|path| target.starts_with(path)) {
        return Kind::LeftOut("left out: the load balancer has the certificate");
    }
    let is_caddy = is_caddy(service);
    if is_caddy && ["/data", "/config", "/var/log"].iter().any(|path| target.starts_with(path)) {
        return Kind::LeftOut(
            "left out: Caddy stores certificates and logs there. The load balancer has the certificates, and \
             CloudWatch has the logs",
        );
    }
    if !is_path {
        return Kind::Data;
    }
    let bare = source.trim_start_matches("./").trim_end_matches('/');
    let context = service.text(&["build", "context"]).unwrap_or("none");
    let last = bare.rsplit('/').next().unwrap_or_default();
    let target_last = target.rsplit('/').next().unwrap_or_default();
    if FOR_WORK.contains(&last) || FOR_WORK.contains(&target_last) {
        return Kind::LeftOut("left out: it is for development or test reports, or the image contains it");
    }
    if source == "." || source == ".." || bare == context || context.starts_with(&format!("{bare}/")) {
        return if service.entry("build").is_some() || service.image.is_none() {
            Kind::LeftOut(
                "left out: it mounts the source over the image during development; the image contains the \
             source",
            )
        } else {
            Kind::NotPossible(
                "the image does not contain the program: write a Dockerfile that copies it, and set `build`",
            )
        };
    }
    if last == target_last && CODE.contains(&last) && !mount.read_only {
        return Kind::LeftOut(
            "left out: it mounts the source over the image during development; the image contains \
         the source",
        );
    }
    let whole = folder.join(bare);
    let ending = Path::new(target_last).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_file = whole.is_file() || !whole.is_dir() && (ENDINGS.contains(&ending) || last.ends_with("file"));
    let hint = format!("{last} {target_last}").to_lowercase();
    let is_key = ["pem", "key", "crt", "p12", "pfx", "jks"].contains(&ending);
    let is_secret = ["credential", "secret"].iter().any(|word| hint.contains(word));
    if is_key || is_secret && is_file {
        return Kind::Secret;
    }
    if bare.to_lowercase().contains("secret") || ["certs", "ssl", "certificates"].contains(&last) {
        return Kind::NotPossible("an image must not contain files with secrets: pass their values in `secrets`");
    }
    let is_settings =
        ["conf", "config", "conf.d", "import", "provisioning", "templates", "scripts", "keycloak", "nginx"];
    let is_folder = mount.read_only || is_settings.contains(&last) && whole.is_dir() || last == "keycloak";
    if is_file || is_folder && !source.starts_with('\u{e000}') {
        if source.starts_with(['/', '~', '\\', '\u{e000}']) || source.get(1..2) == Some(":") {
            return Kind::NotPossible(
                "the file is outside the project: copy it into the project, and add it to \
             `files`",
            );
        }
        return Kind::Config;
    }
    Kind::Data
}

/// A file with a secret: a variable where the program is known to take one, else a file that a sidecar writes.
fn secret(service: &Service, source: &str, target: &str, place: Place, work: &mut Work<'_>) {
    let key = service.key.clone();
    if target.ends_with("/config/master.key") {
        super::environment::own(service, "RAILS_MASTER_KEY", &format!("file {source}"), work);
        let to = format!("services.{key}.secrets.RAILS_MASTER_KEY");
        work.ledger().approximated(place, Some(&to), "a variable that Rails reads replaces the file");
        return;
    }
    let naming =
        service.variables.iter().find(|variable| variable.value == target).map(|variable| variable.name.clone());
    let name = target.rsplit('/').next().unwrap_or("secret").to_owned();
    let Some(variable) = naming else {
        let instead = "an image must not contain a file with a secret: pass it in `secrets`, as a variable or as a \
         file that a sidecar writes";
        work.ledger().not_possible(place, instead);
        return;
    };
    super::secret_files::written(service, &name, &format!("file {source}"), work);
    let path = format!("{}/{name}", super::secret_files::FOLDER);
    work.service(&key).map("env").set(variable, Value::text(path));
    let how = "a sidecar writes the file from a secret before the program starts";
    work.ledger().approximated(place, Some(&format!("services.{key}.sidecars")), how);
}

/// A folder that outlives the container.
fn data(service: &Service, source: &str, mount: &Mount, place: Place, work: &mut Work<'_>) {
    let key = service.key.clone();
    let to = format!("services.{key}.volumes");
    if let super::super::images::Role::Server(server) = service.role
        && server.refuses_nfs
    {
        let how = "left out: this program does not support network file systems, so its data is lost when the task \
         stops";
        work.ledger().approximated(place, None, how);
        return;
    }
    // A folder below one that is a volume: that volume, at the folder above.
    let above = work.volumes.keys().find_map(|known| {
        let tail = source.trim_end_matches('/').strip_prefix(known.as_str())?.strip_prefix('/')?;
        let path = mount.target.strip_suffix(&format!("/{tail}"))?;
        (!path.is_empty()).then(|| (known.clone(), path.to_owned()))
    });
    let (source, target) = above.unwrap_or((source.trim_end_matches('/').to_owned(), mount.target.clone()));
    if !target.starts_with('/') || target.len() < 2 {
        work.ledger().not_possible(place, "the path of a volume in the container starts with /");
        return;
    }
    let is_named = !source.starts_with(['.', '/', '~', '\\', '\u{e000}']);
    let last = source.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let wanted =
        if is_named || marks::is_whole(&last) { last } else { target.rsplit('/').next().unwrap_or("data").to_owned() };
    let name = work.volume(&source, &wanted);
    let map = work.service(&key).map("volumes");
    match map.get(&name) {
        Some(known) if *known != Value::text(target.clone()) && !is_at(known, &target) => {
            let instead = "a container mounts a volume at one path only: mount it at the parent folder, or use two \
             volumes";
            work.ledger().not_possible(place, instead);
            return;
        }
        _ => {}
    }
    let value = if mount.read_only {
        let mut inside = Map::default();
        inside.set("path", Value::text(target)).set("read_only", Value::truth(true));
        Value::Map(inside)
    } else {
        Value::text(target)
    };
    work.service(&key).map("volumes").set(name, value);
    let note = "files on EFS. The volume is empty at first and hides the files of the image at this path";
    if is_named {
        work.ledger().carried_with(place, Some(&to), note);
    } else {
        work.ledger().approximated(place, Some(&to), format!("{note}. Copy the files of the host folder to it"));
    }
}

fn is_at(value: &Value, target: &str) -> bool {
    matches!(value, Value::Map(map) if map.get("path") == Some(&Value::text(target)))
}

fn is_caddy(service: &Service) -> bool {
    use super::super::images::{Proxy, Role};
    let items = service.at(&["volumes"]).map(Item::items).unwrap_or_default();
    let is_named = items.iter().any(|item| item.text().is_some_and(|text| text.starts_with("caddy")));
    service.role == Role::Proxy(Proxy::Caddy) || is_named && service.variable("SERVER_NAME").is_some()
}
