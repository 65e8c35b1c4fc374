//! Realistic applications made of small programs: created, released without a failed request, and destroyed
//! completely.

use std::fs;

use crate::{domain::zone, support::text, sweep, tiny::Tiny, traffic::Traffic};

impl Tiny {
    /// Returns the project with this stack.yaml.
    fn described(file: &str) -> Self {
        let tiny = Self::start();
        fs::write(tiny.0.project().join("stack.yaml"), file).expect("it can be written");
        tiny
    }

    /// Releases another version under traffic to `url`. No request may fail.
    async fn released_under_traffic(&self, word: &str, url: &str) {
        self.say(word);
        let traffic = Traffic::start(url);
        let deployed = tokio::task::block_in_place(|| self.0.stackctl(&["deploy", "--yes"]));
        let report = traffic.stop().await;
        assert!(deployed.status.success(), "{}", text(&deployed));
        assert_eq!(report.failures, Vec::<String>::new(), "of {} requests", report.sent);
        assert_eq!(self.0.get(url).await, (200, word.to_owned()));
        assert_eq!(self.0.settled(), Vec::<String>::new());
    }

    /// Destroys the stack and checks that nothing is left.
    async fn leaves_nothing(&self) {
        self.0.must(&["destroy", "--yes", "--unprotect"]);
        assert_eq!(sweep::everything(&self.0).await, Vec::<String>::new());
        assert_eq!(sweep::processes_of(&self.0), Vec::<String>::new());
    }
}

