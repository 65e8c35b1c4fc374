use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tar::{EntryType, Header};
use tempfile::TempDir;

use super::*;
use crate::image::{
    layer::{self, digest},
    manifest::Assembled,
};

static NO_ARGUMENTS: BTreeMap<String, String> = BTreeMap::new();

/// A build of all stages of a Dockerfile, without arguments.
fn plain<'a>(dockerfile: &'a Path, context: &'a Path) -> Build<'a> {
    Build { dockerfile, context, target: None, args: &NO_ARGUMENTS, platform: "linux/amd64" }
}

/// A folder with a Dockerfile and a fake `docker` command, which records its arguments, reports an image ID and saves
/// an archive that the test made.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(script: &str, archive: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write =
            |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).expect("it can be written");
        write("Dockerfile", b"FROM scratch\n");
        write("image.tar", archive);
        write(
            "docker",
            format!("#!/bin/sh\ncd {}\necho \"$@\" >> calls\n{script}", folder.path().display()).as_bytes(),
        );
        let docker = folder.path().join("docker");
        fs::set_permissions(docker, fs::Permissions::from_mode(0o755)).expect("it is ours");
        Self { folder }
    }

    /// A bench whose fake command succeeds.
    fn willing(archive: &[u8]) -> Self {
        let script = "case $1 in\n\
            build) echo 'Step 1/1 : FROM scratch'; echo '#5 [1/2] COPY x' >&2; echo sha256:abc > \"$5\" ;;\n\
            save) cp image.tar \"$3\" ;;\n\
            esac\n";
        Self::new(script, archive)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn build(&self) -> Result<Assembled, Failure> {
        self.build_telling(&|_| {}).await
    }

    async fn build_telling(&self, say: &(dyn Fn(&str) + Sync)) -> Result<Assembled, Failure> {
        let dockerfile = self.path("Dockerfile");
        let image = build(self.path("docker").as_os_str(), &plain(&dockerfile, self.folder.path()), say).await?;
        image.with_authorities()?.assemble()
    }
}

enum Item<'a> {
    File(&'a str, &'a [u8]),
    Link(&'a str, &'a str),
}

fn archive(items: &[Item]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for item in items {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        match item {
            Item::File(path, content) => {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, *content).expect("it fits");
            }
            Item::Link(path, target) => {
                header.set_entry_type(EntryType::Symlink);
                header.set_size(0);
                builder.append_link(&mut header, path, target).expect("it fits");
            }
        }
    }
    builder.into_inner().expect("it is in memory")
}

/// An image in Docker's format with three layers, of which two are the same.
struct Sample {
    layers: [Vec<u8>; 2],
    config: Vec<u8>,
}

impl Sample {
    fn new(change: impl FnOnce(&mut Value)) -> Self {
        let layers = [archive(&[Item::File("bin/app", &[7; 3000])]), archive(&[Item::File("etc/app", b"x = 1")])];
        let mut config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Entrypoint": ["/bin/app"], "Labels": { "org.opencontainers.image.version": "1.4.0" } },
            "rootfs": { "type": "layers", "diff_ids": [digest(&layers[0]), digest(&layers[1]), digest(&layers[1])] },
        });
        change(&mut config);
        Self { layers, config: config.to_string().into_bytes() }
    }

    /// The archive that engines before version 25 save: layers in folders named by an ID, a repeated layer as a link.
    fn older(&self) -> Vec<u8> {
        let list =
            json!([{ "Config": "c.json", "RepoTags": null, "Layers": ["1/layer.tar", "2/layer.tar", "3/layer.tar"] }]);
        archive(&[
            Item::File("c.json", &self.config),
            Item::File("1/layer.tar", &self.layers[0]),
            Item::File("2/layer.tar", &self.layers[1]),
            Item::Link("3/layer.tar", "../2/layer.tar"),
            Item::File("manifest.json", list.to_string().as_bytes()),
        ])
    }

    /// The archive that newer engines save: an OCI layout whose layers may be compressed.
    fn newer(&self) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&self.layers[0]).expect("it is in memory");
        let layers = ["blobs/sha256/a", "blobs/sha256/b", "blobs/sha256/b"];
        let list = json!([{ "Config": "blobs/sha256/c", "RepoTags": null, "Layers": layers }]);
        archive(&[
            Item::File("blobs/sha256/a", &packed.finish().expect("it is in memory")),
            Item::File("blobs/sha256/b", &self.layers[1]),
            Item::File("blobs/sha256/c", &self.config),
            Item::File("manifest.json", list.to_string().as_bytes()),
            Item::File("oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}"),
        ])
    }
}

