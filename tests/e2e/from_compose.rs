//! Compose applications that `stackctl init --from compose` converts, with small programs: created from the converted
//! file, released under traffic, and destroyed completely.

use std::fs;

use crate::{support::text, sweep, tiny::Tiny, traffic::Traffic};

impl Tiny {
    /// Returns a project with these files, and the stack.yaml converted from them.
    fn converted(files: &[(&str, &str)], answers: &[&str]) -> Self {
        let tiny = Self::start();
        let project = tiny.0.project().clone();
        for (path, content) in files {
            let path = project.join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, content).expect("it can be written");
        }
        let mut words =
            vec!["init", "--from", "compose", "--force", "--yes", "--name", "shop", "--region", "eu-west-1"];
        words.extend(answers.iter().flat_map(|answer| ["--answer", answer]));
        tiny.0.must(&words);
        let stack = project.join("stack.yaml");
        let page = fs::read_to_string(&stack).expect("it was written");
        // The small program is a Cargo package, and these tests need no NAT gateway and no certificate.
        let page = page.replace("{ dockerfile: tiny/Dockerfile }", "tiny");
        fs::write(stack, format!("{page}network: {{ nat: none }}\nload_balancer: {{ tls: off }}\n"))
            .expect("it can be written");
        tiny
    }

    async fn lives(&self, url: &str) {
        self.say("two");
        let traffic = Traffic::start(url);
        let deployed = tokio::task::block_in_place(|| self.0.stackctl(&["deploy", "--yes"]));
        let report = traffic.stop().await;
        assert!(deployed.status.success(), "{}", text(&deployed));
        assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
        assert_eq!(self.0.settled(), Vec::<String>::new());
        self.0.must(&["destroy", "--yes", "--unprotect"]);
        // A protected database leaves its final snapshot.
        let left = sweep::everything(&self.0).await;
        let left: Vec<&String> = left.iter().filter(|one| !one.starts_with("DB snapshot")).collect();
        assert_eq!(left, Vec::<&String>::new());
    }
}

/// Database settings as parts, a migration that runs once, a worker, and uploads that both share.
const PARTS: &str = "
services:
  db:
    image: postgres:16-alpine
    environment: { POSTGRES_USER: shop, POSTGRES_PASSWORD: hunter22, POSTGRES_DB: shop }
    volumes: [pg:/var/lib/postgresql/data]
  migrate:
    build: ./tiny
    command: prepare
    depends_on: [db]
  web:
    build: ./tiny
    ports: ['8080:3000']
    environment:
      DB_HOST: db
      DB_USER: shop
      DB_PASSWORD: hunter22
      DB_URL: jdbc:postgresql://db:5432/shop
      SECRET_KEY_BASE: hunter33
      LEVEL: ${LEVEL:-info}
    volumes: [uploads:/app/uploads]
    depends_on: { migrate: { condition: service_completed_successfully } }
    healthcheck: { test: [CMD, curl, -f, 'http://localhost:3000/status'] }
    stop_grace_period: 2s
    deploy: { replicas: 2 }
  worker:
    build: ./tiny
    command: wrapped work
    environment: { SECRET_KEY_BASE: hunter33 }
    volumes: [uploads:/app/uploads]
    stop_grace_period: 2s
volumes: { pg: {}, uploads: {} }
";

#[tokio::test(flavor = "multi_thread")]
async fn compose_app_with_migration_and_worker_runs() {
    let tiny = Tiny::converted(&[("compose.yaml", PARTS)], &[]);
    let world = &tiny.0;
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let told = async |name: &str| world.get(&format!("{url}/env/{name}")).await.1;
    assert_eq!((told("LEVEL").await, told("DB_USER").await), ("info".to_owned(), "shop".to_owned()));
    assert!(told("DB_URL").await.starts_with("jdbc:postgresql://"), "it is the database's");
    let (password, key) = (told("DB_PASSWORD").await, told("SECRET_KEY_BASE").await);
    assert_eq!(key.len(), 32, "it was made");
    assert!(!password.is_empty() && password != "hunter22", "it is the database's");
    world.must(&["run", "worker", "--", "write", "/app/uploads/one", "by the worker"]);
    assert_eq!(world.get(&format!("{url}/file/app/uploads/one")).await, (200, "by the worker".to_owned()));
    tiny.lives(&format!("{url}/")).await;
}

/// A proxy whose configuration only passes requests on, and a service that another one calls by name.
const PROXY: &str = "
services:
  proxy:
    image: nginx:1.27
    ports: ['80:80']
    volumes: ['./deploy/nginx.conf:/etc/nginx/conf.d/default.conf:ro']
    depends_on: [front, api]
  front:
    build: ./tiny
    environment: { BACKEND_URL: 'http://api:4000' }
    healthcheck: { test: 'curl -f http://localhost:3000/status' }
    stop_grace_period: 2s
  api:
    build: ./tiny
    environment: [NAME=api]
    stop_grace_period: 2s
";

const NGINX: &str = "server {
  listen 80;
  location / { proxy_pass http://front:3000; }
  location /env/NAME { proxy_pass http://api:4000; }
}
";

#[tokio::test(flavor = "multi_thread")]
async fn compose_proxy_is_converted_to_routes() {
    let answer = "services.api.health=/status";
    let tiny = Tiny::converted(&[("compose.yaml", PROXY), ("deploy/nginx.conf", NGINX)], &[answer]);
    let world = &tiny.0;
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/env/NAME")).await, (200, "api".to_owned()));
    assert_eq!(world.get(&format!("{url}/call/BACKEND")).await, (200, "one".to_owned()));
    tiny.lives(&format!("{url}/call/BACKEND")).await;
}
