//! Tests of the exact content of an image, and of what makes two images differ.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use proptest::prelude::*;
use serde_json::Value;

use super::{
    blob::Blob,
    elf,
    kept::Kept,
    layer::{self, Archive, Entry},
    layered::Layered,
    manifest::Assembled,
    package::Program,
    program, push,
};
use crate::{
    kind::{Arch, RegistryLogin},
    model::{Cause, Subject},
};

fn program_of(bytes: &[u8]) -> Program {
    Program {
        arch: Arch::Amd64,
        name: "web".into(),
        version: "1.2.3".into(),
        description: "Serves.".into(),
        bytes: bytes.to_vec(),
        bill: b"{}".to_vec(),
    }
}

fn assembled(bytes: &[u8]) -> Assembled {
    assembled_of(&program_of(bytes))
}

fn assembled_of(program: &Program) -> Assembled {
    let folder = tempfile::tempdir().expect("a folder");
    program::image(program, &Kept::new(folder.path())).and_then(Layered::assemble).expect("it is made")
}

/// The bytes of a blob in memory.
fn bytes(blob: &Blob) -> Vec<u8> {
    futures::executor::block_on(blob.bytes()).expect("it is in memory")
}

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("it is JSON")
}

fn blob(image: &Assembled, digest: &Value) -> Vec<u8> {
    let found = image.blobs.iter().find(|own| own.digest.as_str() == digest);
    bytes(found.unwrap_or_else(|| panic!("{digest} is among the blobs")))
}

fn unpacked(layer: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(layer).read_to_end(&mut archive).expect("it is compressed");
    archive
}

/// One entry: its path, mode, owner, group, time and content.
type Listed = (String, u32, u64, u64, u64, Vec<u8>);

fn listed(layer: &[u8]) -> Vec<Listed> {
    let archive = unpacked(layer);
    let mut archive = tar::Archive::new(archive.as_slice());
    let entries = archive.entries().expect("it is an archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("it is whole");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("it can be read");
            let path = entry.path().expect("it has a path").display().to_string();
            let header = entry.header();
            let number = |value: std::io::Result<u64>| value.expect("it is a number");
            let mode = header.mode().expect("it has a mode");
            (path, mode, number(header.uid()), number(header.gid()), number(header.mtime()), content)
        })
        .collect()
}

/// The entries of the layers in the order of the manifest, the lowest layer first.
fn layers(image: &Assembled) -> Vec<Vec<Listed>> {
    let manifest = document(&image.manifest);
    let layers = manifest["layers"].as_array().expect("it has layers").clone();
    layers.iter().map(|layer| listed(&blob(image, &layer["digest"]))).collect()
}

fn config(image: &Assembled) -> Value {
    document(&blob(image, &document(&image.manifest)["config"]["digest"]))
}

#[test]
fn layers_contain_only_base_authorities_program_and_bill() {
    let layers = layers(&assembled(b"the program"));
    let names: Vec<Vec<(&str, u32)>> =
        layers.iter().map(|layer| layer.iter().map(|entry| (entry.0.as_str(), entry.1)).collect()).collect();
    let base = vec![
        ("etc/", 0o755),
        ("etc/group", 0o644),
        ("etc/hosts", 0o644),
        ("etc/nsswitch.conf", 0o644),
        ("etc/passwd", 0o644),
        ("etc/ssl/", 0o755),
        ("etc/ssl/certs/", 0o755),
        ("etc/ssl/certs/ca-certificates.crt", 0o644),
        ("tmp/", 0o1777),
    ];
    let authorities = vec![("etc/stackctl/", 0o755), ("etc/stackctl/rds-ca.pem", 0o644)];
    assert_eq!(names, [base, authorities, vec![("app/", 0o755), ("app/web", 0o755), ("app/web.cdx.json", 0o644)]]);
    assert_eq!(layers[2][1].5, b"the program");
    assert!(layers[1][1].5.starts_with(b"-----BEGIN CERTIFICATE-----\n"));
}

#[test]
fn image_contains_no_build_user_or_time() {
    for entry in layers(&assembled(b"x")).iter().flatten() {
        assert_eq!((entry.2, entry.3, entry.4), (0, 0, 0), "{}: owner, group and time", entry.0);
    }
    let image = assembled(b"x");
    for layer in document(&image.manifest)["layers"].as_array().expect("it has layers") {
        let packed = blob(&image, &layer["digest"]);
        assert_eq!(&packed[4..8], [0; 4], "gzip's own time");
        assert_eq!(packed[9], 255, "gzip's own operating system");
    }
    assert_eq!(config(&image)["created"], "1970-01-01T00:00:00Z");
}

