use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder with these files.
fn files(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

fn manifest(name: &str, version: &str, more: &str) -> String {
    format!("[package]\nname = {name:?}\nversion = {version:?}\nedition = \"2024\"\n{more}")
}

/// A workspace with one package, whose program prints `word`.
fn checkout(word: &str) -> TempDir {
    checkout_of("hello", word)
}

fn checkout_of(name: &str, word: &str) -> TempDir {
    files(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"hello\"]\nresolver = \"3\"\n"),
        ("hello/Cargo.toml", &manifest(name, "1.2.3", "")),
        ("hello/src/main.rs", &format!("fn main() {{\n    println!(\"{word}\");\n}}\n")),
    ])
}

async fn built(checkout: &TempDir, target: &TempDir) -> Vec<u8> {
    told(checkout, target).await.0
}

/// Builds a checkout in a shared target directory. Returns the program and the compiler's output.
async fn told(checkout: &TempDir, target: &TempDir) -> (Vec<u8>, String) {
    let manifest = checkout.path().join("hello/Cargo.toml");
    let metadata = metadata(&manifest).await.expect("it is a package");
    let said = std::sync::Mutex::new(String::new());
    let say = |line: &str| said.lock().expect("nobody panics").push_str(line);
    let program = program_of(&manifest, &metadata.workspace_root, (target.path(), Arch::default()), &say)
        .await
        .expect("it builds");
    (program.bytes, said.into_inner().expect("nobody panics"))
}

/// Builds the package in the folder `hello` in a new target directory.
async fn alone(checkout: &TempDir) -> Vec<u8> {
    built(checkout, &tempfile::tempdir().expect("a temporary folder")).await
}

fn says(program: &[u8], word: &str) -> bool {
    program.windows(word.len()).any(|bytes| bytes == word.as_bytes())
}

fn says_path(program: &[u8], folder: &TempDir) -> bool {
    says(program, folder.path().to_str().expect("it is text"))
}

#[tokio::test]
async fn checkouts_sharing_a_target_directory_get_their_own_program() {
    let target = tempfile::tempdir().expect("a temporary folder");
    let (older, newer) = (checkout("good morning"), checkout("good evening"));
    assert!(says(&built(&newer, &target).await, "good evening"));
    // The files are older than the existing program, so Cargo alone would treat that program as up to date.
    assert!(says(&built(&older, &target).await, "good morning"));
}

#[tokio::test]
async fn building_another_package_does_not_cause_a_rebuild() {
    let target = tempfile::tempdir().expect("a temporary folder");
    let (own, other) = (checkout("good morning"), checkout_of("other", "good evening"));
    assert!(told(&own, &target).await.1.contains("Compiling hello"));
    assert!(told(&other, &target).await.1.contains("Compiling other"));
    assert!(!told(&own, &target).await.1.contains("Compiling hello"));
}

#[tokio::test]
async fn same_source_in_another_folder_gives_the_same_program() {
    let one = alone(&checkout("good morning")).await;
    assert!(one == alone(&checkout("good morning")).await, "the two programs differ");
}

