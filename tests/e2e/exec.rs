//! Commands in running tasks, and port forwarding through a task, over the data channel that stackctl implements
//! itself.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use aws_sdk_ecs::types::{DesiredStatus, Task};
use tokio::time::sleep;

use crate::{
    lines::Lines,
    support::{World, text},
    tiny::Tiny,
    until,
    users::secret,
};

/// The program of the service: it serves like the tiny application and has a few commands that report on the
/// terminal.
const PROGRAM: &str = r#"//! Answers every request with one word, or does one thing and ends.
use std::{io::{BufRead, IsTerminal, Read, Write}, net::TcpListener};

#[repr(C)]
struct Size([u16; 4]);

unsafe extern "C" {
    fn ioctl(fd: i32, request: u64, size: *mut Size) -> i32;
}

fn size() -> (u16, u16) {
    let mut size = Size([0; 4]);
    // TIOCGWINSZ of Linux.
    unsafe { ioctl(0, 0x5413, &mut size) };
    (size.0[1], size.0[0])
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("prepare") => return println!("prepared"),
        Some("say") => return println!("{:?}", &words[1..]),
        Some("many") => {
            for number in 0..200_000 {
                println!("{number}");
            }
            return;
        }
        Some("fail") => std::process::exit(7),
        Some("talk") => {
            println!("here on a terminal: {}", std::io::stdin().is_terminal());
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                match line.as_str() {
                    "size" => println!("size {:?}", size()),
                    "bye" => return println!("goodbye"),
                    other => println!("heard {}", other.to_uppercase()),
                }
            }
            return println!("no more");
        }
        _ => {}
    }
    let listener = TcpListener::bind(format!("0.0.0.0:{}", std::env::var("PORT").unwrap())).unwrap();
    for mut stream in listener.incoming().flatten() {
        let _ = stream.read(&mut [0; 4096]);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none");
    }
}
"#;

/// The edit for one task with ECS Exec.
const EXEC: (&str, &str) = ("    replicas: 2\n", "    replicas: 1\n    exec: true\n");

async fn running(world: &World, cluster: &str) -> Vec<Task> {
    let mut tasks = world.tasks(cluster, DesiredStatus::Running).await;
    tasks.retain(|task| task.last_status() == Some("RUNNING"));
    tasks
}

async fn stop(world: &World, cluster: &str, task: &Task) {
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let arn = task.task_arn().expect("it has one");
    ecs.stop_task().cluster(cluster).task(arn).reason("by hand").send().await.expect("it is stopped");
}

/// Runs a command with this input and waits until it ends.
fn with_input(world: &World, args: &[&str], input: &str) -> Output {
    let mut command = world.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    child.stdin.take().expect("it has one").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_runs_a_command_in_a_task_on_a_terminal() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    fs::write(world.project().join("tiny/src/main.rs"), PROGRAM).expect("it can be written");
    world.up();
    let closed = tiny.ends_with(3, &["exec", "web", "--", "/app/tiny", "say"]);
    assert!(closed.contains("does not have `exec: true`") && closed.contains("services.web"), "{closed}");
    let closed = tiny.ends_with(3, &["forward", "web"]);
    assert!(closed.contains("does not have `exec: true`"), "{closed}");

    world.edit(EXEC.0, EXEC.1);
    let early = tiny.ends_with(1, &["exec", "web", "--", "/app/tiny", "say"]);
    assert!(early.contains("is not applied to service.web yet") && early.contains("stackctl up"), "{early}");
    let changes = world.changes();
    for change in ["service.web exec", "task_definition.web init", "task_definition.web read_only"] {
        assert!(changes.contains(&change.to_owned()), "{change}: {changes:?}");
    }
    assert!(world.plan().contains(&"create role.web-task".to_owned()), "a task without permissions has none");
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    // Words are passed unchanged, and lines end as in a file.
    let said = world.must(&["exec", "web", "--", "/app/tiny", "say", "it's", "a b", "", "$HOME #1"]);
    assert_eq!(said, "[\"it's\", \"a b\", \"\", \"$HOME #1\"]\n");
    let many = world.must(&["exec", "web", "--", "/app/tiny", "many"]);
    let expected: String = (0..200_000).map(|number| format!("{number}\n")).collect();
    assert!(many == expected, "{} of {} bytes", many.len(), expected.len());

    // The input comes from a file and ends.
    let talked = with_input(world, &["exec", "web", "--", "/app/tiny", "talk"], "hello\nsize\n");
    let shown = text(&talked);
    assert!(talked.status.success() && shown.contains("terminal: true") && shown.contains("heard HELLO"), "{shown}");
    assert!(shown.contains("size (300, 100)") && shown.contains("no more"), "{shown}");

    let missing = tiny.ends_with(1, &["exec", "web", "--", "/bin/sh"]);
    assert!(
        missing.contains("/bin/sh: no such file") && missing.contains("hint: the image must contain the command"),
        "{missing}"
    );
    let other = tiny.ends_with(1, &["exec", "web", "--task", "nope", "--", "/app/tiny", "say"]);
    assert!(other.contains("web has no running task nope") && other.contains("running tasks: "), "{other}");
    // As on AWS, the exit code of the command is not reported.
    tiny.ends_with(0, &["exec", "web", "--", "/app/tiny", "fail"]);
    let events = world.must(&["exec", "web", "--output", "json", "--", "/app/tiny", "say", "x"]);
    let last: serde_json::Value =
        serde_json::from_str(events.lines().last().expect("there are some")).expect("it is one");
    assert_eq!((&last["event"], &last["exit_code"]), (&"ended".into(), &serde_json::Value::Null), "{events}");

    on_a_terminal(world).await;
    forwards_the_tasks_own_port(world).await;
    ends_with_its_task(world).await;
    without_tasks(&tiny).await;
}

