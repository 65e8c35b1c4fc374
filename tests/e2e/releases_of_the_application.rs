//! Releases of the repository's own application: its migrations, and two concurrent releases of one change while a
//! long transaction blocks the migration.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::interval;

use crate::{
    held::Master,
    support::{World, text},
    until,
    visitors::{Page, Visitor},
};

/// The minimum number of visits that the old version must count during the migration.
const VISITS: usize = 20;

/// Waits until a log has a line with `words`.
async fn until_logged(world: &World, words: &str) {
    let logs = aws_sdk_cloudwatchlogs::Client::new(&world.sdk().await);
    until::so(&format!("somebody logs {words:?}"), async || {
        let call = logs.filter_log_events().log_group_name("/stackctl/demo/default/web").send().await;
        let found = call.expect("it answers");
        found.events().iter().filter_map(|event| event.message()).any(|message| message.contains(words))
    })
    .await;
}

/// Waits until a run tried to take the lock and got this status: 200 if it has the lock, 400 if another run has it.
async fn until_locked(world: &World, status: u16) {
    let asked = |call: &serde_json::Value| call["operation"] == "PutParameter" && call["status"] == status;
    until::so("somebody asks for the lock", async || world.calls().await.iter().any(asked)).await;
}

/// A visitor who requests the page repeatedly until stopped.
struct Regular {
    stop: Arc<AtomicBool>,
    pages: tokio::task::JoinHandle<Vec<Page>>,
}

impl Regular {
    fn start(url: &str) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (url, stopped) = (url.to_owned(), Arc::clone(&stop));
        let pages = tokio::spawn(async move {
            let (visitor, mut pages) = (Visitor::from(2), Vec::new());
            let mut tick = interval(Duration::from_millis(50));
            while !stopped.load(Ordering::Relaxed) {
                tick.tick().await;
                pages.push(visitor.visit(&url, &[]).await);
            }
            pages
        });
        Self { stop, pages }
    }

    async fn stop(self) -> Vec<Page> {
        self.stop.store(true, Ordering::Relaxed);
        self.pages.await.expect("every visit is answered and counted")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deploys_of_one_change_release_it_once() {
    let world = World::start();
    let url = world.up();
    let app = world.copy_app();
    let database = Master::of(&world).await;
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    assert_eq!(world.release_tasks("demo-default-main").await.len(), 1);

    fs::write(app.join("migrations/0009_note.sql"), "ALTER TABLE visitors ADD COLUMN note text;\n")
        .expect("it can be written");

    // A long transaction reads the table, so the migration has to wait. Visitors must not notice.
    let reading = database.lock("visitors IN ACCESS SHARE MODE");
    world.forget_calls().await;
    let both = [(); 2].map(|()| world.spawn(&["deploy", "--lock-timeout", "15m"]));
    until_locked(&world, 200).await;
    let regular = Regular::start(&url);
    until_locked(&world, 400).await;
    until_logged(&world, "the migration lets others go first").await;

    // A run that does not wait is told who holds the lock.
    let impatient = tokio::task::block_in_place(|| world.stackctl(&["deploy"]));
    assert_eq!(impatient.status.code(), Some(4), "{}", text(&impatient));
    assert!(text(&impatient).contains("locked by `stackctl deploy`"), "{}", text(&impatient));

    // The running version still counts visits.
    let count = || database.ask("SELECT visits FROM visitors").parse::<usize>().expect("a number");
    let at_first = count();
    until::so("visits are counted while the migration waits", async || count() >= at_first + VISITS).await;
    assert!(world.get(&format!("{url}/version")).await.1.contains("0.1.0+1"));
    drop(reading);

    let ended = both.map(|deploy| deploy.wait_with_output().expect("it ends"));
    for one in &ended {
        assert!(one.status.success(), "{}", text(one));
        assert!(String::from_utf8_lossy(&one.stdout).contains(&url), "{}", text(one));
    }
    let found_it_done =
        |said: &str| said.contains("has changed since the plan was made") && said.contains("No changes.");
    let idle = ended.iter().filter(|one| found_it_done(&text(one))).count();
    assert_eq!(idle, 1, "one has found it done: {}\n{}", text(&ended[0]), text(&ended[1]));

    // The migration, its task, the image with its number, and the rollout: each happened once.
    assert_eq!(database.ask("SELECT count(*) FROM _sqlx_migrations WHERE version = 9 AND success"), "1");
    assert_eq!(
        world.release_tasks("demo-default-main").await.len(),
        2,
        "that of up, and that of the one that released"
    );
    assert_eq!(world.image_tags("demo/default/app").await, ["0.1.0-1", "0.1.0-2"]);
    let revisions = ecs.list_task_definitions().family_prefix("demo-default-web").send().await.expect("it answers");
    assert_eq!(revisions.task_definition_arns().len(), 2, "{revisions:?}");
    assert_eq!(world.status()["services"][0]["version"], "0.1.0+2");
    assert_eq!(world.plan(), Vec::<String>::new());

    // No visit was refused or lost.
    let pages = regular.stop().await;
    let visits: Vec<u64> = pages.iter().map(|page| page.visits).collect();
    assert_eq!(visits, (1..=visits.len() as u64).collect::<Vec<_>>());
    assert_eq!(pages.last().map(|page| page.version.as_str()), Some("0.1.0+2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_migration_prevents_the_rollout() {
    let world = World::start();
    let url = world.up();
    let app = world.copy_app();
    fs::write(app.join("migrations/0009_broken.sql"), "SELECT no_such_column FROM visitors;")
        .expect("it can be written");
    let deployed = world.stackctl(&["deploy"]);
    let said = text(&deployed);
    assert_eq!(deployed.status.code(), Some(1), "{said}");
    assert!(said.contains("exit code 1") && said.contains("no_such_column"), "{said}");
    assert_eq!(world.status()["services"][0]["version"], "0.1.0+1");
    assert!(world.get(&format!("{url}/version")).await.1.contains("0.1.0+1"));
}