/// A package whose program could contain paths of this machine: it has debug information and generated source.
fn checkout_with_paths() -> TempDir {
    let build = "fn main() {
    let made = format!(\"{}/made.rs\", std::env::var(\"OUT_DIR\").unwrap());
    std::fs::write(made, \"pub fn place() -> &'static str { file!() }\").unwrap();
}
";
    let main = "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));

fn main() {
    println!(\"{} {}\", place(), inner::place());
}
";
    let profile = "[profile.release]\ndebug = true\nstrip = false\n";
    files(&[
        ("Cargo.toml", &format!("[workspace]\nmembers = [\"hello\", \"inner\"]\nresolver = \"3\"\n\n{profile}")),
        ("inner/Cargo.toml", &manifest("inner", "0.1.0", "")),
        ("inner/src/lib.rs", "pub fn place() -> &'static str { file!() }\n"),
        ("hello/Cargo.toml", &manifest("hello", "1.2.3", "\n[dependencies]\ninner = { path = \"../inner\" }\n")),
        ("hello/build.rs", build),
        ("hello/src/main.rs", main),
    ])
}

#[tokio::test]
async fn debug_info_and_generated_source_have_no_local_path() {
    let shared = tempfile::tempdir().expect("a temporary folder");
    let checkouts = [checkout_with_paths(), checkout_with_paths(), checkout_with_paths()];
    let one = built(&checkouts[0], &shared).await;
    assert!(says(&one, ".debug_info") && says(&one, "/made.rs"), "it has what paths are in");
    for folder in [&checkouts[0], &shared] {
        assert!(!says_path(&one, folder), "{} is in it", folder.path().display());
    }
    assert!(one == alone(&checkouts[1]).await, "the programs of two target directories differ");
    assert!(one == built(&checkouts[2], &shared).await, "the programs of one target directory differ");
}

#[tokio::test]
async fn cargo_configuration_of_the_folder_applies() {
    let main = "fn main() {
    println!(\"{:?}\", option_env!(\"WORD\"));
    if cfg!(of_the_package) { println!(\"of the package\") }
    if cfg!(of_the_workspace) { println!(\"of the workspace\") }
}
";
    let for_linux = "[target.'cfg(target_os = \"linux\")']\nrustflags = [\"--cfg\", \"of_the_package\"]\n";
    let configuration = format!("[env]\nWORD = \"a word of the configuration\"\n\n{for_linux}");
    let checkout = files(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"hello\"]\nresolver = \"3\"\n"),
        (".cargo/config.toml", "[target.x86_64-unknown-linux-gnu]\nrustflags = [\"--cfg\", \"of_the_workspace\"]\n"),
        ("hello/.cargo/config.toml", &configuration),
        ("hello/Cargo.toml", &manifest("hello", "1.2.3", "\n[lints.rust]\nunexpected_cfgs = \"allow\"\n")),
        ("hello/src/main.rs", main),
    ]);
    let program = alone(&checkout).await;
    for word in ["a word of the configuration", "of the package", "of the workspace"] {
        assert!(says(&program, word), "{word}");
    }
}

#[tokio::test]
async fn build_flags_in_the_configuration_apply() {
    let checkout = files(&[
        ("hello/.cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"special=\\\"a b\\\"\"]\n"),
        ("hello/Cargo.toml", &manifest("hello", "1.2.3", "\n[lints.rust]\nunexpected_cfgs = \"allow\"\n")),
        ("hello/src/main.rs", "fn main() {\n    if cfg!(special = \"a b\") { println!(\"something special\") }\n}\n"),
    ]);
    assert!(says(&alone(&checkout).await, "something special"));
}

#[tokio::test]
async fn dependency_of_the_same_name_can_be_built() {
    let dependency = files(&[
        ("Cargo.toml", &manifest("hello", "0.9.0", "")),
        ("src/lib.rs", "pub fn place() -> &'static str { concat!(\"the older one, \", file!()) }\n"),
    ]);
    let path = dependency.path().display();
    let needs = format!("\n[dependencies]\nolder = {{ package = \"hello\", path = \"{path}\" }}\n");
    let checkout = files(&[
        ("hello/Cargo.toml", &manifest("hello", "1.2.3", &needs)),
        ("hello/src/main.rs", "fn main() {\n    println!(\"{}\", older::place());\n}\n"),
    ]);
    let program = alone(&checkout).await;
    assert!(says(&program, "the older one, /dependencies/hello-0.9.0/src/lib.rs"));
    assert!(!says_path(&program, &dependency), "where the dependency is");
}

#[tokio::test]
async fn checkouts_in_one_target_directory_share_dependencies() {
    let dependency = files(&[
        ("Cargo.toml", &manifest("shared", "0.1.0", "")),
        ("src/lib.rs", "pub const WORD: &str = \"shared\";\n"),
    ]);
    let needs = format!("\n[dependencies]\nshared = {{ path = \"{}\" }}\n", dependency.path().display());
    let checkout = || {
        files(&[
            ("hello/Cargo.toml", &manifest("hello", "1.2.3", &needs)),
            ("hello/src/main.rs", "fn main() {\n    println!(\"{}\", shared::WORD);\n}\n"),
        ])
    };
    let target = tempfile::tempdir().expect("a temporary folder");
    assert!(told(&checkout(), &target).await.1.contains("Compiling shared"));
    let said = told(&checkout(), &target).await.1;
    assert!(said.contains("Compiling hello") && !said.contains("Compiling shared"), "{said}");
}

/// The toolchain of this test's compiler, if rustup installed it.
fn toolchain() -> Option<String> {
    let run = |program: &str, args: &[&str]| {
        let output = std::process::Command::new(program).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).expect("it is text").trim().to_owned())
    };
    run("rustup", &["--version"])?;
    run("rustc", &["--print", "sysroot"])
}

#[tokio::test]
async fn toolchain_file_of_the_folder_applies() {
    // Only rustup reads the toolchain file.
    let Some(toolchain) = toolchain() else { return };
    let checkout = files(&[
        ("rust-toolchain.toml", &format!("[toolchain]\npath = {toolchain:?}\n")),
        ("hello/Cargo.toml", &manifest("hello", "1.2.3", "")),
        ("hello/src/main.rs", "fn main() {\n    println!(\"by {:?}\", option_env!(\"RUSTUP_TOOLCHAIN\"));\n}\n"),
    ]);
    assert!(says(&alone(&checkout).await, &toolchain));
}

#[tokio::test]
async fn missing_toolchain_error_names_the_toolchain_file() {
    if toolchain().is_none() {
        return;
    }
    let checkout = files(&[
        // A release that never existed.
        ("hello/rust-toolchain.toml", "[toolchain]\nchannel = \"1.0.999\"\n"),
        ("hello/Cargo.toml", &manifest("hello", "1.2.3", "")),
        ("hello/src/main.rs", "fn main() {}\n"),
    ]);
    let failure =
        build(&checkout.path().join("hello"), Arch::default(), &|_| {}).await.expect_err("there is no such toolchain");
    assert!(failure.to_string().contains("hello/rust-toolchain.toml"), "{failure}");
    let said = format!("{failure:?}");
    assert!(said.contains("1.0.999") && said.contains("rustup toolchain install"), "{said}");
}

#[tokio::test]
async fn folder_without_a_package_is_refused_with_its_path() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let failure = build(folder.path(), Arch::default(), &|_| {}).await.expect_err("there is nothing to build");
    assert!(failure.to_string().contains("not found") && failure.to_string().contains("Cargo.toml"), "{failure}");
}
