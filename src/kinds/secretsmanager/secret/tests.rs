//! Tests of the differences between secrets, and of how values are written again.

use std::sync::Arc;

use super::*;
use crate::{
    aws::model::{self, Cloud},
    kind::NoImages,
    kinds::secretsmanager::model::{Secrets, cloud},
    model::{Input, StackId},
};

/// Returns the context of a stack that may have secrets at `addresses`.
fn context(cloud: &Cloud, addresses: &[&Address]) -> Context {
    let id = StackId { stack: "shop".into(), environment: "test".into() };
    let cx = Context::new(id, Arc::new(model::session(cloud)), Arc::new(NoImages));
    cx.expecting(addresses.iter().map(|address| ((*address).clone(), serde_json::Value::Null)))
}

fn generated() -> Desired {
    Desired { source: Source::Generated { length: 32 } }
}

/// Returns the addresses of the stack's secrets.
async fn there(cx: &Context) -> Vec<Address> {
    let found = Secret::list(cx).await.expect("it answers");
    found.into_iter().map(|found| found.address).collect()
}

#[tokio::test(start_paused = true)]
async fn stale_list_neither_hides_nor_invents_secrets() {
    let (cloud, address) = (cloud(), Address::new("secret", "database-password"));
    let (known, unknown) = (context(&cloud, &[&address]), context(&cloud, &[]));
    let made = Secret::create(&known, &address, &generated()).await.expect("it is made");
    assert_eq!(there(&known).await, std::slice::from_ref(&address), "it is there, and not in the list");
    tokio::time::sleep(std::time::Duration::from_secs(301)).await;
    assert_eq!(there(&unknown).await, [address], "stack.yaml has it no longer, and the list has it");
    Secret::delete(&known, &made).await.expect("it is deleted");
    for cx in [known, unknown] {
        assert_eq!(there(&cx).await, [], "it is gone, and still in the list");
    }
}

/// Returns the value of a secret.
async fn read(cx: &Context, live: &Live) -> String {
    reveal(cx, live).await.expect("it can be read")
}

#[tokio::test(start_paused = true)]
async fn restored_secret_keeps_its_value() {
    let (cloud, address) = (cloud(), Address::new("secret", "database-password"));
    let cx = context(&cloud, &[&address]);
    let made = Secret::create(&cx, &address, &generated()).await.expect("it is made");
    let value = read(&cx, &made).await;
    cloud.with(Secrets::schedule_deletion);
    assert_eq!(there(&cx).await, []);
    let back = Secret::create(&cx, &address, &generated()).await.expect("it is called back");
    assert_eq!((&back.arn, &back.version), (&made.arn, &made.version));
    assert_eq!(read(&cx, &back).await, value);
    // A value that a user sets takes precedence.
    cloud.with(Secrets::schedule_deletion);
    let given = give(&cx, &address, None, "by hand".to_owned()).await.expect("it is called back");
    assert_eq!(read(&cx, &given).await, "by hand");
}

#[tokio::test(start_paused = true)]
async fn restored_url_is_written_again_only_if_its_parts_changed() {
    let (cloud, address) = (cloud(), Address::new("secret", "database-url"));
    let cx = context(&cloud, &[&address]);
    let made = Secret::create(&cx, &address, &url("one".into())).await.expect("it is made");
    cloud.with(Secrets::schedule_deletion);
    let same = Secret::create(&cx, &address, &url("one".into())).await.expect("it is called back");
    assert_eq!(same.version, made.version);
    cloud.with(Secrets::schedule_deletion);
    let other = Secret::create(&cx, &address, &url("two".into())).await.expect("it is called back");
    assert!(read(&cx, &other).await.contains("two"));
}

#[tokio::test(start_paused = true)]
async fn secret_of_another_owner_is_not_restored() {
    let (cloud, address) = (cloud(), Address::new("secret", "database-password"));
    let cx = context(&cloud, &[&address]);
    Secret::create(&cx, &address, &generated()).await.expect("it is made");
    cloud.with(|secrets: &mut Secrets| {
        secrets.schedule_deletion();
        secrets.untag();
    });
    let failure = Secret::create(&cx, &address, &generated()).await.expect_err("it is not the stack's");
    assert!(failure.hint.is_some(), "{failure}");
    assert_eq!(there(&cx).await, []);
}

fn url(host: Input) -> Desired {
    let (user, database) = ("u".to_owned(), "d".to_owned());
    let (password, port, renewed_with) = ("arn:of:password".into(), "5432".into(), Vec::new());
    Desired { source: Source::DatabaseUrl { user, password, host, port, database, renewed_with } }
}

#[test]
fn generated_value_is_never_changed() {
    let live = Live { arn: "a".into(), name: "n".into(), inputs: String::new(), version: String::new(), changed: None };
    assert_eq!(Secret::diff(&Desired { source: Source::Generated { length: 32 } }, &live), []);
}

#[test]
fn changed_url_is_written_again_but_never_shown() {
    let inputs = fingerprint(&url("one".into()).source).expect("all is known");
    let live = Live { arn: "a".into(), name: "n".into(), inputs, version: String::new(), changed: None };
    assert_eq!(Secret::diff(&url("one".into()), &live), []);
    let changes = Secret::diff(&url("two".into()), &live);
    assert_eq!((changes.len(), &changes[0].to), (1, &Shown::Sensitive));
}

