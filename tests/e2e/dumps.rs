//! `db load`: loads dumps into the private database with a task, and the access for people.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use aws_sdk_ecs::types::DesiredStatus;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    support::{World, repository, text},
    sweep,
    tiny::Tiny,
    until,
};

/// Returns the value of one of the stack's secrets.
async fn secret(world: &World, name: &str) -> String {
    let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk().await);
    let answer = secrets.get_secret_value().secret_id(format!("demo/default/{name}")).send().await;
    answer.expect("it is there").secret_string().expect("it has a value").to_owned()
}

/// Runs `sql` as the database user `user` and returns its result.
async fn ask(world: &World, user: &str, secret_name: &str, sql: &str) -> String {
    let rds = aws_sdk_rds::Client::new(&world.sdk().await);
    let answer = rds.describe_db_instances().send().await.expect("it answers");
    let endpoint = answer.db_instances()[0].endpoint().expect("it is available").clone();
    let (host, port) = (endpoint.address().expect("it has one"), endpoint.port().expect("it has one"));
    let to = format!("host={host} port={port} user={user} dbname=app sslmode=require");
    let password = secret(world, secret_name).await;
    let asked = Command::new("psql").args([&to, "-XAtqc", sql]).env("PGPASSWORD", password).output();
    let asked = asked.expect("psql is installed beside Postgres");
    assert!(asked.status.success(), "{user}: {sql}: {}", text(&asked));
    String::from_utf8(asked.stdout).expect("it is text").trim().to_owned()
}

