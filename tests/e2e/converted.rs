//! Applications like those of AWS Copilot, converted and created, with small programs.

use std::fs;

use crate::{support::text, sweep, tiny::Tiny};

/// Returns a project with these Copilot files, and the stack.yaml converted from them.
fn converted(files: &[(&str, &str)]) -> Tiny {
    let tiny = Tiny::start();
    let project = tiny.0.project();
    for (path, text) in files {
        let path = project.join("copilot").join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    let output = tiny.0.stackctl(&["init", "--from", "copilot", "--region", "eu-west-1", "--force", "--yes"]);
    assert!(output.status.success(), "{}", text(&output));
    let path = project.join("stack.yaml");
    let page = fs::read_to_string(&path).expect("it was written");
    assert!(page.contains("build: { dockerfile: tiny/Dockerfile }"), "{page}");
    fs::write(path, page.replace("build: { dockerfile: tiny/Dockerfile }", "build: tiny")).expect("it can be written");
    tiny
}

const WORKSPACE: (&str, &str) = (".workspace", "application: shop\n");

/// A service on the load balancer that calls an internal one, and a worker.
#[tokio::test(flavor = "multi_thread")]
async fn a_converted_application_whose_services_call_each_other() {
    let web = "name: web\ntype: Load Balanced Web Service\nimage: { build: tiny/Dockerfile, port: 3000 }\nhttp: { path: /, healthcheck: { path: /status, interval: 5s, timeout: 3s } }\ncpu: 256\nmemory: 512\ncount: 2\nnetwork: { connect: true }\nvariables: { API: 'http://api:5000', STAGE: '${COPILOT_ENVIRONMENT_NAME}' }\n";
    let api = "name: api\ntype: Backend Service\nimage: { build: tiny/Dockerfile, port: 5000 }\ncount: 1\n";
    let worker = "name: worker\ntype: Worker Service\nimage: { build: tiny/Dockerfile }\ncommand: wrapped work\n";
    let files = [
        WORKSPACE,
        ("web/manifest.yml", web),
        ("api/manifest.yml", api),
        ("worker/manifest.yml", worker),
        ("environments/prod/manifest.yml", "name: prod\ntype: Environment\n"),
    ];
    let tiny = converted(&files);
    let url = tiny.0.up();
    assert_eq!(tiny.0.settled(), Vec::<String>::new());
    assert_eq!(tiny.0.get(&format!("{url}/call/API")).await, (200, "one".to_owned()));
    assert_eq!(tiny.0.get(&format!("{url}/env/API")).await.1, "http://api.shop.internal:5000");
    tiny.0.must(&["destroy", "--yes", "--unprotect"]);
    assert_eq!(sweep::everything(&tiny.0).await, Vec::<String>::new());
}

/// Files on EFS, and a scheduled job with its own image.
#[tokio::test(flavor = "multi_thread")]
async fn a_converted_application_with_files_and_a_job() {
    let web = "name: web\ntype: Load Balanced Web Service\nimage: { build: tiny/Dockerfile, port: 3000 }\nhttp: { path: /, healthcheck: /status }\nstorage: { volumes: { uploads: { path: /data, read_only: false, efs: true } } }\nenvironments: { prod: { count: 2 }, test: { count: 1 } }\n";
    let job = "name: report\ntype: Scheduled Job\non: { schedule: '@daily' }\nimage: { build: tiny/Dockerfile }\ncommand: wrapped work\ntimeout: 1m\n";
    let tiny = converted(&[WORKSPACE, ("web/manifest.yml", web), ("report/manifest.yml", job)]);
    let url = tiny.0.up();
    assert_eq!(tiny.0.settled(), Vec::<String>::new());
    assert_eq!(tiny.0.get(&format!("{url}/status")).await.0, 200);
    tiny.0.must(&["destroy", "--yes", "--unprotect"]);
    assert_eq!(sweep::everything(&tiny.0).await, Vec::<String>::new());
}
