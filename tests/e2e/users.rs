//! Database users: created from inside the VPC, kept as in stack.yaml, rotated and removed.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::{
    support::{World, text},
    sweep, until,
};

const USERS: &str = "  users: { app: owner, developer: read-only }\n";

/// The stack's database, reached by psql like a client inside the VPC.
pub struct Database {
    host: String,
}

impl Database {
    pub async fn of(world: &World) -> Self {
        let rds = aws_sdk_rds::Client::new(&world.sdk().await);
        let answer = rds.describe_db_instances().send().await.expect("it answers");
        let endpoint = answer.db_instances()[0].endpoint().expect("it is available");
        Self { host: endpoint.address().expect("it has one").to_owned() }
    }

    pub fn psql(&self, user: &str, password: &str, sql: &str) -> Command {
        let mut command = Command::new("psql");
        let to = format!("host={} port=5432 user={user} dbname=app sslmode=require", self.host);
        command.args([&to, "-XAtqc", sql]).env("PGPASSWORD", password).stdin(Stdio::null());
        command
    }

    /// What psql prints for 6 * 7, as the master user without TLS.
    pub fn in_plain_text(&self, password: &str) -> String {
        let to = format!("host={} port=5432 user=postgres dbname=app sslmode=disable", self.host);
        let mut command = Command::new("psql");
        command.args([&to, "-XAtqc", "SELECT 6 * 7"]).env("PGPASSWORD", password).stdin(Stdio::null());
        let output = command.output().expect("psql is installed beside Postgres");
        [output.stdout, output.stderr].iter().map(|printed| String::from_utf8_lossy(printed)).collect()
    }

    fn run(&self, user: &str, password: &str, sql: &str) -> Output {
        self.psql(user, password, sql).output().expect("psql is installed beside Postgres")
    }

    /// Runs `sql`, which must succeed, and returns its result.
    pub fn ask(&self, user: &str, password: &str, sql: &str) -> String {
        let output = self.run(user, password, sql);
        assert!(output.status.success(), "{user}: {sql}: {}", text(&output));
        String::from_utf8(output.stdout).expect("it is text").trim().to_owned()
    }

    /// Runs `sql`, which must fail, and returns the error.
    pub fn refusal(&self, user: &str, password: &str, sql: &str) -> String {
        let output = self.run(user, password, sql);
        assert!(!output.status.success(), "{user} may: {sql}");
        String::from_utf8(output.stderr).expect("it is text")
    }
}

/// Returns the value of one of the stack's secrets.
pub async fn secret(world: &World, name: &str) -> String {
    secret_of(world, "demo", name).await
}

/// Returns the value of one of the secrets of `stack`.
pub async fn secret_of(world: &World, stack: &str, name: &str) -> String {
    let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk().await);
    let name = format!("{stack}/default/{name}");
    let answer = secrets.get_secret_value().secret_id(&name).send().await;
    answer.unwrap_or_else(|error| panic!("{name}: {error:?}")).secret_string().expect("it has one").to_owned()
}

/// Returns the log of the tasks that create the users.
async fn log(world: &World) -> String {
    let logs = aws_sdk_cloudwatchlogs::Client::new(&world.sdk().await);
    let group = "/stackctl/demo/default/database_users";
    let answer = logs.filter_log_events().log_group_name(group).send().await.expect("it answers");
    answer.events().iter().filter_map(|event| event.message()).map(|message| format!("{message}\n")).collect()
}