fn file(world: &World, name: &str, content: &str) -> PathBuf {
    let path = world.project().join(name);
    fs::write(&path, content).expect("it can be written");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_gives_the_documented_rates_and_leaves_nothing() {
    let world = World::start();
    let url = world.up();
    let before = sweep::everything(&world).await;
    let sample = repository().join("app/samples/rates.sql");
    let sample = sample.to_str().expect("it is text");

    // The tables exist already, so the database refuses the whole dump and stays unchanged.
    let refused = world.stackctl(&["db", "load", sample, "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    let said = text(&refused);
    assert!(said.contains("already exists") && said.contains("the database is unchanged"), "{said}");
    assert!(said.contains("A statement failed.") && said.contains("then run `stackctl db load` again."), "{said}");
    assert!(!said.contains("stackctl deploy") && !said.contains("stackctl logs"), "a load is no release: {said}");
    assert_eq!(world.plan(), Vec::<String>::new(), "what was there for the load is gone");

    let unsure = world.stackctl(&["db", "load", sample, "--replace"]);
    assert_eq!(unsure.status.code(), Some(3), "nobody was there to ask: {}", text(&unsure));
    let loaded = world.stackctl(&["db", "load", sample, "--replace", "--yes"]);
    assert!(loaded.status.success(), "{}", text(&loaded));
    assert!(text(&loaded).contains("stackctl run web -- migrate"), "{}", text(&loaded));
    world.must(&["run", "web", "--", "migrate"]);
    let query = "rates?date_from=2022-03-04&date_to=2022-03-07&orig_code=lakes&dest_code=ISDAN";
    // Connections to the old database break for a moment.
    let rates = until::some("the rates are answered", async || {
        let (status, rates) = world.get(&format!("{url}/{query}")).await;
        (status == 200).then_some(rates)
    })
    .await;
    let rates: Value = serde_json::from_str(&rates).expect("it is JSON");
    let documented = json!({ "rates": [
        { "day": "2022-03-07", "count": 6, "price": 1153.33 },
        { "day": "2022-03-06", "count": 2, "price": null },
        { "day": "2022-03-05", "count": null, "price": null },
        { "day": "2022-03-04", "count": 6, "price": 1078.33 },
    ] });
    assert_eq!(rates, documented);

    // Tasks that had no tables before `migrate` may still be replaced, one after the other.
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(sweep::everything(&world).await, before, "nothing of the loading stays");
}

/// Stops a process until stackctl has read the log of its task twice, so that even a fast machine shows it at work.
async fn hold(world: &World, process: &str) {
    let process = Pid::from_raw(process.parse().expect("it is a process"));
    let reads = async || world.calls().await.iter().filter(|call| call["operation"] == "GetLogEvents").count();
    if kill(process, Signal::SIGSTOP).is_err() {
        return;
    }
    let before = reads().await;
    until::so("its log is read", async || reads().await >= before + 2).await;
    let _ = kill(process, Signal::SIGCONT);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_dump_is_loaded_for_the_owner_or_not_at_all() {
    let world = World::start();
    world.edit("database:\n", "database:\n  users: { app: owner, developer: read-only }\n");
    world.up();
    let rows: u64 = 1_000_000;
    let mut dump =
        String::from("CREATE TABLE public.big (id integer, text text);\nALTER TABLE public.big OWNER TO them;\n");
    dump.push_str("COPY public.big (id, text) FROM stdin;\n");
    for row in 0..rows {
        let _ = writeln!(
            dump,
            "{row}\t{:016x} and ninety more characters that every row has, so that it is long enough{row}",
            row * 7919
        );
    }
    dump.push_str("\\.\n");
    assert!(dump.len() > 100_000_000, "{}", dump.len());
    let whole = file(&world, "big.sql", &dump);
    let mut packed = Command::new("gzip").arg("-1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip");
    let mut input = packed.stdin.take().expect("it is a pipe");
    let broken = dump.replacen("big", "other", 2).replacen("public.big", "public.other", 1) + "SELECT 1 / 0;\n";
    let writing = std::thread::spawn(move || input.write_all(broken.as_bytes()));
    let packed = packed.wait_with_output().expect("gzip runs");
    writing.join().expect("it ends").expect("gzip reads");
    let broken = world.project().join("broken.sql.gz");
    fs::write(&broken, packed.stdout).expect("it can be written");

    let passwords = [secret(&world, "database-user-app").await, secret(&world, "database-password").await];
    let mut loading = world.spawn(&["db", "load", whole.to_str().expect("text"), "--yes"]);
    let (mut seen, mut was_held) = (String::new(), false);
    while loading.try_wait().expect("it is our child").is_none() {
        for entry in fs::read_dir("/proc").expect("there are processes").flatten() {
            let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let arguments = String::from_utf8_lossy(&arguments).into_owned();
            assert!(passwords.iter().all(|password| !arguments.contains(password)), "a password is an argument");
            if arguments.contains("--single-transaction") {
                let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
                let environment = String::from_utf8_lossy(&environment).into_owned();
                let is_own = passwords.iter().any(|password| environment.contains(password));
                if is_own && !was_held && arguments.split('\0').any(|word| word.ends_with("psql")) {
                    hold(&world, &entry.file_name().to_string_lossy()).await;
                    was_held = true;
                }
                seen = arguments;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    let loaded = loading.wait_with_output().expect("it is our child");
    let said = text(&loaded);
    assert!(loaded.status.success(), "{said}");
    assert!(!seen.is_empty(), "the arguments that were looked at were those of the load too");
    assert!(said.contains("sent 5 of "), "the progress of sending is shown: {said}");
    let is_progress = |line: &str| line.split_once("loading ").is_some_and(|(_, rest)| rest.contains(" of "));
    assert!(said.lines().any(is_progress), "and that of loading: {said}");
    let count = "SELECT count(*) FROM big";
    assert_eq!(ask(&world, "developer", "database-user-developer", count).await, rows.to_string());
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'big'";
    assert_eq!(ask(&world, "app", "database-user-app", owner).await, "app");

    for replace in [&["--yes"][..], &["--yes", "--replace"]] {
        let arguments = [&["db", "load", broken.to_str().expect("text")], replace].concat();
        let failed = world.stackctl(&arguments);
        assert_eq!(failed.status.code(), Some(1), "{}", text(&failed));
        // The owner statement that is left out in line 2 does not shift the line numbers.
        let line = format!("psql:<stdin>:{}: ERROR:  division by zero", rows + 5);
        assert!(text(&failed).contains(&line), "{}", text(&failed));
        assert_eq!(ask(&world, "developer", "database-user-developer", count).await, rows.to_string());
        let others = "SELECT count(*) FROM pg_tables WHERE tablename = 'other'";
        assert_eq!(ask(&world, "app", "database-user-app", others).await, "0");
        let databases = "SELECT count(*) FROM pg_database WHERE datname LIKE 'app_%'";
        assert_eq!(ask(&world, "app", "database-user-app", databases).await, "0", "no half of one is left");
    }

    // The same users have the same access to a new database, and nobody else has.
    let small = file(&world, "small.sql", "CREATE TABLE public.small (id integer);\n");
    world.must(&["db", "load", small.to_str().expect("text"), "--replace", "--yes"]);
    assert_eq!(ask(&world, "developer", "database-user-developer", "SELECT count(*) FROM small").await, "0");
    assert_eq!(
        ask(&world, "app", "database-user-app", "SELECT count(*) FROM pg_tables WHERE tablename = 'big'").await,
        "0"
    );
    assert_eq!(world.settled(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_dump_is_reported_with_its_line_before_any_call() {
    let world = World::start();
    let bad = [
        ("archive.dump", "PGDMP\u{1}", "archive.dump: is an archive in pg_dump's custom format"),
        ("rows.csv", "day,price\n2021-01-01,3\n", "rows.csv:1:1: invalid SQL statement: it begins with `day,price`"),
        ("cut.sql", "COPY a FROM stdin;\n1\n", "cut.sql:2:1: it ends in the rows of a table that begins in line 1"),
        ("other.sql", "SELECT 1;\n\\connect other\n", "other.sql:2:1: connects to another database"),
    ];
    world.forget_calls().await;
    for (name, content, expected) in bad {
        file(&world, name, content);
        let refused = world.stackctl(&["db", "load", name, "--yes"]);
        assert_eq!(refused.status.code(), Some(3), "{name}: {}", text(&refused));
        assert!(text(&refused).contains(expected), "{name}: {}", text(&refused));
        assert!(text(&refused).contains("hint:"), "{name}: {}", text(&refused));
    }
    assert_eq!(world.calls().await.len(), 0);
    let good = file(&world, "good.sql", "SELECT 1;\n");
    let early = world.stackctl(&["db", "load", good.to_str().expect("text"), "--yes"]);
    assert_eq!(early.status.code(), Some(1), "{}", text(&early));
    assert!(text(&early).contains("run `stackctl up` first"), "{}", text(&early));
}

#[tokio::test(flavor = "multi_thread")]
async fn database_access_uses_the_bastion_or_gives_a_hint() {
    let world = World::start();
    let none = world.stackctl(&["db", "connect"]);
    assert_eq!(none.status.code(), Some(3), "{}", text(&none));
    assert!(text(&none).contains("no bastion") && text(&none).contains("bastion: {"), "{}", text(&none));

    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada";
    world.edit(
        "environments:\n",
        &format!(
            "bastion:\n  users: {{ ada: {{ ssh_key: \"{key}\" }} }}\n  allow: [203.0.113.0/24]\n\nenvironments:\n"
        ),
    );
    world.edit("database:\n", "database:\n  users: { app: owner, developer: read-only }\n");
    world.up();
    let printed = world.must(&["db", "connect", "--print", "--user", "developer", "--port", "5433"]);
    assert!(printed.contains("-L 127.0.0.1:5433:") && printed.contains("ada@"), "{printed}");
    assert!(
        printed.contains("user=developer") && printed.contains("demo/default/database-user-developer"),
        "{printed}"
    );

    // The sandbox has no real bastion host, so a program in place of ssh forwards the port.
    let programs = world.project().join("programs");
    fs::create_dir(&programs).expect("a folder");
    let ssh = "#!/usr/bin/env python3\nimport socket, sys, threading\n\
        forward = sys.argv[sys.argv.index('-L') + 1].split(':')\n\
        def copy(a, b):\n    while data := a.recv(65536):\n        b.sendall(data)\n    b.shutdown(socket.SHUT_WR)\n\
        server = socket.create_server((forward[0], int(forward[1])))\n\
        while True:\n    near = server.accept()[0]\n    far = socket.create_connection((forward[2], int(forward[3])))\n    \
        for pair in (near, far), (far, near):\n        threading.Thread(target=copy, args=pair, daemon=True).start()\n";
    let program = programs.join("ssh");
    fs::write(&program, ssh).expect("it can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("there is one"));
    let arguments = ["db", "connect", "--user", "developer", "--", "--no-psqlrc", "-Atc", "SELECT current_user"];
    let asked = world.started(world.command(&arguments).env("PATH", &path));
    let asked = asked.wait_with_output().expect("the binary runs");
    assert!(asked.status.success(), "{}", text(&asked));
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "developer");
    let unknown = world.stackctl(&["db", "connect", "--user", "nobody"]);
    assert!(text(&unknown).contains("users: app, developer, postgres"), "{}", text(&unknown));
}

/// Returns a stack with a database but without the application, which is up in seconds, and creates an empty table.
fn with_a_table() -> Tiny {
    let tiny = Tiny::start();
    tiny.0.edit("name: tiny", "name: demo");
    tiny.0.edit("services:\n", "database: { protect: false }\nservices:\n");
    tiny.0.must(&["up", "--yes"]);
    file(&tiny.0, "table.sql", "CREATE TABLE public.kept (id integer);\n");
    tiny.0.must(&["db", "load", "table.sql", "--yes"]);
    tiny
}

/// Returns a dump that inserts three rows after this many seconds.
fn rows_after(seconds: u32) -> String {
    format!("SELECT pg_sleep({seconds});\nCOPY public.kept (id) FROM stdin;\n1\n2\n3\n\\.\n")
}

async fn rows(world: &World) -> String {
    ask(world, "postgres", "database-password", "SELECT count(*) FROM kept").await
}

/// Returns the number of temporary databases, which exist only during a load.
async fn half_loaded(world: &World) -> String {
    let sql = "SELECT count(*) FROM pg_database WHERE datname LIKE 'app\\_%'";
    ask(world, "postgres", "database-password", sql).await
}

/// Returns the ids of the load tasks with this desired status.
async fn loads(world: &World, status: DesiredStatus) -> Vec<String> {
    let mut tasks = world.tasks("demo-default-main", status).await;
    tasks.retain(|task| task.started_by().is_some_and(|who| who.starts_with("stackctl-database_load/")));
    let arns = tasks.iter().filter_map(|task| task.task_arn()?.rsplit('/').next());
    arns.map(str::to_owned).collect()
}

/// Runs `db load`, kills it once its task runs, and returns the task's id.
async fn killed_at_its_task(world: &World, arguments: &[&str]) -> String {
    let mut child = world.spawn(arguments);
    let task = until::some("its task runs", async || loads(world, DesiredStatus::Running).await.pop()).await;
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    // Its lock is valid for a minute. A human who knows that the run is dead removes it.
    world.must(&["unlock", "--yes"]);
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn load_of_a_killed_command_is_done_once() {
    let tiny = with_a_table();
    let world = &tiny.0;
    let before = sweep::everything(world).await;
    let load = ["db", "load", "rows.sql", "--yes"];
    file(world, "rows.sql", &rows_after(30));
    file(world, "other.sql", "CREATE TABLE public.other (id integer);\n");

    // While the task runs, its resources stay, and the same command waits for it.
    let task = killed_at_its_task(world, &load).await;
    let refused = world.ends_with(1, &["up", "--yes"]);
    assert!(
        refused.contains(&format!("task {task} of an interrupted `stackctl db load`")) && refused.contains("stop-task"),
        "{refused}"
    );
    let busy = world.ends_with(1, &["db", "load", "other.sql", "--yes"]);
    assert!(
        busy.contains(&format!("task {task} is already loading")) && busy.contains("nothing was changed"),
        "{busy}"
    );
    let waited = world.ends_with(0, &load);
    assert!(
        waited.contains(&format!("Task {task}")) && waited.contains("instead of starting a second task"),
        "{waited}"
    );
    assert_eq!(rows(world).await, "3");
    assert_eq!(sweep::everything(world).await, before, "nothing of the loading stays");

    // The task ends before the next command: that command reports it, and the one after it loads again.
    file(world, "rows.sql", &rows_after(1));
    let task = killed_at_its_task(world, &load).await;
    until::so("it has ended", async || loads(world, DesiredStatus::Running).await.is_empty()).await;
    until::so("it has committed", async || rows(world).await == "6").await;
    let loaded = world.ends_with(0, &load);
    assert!(loaded.contains(&format!("Task {task}")) && loaded.contains("It is not loaded again"), "{loaded}");
    assert_eq!(rows(world).await, "6");
    assert_eq!(sweep::everything(world).await, before, "nothing of the loading stays");
    world.must(&load);
    assert_eq!(rows(world).await, "9");

    // `up` cleans up and reports that the dump is loaded.
    killed_at_its_task(world, &load).await;
    until::so("it has committed", async || rows(world).await == "12").await;
    until::so("it has ended", async || loads(world, DesiredStatus::Running).await.is_empty()).await;
    let told = world.ends_with(0, &["up", "--yes"]);
    assert!(told.contains("into the database"), "{told}");
    assert_eq!(sweep::everything(world).await, before, "nothing of the loading stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_load_leaves_no_partial_database() {
    let tiny = with_a_table();
    let world = &tiny.0;
    let before = sweep::everything(world).await;
    file(world, "slow.sql", "CREATE TABLE public.slow (id integer);\nSELECT pg_sleep(600);\n");
    let replace = ["db", "load", "slow.sql", "--replace", "--yes"];
    let half = async || half_loaded(world).await != "0";

    // Ctrl-C.
    let child = world.spawn(&replace);
    until::so("it is half loaded", half).await;
    kill(Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGINT).expect("it runs");
    let interrupted = child.wait_with_output().expect("it ends");
    let said = text(&interrupted);
    assert_eq!(interrupted.status.code(), Some(130), "{said}");
    assert!(
        said.contains("again to load the dump from the beginning") && !said.contains("db load` again to resume"),
        "{said}"
    );
    assert!(said.contains("Stopping task ") && said.contains("The database was not changed."), "{said}");
    assert_eq!((half_loaded(world).await.as_str(), rows(world).await.as_str()), ("0", "0"), "{said}");
    assert_eq!(sweep::everything(world).await, before, "nothing of the loading stays");

    // Someone stops the task: it loses its tags and counts as failed.
    let child = world.spawn(&replace);
    until::so("it is half loaded", half).await;
    let task = loads(world, DesiredStatus::Running).await.pop().expect("it runs");
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    ecs.stop_task().cluster("demo-default-main").task(task).send().await.expect("it is stopped");
    let stopped = child.wait_with_output().expect("it ends");
    let said = text(&stopped);
    assert_eq!(stopped.status.code(), Some(1), "{said}");
    assert!(said.contains("the database is unchanged"), "{said}");
    assert_eq!((half_loaded(world).await.as_str(), rows(world).await.as_str()), ("0", "0"), "{said}");
    assert_eq!(sweep::everything(world).await, before, "nothing of the loading stays");

    // The next load cleans up after a killed task, whatever it loads.
    for name in ["app_loading", "app_replaced"] {
        ask(world, "postgres", "database-password", &format!("CREATE DATABASE {name}")).await;
    }
    file(world, "rows.sql", &rows_after(0));
    world.must(&["db", "load", "rows.sql", "--yes"]);
    assert_eq!((half_loaded(world).await.as_str(), rows(world).await.as_str()), ("0", "3"));
}