/// From AWS Copilot: two web services with domains, a backend service and a worker, with a sidecar, files on EFS and
/// a job.
const COPILOT: &str = "name: shop
region: eu-west-1
network: { nat: none }
load_balancer: { tls: acm, domain: shop.example.com }
volumes: { uploads: {} }
services:
  front:
    build: tiny
    port: 3000
    replicas: 2
    health: /status
    routes: [/*]
    calls: [billing]
    volumes: { uploads: /data }
    stop_timeout: 2
  api:
    build: tiny
    port: 4000
    health: { path: /status, grace: 30s }
    domains: [api.example.com]
    calls: [billing]
    sidecars:
      helper: { command: [wrapped, work], essential: false, stop_timeout: 2 }
    stop_timeout: 2
  billing:
    build: tiny
    port: 5000
    replicas: 2
    stop_timeout: 2
  worker:
    build: tiny
    command: [wrapped, work]
    volumes: { uploads: /srv/uploads }
    stop_timeout: 2
jobs:
  report: { service: worker, command: [write, /srv/uploads/report, done], schedule: \"cron(0 3 * * ? *)\", timeout: 1m }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_copilot_application_with_four_services() {
    let tiny = Tiny::described(COPILOT);
    let world = &tiny.0;
    let route53 = aws_sdk_route53::Client::new(&world.sdk().await);
    zone(&route53, "example.com", false).await;
    let before = sweep::everything(world).await;
    assert_eq!(world.up(), "https://shop.example.com");
    assert_eq!(world.settled(), Vec::<String>::new());
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&world.sdk().await);
    let found = elb.describe_load_balancers().send().await.expect("it answers");
    let name = found.load_balancers()[0].dns_name().expect("it has one").to_owned();
    let url = format!("https://{name}");
    assert_eq!(world.get(&format!("{url}/call/BILLING")).await, (200, "one".to_owned()));
    world.must(&["jobs", "run", "report"]);
    assert_eq!(world.get(&format!("{url}/file/data/report")).await, (200, "done".to_owned()));

    tiny.released_under_traffic("two", &format!("{url}/call/BILLING")).await;
    assert_eq!(world.get(&format!("{url}/file/data/report")).await, (200, "done".to_owned()), "files stay");
    world.must(&["destroy", "--yes", "--unprotect"]);
    assert_eq!(sweep::everything(world).await, before);
}

/// From Docker Compose: an application that reads its database settings as parts, with a migration before each
/// release.
const PARTS: &str = "name: shop
region: eu-west-1
network: { nat: none }
load_balancer: { tls: off }
database: { protect: false, backup_days: 0 }
services:
  web:
    build: tiny
    port: 3000
    replicas: 2
    health: /status
    release: [prepare]
    env: { DB_HOST: ((database.host)), DB_NAME: ((database.name)), DB_USER: ((database.user)) }
    secrets:
      DB_PASSWORD: ((database.password))
      DB_URL: jdbc:postgresql://((database.host)):((database.port))/((database.name))?password=((database.password))
      SECRET_KEY_BASE: generate
    without: [DATABASE_URL]
    stop_timeout: 2
  queue:
    build: tiny
    command: [wrapped, work]
    secrets: { SECRET_KEY_BASE: ((services.web.secrets.SECRET_KEY_BASE)) }
    stop_timeout: 2
";

#[tokio::test(flavor = "multi_thread")]
async fn a_compose_application_that_takes_its_database_by_parts() {
    let tiny = Tiny::described(PARTS);
    let world = &tiny.0;
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let told = async |name: &str| world.get(&format!("{url}/env/{name}")).await.1;
    let (host, password) = (told("DB_HOST").await, told("DB_PASSWORD").await);
    let expected = format!("jdbc:postgresql://{host}:5432/{}?password={password}", told("DB_NAME").await);
    assert_eq!(
        told("DB_URL").await.replace(|c: char| c.is_ascii_digit(), ""),
        expected.replace(|c: char| c.is_ascii_digit(), "")
    );
    assert_eq!((told("SECRET_KEY_BASE").await.len(), told("DATABASE_URL").await.len()), (32, 0));
    tiny.released_under_traffic("two", &format!("{url}/")).await;
    tiny.leaves_nothing().await;
}

/// From Docker Compose: a proxy whose configuration is mounted from the project, and an application that only the
/// proxy reaches.
const FRONT: &str = "name: shop
region: eu-west-1
network: { nat: none }
load_balancer: { tls: off }
services:
  front:
    build: tiny
    port: 8080
    replicas: 2
    health: /status
    routes: [/*]
    calls: [app]
    files: { /etc/front/front.conf: deploy/front.conf, /srv/site: site }
    stop_timeout: 2
  app:
    build: tiny
    port: 3000
    replicas: 2
    env_file: deploy/app.env
    stop_timeout: 2
";

#[tokio::test(flavor = "multi_thread")]
async fn a_compose_application_with_a_proxy_and_its_configuration() {
    let tiny = Tiny::described(FRONT);
    let world = &tiny.0;
    let write = |path: &str, text: &str| {
        let path = world.project().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    };
    write("deploy/front.conf", "upstream app");
    write("deploy/app.env", "LEVEL=info\n");
    write("site/index.html", "<p>hello</p>");
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/file/etc/front/front.conf")).await, (200, "upstream app".to_owned()));
    assert_eq!(world.get(&format!("{url}/file/srv/site/index.html")).await, (200, "<p>hello</p>".to_owned()));
    assert_eq!(world.get(&format!("{url}/call/APP")).await, (200, "one".to_owned()));

    // A changed configuration is deployed with the release.
    write("deploy/front.conf", "upstream app; keepalive 8");
    tiny.released_under_traffic("two", &format!("{url}/call/APP")).await;
    let configured = world.get(&format!("{url}/file/etc/front/front.conf")).await.1;
    assert_eq!(configured, "upstream app; keepalive 8");
    tiny.leaves_nothing().await;
}

/// From Docker Compose: an application and its worker, a broker as a service with one task and persistent files, and
/// uploads that both share.
const BROKER: &str = "name: shop
region: eu-west-1
network: { nat: none }
load_balancer: { tls: off }
volumes: { uploads:, messages: {} }
services:
  web:
    build: tiny
    port: 3000
    replicas: 2
    health: /status
    routes: [/*]
    calls: [broker]
    volumes: { uploads: /app/uploads }
    secrets: { BROKER_ADDRESS: \"amqp://app:((services.broker.secrets.PASSWORD))@((services.broker.host)):5672\" }
    stop_timeout: 2
  worker:
    build: tiny
    command: [wrapped, work]
    calls: [broker]
    volumes: { uploads: /app/uploads }
    stop_timeout: 2
  broker:
    build: tiny
    port: 5672
    replace: stop-first
    health: { command: [/app/tiny, prepare], interval: 5 }
    volumes: { messages: /var/lib/broker }
    secrets: { PASSWORD: generate }
    user: \"999:999\"
    ulimits: { nofile: 4096 }
    stop_timeout: 2
";

#[tokio::test(flavor = "multi_thread")]
async fn a_compose_application_with_a_broker_and_shared_uploads() {
    let tiny = Tiny::described(BROKER);
    let world = &tiny.0;
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/call/BROKER")).await, (200, "one".to_owned()));
    let address = world.get(&format!("{url}/env/BROKER_ADDRESS")).await.1;
    let password = address.strip_prefix("amqp://app:").and_then(|rest| rest.strip_suffix("@broker.shop.internal:5672"));
    assert_eq!(password.map(str::len), Some(32), "{address}");
    world.must(&["run", "worker", "--", "write", "/app/uploads/one", "by the worker"]);
    assert_eq!(world.get(&format!("{url}/file/app/uploads/one")).await, (200, "by the worker".to_owned()));
    world.must(&["run", "broker", "--", "write", "/var/lib/broker/message", "kept"]);

    tiny.released_under_traffic("two", &format!("{url}/")).await;
    let said = world.must(&["run", "broker", "--", "read", "/var/lib/broker/message"]);
    assert!(said.contains("read kept"), "{said}");
    assert_eq!(world.get(&format!("{url}/file/app/uploads/one")).await, (200, "by the worker".to_owned()));
    tiny.leaves_nothing().await;
}
