//! `stackctl init`: a newcomer's first minutes, the files that it writes, and that they can be deployed.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    dockerfile::SERVER,
    iam,
    support::{World, text},
};

/// A stack of one small service.
const STACK: &str = "name: shop\nregion: eu-west-1\nnetwork: { nat: none }\nload_balancer: { tls: off }\n\
    services: { web: { build: shop, port: 3000, health: / } }\n";

/// Operations that need no permission.
const FREE: &[&str] = &["GetCallerIdentity"];

/// Operations of the registry's own protocol, which have other names in IAM.
const PUSH: &[&str] =
    &["BatchCheckLayerAvailability", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage", "UploadLayerPart"];

/// Creates an empty folder in the world.
fn folder(world: &World, name: &str) -> PathBuf {
    let folder = world.project().with_file_name(name);
    fs::create_dir(&folder).expect("a folder");
    folder
}

fn package(folder: &Path, name: &str) {
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n");
    fs::write(folder.join("Cargo.toml"), manifest).expect("it can be written");
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").expect("it can be written");
}

fn run(world: &World, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = world.command(arguments);
    command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION");
    world.started(command.current_dir(folder)).wait_with_output().expect("the binary runs")
}

fn must(world: &World, folder: &Path, arguments: &[&str]) -> String {
    let output = run(world, folder, arguments);
    assert!(output.status.success(), "stackctl {}: {}", arguments.join(" "), text(&output));
    String::from_utf8(output.stdout).expect("it is text")
}

fn refused(world: &World, folder: &Path, arguments: &[&str]) -> String {
    let output = run(world, folder, arguments);
    assert_eq!(output.status.code(), Some(3), "stackctl {}: {}", arguments.join(" "), text(&output));
    text(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_becomes_a_stack_that_validates_and_plans() {
    let world = World::start();
    let shop = folder(&world, "first");
    package(&shop, "Coffee_Shop");
    must(&world, &shop, &["init", "--yes", "--region", "eu-west-1", "--database"]);
    let written = fs::read_to_string(shop.join("stack.yaml")).expect("it was written");
    assert!(
        written.contains("name: coffee-shop\n") && written.contains("build: .\n") || written.contains("build: . "),
        "{written}"
    );
    let valid = must(&world, &shop, &["validate"]);
    assert!(valid.contains("stack coffee-shop") && valid.contains("a database"), "{valid}");
    let plan: Value = serde_json::from_str(&must(&world, &shop, &["plan", "--output", "json"])).expect("one document");
    let steps: BTreeSet<&str> =
        plan["steps"].as_array().expect("it has steps").iter().filter_map(|step| step["address"].as_str()).collect();
    for address in ["vpc.main", "db_instance.database", "image.coffee-shop", "service.web", "load_balancer.main"] {
        assert!(steps.contains(address), "{steps:?}");
    }

    // Existing files belong to the user.
    let said = refused(&world, &shop, &["init", "--yes", "--region", "eu-north-1"]);
    assert!(said.contains("stack.yaml already exists") && said.contains("--force"), "{said}");
    assert_eq!(fs::read_to_string(shop.join("stack.yaml")).expect("it is there"), written);
    must(&world, &shop, &["init", "--yes", "--region", "eu-north-1", "--force"]);
    let again = fs::read_to_string(shop.join("stack.yaml")).expect("it is there");
    assert!(again.contains("region: eu-north-1") && !again.contains("database:"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_flags_are_listed_without_a_terminal() {
    let world = World::start();
    let empty = folder(&world, "empty");
    let said = refused(&world, &empty, &["init", "--name", "shop", "--image", "nginx:1.27"]);
    for flag in ["--region", "--service", "--port", "--health", "--database or --no-database"] {
        assert!(said.contains(flag), "{flag}: {said}");
    }
    assert!(!said.contains("--name,"), "{said}");
    let said = refused(&world, &empty, &["init", "--yes"]);
    assert!(said.contains("--region") && said.contains("--build, --dockerfile or --image"), "{said}");
    let said = refused(&world, &empty, &["init", "--yes", "--region", "moon", "--image", "nginx:1.27"]);
    assert!(said.contains("stack.yaml:") && said.contains("invalid AWS region"), "{said}");
    let said = refused(&world, &empty, &["init", "--yes", "--region", "eu-west-1", "--image", "x", "--port", "99999"]);
    assert!(said.contains("--port") && said.contains("1 to 65535"), "{said}");
    assert_eq!(fs::read_dir(&empty).expect("it is there").count(), 0, "nothing was written");

    must(&world, &empty, &["init", "--yes", "--region", "eu-west-1", "--image", "nginx:1.27", "--port", "none"]);
    let written = fs::read_to_string(empty.join("stack.yaml")).expect("it was written");
    assert!(!written.contains("health:") && !written.contains("port:"), "{written}");
    must(&world, &empty, &["validate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_becomes_services_and_a_dockerfile_gives_the_port() {
    let world = World::start();
    let workspace = folder(&world, "workspace");
    let manifest = "[workspace]\nmembers = [\"api\", \"jobs\"]\nresolver = \"3\"\n";
    fs::write(workspace.join("Cargo.toml"), manifest).expect("it can be written");
    package(&workspace.join("api"), "api");
    package(&workspace.join("jobs"), "jobs");
    let said = run(&world, &workspace, &["init", "--yes", "--region", "eu-west-1"]);
    assert!(said.status.success(), "{}", text(&said));
    assert!(text(&said).contains("Found 2 Cargo packages with a binary: api in api, jobs in jobs."), "{}", text(&said));
    assert!(text(&said).contains("This stack costs about "), "{}", text(&said));
    let written = fs::read_to_string(workspace.join("stack.yaml")).expect("it was written");
    assert!(written.contains("  api:\n    build: api") && written.contains("  jobs:\n    build: jobs"), "{written}");
    must(&world, &workspace, &["validate"]);
    must(&world, &workspace, &["init", "--yes", "--region", "eu-west-1", "--build", "jobs", "--force"]);
    let written = fs::read_to_string(workspace.join("stack.yaml")).expect("it was written");
    assert!(written.contains("name: workspace\n") && written.contains("build: jobs"), "{written}");

    let boxed = folder(&world, "boxed");
    fs::write(boxed.join("Dockerfile"), "FROM scratch\nEXPOSE 8080\n").expect("it can be written");
    fs::write(boxed.join("compose.yaml"), "services: { web: { build: . } }\n").expect("it can be written");
    let said = refused(&world, &boxed, &["init"]);
    assert!(said.contains("To convert it, run `stackctl init --from compose`."), "{said}");
    must(&world, &boxed, &["init", "--yes", "--region", "eu-west-1"]);
    let written = fs::read_to_string(boxed.join("stack.yaml")).expect("it was written");
    assert!(written.contains("dockerfile: Dockerfile") && written.contains("port: 8080"), "{written}");
    must(&world, &boxed, &["validate"]);
}

/// `script` gives the binary a terminal.
#[tokio::test(flavor = "multi_thread")]
async fn init_asks_on_a_terminal_until_answers_are_valid() {
    let world = World::start();
    let shop = folder(&world, "asked");
    package(&shop, "shop");
    let binary = world.command(&[]).get_program().to_owned();
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command"]);
    command.arg(format!("{} init", binary.display())).arg("/dev/null");
    command.current_dir(&shop).env("TERM", "xterm").env("NO_COLOR", "1").env_remove("CI");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("util-linux is there");
    let mut stdin = child.stdin.take().expect("it is piped");
    // Name: an invalid one first, then the default. Region, service, port, health, database, cache.
    stdin.write_all(b"No Good\r\reu-west-3\rapi\r8080\r/up\ry\rn\r").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    drop(stdin);
    assert!(output.status.success(), "{}", text(&output));
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("invalid stack name"), "{shown}");
    let written = fs::read_to_string(shop.join("stack.yaml")).expect("it was written");
    for line in ["name: shop", "region: eu-west-3", "database: {}", "  api:", "    port: 8080", "    health: /up"] {
        assert!(written.lines().any(|own| own.starts_with(line)), "{line}\n{written}");
    }
    must(&world, &shop, &["validate"]);
}

/// Returns the operations that a policy written by `init --ci` allows.
fn allowed(policy: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(policy).unwrap_or_else(|error| panic!("{}: {error}", policy.display()));
    let policy: Value = serde_json::from_str(&text).expect("it is JSON");
    let statements = policy["Statement"].as_array().expect("it has statements").iter();
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        Value::String(action) => vec![action.clone()],
        several => several.as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    });
    actions.filter_map(|action| Some(action.split_once(':')?.1.to_owned())).collect()
}

/// Asserts that the pipeline role `role` allows every call since the last check.
async fn made_within(world: &World, role: &str) {
    let allowed = allowed(&world.project().join(format!("ci/{role}-policy.json")));
    let calls = world.calls().await;
    assert!(calls.len() > 10, "{calls:?}");
    for call in &calls {
        let operation = call["operation"].as_str().expect("it has a name");
        if call["service"] == "registry" {
            // The IAM actions that a push needs.
            // https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
            assert!(PUSH.iter().all(|action| allowed.contains(*action)), "{role}: {call}");
            continue;
        }
        assert!(FREE.contains(&operation) || allowed.contains(iam::action(operation)), "{role}: {call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipeline_roles_are_valid_and_sufficient() {
    let world = World::start();
    let github = ["init", "--ci", "github", "--repository", "ada/shop", "--account", "123456789012"];
    must(&world, &world.project(), &github);
    let iam = aws_sdk_iam::Client::new(&world.sdk().await);
    for role in ["plan", "deploy"] {
        let read = |part: &str| {
            fs::read_to_string(world.project().join(format!("ci/{role}-{part}.json"))).expect("it is there")
        };
        let create = iam.create_role().role_name(role).assume_role_policy_document(read("trust"));
        create.send().await.unwrap_or_else(|error| panic!("{role}: {error:?}"));
        let put = iam.put_role_policy().role_name(role).policy_name("stackctl").policy_document(read("policy"));
        put.send().await.unwrap_or_else(|error| panic!("{role}: {error:?}"));
    }
    // A small program replaces the application, because only the calls matter.
    let shop = world.project().join("shop");
    package(&shop, "shop");
    let server =
        |word: &str| fs::write(shop.join("src/main.rs"), SERVER.replace("WORD", word)).expect("it can be written");
    server("good");
    fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    world.up();
    world.forget_calls().await;
    world.must(&["plan"]);
    made_within(&world, "plan").await;

    // A new version, so that there is something to push and to roll out.
    server("best");
    world.forget_calls().await;
    world.must(&["deploy"]);
    made_within(&world, "deploy").await;
}