#[test]
fn program_runs_as_a_named_user_other_than_root() {
    let image = assembled(b"x");
    let config = config(&image);
    let user = config["config"]["User"].as_str().expect("it has a user").to_owned();
    let (user, group) = user.split_once(':').expect("and a group");
    assert!(user != "0" && group != "0");
    let layers = layers(&image);
    let text = |path: &str| {
        let entry = layers[0].iter().find(|entry| entry.0 == path).expect("it is there");
        String::from_utf8(entry.5.clone()).expect("it is text")
    };
    assert!(text("etc/passwd").lines().any(|line| line.split(':').nth(2) == Some(user)));
    assert!(text("etc/group").lines().any(|line| line.split(':').nth(2) == Some(group)));
    assert!(text("etc/hosts").contains("127.0.0.1 localhost"));
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/app/web"]));
    let trusted = config["config"]["Env"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let trusted = trusted.filter_map(|variable| variable.strip_prefix("SSL_CERT_FILE=/")).collect::<Vec<_>>();
    assert_eq!(trusted, ["etc/ssl/certs/ca-certificates.crt"]);
    let first = text(trusted[0]).lines().next().map(str::to_owned);
    assert_eq!(first.as_deref(), Some("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn digests_and_sizes_match_their_blobs() {
    let image = assembled(b"x");
    assert_eq!(image.digest, layer::digest(&image.manifest));
    for blob in &image.blobs {
        assert_eq!(blob.digest, layer::digest(&bytes(blob)));
    }
    let manifest = document(&image.manifest);
    let described = manifest["layers"].as_array().expect("it has layers").iter().chain([&manifest["config"]]);
    let mut named = 0;
    for part in described {
        assert_eq!(part["size"], blob(&image, &part["digest"]).len());
        named += 1;
    }
    assert_eq!(named, image.blobs.len(), "nothing is sent that the manifest does not name");
    let diff_ids = config(&image)["rootfs"]["diff_ids"].clone();
    let archives: Vec<String> = manifest["layers"]
        .as_array()
        .expect("it has layers")
        .iter()
        .map(|part| layer::digest(&unpacked(&blob(&image, &part["digest"]))))
        .collect();
    assert_eq!(diff_ids, serde_json::json!(archives), "of the archives as they are before they are compressed");
}

#[test]
fn new_version_of_the_same_program_shares_all_layers() {
    let one = assembled(b"x");
    let other = assembled_of(&Program { version: "1.2.4".into(), ..program_of(b"x") });
    assert_ne!(one.digest, other.digest);
    assert_eq!(document(&one.manifest)["layers"], document(&other.manifest)["layers"]);
    assert_eq!(config(&other)["config"]["Labels"]["org.opencontainers.image.version"], "1.2.4");
}

#[test]
fn long_path_and_large_file_are_archived() {
    let path = format!("app/{}", "long-".repeat(18));
    let content = vec![7; 100_000];
    let archive = Archive::of(&[Entry::File { path: &path, mode: 0o755, content: &content }]);
    let made = archive.and_then(|archive| archive.pack()).expect("it is made");
    let listed = listed(&made.compressed);
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].0.as_str(), listed[0].5.len()), (path.as_str(), content.len()));
}

/// A 64-bit little-endian ELF file with program headers of these types.
fn elf_of(types: &[u32]) -> Vec<u8> {
    let mut file = vec![0; 64];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[32..40].copy_from_slice(&64_u64.to_le_bytes());
    file[54..56].copy_from_slice(&56_u16.to_le_bytes());
    file[56..58].copy_from_slice(&u16::try_from(types.len()).expect("there are few").to_le_bytes());
    for kind in types {
        let mut header = vec![0; 56];
        header[..4].copy_from_slice(&kind.to_le_bytes());
        file.extend(header);
    }
    file
}

#[test]
fn program_with_a_loader_header_is_not_static() {
    const LOAD: u32 = 1;
    const DYNAMIC: u32 = 2;
    const INTERP: u32 = 3;
    assert!(elf::is_static(&elf_of(&[LOAD, LOAD])));
    assert!(elf::is_static(&elf_of(&[LOAD, DYNAMIC])), "a static program may still move itself about");
    for loader in [&[INTERP][..], &[LOAD, INTERP], &[LOAD, DYNAMIC, LOAD, INTERP]] {
        assert!(!elf::is_static(&elf_of(loader)), "{loader:?}");
    }
}

#[test]
fn program_for_another_machine_type_is_not_static() {
    for (byte, value, what) in [(4, 1, "32 bits"), (5, 2, "big-endian"), (0, 0, "no ELF file")] {
        let mut other = elf_of(&[1]);
        other[byte] = value;
        assert!(!elf::is_static(&other), "{what}");
    }
}

