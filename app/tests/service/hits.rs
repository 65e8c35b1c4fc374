//! Tests of the counter that all instances share.

use futures::future::join_all;
use serde_json::json;

use crate::support::{Instance, PASSWORD, Redis, until};

#[tokio::test]
async fn hits_of_all_instances_are_counted() {
    let mut redis = Redis::prepare();
    redis.run().await;
    let url = redis.url();
    let (one, two) =
        (Instance::listening(&[("REDIS_URL", &url)]).await, Instance::listening(&[("REDIS_URL", &url)]).await);
    let answers = join_all((0..50).map(|index| [&one, &two][index % 2].get("/redis-hits"))).await;
    let mut hits: Vec<u64> = answers.iter().map(|answer| answer.json()["hits"].as_u64().expect("a number")).collect();
    hits.sort_unstable();
    assert_eq!(hits, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn instance_stays_ready_without_redis_and_counts_later() {
    let nowhere = Instance::listening(&[]).await.get("/redis-hits").await;
    assert_eq!((nowhere.status, nowhere.problem()), (503, "there is no Redis".to_owned()));

    let mut redis = Redis::prepare();
    let instance = Instance::listening(&[("REDIS_URL", &redis.url())]).await;
    let missing = instance.get("/redis-hits").await;
    assert_eq!((missing.status, missing.problem()), (503, "Redis does not answer".to_owned()));
    assert_eq!(instance.get("/status").await.status, 200);
    redis.run().await;
    let first = until("it counts", async || Some(instance.get("/redis-hits").await).filter(|a| a.status == 200)).await;
    assert_eq!(first.json(), json!({ "hits": 1 }));

    redis.stop();
    assert_eq!(instance.get("/redis-hits").await.status, 503);
    redis.run().await;
    until("it counts again", async || (instance.get("/redis-hits").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn redis_tls_needs_the_right_certificate_and_password() {
    let redis = Redis::start_with_tls().await;
    let (url, authority) = (redis.url(), redis.authority());
    let trusting = Instance::listening(&[("REDIS_URL", &url), ("SSL_CERT_FILE", &authority)]).await;
    let answer = trusting.get("/redis-hits").await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "hits": 1 })));
    let strange = Instance::listening(&[("REDIS_URL", &url)]).await;
    assert_eq!(strange.get("/redis-hits").await.status, 503);
    let wrong = url.replace(PASSWORD, "wrong");
    let locked_out = Instance::listening(&[("REDIS_URL", &wrong), ("SSL_CERT_FILE", &authority)]).await;
    assert_eq!(locked_out.get("/redis-hits").await.status, 503);
    for mut instance in [strange, locked_out] {
        let counted = "a hit could not be counted";
        until("it is logged", async || instance.process().log().contains(counted).then_some(())).await;
        let log = instance.process().log();
        assert!(!log.contains(PASSWORD) && !log.contains("wrong"), "{log}");
    }
    assert_eq!(trusting.get("/redis-hits").await.json(), json!({ "hits": 2 }));
}
