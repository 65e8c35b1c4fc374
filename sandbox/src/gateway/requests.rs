//! Records requests for `tests/conformance`, which compares them with AWS's own models. Only tests enable it.

use std::{
    collections::HashSet,
    env,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{HeaderMap, body::Bytes, http::request::Parts};
use serde_json::{Map, Value, json};

/// The variable with the folder of the record. Without it, nothing is recorded.
const FOLDER: &str = "STACKCTL_SANDBOX_REQUESTS";

/// The variables with the name of the test, which cargo-nextest sets for processes that a test starts.
/// <https://nexte.st/docs/configuration/env-vars/>
const TEST: [&str; 2] = ["NEXTEST_BINARY_ID", "NEXTEST_TEST_NAME"];

/// The header of a request that is invalid on purpose.
const ON_PURPOSE: &str = "x-sandbox-wrong-on-purpose";

/// The longest recorded body, in bytes. Only objects and images are longer, and no model describes them.
const LONGEST: usize = 1 << 20;

/// Headers to omit: those that say nothing about the operation, are secret or differ each time.
const LEFT_OUT: [&str; 12] = [
    "accept",
    "accept-encoding",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "connection",
    "content-length",
    "host",
    "user-agent",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
];

/// The request record of one sandbox.
#[derive(Default)]
pub(crate) struct Requests {
    kept: Option<Mutex<Kept>>,
}

struct Kept {
    file: File,
    /// The hashes of recorded requests. Each request is recorded once, since most are repeats.
    seen: HashSet<u64>,
}

impl Requests {
    /// Opens the record that the environment asks for.
    ///
    /// # Errors
    /// If its file cannot be created.
    pub(crate) fn wanted() -> Result<Self> {
        let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return Ok(Self::default()) };
        let test: Vec<String> = TEST.iter().filter_map(|name| env::var(name).ok()).collect();
        Self::in_folder(&folder, &test.join(" "))
    }

    fn in_folder(folder: &Path, test: &str) -> Result<Self> {
        let path = folder.join(format!("{}.jsonl", uuid::Uuid::new_v4()));
        let make = || -> std::io::Result<File> {
            fs::create_dir_all(folder)?;
            let mut file = File::create(&path)?;
            writeln!(file, "{}", json!({ "test": test }))?;
            Ok(file)
        };
        let file = make().with_context(|| format!("cannot write {}, as {FOLDER} asks for", path.display()))?;
        Ok(Self { kept: Some(Mutex::new(Kept { file, seen: HashSet::new() })) })
    }

    /// Records a request. `scope` is that of its signature: key, day, region, service.
    pub(super) fn keep(&self, scope: &str, parts: &Parts, body: &Bytes) {
        let Some(kept) = &self.kept else { return };
        if parts.headers.contains_key(ON_PURPOSE) {
            return;
        }
        let line = line(scope, parts, body).to_string();
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        let mut kept = kept.lock().expect("nobody panics while holding this");
        // One write per line, so that a killed sandbox leaves only whole lines.
        if kept.seen.insert(hasher.finish())
            && let Err(error) = kept.file.write_all(format!("{line}\n").as_bytes())
        {
            tracing::error!(%error, "a request is missing in the record");
        }
    }
}

fn line(scope: &str, parts: &Parts, body: &Bytes) -> Value {
    let mut line = json!({
        "service": scope.split('/').nth(3).unwrap_or_default(),
        "method": parts.method.as_str(),
        "path": parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        "headers": headers(&parts.headers),
    });
    match std::str::from_utf8(body) {
        _ if body.len() > LONGEST => line["length"] = json!(body.len()),
        Ok(text) => line["text"] = json!(text),
        Err(_) => line["base64"] = json!(BASE64_STANDARD.encode(body)),
    }
    line
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let said = headers.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    said.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())).collect()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn parts(header: (&str, &str)) -> Parts {
        let request = Request::post("/").header("authorization", "a signature").header(header.0, header.1);
        request.body(()).expect("it is valid").into_parts().0
    }

    #[test]
    fn requests_are_recorded_once_and_without_signature() {
        let folder = tempfile::tempdir().expect("a folder");
        let requests = Requests::in_folder(folder.path(), "binary name").expect("it is made");
        let ask = |parts: &Parts, body: &'static [u8]| {
            requests.keep("key/20260101/eu-west-1/ecs/aws4_request", parts, &Bytes::from_static(body));
        };
        ask(&parts(("x-amz-target", "Service.List")), b"{}");
        ask(&parts(("x-amz-target", "Service.List")), b"{}");
        ask(&parts(("x-amz-target", "Service.List")), b"\xff");
        ask(&parts((ON_PURPOSE, "true")), b"{}");
        let file = fs::read_dir(folder.path()).expect("it is there").next().expect("one").expect("it is there");
        let text = fs::read_to_string(file.path()).expect("it is text");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        let of = |body: (&str, &str)| {
            let mut line = json!({
                "service": "ecs", "method": "POST", "path": "/", "headers": { "x-amz-target": "Service.List" },
            });
            line[body.0] = json!(body.1);
            line
        };
        assert_eq!(lines, [json!({ "test": "binary name" }), of(("text", "{}")), of(("base64", "/w=="))]);
    }
}