/// A person at a terminal: single keys, the terminal's size and its changes, and the restored terminal at the end.
async fn on_a_terminal(world: &World) {
    let stackctl = env!("CARGO_BIN_EXE_stackctl");
    let mark = world.project().join("resized");
    let script = format!(
        "stty cols 101 rows 33; (while [ ! -e {mark} ]; do sleep 0.1; done; stty cols 77 rows 22 < /dev/tty) & \
         {stackctl} exec web -- /app/tiny talk; echo \"ended $?\"; stty -a",
        mark = mark.display(),
    );
    let (mut keys, mut lines) = Lines::at_a_terminal(world, &script);
    lines.until("here on a terminal: true");
    keys.write_all(b"size\r").expect("it reads");
    lines.until("size (101, 33)");
    fs::write(mark, "").expect("it can be written");
    until::so("the size has changed", async || {
        keys.write_all(b"size\r").expect("it reads");
        lines.until("size (").contains("(77, 22)")
    })
    .await;
    // The program receives the keys that would end stackctl: Ctrl-C ends the program.
    keys.write_all(b"bye\r").expect("it reads");
    lines.until("goodbye");
    lines.until("ended 0");
    let after = lines.until("icanon");
    drop(keys);
    assert!(!after.contains("-icanon"), "the terminal is as it was: {after}");
    lines.end();
}

/// Forwards a port of the task itself.
async fn forwards_the_tasks_own_port(world: &World) {
    let mut forward = Lines::of(world.spawn(&["forward", "web"]));
    let address = forward.until("127.0.0.1:").trim().to_owned();
    for _ in 0..3 {
        assert_eq!(world.get(&format!("http://{address}/")).await, (200, "one".to_owned()));
    }
    forward.interrupt();
    let (code, said) = forward.end();
    assert_eq!(code, Some(130), "{said}");
    let calls = world.calls().await;
    assert!(calls.iter().any(|call| call["operation"] == "TerminateSession"), "the session is ended");
}

async fn ends_with_its_task(world: &World) {
    let mut command = world.command(&["exec", "web", "--", "/app/tiny", "talk"]);
    let mut lines = Lines::of(world.started(command.stdin(Stdio::piped())));
    lines.until("here on a terminal");
    let tasks = running(world, "tiny-default-main").await;
    stop(world, "tiny-default-main", &tasks[0]).await;
    let (code, said) = lines.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("has stopped: by hand"), "{said}");
}

async fn without_tasks(tiny: &Tiny) {
    let cluster = "tiny-default-main";
    let ecs = aws_sdk_ecs::Client::new(&tiny.0.sdk().await);
    let service = ecs.update_service().cluster(cluster).service("tiny-default-web").desired_count(0);
    service.send().await.expect("it is scaled");
    until::so("no task runs", async || running(&tiny.0, cluster).await.is_empty()).await;
    let none = tiny.ends_with(1, &["exec", "web", "--", "/app/tiny", "say"]);
    assert!(none.contains("web has no running tasks") && none.contains("stackctl status"), "{none}");
}

/// A port forwarding to the database.
struct Forwarded {
    port: String,
    password: String,
}