#[tokio::test]
async fn docker_builds_for_fargate_and_saves_the_image() {
    let bench = Bench::willing(&Sample::new(|_| {}).older());
    let told = std::sync::Mutex::new(Vec::new());
    bench.build_telling(&|line| told.lock().expect("nobody panics").push(line.to_owned())).await.expect("it builds");
    let calls = fs::read_to_string(bench.path("calls")).expect("it was called");
    let calls: Vec<&str> = calls.lines().collect();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert!(calls[0].starts_with("version"), "{calls:?}");
    let (file, context) = (bench.path("Dockerfile"), bench.folder.path());
    assert!(calls[1].starts_with("build --platform linux/amd64 --iidfile "), "{calls:?}");
    assert!(calls[1].ends_with(&format!(" --file {} {}", file.display(), context.display())), "{calls:?}");
    assert!(calls[2].starts_with("save --output ") && calls[2].ends_with(" sha256:abc"), "{calls:?}");
    let mut told = told.into_inner().expect("nobody panics");
    told.sort();
    assert_eq!(told, ["#5 [1/2] COPY x", "Step 1/1 : FROM scratch"]);
}

#[tokio::test]
async fn docker_gets_the_stage_and_hides_argument_values() {
    let script = "[ $1 != build ] || { echo \"$APP\" > value; echo 'no such stage' >&2; exit 1; }\n";
    let bench = Bench::new(script, b"");
    let dockerfile = bench.path("Dockerfile");
    let args = BTreeMap::from([("APP".to_owned(), "web and api".to_owned())]);
    let wanted = Build { target: Some("runtime"), args: &args, ..plain(&dockerfile, bench.folder.path()) };
    let failure = build(bench.path("docker").as_os_str(), &wanted, &|_| {}).await.expect_err("it fails");
    let calls = fs::read_to_string(bench.path("calls")).expect("it was called");
    assert!(calls.contains(" --target runtime --build-arg APP --file "), "{calls}");
    assert_eq!(fs::read_to_string(bench.path("value")).expect("it was written"), "web and api\n");
    let hint = failure.hint.expect("it says how to try it");
    assert!(hint.contains(" --target runtime --build-arg APP=… "), "{hint}");
}

#[tokio::test]
async fn all_engine_archives_give_the_same_image() {
    let sample = Sample::new(|_| {});
    let older = Bench::willing(&sample.older()).build().await.expect("it builds");
    let newer = Bench::willing(&sample.newer()).build().await.expect("it builds");
    assert_eq!(older.digest, newer.digest);
    assert_eq!(older.version, "1.4.0");
    let manifest: Value = serde_json::from_slice(&older.manifest).expect("it is JSON");
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(4), "Docker's, and one over them");
    for layer in manifest["layers"].as_array().expect("a list") {
        assert!(older.blobs.iter().any(|own| layer["digest"] == own.digest.as_str()), "{layer}");
    }
}

/// Returns the configuration of an image.
fn config(image: &Assembled) -> Value {
    let config =
        futures::executor::block_on(image.blobs.last().expect("it comes last").bytes()).expect("it is in memory");
    serde_json::from_slice(&config).expect("it is JSON")
}

#[tokio::test]
async fn certificate_authorities_are_added_to_a_docker_image() {
    let history = json!([{ "created_by": "COPY x" }, { "created_by": "CMD", "empty_layer": true }]);
    let sample = Sample::new(|config| config["history"] = history.clone());
    let image = Bench::willing(&sample.older()).build().await.expect("it builds");
    let own = layer::authorities().and_then(|own| own.pack()).expect("it is made");
    assert_eq!(image.blobs[3].digest, own.digest, "the last layer");
    let (was, is): (Value, Value) = (serde_json::from_slice(&sample.config).expect("it is JSON"), config(&image));
    assert_eq!(is["rootfs"]["diff_ids"][3], own.diff_id.as_str());
    assert_eq!(is["history"][2]["created_by"], "stackctl: Amazon's certificate authorities for RDS");
    assert_eq!(is["config"], was["config"], "how it is run is Docker's");
    let again = Bench::willing(&sample.older()).build().await.expect("it builds");
    assert_eq!(again.digest, image.digest);
}

