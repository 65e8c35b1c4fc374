//! A rollout with slow requests in flight and killed tasks.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_ecs::types::Task;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    held::Master,
    support::{World, exit_code, text},
    traffic::Traffic,
    until,
};

/// The duration of a slow request: while one transaction holds the lock alone, plus the overlap with the next one.
const SLOW: Duration = ALONE.saturating_add(OVERLAP);
const ALONE: Duration = Duration::from_millis(4500);

/// How long before the end of one transaction the next one asks for the lock. Requests that wait by then are answered
/// in between.
const OVERLAP: Duration = Duration::from_millis(500);

/// The number of slow requests in flight at any time, and how many are added during the test. One task has eight
/// database connections.
const CLIENTS: usize = 4;
const MORE: usize = 3;

/// How often a client tries before it gives up.
const TRIES: usize = 3;

const CLUSTER: &str = "demo-default-main";

/// Clients that request rates continuously while transactions lock the prices for 5 s at a time, so that every
/// request takes about as long.
struct SlowTraffic {
    master: Arc<Master>,
    client: reqwest::Client,
    url: String,
    stop: Arc<AtomicBool>,
    seen: Arc<Seen>,
    clients: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// The duration of each request that got a response.
    answered: Mutex<Vec<Duration>>,
    /// Failed requests that were retried.
    retried: Mutex<Vec<String>>,
    /// Requests that failed on the last try.
    dropped: Mutex<Vec<String>>,
}

impl SlowTraffic {
    async fn start(world: &World, url: &str) -> Self {
        let query = "date_from=2021-01-09&date_to=2021-01-11&orig_code=NOAAA&dest_code=SODDD";
        let mut traffic = Self {
            master: Arc::new(Master::of(world).await),
            client: world.client.clone(),
            url: format!("{url}/rates?{query}"),
            stop: Arc::default(),
            seen: Arc::default(),
            clients: JoinSet::new(),
        };
        let (master, stopped) = (Arc::clone(&traffic.master), Arc::clone(&traffic.stop));
        traffic.clients.spawn(async move {
            let take = || {
                let master = Arc::clone(&master);
                tokio::task::spawn_blocking(move || master.lock("prices IN ACCESS EXCLUSIVE MODE"))
            };
            let mut held = take().await.expect("it is granted");
            while !stopped.load(Ordering::Relaxed) {
                sleep(ALONE).await;
                let next = take();
                sleep(OVERLAP).await;
                drop(held);
                held = next.await.expect("it is granted");
            }
        });
        traffic.add(CLIENTS);
        traffic
    }

    /// Adds clients.
    fn add(&mut self, clients: usize) {
        for _ in 0..clients {
            let (client, url) = (self.client.clone(), self.url.clone());
            let (seen, stopped) = (Arc::clone(&self.seen), Arc::clone(&self.stop));
            self.clients.spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    seen.ask(&client, &url).await;
                }
            });
        }
    }

    /// Waits until this many requests are in flight.
    async fn until_in_flight(&self, clients: usize) {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'app' AND wait_event_type = 'Lock'";
        let in_flight = || self.master.ask(waiting).parse::<usize>().expect("a number");
        until::so("slow requests are in flight", async || in_flight() >= clients).await;
    }

    async fn stop(mut self) -> Arc<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client does not panic");
        }
        self.seen
    }
}

impl Seen {
    async fn ask(&self, client: &reqwest::Client, url: &str) {
        for again in 0..TRIES {
            let began = Instant::now();
            let failure = match client.get(url).send().await {
                Ok(answer) if answer.status() == 200 => match answer.bytes().await {
                    Ok(_) => {
                        self.answered.lock().expect("nobody panics while holding this").push(began.elapsed());
                        return;
                    }
                    Err(error) => format!("{error:?}"),
                },
                Ok(answer) => format!("status {}", answer.status()),
                Err(error) => format!("{error:?}"),
            };
            let to = if again + 1 < TRIES { &self.retried } else { &self.dropped };
            to.lock().expect("nobody panics while holding this").push(failure);
        }
    }

    fn retried(&self) -> Vec<String> {
        self.retried.lock().expect("nobody panics while holding this").clone()
    }
}

/// Returns the service's tasks, including recently stopped ones.
async fn tasks(ecs: &aws_sdk_ecs::Client) -> Vec<Task> {
    let mut arns = Vec::new();
    for status in ["RUNNING", "STOPPED"] {
        let call = ecs.list_tasks().cluster(CLUSTER).service_name("demo-default-web").desired_status(status.into());
        arns.extend(call.send().await.expect("it answers").task_arns.unwrap_or_default());
    }
    let call = ecs.describe_tasks().cluster(CLUSTER).set_tasks(Some(arns));
    call.send().await.expect("it answers").tasks.unwrap_or_default()
}

/// Waits until a task of the service matches `wanted`, and returns it.
async fn until_task(ecs: &aws_sdk_ecs::Client, what: &str, wanted: impl Fn(&Task) -> bool) -> Task {
    until::some(what, async || tasks(ecs).await.into_iter().find(&wanted)).await
}

/// Returns the revision of a task's definition.
fn revision(task: &Task) -> &str {
    task.task_definition_arn().and_then(|arn| arn.rsplit(':').next()).expect("it has one")
}