/// Returns the revision of the service.
async fn revision(world: &World) -> String {
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let answer = ecs.describe_services().cluster("demo-default-main").services("demo-default-web").send().await;
    answer.expect("it answers").services()[0].task_definition().expect("it has one").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn database_users_have_access_until_they_are_removed() {
    let world = World::start();
    let url = world.up();
    let database = Database::of(&world).await;
    let master = secret(&world, "database-password").await;
    // Migrations have run as the master user.
    let owner_of = "SELECT tableowner FROM pg_tables WHERE tablename = 'visitors'";
    assert_eq!(database.ask("postgres", &master, owner_of), "postgres");

    world.edit("  protect: false", &format!("{USERS}  protect: false"));
    let mut plan = world.plan();
    plan.sort();
    assert_eq!(
        plan,
        [
            "create log_group.database_users",
            "create role.database_users-execution",
            "create secret.database-user-app",
            "create secret.database-user-developer",
            "create security_group.database_users",
            "create task_definition.database_users",
            "run database_users.database",
            "run release.web",
            "update secret.database-url",
            "update security_group.database",
            "update service.web",
            "update task_definition.web",
        ]
    );
    let shown = world.must(&["plan", "--details"]);
    assert!(shown.contains("app=owner developer=read-only") && !shown.contains("CREATE ROLE"), "{shown}");
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // The application user is the owner now, also of existing tables.
    let (app, developer) = (secret(&world, "database-user-app").await, secret(&world, "database-user-developer").await);
    let own: Value = serde_json::from_str(&secret(&world, "database-url").await).expect("it is JSON");
    assert_eq!((own["username"].as_str(), own["password"].as_str()), (Some("app"), Some(app.as_str())));
    assert_eq!(database.ask("app", &app, owner_of), "app");
    let (status, page) = world.get(&format!("{url}/")).await;
    assert_eq!(status, 200);
    assert!(page.contains(r#"id="visits">1<"#), "{page}");
    let connected = "SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity WHERE datname = 'app' AND pid <> pg_backend_pid()";
    assert_eq!(database.ask("app", &app, connected), "app", "no task is the master any more");

    // Tables of a later migration can be read too, but not written.
    database.ask(
        "app",
        &app,
        "CREATE SCHEMA later; CREATE TABLE later.things (id serial PRIMARY KEY); ALTER TABLE visitors ADD note text",
    );
    database.ask("app", &app, "INSERT INTO later.things DEFAULT VALUES");
    assert_eq!(database.ask("developer", &developer, "SELECT count(*) FROM later.things"), "1");
    assert_eq!(database.ask("developer", &developer, "SELECT count(*) FROM visitors"), "1");
    for sql in [
        "INSERT INTO later.things DEFAULT VALUES",
        "UPDATE visitors SET note = 'x'",
        "DELETE FROM visitors",
        "TRUNCATE visitors",
        "DROP TABLE visitors",
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "SELECT nextval('later.things_id_seq')",
        "SET ROLE app",
        "CREATE ROLE other",
    ] {
        let why = database.refusal("developer", &developer, sql);
        assert!(why.contains("permission denied") || why.contains("must be owner"), "{sql}: {why}");
    }

    // No password is visible outside the secrets.
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let definition = ecs.describe_task_definition().task_definition("demo-default-database_users").send().await;
    let definition = format!("{:?}", definition.expect("it answers").task_definition());
    let said = log(&world).await;
    assert!(said.contains("app: owner") && said.contains("developer: read-only"), "{said}");
    for password in [&master, &app, &developer] {
        assert!(!definition.contains(password.as_str()) && !said.contains(password.as_str()));
    }

    // A removed user has no access: no login, no session, no role, no secret. The others keep theirs.
    let mut session = sleeping(&database, "developer", &developer).await;
    let before = revision(&world).await;
    world.edit(", developer: read-only", "");
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert!(!session.wait().expect("it ends").success(), "the session that was open is closed");
    assert!(database.refusal("developer", &developer, "SELECT 1").contains("authentication failed"));
    let roles = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin";
    assert_eq!(database.ask("app", &app, roles), "app postgres rdsadmin");
    let left = sweep::everything(&world).await;
    assert!(left.iter().all(|resource| !resource.contains("developer")), "{left:?}");
    assert_eq!(revision(&world).await, before, "a user that no service is asks for no release");

    // Without the whole section, the master user owns everything again.
    world.edit("  users: { app: owner }\n", "");
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    assert!(database.refusal("app", &app, "SELECT 1").contains("authentication failed"));
    assert_eq!(database.ask("postgres", &master, owner_of), "postgres");
    assert_eq!(world.get(&format!("{url}/")).await.0, 200);

    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
}

/// Opens a session that stays open.
async fn sleeping(database: &Database, user: &str, password: &str) -> Child {
    let sleep = "SELECT pg_sleep(600)";
    let child = database.psql(user, password, sleep).stderr(Stdio::null()).spawn().expect("psql is installed");
    let open = format!("SELECT count(*) FROM pg_stat_activity WHERE query = '{sleep}'");
    until::so("the session is open", async || database.ask(user, password, &open) == "1").await;
    child
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_updates_everything_that_uses_the_password() {
    let world = World::start();
    world.edit("  protect: false", &format!("{USERS}  protect: false"));
    let url = world.up();
    let database = Database::of(&world).await;
    let old = secret(&world, "database-user-developer").await;

    // Nothing happens without confirmation, or for an unknown name.
    let refused = world.stackctl(&["secrets", "rotate", "database.developer"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    let unknown = world.stackctl(&["secrets", "rotate", "database.nobody", "--yes"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown));
    assert!(text(&unknown).contains("database.app, database.developer"), "{}", text(&unknown));
    assert_eq!(secret(&world, "database-user-developer").await, old);

    // A user that no service uses: no service is updated.
    let before = revision(&world).await;
    let rotated = text(&world.stackctl(&["secrets", "rotate", "database.developer", "--yes"]));
    let new = secret(&world, "database-user-developer").await;
    assert!(new != old && !rotated.contains(&new) && !rotated.contains(&old), "{rotated}");
    assert!(rotated.contains("demo/default/database-user-developer"), "{rotated}");
    assert!(database.refusal("developer", &old, "SELECT 1").contains("authentication failed"));
    assert_eq!(database.ask("developer", &new, "SELECT count(*) FROM visitors"), "0");
    assert_eq!(revision(&world).await, before);
    assert_eq!(world.plan(), Vec::<String>::new());

    // The user of the service, at first without updating its tasks: the plan shows the pending update.
    let old = secret(&world, "database-user-app").await;
    let rotated = text(&world.stackctl(&["secrets", "rotate", "database.app", "--yes", "--no-redeploy"]));
    assert!(rotated.contains("Still to be redeployed: web"), "{rotated}");
    let new = secret(&world, "database-user-app").await;
    assert!(secret(&world, "database-url").await.contains(&new));
    assert!(database.refusal("app", &old, "SELECT 1").contains("authentication failed"));
    assert_eq!(world.plan(), ["update task_definition.web", "run release.web", "update service.web"]);
    assert_eq!(
        world.changes(),
        ["task_definition.web secrets.DATABASE_URL.version", "service.web task_definition"],
        "and says why"
    );
    // Until the update is done, another rotation is refused.
    let refused = world.stackctl(&["secrets", "rotate", "database.app", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("stackctl up"), "{}", text(&refused));
    world.up();

    // Now with its tasks.
    let before = revision(&world).await;
    let rotated = text(&world.stackctl(&["secrets", "rotate", "database.app", "--yes"]));
    assert_ne!(revision(&world).await, before, "{rotated}");
    assert_eq!(world.plan(), Vec::<String>::new());
    let (status, page) = world.get(&format!("{url}/")).await;
    assert_eq!(status, 200);
    assert!(page.contains(r#"id="visits">1<"#), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_database_role_is_reported_and_left_alone() {
    let world = World::start();
    let url = world.up();
    let database = Database::of(&world).await;
    let master = secret(&world, "database-password").await;
    database.ask("postgres", &master, "CREATE ROLE developer LOGIN PASSWORD 'of-somebody'");
    world.edit("  protect: false", &format!("{USERS}  protect: false"));
    let before = revision(&world).await;

    let failed = world.stackctl(&["up", "--yes"]);
    let said = text(&failed);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("there is a role developer already"), "{said}");
    assert!(said.contains("exit code 3") && said.contains("could not create or update"), "{said}");
    // Nothing is half done: the foreign role keeps its password, the other user does not exist, and the service runs
    // as before.
    assert_eq!(database.ask("developer", "of-somebody", "SELECT 1"), "1");
    assert_eq!(database.ask("postgres", &master, "SELECT count(*) FROM pg_roles WHERE rolname = 'app'"), "0");
    assert_eq!(revision(&world).await, before);
    assert_eq!(world.get(&format!("{url}/")).await.0, 200);

    // The failed step is still planned, and succeeds once the foreign role is gone.
    assert!(world.plan().contains(&"run database_users.database".to_owned()), "{:?}", world.plan());
    database.ask("postgres", &master, "DROP ROLE developer");
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());
    let app = secret(&world, "database-user-app").await;
    assert_eq!(database.ask("app", &app, "SELECT current_user"), "app");
}
