//! Tests of rates from a real database.

use serde_json::{Value, json};

use crate::support::{Instance, Postgres};

async fn sample() -> (Postgres, Instance) {
    let postgres = Postgres::start().await;
    let instance = Instance::ready(&[("DATABASE_URL", &postgres.url())]).await;
    (postgres, instance)
}

async fn rates(instance: &Instance, from: &str, to: &str, origin: &str, destination: &str) -> Value {
    let path = format!("/rates?date_from={from}&date_to={to}&orig_code={origin}&dest_code={destination}");
    let answer = instance.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["rates"].clone()
}

#[tokio::test]
async fn every_day_is_listed_with_null_for_too_few_prices() {
    let (postgres, instance) = sample().await;
    let expected = json!([
        { "day": "2021-01-11", "count": 4, "price": 1322.5 },
        { "day": "2021-01-10", "count": 2, "price": null },
        { "day": "2021-01-09", "count": 4, "price": 1302.5 },
    ]);
    assert_eq!(rates(&instance, "2021-01-09", "2021-01-11", "NOAAA", "SODDD").await, expected);
    let none = json!([{ "day": "2021-01-20", "count": null, "price": null }]);
    assert_eq!(rates(&instance, "2021-01-20", "2021-01-20", "NOAAA", "SODDD").await, none);

    let pool = postgres.pool().await;
    let insert = "INSERT INTO prices VALUES ('NOAAA', 'SOEEE', '2020-02-29', 1), ('NOAAA', 'SOEEE', '2020-02-29', 1),
                  ('NOAAA', 'SOEEE', '2020-02-29', 3)";
    sqlx::query(insert).execute(&pool).await.expect("the ports are there");
    let rounded = json!([{ "day": "2020-02-29", "count": 3, "price": 1.67 }]);
    assert_eq!(rates(&instance, "2020-02-29", "2020-02-29", "NOAAA", "SOEEE").await, rounded);
}

#[tokio::test]
async fn region_includes_ports_of_its_subregions() {
    let (_postgres, instance) = sample().await;
    let counts = async |origin, destination| {
        rates(&instance, "2021-01-15", "2021-01-15", origin, destination).await[0]["count"].clone()
    };
    // Each route has four prices. There are two ports in the fjords, three in the north and two in the south.
    assert_eq!(counts("NOAAA", "SODDD").await, 4);
    assert_eq!(counts("NOAAA", "south").await, 8);
    assert_eq!(counts("fjords", "south").await, 16);
    assert_eq!(counts("north", "south").await, 24);
    assert_eq!(counts("nowhere", "south").await, Value::Null);
    assert_eq!(counts("south", "north").await, Value::Null);
}

#[tokio::test]
async fn missing_or_invalid_rate_parameter_is_named() {
    let (_postgres, instance) = sample().await;
    let good = [("date_from", "2021-01-01"), ("date_to", "2021-01-31"), ("orig_code", "NOAAA"), ("dest_code", "south")];
    let bad = [
        ("date_from", "yesterday"),
        ("date_from", "2021-02-30"),
        ("date_from", "2021-02-01"),
        ("date_to", "31.01.2021"),
        ("date_to", "2031-01-31"),
        ("orig_code", ""),
        ("dest_code", "a%00b"),
    ];
    for (name, value) in bad {
        let query: Vec<String> =
            good.iter().map(|(key, good)| format!("{key}={}", if *key == name { value } else { good })).collect();
        let answer = instance.get(&format!("/rates?{}", query.join("&"))).await;
        assert_eq!(answer.status, 400, "{name}={value}: {}", answer.body);
        assert!(answer.problem().contains(name), "{name}={value}: {}", answer.body);
    }
    for (name, _) in good {
        let query: Vec<String> =
            good.iter().filter(|(key, _)| *key != name).map(|(key, value)| format!("{key}={value}")).collect();
        let answer = instance.get(&format!("/rates?{}", query.join("&"))).await;
        assert_eq!((answer.status, answer.problem()), (400, format!("{name} is missing")));
    }
}