/// Returns the task processes of this sandbox that have `variable` in their environment, with the port of each.
fn processes_with(world: &World, variable: &str) -> Vec<(Pid, u16)> {
    let folder = world.project().parent().expect("it has one").join("sandbox");
    let process = |entry: std::fs::DirEntry| {
        let root = std::fs::read_link(entry.path().join("root")).ok().filter(|root| root.starts_with(&folder));
        let environment = root.and_then(|_| std::fs::read(entry.path().join("environ")).ok())?;
        let environment = String::from_utf8_lossy(&environment);
        let port = environment.split('\0').find_map(|one| one.strip_prefix("PORT="))?.parse().ok()?;
        let id = entry.file_name().to_str()?.parse().ok()?;
        environment.split('\0').any(|one| one == variable).then_some((Pid::from_raw(id), port))
    };
    std::fs::read_dir("/proc").expect("there is /proc").flatten().filter_map(process).collect()
}

/// Waits until such a process has slow requests in flight. Fast ones are not in flight at every look.
async fn until_busy(world: &World, variable: &str) -> Pid {
    let what = format!("a task with {variable} has slow requests in flight");
    until::some(&what, async || {
        for (process, port) in processes_with(world, variable) {
            let mut looks = 0;
            while looks < 10 && is_busy(world, port).await {
                looks += 1;
            }
            if looks == 10 {
                return Some(process);
            }
        }
        None
    })
    .await
}

/// Returns whether the task at this port has a request in flight. A task that does not listen yet has none.
async fn is_busy(world: &World, port: u16) -> bool {
    let Ok(answer) = world.client.get(format!("http://127.0.0.1:{port}/metrics")).send().await else { return false };
    let metrics = answer.text().await.unwrap_or_default();
    metrics.lines().any(|line| line.strip_prefix("http_requests_in_flight ").is_some_and(|count| count != "0"))
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_requests_outlive_a_switch_and_killed_tasks_are_replaced() {
    let world = World::start();
    let url = world.up();
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    // Real AWS times: a target has 30 s to finish requests in flight, not 3 s.
    world.set(json!({ "rollout_scale": 1.0 })).await;
    let mut slow = SlowTraffic::start(&world, &url).await;
    let traffic = Traffic::start(&format!("{url}/version"));

    // Another variable makes another revision, without a build.
    world.edit("USER_NAME: Ada", "USER_NAME: Grace");
    let mut deploy = world.spawn(&["deploy"]);
    until_task(&ecs, "there is a new task", |task| revision(task) == "2").await;

    // A task is stopped through the API, with slow requests in flight at both serving tasks.
    slow.until_in_flight(CLIENTS).await;
    let is_serving = |task: &Task| revision(task) == "1" && task.desired_status() == Some("RUNNING");
    let stopped = until_task(&ecs, "there is an old task", is_serving).await;
    let stopped = stopped.task_arn().expect("it has one");
    ecs.stop_task().cluster(CLUSTER).task(stopped).reason("by hand").send().await.expect("it is stopped");

    // The process of a new task is killed, also with slow requests in flight. Nothing was lost until then.
    let page = format!("{url}/");
    until::so("a new task serves", async || world.get(&page).await.1.contains("Grace")).await;
    slow.add(MORE);
    let killed = until_busy(&world, "USER_NAME=Grace").await;
    assert_eq!((traffic.failures(), slow.seen.retried()), (Vec::new(), Vec::new()));
    assert!(deploy.try_wait().expect("it is our child").is_none(), "the switch is under way");
    kill(killed, Signal::SIGKILL).expect("it runs");

    let deployed = tokio::task::block_in_place(|| deploy.wait_with_output().expect("it ends"));
    assert!(deployed.status.success(), "{}", text(&deployed));
    slow.until_in_flight(CLIENTS + MORE).await;
    let (seen, report) = (slow.stop().await, traffic.stop().await);
    let mut ends: Vec<(&str, Option<i32>, Option<&str>)> = Vec::new();
    let tasks = tasks(&ecs).await;
    for task in tasks.iter().filter(|task| task.last_status() == Some("STOPPED")) {
        let by_hand = task.stopped_reason().filter(|_| task.task_arn() == Some(stopped));
        ends.push((revision(task), exit_code(task), by_hand));
    }
    ends.sort_unstable();
    assert_eq!(ends, [("1", Some(0), None), ("1", Some(0), Some("by hand")), ("2", Some(137), None)]);

    // Only the requests of the killed process are lost, and their retries succeed.
    let taken = seen.answered.lock().expect("nobody panics while holding this").clone();
    let retried = seen.retried();
    assert!((1..=CLIENTS + MORE).contains(&retried.len()), "{retried:?}");
    assert!(report.failures.len() <= 24, "of {} requests: {:?}", report.sent, report.failures);
    for failure in retried.iter().chain(&report.failures) {
        assert!(failure.starts_with("status 502 Bad Gateway"), "{failure}");
    }
    assert_eq!(*seen.dropped.lock().expect("nobody panics while holding this"), Vec::<String>::new());
    assert!(taken.iter().filter(|took| **took > SLOW * 4 / 5).count() >= CLIENTS + MORE, "{taken:?}");

    // The new revision serves, with the desired number of tasks.
    assert!(world.get(&format!("{url}/")).await.1.contains("Grace"));
    assert_eq!((&world.status()["services"][0]["running"], world.plan()), (&json!(2), Vec::new()));
}