#[tokio::test(start_paused = true)]
async fn database_url_has_a_form_that_every_driver_accepts() {
    let (cloud, address) = (cloud(), Address::new("secret", "database-url"));
    let cx = context(&cloud, &[&address]);
    let made = Secret::create(&cx, &address, &url("one".into())).await.expect("it is made");
    let parts: serde_json::Value = serde_json::from_str(&read(&cx, &made).await).expect("it is JSON");
    let (url, password) = (&parts["url"], parts["password"].as_str().expect("it has one"));
    assert_eq!(url, &format!("postgresql://u:{password}@one:5432/d"), "SQLAlchemy and asyncpg take no more");
}

#[test]
fn url_in_an_earlier_form_is_written_again() {
    // The fingerprints of a stackctl that wrote `postgres://` with `sslmode`. They cover only the parts.
    let before = ["b8d7165ee98b3478f27b8f0e2f1d18e5", "fae356b61e370c3965b426f618ff480b"];
    let cache = Source::CacheUrl { token: "arn".into(), host: "one".into(), port: "6379".into() };
    for (inputs, desired) in before.into_iter().zip([url("one".into()), Desired { source: cache }]) {
        let (arn, name) = ("a".to_owned(), "n".to_owned());
        let live = Live { arn, name, inputs: inputs.to_owned(), version: String::new(), changed: None };
        assert_eq!(Secret::diff(&desired, &live).len(), 1, "{desired:?}");
    }
}

#[test]
fn cache_url_is_written_again_when_the_host_changes() {
    let url = |host: Input| Desired { source: Source::CacheUrl { token: "arn".into(), host, port: "6379".into() } };
    let inputs = fingerprint(&url("one".into()).source).expect("all is known");
    let live = Live { arn: "a".into(), name: "n".into(), inputs, version: String::new(), changed: None };
    assert_eq!(Secret::diff(&url("one".into()), &live), []);
    assert_eq!(Secret::diff(&url("two".into()), &live)[0].to, Shown::Sensitive);
    let unknown = Input::output(&Address::new("cache", "main"), "host");
    assert_eq!(Secret::diff(&url(unknown), &live)[0].to, Shown::KnownAfterApply);
}

#[tokio::test(start_paused = true)]
async fn composed_value_follows_the_secrets_in_it() {
    let (cloud, address) = (cloud(), Address::new("secret", "web.DSN"));
    let cx = context(&cloud, &[&address]);
    let other = Address::new("secret", "database-user-app");
    let password = Secret::create(&cx, &other, &generated()).await.expect("it is made");
    let composed = |version: Input| {
        let text = |text: &str| Part::Text(text.into());
        let value_of = password.arn.as_str().into();
        let parts = vec![text("Host=db;Password="), Part::Secret { value_of }, text(";")];
        Desired { source: Source::Composed { parts, version } }
    };
    let made = Secret::create(&cx, &address, &composed("one".into())).await.expect("it is made");
    let before = read(&cx, &password).await;
    assert_eq!(read(&cx, &made).await, format!("Host=db;Password={before};"));
    assert_eq!(Secret::diff(&composed("one".into()), &made), []);

    renew(&cx, &password, 32).await.expect("it is written");
    let desired = composed("two".into());
    let changes = Secret::diff(&desired, &made);
    assert_eq!((changes.len(), &changes[0].from, &changes[0].to), (1, &Shown::Sensitive, &Shown::Sensitive));
    let unknown = composed(Input::digest(vec![Input::output(&other, "version")]));
    assert_eq!(Secret::diff(&unknown, &made)[0].to, Shown::KnownAfterApply);
    let changed = Changed::of(&changes).expect("it is changed in place");
    let written = Secret::update(&cx, &address, &desired, &made, &changed).await.expect("it is written");
    let after = read(&cx, &password).await;
    assert_ne!(before, after);
    assert_eq!(read(&cx, &written).await, format!("Host=db;Password={after};"));
    assert_eq!(Secret::diff(&desired, &written), []);
    let shown = serde_json::to_string(&desired).expect("it is plain data");
    assert!(!shown.contains(&after), "{shown}");
}

#[test]
fn url_follows_its_inputs_and_others_follow_its_version() {
    let with = |task: &str| {
        let Source::DatabaseUrl { user, password, host, port, database, .. } = url("one".into()).source else {
            panic!("it is a URL")
        };
        let renewed_with = vec!["version-1".into(), task.into()];
        Desired { source: Source::DatabaseUrl { user, password, host, port, database, renewed_with } }
    };
    let inputs = fingerprint(&with("task:1").source).expect("all is known");
    let live = Live { arn: "a".into(), name: "n".into(), inputs, version: "v".into(), changed: None };
    assert_eq!(Secret::diff(&with("task:1"), &live), []);
    assert_eq!(Secret::diff(&with("task:2"), &live).len(), 1);
    assert_eq!(Secret::outputs(&live).get("version"), Some("v"));
}

#[test]
fn generated_value_has_its_length_and_needs_no_escaping() {
    let value = generate(32);
    assert_eq!(value.len(), 32);
    assert!(value.chars().all(|c| c.is_ascii_alphanumeric()));
    assert_ne!(value, generate(32));
}
