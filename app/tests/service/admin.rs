//! Tests of the admin page and its password, and of the report with the same numbers.

use serde_json::Value;

use crate::support::{Answer, Instance, Postgres, run};

async fn admin(instance: &Instance, user: &str, password: &str) -> Answer {
    let request = instance.request("GET", "/admin").basic_auth(user, Some(password));
    instance.send(request.header("accept", "application/json")).await
}

#[tokio::test]
async fn admin_page_needs_the_user_and_the_password() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let environment = [("DATABASE_URL", &*url), ("ADMIN_PASSWORD", "p:ä"), ("APP_VERSION", "1.4.0+27")];
    let instance = Instance::ready(&environment).await;
    let response = instance.request("GET", "/admin").send().await.expect("it answers");
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"admin\", charset=\"UTF-8\"");
    for (user, password) in [("developer", ""), ("developer", "p:a"), ("admin", "p:ä"), ("", "p:ä")] {
        let refused = admin(&instance, user, password).await;
        assert_eq!((refused.status, refused.problem()), (401, "user and password are needed".to_owned()));
    }

    instance.get("/").await;
    instance.get("/").await;
    instance.get("/palindrom/anna").await;
    let overview = admin(&instance, "developer", "p:ä").await;
    assert_eq!(overview.status, 200);
    let overview = overview.json();
    assert_eq!((&overview["version"], &overview["database"]), (&"1.4.0+27".into(), &"answers".into()));
    assert_eq!(overview["instance"].as_str().map(str::len), Some(32));
    let counts = &overview["counts"];
    let count = |what: &str| counts[what].as_u64();
    assert_eq!((count("visitors"), count("visits"), count("people")), (Some(1), Some(2), Some(0)));
    assert_eq!((count("palindromes"), count("prices")), (Some(1), Some(698)));

    let page = instance.send(instance.request("GET", "/admin").basic_auth("developer", Some("p:ä"))).await;
    assert!(page.kind.starts_with("text/html"), "{}", page.kind);
    assert_eq!((page.number("visitors"), page.number("visits"), page.number("palindromes")), (1, 2, 1));

    let (code, log) = run(&["report"], &environment).await;
    assert_eq!(code, Some(0), "{log}");
    let report: Value = serde_json::from_str(log.lines().last().expect("it logs")).expect("it logs JSON");
    assert_eq!(report["message"], "report");
    assert_eq!((&report["visits"], &report["palindromes"]), (&2.into(), &1.into()));
}

#[tokio::test]
async fn admin_page_is_closed_without_a_configured_password() {
    let instance = Instance::listening(&[]).await;
    for password in ["", "developer"] {
        let answer = admin(&instance, "developer", password).await;
        assert_eq!(answer.status, 503);
        assert!(answer.problem().contains("ADMIN_PASSWORD"), "{}", answer.body);
    }
    let other = Instance::listening(&[("ADMIN_USER", "grace"), ("ADMIN_PASSWORD", "x")]).await;
    assert_eq!(admin(&other, "developer", "x").await.status, 401);
    let overview = admin(&other, "grace", "x").await;
    assert_eq!((overview.status, &overview.json()["database"]), (200, &"none".into()));
}