#[tokio::test]
async fn image_based_on_ours_has_the_authorities_once() {
    let mut sample = Sample::new(|_| {});
    let own = layer::authorities().and_then(|own| own.pack()).expect("it is made");
    sample.layers[0].clear();
    let mut archive = flate2::read::GzDecoder::new(own.compressed.as_slice());
    std::io::copy(&mut archive, &mut sample.layers[0]).expect("it is in memory");
    let mut config: Value = serde_json::from_slice(&sample.config).expect("it is JSON");
    config["rootfs"]["diff_ids"][0] = own.diff_id.as_str().into();
    sample.config = config.to_string().into_bytes();
    let image = Bench::willing(&sample.older()).build().await.expect("it builds");
    assert_eq!(
        (image.blobs.len(), self::config(&image)),
        (4, config),
        "three layers and the configuration, as they were"
    );
}

#[tokio::test]
async fn other_content_changes_the_digest_and_version_is_optional() {
    let one = Bench::willing(&Sample::new(|_| {}).older()).build().await.expect("it builds");
    for label in [json!({}), json!(null), json!({ "org.opencontainers.image.version": "not a tag" })] {
        let sample = Sample::new(|config| config["config"]["Labels"] = label.clone());
        let other = Bench::willing(&sample.older()).build().await.expect("it builds");
        assert_ne!(one.digest, other.digest);
        assert_eq!(other.version, "0.0.0", "{label}");
    }
}

#[tokio::test]
async fn version_label_with_a_plus_becomes_valid_in_a_tag() {
    let label = json!({ "org.opencontainers.image.version": "1.4.0+g1a2b" });
    let sample = Sample::new(|config| config["config"]["Labels"] = label);
    let built = Bench::willing(&sample.older()).build().await.expect("it builds");
    assert_eq!(built.version, "1.4.0_g1a2b");
}

#[tokio::test]
async fn inconsistent_archive_is_refused() {
    let broken = [
        Sample::new(|config| config["rootfs"]["diff_ids"][1] = "sha256:0".into()).older(),
        Sample::new(|config| config["rootfs"]["diff_ids"] = json!([])).older(),
        Sample::new(|config| config["architecture"] = "arm64".into()).older(),
        archive(&[Item::File("manifest.json", b"[]")]),
        archive(&[Item::File("manifest.json", b"[{\"Config\": \"nowhere\", \"Layers\": []}]")]),
        archive(&[Item::Link("manifest.json", "manifest.json")]),
        archive(&[]),
        b"no archive at all".to_vec(),
    ];
    for (number, archive) in broken.iter().enumerate() {
        let failure = Bench::willing(archive).build().await.expect_err("it is broken");
        assert!(!failure.message.is_empty(), "{number}: {failure}");
        assert_ne!(failure.cause, crate::model::Cause::Internal, "{number}: {failure}");
    }
}

#[tokio::test]
async fn missing_docker_or_engine_error_has_a_hint() {
    let bench = Bench::new("[ $1 != version ] || { echo 'no daemon here' >&2; exit 1; }\n", b"");
    let failure = bench.build().await.expect_err("no engine answers");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("start the Docker engine")), "{failure:?}");
    assert!(failure.explanation.lines().iter().any(|line| line == "no daemon here"), "{failure:?}");
    let dockerfile = bench.path("Dockerfile");
    let nowhere = bench.path("nowhere");
    let wanted = plain(&dockerfile, Path::new("."));
    let failure = build(nowhere.as_os_str(), &wanted, &|_| {}).await.expect_err("there is no such command");
    assert!(failure.message.contains("cannot run docker"), "{failure}");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("docs.docker.com")), "{failure:?}");
    let missing = plain(&nowhere, Path::new("."));
    let failure = build(nowhere.as_os_str(), &missing, &|_| {}).await.expect_err("there is no such file");
    assert!(failure.message.contains("not found"), "{failure}");
}

#[tokio::test]
async fn failed_build_shows_its_last_lines() {
    let script =
        "[ $1 != build ] || { for i in $(seq 100); do echo \"line $i\"; done; echo 'no such file: x' >&2; exit 7; }\n";
    let failure = Bench::new(script, b"").build().await.expect_err("it fails");
    assert_eq!(failure.subject, Some(Subject::program("docker build")));
    assert!(failure.message.contains('7'), "{failure}");
    let [Evidence::Output { lines }] = failure.explanation.evidence.as_slice() else { panic!("{failure:?}") };
    assert_eq!(lines.len(), LAST_LINES);
    assert_eq!(lines.last().map(String::as_str), Some("no such file: x"));
    assert!(
        failure.hint.as_deref().is_some_and(|hint| hint.contains("docker build --platform linux/amd64 --file")),
        "{failure:?}"
    );
}