impl Forwarded {
    fn psql(&self, sql: &str) -> Command {
        let mut command = Command::new("psql");
        let to =
            format!("host=127.0.0.1 port={} user=postgres dbname=app sslmode=require connect_timeout=30", self.port);
        command.args([&to, "-XAtqc", sql]).env("PGPASSWORD", &self.password);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn ask(&self, sql: &str) -> String {
        let output = self.psql(sql).output().expect("psql is installed");
        assert!(output.status.success(), "{sql}: {}", text(&output));
        String::from_utf8(output.stdout).expect("it is text").trim().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_opens_a_local_port_to_the_database() {
    let world = World::start();
    let closed = world.stackctl(&["forward", "database"]);
    assert_eq!(closed.status.code(), Some(3), "{}", text(&closed));
    assert!(text(&closed).contains("no service has `exec: true`"), "{}", text(&closed));
    let unknown = world.stackctl(&["forward", "cache"]);
    assert!(text(&unknown).contains("possible targets: database, web"), "{}", text(&unknown));
    let closed = world.stackctl(&["db", "connect"]);
    assert!(text(&closed).contains("no bastion and no service with `exec: true`"), "{}", text(&closed));

    world.edit("    stop_timeout: 30\n", "    stop_timeout: 2\n    exec: true\n");
    world.up();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let in_use = world.stackctl(&["forward", "database", &port]);
    assert_eq!(in_use.status.code(), Some(3), "{}", text(&in_use));
    drop(taken);

    let mut forward = Lines::of(world.spawn(&["forward", "database", &port]));
    forward.until(&format!("127.0.0.1:{port}"));
    let database = Forwarded { port, password: secret(&world, "database-password").await };
    assert_eq!(database.ask("SELECT 6 * 7"), "42");
    traffic(&database, &world.project());
    cut(&world, &database).await;
    through_another_task(&world, &database).await;
    forward.interrupt();
    let (code, said) = forward.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("psql 'host=127.0.0.1") && said.contains("has stopped: by hand"), "{said}");

    let connected = world.must(&["db", "connect", "--", "-XAtc", "SELECT current_user"]);
    assert_eq!(connected.trim(), "postgres");
    let how = world.must(&["db", "connect", "--print"]);
    assert!(how.contains("stackctl forward database 5432"), "{how}");
}

/// Several connections at once: 10 MB from the database and 2 MB to it.
fn traffic(database: &Forwarded, folder: &Path) {
    let asked = "SELECT repeat('x', 999) FROM generate_series(1, 10000)";
    let mut slow: Vec<Child> =
        (0..3).map(|_| database.psql("SELECT pg_sleep(1), 'slept'").spawn().expect("psql runs")).collect();
    let from_there = database.psql(asked).output().expect("psql runs");
    assert!(from_there.status.success(), "{}", text(&from_there));
    assert_eq!(from_there.stdout.len(), 10_000_000);
    assert!(from_there.stdout.chunks(1000).all(|line| line[..999].iter().all(|byte| *byte == b'x')));
    for child in slow.drain(..) {
        let output = child.wait_with_output().expect("it ends");
        assert!(text(&output).contains("slept"), "{}", text(&output));
    }
    let file = folder.join("rows");
    let rows: String = (0..20_000).map(|number| format!("{number:0>99}\n")).collect();
    fs::write(&file, rows).expect("it can be written");
    database.ask("CREATE TABLE rows (row text)");
    let copied = database.psql(&format!(r"\copy rows FROM '{}'", file.display())).output().expect("psql runs");
    assert!(copied.status.success(), "{}", text(&copied));
    assert_eq!(database.ask("SELECT count(*), sum(row::numeric) FROM rows"), "20000|199990000");
}

/// The network breaks in the middle: the session and its connections continue.
async fn cut(world: &World, database: &Forwarded) {
    let asked = "SELECT repeat('y', 99), pg_sleep(0.002) FROM generate_series(1, 1000)";
    let child = database.psql(asked).spawn().expect("psql runs");
    for _ in 0..3 {
        sleep(Duration::from_millis(400)).await;
        let url = format!("{}/_sandbox/connections", world.endpoint);
        world.client.delete(url).send().await.expect("it answers");
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1000);
    let calls = world.calls().await;
    assert!(calls.iter().any(|call| call["operation"] == "ResumeSession"), "it was cut");
}

/// The task dies: open connections close, and the next one goes through another task.
async fn through_another_task(world: &World, database: &Forwarded) {
    let cluster = "demo-default-main";
    let child = database.psql("SELECT pg_sleep(300)").spawn().expect("psql runs");
    for task in running(world, cluster).await {
        stop(world, cluster, &task).await;
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(!output.status.success(), "{}", text(&output));
    let output = until::some("there is another way", async || {
        let output = database.psql("SELECT 'again'").output().expect("psql runs");
        output.status.success().then_some(output)
    })
    .await;
    assert!(text(&output).contains("again"), "{}", text(&output));
}
