//! An application with its own variable names: its database settings as parts, and inside a JDBC text. They work,
//! also after a rotation, and nobody else can see them.

use crate::{
    support::{World, text},
    tiny::Tiny,
    users::{Database, secret_of},
};

const STACK: &str = "database: { protect: false, users: { app: owner, reader: read-only } }
services:
";

const VALUES: &str = "    env:
      DB_HOST: ((database.host))
      DB_PORT: ((database.port))
      DB_USER: ((database.user))
      DB_NAME: ((database.name))
      PUBLIC: ((stack.url))/((stack.environment))
    secrets:
      DB_PASSWORD: ((database.password))
      JDBC_URL: jdbc:postgresql://((database.host)):((database.port))/((database.name))?user=((database.user))&password=((database.password))
      REPORTS: ((database.users.reader.url))
    without: [DATABASE_URL]
    stop_timeout: 2
";

/// Returns the value of the variable in the container.
async fn told(world: &World, url: &str, name: &str) -> String {
    world.get(&format!("{url}/env/{name}")).await.1
}

/// Connects in each of the three ways. Returns the password of the first.
async fn connects(world: &World, url: &str) -> String {
    let database = Database::of(world).await;
    let (user, password) = (told(world, url, "DB_USER").await, told(world, url, "DB_PASSWORD").await);
    assert_eq!(database.ask(&user, &password, "SELECT current_user"), "app");
    let (host, port, name) =
        (told(world, url, "DB_HOST").await, told(world, url, "DB_PORT").await, told(world, url, "DB_NAME").await);
    let expected = format!("jdbc:postgresql://{host}:{port}/{name}?user={user}&password={password}");
    assert_eq!(told(world, url, "JDBC_URL").await, expected);
    let reports = told(world, url, "REPORTS").await;
    let (reader, its_password) = reports
        .strip_prefix("postgresql://")
        .and_then(|rest| rest.strip_suffix(&format!("@{host}:{port}/{name}"))?.split_once(':'))
        .expect("it is a URL");
    assert_eq!((reader, database.ask(reader, its_password, "SELECT current_user").as_str()), ("reader", "reader"));
    password
}

#[tokio::test(flavor = "multi_thread")]
async fn application_gets_its_database_in_its_own_variables() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", STACK);
    world.edit("    stop_timeout: 2\n", VALUES);
    let planned = world.must(&["plan", "--output", "json", "--out", "plan.json"]);
    assert!(planned.contains("secret.web.JDBC_URL") && !planned.contains("jdbc:"), "{planned}");
    let url = world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert_eq!(told(world, &url, "DATABASE_URL").await, "");
    assert_eq!(told(world, &url, "PUBLIC").await, format!("{url}/default"));
    let before = connects(world, &url).await;

    // A rotation updates every value that contains the password at once.
    let rotated = text(&world.stackctl(&["secrets", "rotate", "database.app", "--yes"]));
    let after = connects(world, &url).await;
    assert!(before != after && !rotated.contains(&after), "{rotated}");
    let refusal = Database::of(world).await.refusal("app", &before, "SELECT 1");
    assert!(refusal.contains("authentication failed"), "{refusal}");
    assert_eq!(world.plan(), Vec::<String>::new());
    // The same holds for a user that appears in none of stackctl's own URLs.
    let reports = told(world, &url, "REPORTS").await;
    world.must(&["secrets", "rotate", "database.reader", "--yes"]);
    assert_ne!(told(world, &url, "REPORTS").await, reports);
    connects(world, &url).await;

    // ECS reads the value from its secret, and it appears nowhere else.
    assert_eq!(secret_of(world, "tiny", "web.JDBC_URL").await, told(world, &url, "JDBC_URL").await);
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let definition = ecs.describe_task_definition().task_definition("tiny-default-web").send().await;
    let definition = format!("{:?}", definition.expect("it answers"));
    let plan = std::fs::read_to_string(world.project().join("plan.json")).expect("it was written");
    let listed = world.must(&["secrets", "list", "--output", "json"]);
    for place in [&definition, &plan, &listed] {
        assert!(![&before, &after].iter().any(|password| place.contains(*password)), "{place}");
    }
    assert!(listed.contains("tiny/default/web.JDBC_URL"), "{listed}");

    // A changed text gives a changed value, and without its line the value is deleted.
    world.edit("jdbc:postgresql://", "jdbc:postgres://");
    world.up();
    assert!(told(world, &url, "JDBC_URL").await.starts_with("jdbc:postgres://"));
    world.edit("      REPORTS: ((database.users.reader.url))\n", "");
    assert!(world.plan().contains(&"delete secret.web.REPORTS".to_owned()));
    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(crate::sweep::everything(world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn services_share_a_secret_alone_and_inside_a_text() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "replicas: 1\n    routes: [/*]\n    secrets: { KEY: generate, TOKEN: set }");
    let other = "services:\n  api:\n    build: tiny\n    port: 3000\n    replicas: 1\n    health: /status\n    routes: [/env/SHARED, /env/URL]\n    \
                 secrets:\n      SHARED: ((services.web.secrets.KEY))\n      \
                 URL: nats://app:((services.web.secrets.TOKEN))@nats:4222\n    stop_timeout: 2\n";
    world.edit("services:\n", other);
    let give = |value: &str| {
        let file = world.project().join("token");
        std::fs::write(&file, value).expect("it can be written");
        let given = std::fs::File::open(file).expect("it is there");
        let output = world.command(&["secrets", "set", "web.TOKEN", "--yes"]).stdin(given).output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output));
    };
    give("one");
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let key = told(world, &url, "KEY").await;
    assert_eq!((key.len(), told(world, &url, "SHARED").await), (32, key.clone()));
    assert_eq!(told(world, &url, "URL").await, "nats://app:one@nats:4222");

    // The next `up` puts another value into the text.
    give("two");
    world.up();
    assert_eq!(told(world, &url, "URL").await, "nats://app:two@nats:4222");
    assert_eq!(world.settled(), Vec::<String>::new());
    let ended = text(&world.stackctl(&["destroy", "--yes"]));
    assert!(!ended.contains(&key), "{ended}");
}
