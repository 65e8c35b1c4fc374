//! Decodes `bastion`: its instance type, packages, users and the address ranges that can connect.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::network;
use crate::spec::{
    keys::{BASTION, BASTION_USER},
    problem::Collector,
    read::{Entries, Field, Map},
    stack::{Bastion, BastionUser, Cidr},
};

/// The types of SSH keys that OpenSSH in Debian 13 accepts by default.
/// <https://man.openbsd.org/sshd_config#PubkeyAcceptedAlgorithms>
const KEYS: &[&str] = &[
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The maximum total size of keys and package names, in bytes. An instance's user data has 16 KiB, and cloud-init needs
/// the rest.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>
const MOST_BYTES: usize = 12 * 1024;

/// Users that exist in Debian.
const TAKEN: &[&str] =
    &["root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "nobody", "sshd"];

pub(super) fn bastion(field: &Field, problems: &mut Collector) -> Option<Bastion> {
    let map = Map::new(field.node, &field.path, &BASTION, problems)?;
    let class = map.text("class", problems);
    let packages = packages(&map, problems);
    let users = map.required("users", problems).and_then(|field| users_of(&field, problems));
    let allow = map.required("allow", problems).and_then(|field| allow(&field, problems));
    let (packages, users) = (packages?, users?);
    let bytes = packages.iter().map(String::len).sum::<usize>()
        + users
            .iter()
            .map(|(name, user)| name.len() + user.ssh_keys.iter().map(String::len).sum::<usize>())
            .sum::<usize>();
    if bytes > MOST_BYTES {
        let hint = "remove some users or packages, or use Ed25519 keys, which are the shortest";
        field.wrong(
            format!("{bytes} bytes of keys and packages do not fit into the user data of an instance"),
            hint,
            problems,
        );
    }
    Some(Bastion { class: class?, packages, users, allow: allow? })
}

fn packages(map: &Map, problems: &mut Collector) -> Option<Vec<String>> {
    let mut packages = Vec::new();
    for (field, name) in map.texts("packages", problems)? {
        if packages.contains(&name) {
            field.wrong(format!("duplicate package `{name}`"), "keep one of them", problems);
        }
        packages.push(name);
    }
    Some(packages)
}

fn users_of(field: &Field, problems: &mut Collector) -> Option<BTreeMap<String, BastionUser>> {
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut users = BTreeMap::new();
    for field in entries.fields() {
        let name = &field.key.text;
        if TAKEN.contains(&name.as_str()) || !is_user(name) {
            let hint = "use up to 32 characters of a-z, 0-9, _ and -, beginning with a letter; names of system users are not possible";
            problems.add(field.key.span, &field.path, format!("invalid user name `{name}`"), hint);
        }
        if let Some(user) = user(&field, problems) {
            users.insert(name.clone(), user);
        }
    }
    if entries.fields().next().is_none() {
        field.wrong("the bastion has no users", "add a user: { admin: { ssh_key: \"ssh-ed25519 …\" } }", problems);
    }
    Some(users)
}

fn is_user(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

fn user(field: &Field, problems: &mut Collector) -> Option<BastionUser> {
    let map = Map::new(field.node, &field.path, &BASTION_USER, problems)?;
    let sudo = map.truth("sudo", problems);
    let mut ssh_keys = Vec::new();
    if let Some(field) = map.get("ssh_key") {
        ssh_keys.extend(ssh_key(&field, field.text(problems)?, problems));
    }
    for (field, text) in map.texts("ssh_keys", problems)? {
        ssh_keys.extend(ssh_key(&field, text, problems));
    }
    if map.get("ssh_key").is_none() && map.get("ssh_keys").is_none() {
        let hint = "add `ssh_key: \"ssh-ed25519 … name\"`, the content of a .pub file";
        problems.add(field.key.span, &field.path, format!("user `{}` has no SSH key", field.key.text), hint);
    }
    Some(BastionUser { sudo: sudo?, ssh_keys })
}

/// Decodes a public key, a line of `authorized_keys` without options.
fn ssh_key(field: &Field, text: String, problems: &mut Collector) -> Option<String> {
    let mut words = text.split_whitespace();
    let (kind, body) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let problem = if text.contains("PRIVATE KEY") {
        Some("found a private key, expected a public key")
    } else if text.lines().count() > 1 {
        Some("the public key has several lines")
    } else if !KEYS.contains(&kind) {
        Some("invalid public SSH key")
    } else if !BASE64_STANDARD.decode(body).is_ok_and(|bytes| names(&bytes, kind)) {
        Some("the public key is incomplete or contains a typing error")
    } else {
        None
    };
    if let Some(problem) = problem {
        field.wrong(problem, "paste the content of a .pub file, such as ssh-ed25519 AAAA… name", problems);
        return None;
    }
    Some(text)
}

/// Whether the key's bytes begin with `kind`.
/// <https://www.rfc-editor.org/rfc/rfc4253#section-6.6>
fn names(bytes: &[u8], kind: &str) -> bool {
    let length = u32::try_from(kind.len()).unwrap_or_default().to_be_bytes();
    bytes.strip_prefix(&length).and_then(|rest| rest.strip_prefix(kind.as_bytes())).is_some_and(|rest| rest.len() > 16)
}

fn allow(field: &Field, problems: &mut Collector) -> Option<Vec<Cidr>> {
    let mut ranges = Vec::new();
    for (field, text) in field.texts(problems)? {
        let Some(range) = network::range(&text) else {
            field.wrong(
                format!("invalid address range `{text}`"),
                "use a range such as 203.0.113.0/24 or 203.0.113.7/32",
                problems,
            );
            continue;
        };
        ranges.push(range);
    }
    if ranges.is_empty() {
        field.wrong("`allow` is empty", "add the range that contains your address, such as 203.0.113.0/24", problems);
    }
    Some(ranges)
}
