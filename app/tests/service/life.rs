//! Tests how an instance starts, reports its state and stops without dropping a request.

use nix::sys::signal::Signal;

use crate::support::{Instance, PASSWORD, Postgres, run, start, until};

const RATES: &str = "/rates?date_from=2021-01-01&date_to=2021-01-02&orig_code=north&dest_code=south";

#[tokio::test]
async fn instance_starts_without_database_and_waits_for_it() {
    let mut postgres = Postgres::prepare();
    let url = postgres.url();
    let mut instance = Instance::listening(&[("DATABASE_URL", &url)]).await;
    until("it has said that the database is missing", async || {
        instance.process().log().contains("the database does not answer").then_some(())
    })
    .await;
    let status = instance.get("/status").await;
    assert_eq!((status.status, &*status.body), (404, "Not ready: the database does not answer"));
    assert_eq!(instance.get("/version").await.status, 200);
    assert!(instance.get("/").await.body.contains("Visitors are not counted at the moment"));
    let answer = instance.get(RATES).await;
    assert_eq!((answer.status, answer.problem()), (503, "the database does not answer".to_owned()));

    // A migration that was started before the database also waits for it.
    let mut migration = start(&["migrate"], &[("DATABASE_URL", &url)]);
    until("it waits", async || migration.log().contains("waiting for the database").then_some(())).await;
    postgres.run().await;
    assert_eq!(migration.ended().await.code(), Some(0), "{}", migration.log());
    until("it is ready", async || (instance.get("/status").await.status == 200).then_some(())).await;
    assert_eq!(instance.get("/").await.number("visits"), 1);

    postgres.stop();
    until("it notices the loss", async || (instance.get("/status").await.status == 404).then_some(())).await;
    postgres.run().await;
    until("it is ready again", async || (instance.get("/status").await.status == 200).then_some(())).await;
    assert_eq!(instance.get("/").await.number("visits"), 2);
    instance.process().signal(Signal::SIGTERM);
    instance.process().ended().await;
    assert!(!instance.process().log().contains(PASSWORD), "{}", instance.process().log());
}

#[tokio::test]
async fn sigterm_finishes_requests_in_flight_and_exits_with_0() {
    let postgres = Postgres::start().await;
    let mut instance = Instance::ready(&[("DATABASE_URL", &postgres.url())]).await;
    // A lock delays the requests until the test releases it.
    let pool = postgres.pool().await;
    let mut lock = pool.begin().await.expect("there is a connection");
    sqlx::query("LOCK TABLE prices IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("nobody else has it");
    // The requests use all connections of the pool, and the instance is still ready.
    let slow: Vec<_> = (0..8).map(|_| tokio::spawn(instance.request("GET", RATES).send())).collect();
    until("all of them wait", async || {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        let count: i64 = sqlx::query_scalar(waiting).fetch_one(&pool).await.expect("it answers");
        (count == 8).then_some(())
    })
    .await;
    assert_eq!(instance.get("/status").await.status, 200);
    let ready = instance.get("/ready-for-deploy").await;
    assert_eq!((ready.status, &*ready.body), (404, "Not ready: 8 requests in flight"));

    instance.process().signal(Signal::SIGTERM);
    until("it is no longer ready", async || (instance.get("/status").await.status == 404).then_some(())).await;
    assert_eq!(instance.get("/status").await.body, "Not ready: it is being replaced");
    // Clients that do not know about the shutdown are still served.
    assert_eq!(instance.get("/version").await.status, 200);
    assert!(instance.process().runs());

    lock.rollback().await.expect("the connection is good");
    for request in slow {
        let response = request.await.expect("it does not panic").expect("it is not dropped");
        assert_eq!(response.status(), 200);
        assert!(response.text().await.expect("the answer is whole").contains("\"rates\""));
    }
    assert_eq!(instance.process().ended().await.code(), Some(0));
}

#[tokio::test]
async fn deployment_can_start_the_drain_and_see_its_end() {
    let instance = Instance::listening(&[]).await;
    assert_eq!(instance.get("/status").await.status, 200, "without a database there is nothing to wait for");
    assert_eq!(instance.get("/prepare-for-deploy").await.status, 200);
    let status = instance.get("/status").await;
    assert_eq!((status.status, &*status.body), (404, "Not ready: it is being replaced"));
    let ready = instance.get("/ready-for-deploy").await;
    assert_eq!((ready.status, &*ready.body), (200, "Ready"));
}

#[tokio::test]
async fn version_and_metrics_are_served() {
    let instance = Instance::listening(&[("APP_VERSION", "1.4.0+27")]).await;
    assert_eq!(instance.get("/version").await.json(), serde_json::json!({ "version": "1.4.0+27" }));
    for path in ["/one", "/two?and=more", "/version"] {
        instance.get(path).await;
    }
    let metrics = instance.get("/metrics").await;
    assert!(metrics.kind.starts_with("text/plain"), "{}", metrics.kind);
    for line in [
        "http_requests_total{method=\"GET\",route=\"/version\",status=\"200\"} 2",
        "http_requests_total{method=\"GET\",route=\"other\",status=\"404\"} 2",
        "http_request_duration_seconds_bucket{method=\"GET\",route=\"/version\",le=\"10\"} 2",
        "http_requests_in_flight 0",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "no {line} in\n{}", metrics.body);
    }
}

#[tokio::test]
async fn invalid_command_or_setting_is_refused_by_name() {
    for (arguments, environment, named) in [
        (["serve"], ("PORT", "http"), "PORT"),
        (["serve"], ("DATABASE_URL", "mysql://root:not-to-be-shown@db/x"), "DATABASE_URL"),
        (["serve"], ("TRUSTED_PROXIES", "10.0.0.0/99"), "TRUSTED_PROXIES"),
        (["serve"], ("REDIS_URL", "http://:not-to-be-shown@cache"), "REDIS_URL"),
        (["dance"], ("PORT", "3000"), "dance"),
    ] {
        let (code, log) = run(&arguments, &[environment]).await;
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(named), "{log}");
        assert!(!log.contains(PASSWORD), "{log}");
    }
}