proptest! {
    /// A damaged program is refused without a panic.
    #[test]
    fn truncated_program_is_not_static(cut in 0_usize..176) {
        prop_assert!(!elf::is_static(&elf_of(&[1, 1])[..cut.min(64 + 56 + 3)]));
    }

    #[test]
    fn static_check_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), head in any::<bool>()) {
        if head && bytes.len() >= 6 {
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        }
        let _ = elf::is_static(&bytes);
    }

}

proptest! {
    // Each case compresses the base layer three times.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn images_are_equal_only_if_their_programs_are(one in ".{0,40}", other in ".{0,40}") {
        let (first, again, second) = (assembled(one.as_bytes()), assembled(one.as_bytes()), assembled(other.as_bytes()));
        prop_assert_eq!(&first.digest, &again.digest);
        prop_assert_eq!(first.digest == second.digest, one == other);
        prop_assert_eq!(&first.blobs[0].digest, &second.blobs[0].digest, "the base is the same in all");
        prop_assert_eq!(&first.blobs[1].digest, &second.blobs[1].digest, "and so are the authorities");
    }
}

/// Starts a registry that accepts one connection after another and answers every request with these bytes in turn.
async fn rude_registry(answers: Vec<Vec<u8>>) -> (String, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let host = listener.local_addr().expect("it has one").to_string();
    let serving = tokio::spawn(async move {
        for turn in 0.. {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            // Clients that disconnect early are ignored.
            drop(stream.read(&mut [0; 4096]).await);
            drop(stream.write_all(&answers[turn % answers.len()]).await);
        }
    });
    (host, serving)
}

/// A response of a malicious registry, or of a server that is not a registry.
fn rude_answer() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        Just(String::new()),
        "\\PC{0,40}".prop_map(|value| format!("WWW-Authenticate: Bearer realm=\"{value}\"\r\n")),
        "\\PC{0,40}".prop_map(|value| format!("Location: {value}\r\n")),
        "\\PC{0,40}".prop_map(|value| format!("Docker-Content-Digest: {value}\r\n")),
        Just("WWW-Authenticate: Basic realm=x\r\nLocation: http://[::\r\n".to_owned()),
    ];
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        Just(br#"{"errors":[{"code":7,"message":null}]}"#.to_vec()),
        Just(br#"{"token":1}"#.to_vec()),
        Just("[".repeat(20_000).into_bytes()),
    ];
    let whole = (100_u16..600, header, body).prop_map(|(status, header, body)| {
        let head =
            format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.into_bytes(), body].concat()
    });
    prop_oneof![4 => whole, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn push_never_panics_or_hangs_on_bad_responses(answers in proptest::collection::vec(rude_answer(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let ended = runtime.block_on(async {
            let (host, serving) = rude_registry(answers).await;
            let login = RegistryLogin { user: "AWS".into(), password: "p4ssw0rd-of-ecr".into(), plain_http: true };
            let image = assembled(b"x");
            let repository = format!("{host}/app");
            let pushed = push::push(&image, &repository, "1", &login, &|_| ());
            let ended = tokio::time::timeout(std::time::Duration::from_secs(20), pushed).await;
            serving.abort();
            ended
        });
        let Ok(ended) = ended else { return Err(TestCaseError::fail("it hangs")) };
        if let Err(failure) = ended {
            prop_assert!(!failure.to_string().contains("p4ssw0rd"), "{failure}");
        }
    }
}

/// Starts a registry without layers that forbids `method`. Returns its address and the number of requests that it has
/// forbidden.
async fn forbidding_registry(method: &'static str) -> (String, Arc<AtomicUsize>, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let host = listener.local_addr().expect("it has one").to_string();
    let forbidden = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&forbidden);
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0_u8; 4096];
            drop(stream.read(&mut request).await);
            let status = if request.starts_with(method.as_bytes()) {
                count.fetch_add(1, Ordering::SeqCst);
                403
            } else if request.starts_with(b"GET") {
                401
            } else {
                404
            };
            let head = format!("HTTP/1.1 {status} X\r\nWWW-Authenticate: Basic realm=x\r\n");
            let answer = format!("{head}Content-Length: 0\r\nConnection: close\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    (host, forbidden, serving)
}

#[tokio::test]
async fn forbidden_request_is_not_retried() {
    for (method, activity) in [("HEAD", "look for a layer"), ("POST", "push a layer")] {
        let (host, forbidden, serving) = forbidding_registry(method).await;
        let login = RegistryLogin { user: "AWS".into(), password: "p4ssw0rd-of-ecr".into(), plain_http: true };
        let image = assembled(b"x");
        let failure = push::push(&image, &format!("{host}/app"), "1", &login, &|_| ()).await;
        let failure = failure.expect_err("it is forbidden");
        serving.abort();
        assert_eq!((failure.subject, failure.cause), (Some(Subject::activity(activity)), Cause::Refused));
        assert_eq!(forbidden.load(Ordering::SeqCst), 1, "{method}");
    }
}
