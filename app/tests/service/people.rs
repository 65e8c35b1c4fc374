//! Tests of the passenger API. Each response is checked against the OpenAPI document that the API serves.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{Answer, Instance, Postgres};

/// The API and its OpenAPI document.
struct Api {
    _postgres: Postgres,
    instance: Instance,
    document: Value,
}

impl Api {
    async fn start() -> Self {
        let postgres = Postgres::start().await;
        let instance = Instance::ready(&[("DATABASE_URL", &postgres.url())]).await;
        let document = instance.get("/openapi.json").await;
        assert_eq!((document.status, &*document.kind), (200, "application/json"));
        let document = document.json();
        Self { _postgres: postgres, instance, document }
    }

    /// Sends a request and checks the response against the schema for this path, method, status and media type.
    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.instance.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.instance.send(request).await;
        let template = if path.starts_with("/people/") { "/people/{uuid}" } else { "/people" };
        let response = &self.document["paths"][template][method.to_lowercase()]["responses"][answer.status.to_string()];
        let reference = response["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
        let response = reference.map_or(Some(response), |pointer| self.document.pointer(pointer));
        let schema = &response.expect("it refers to what is there")["content"][&answer.kind]["schema"];
        assert!(schema.is_object(), "{method} {path} answers {} {}, undocumented", answer.status, answer.kind);
        let found: Vec<String> =
            self.validator(schema).iter_errors(&answer.json()).map(|error| error.to_string()).collect();
        assert!(found.is_empty(), "{method} {path}: {found:?} in {}", answer.body);
        answer
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        schema["components"] = self.document["components"].clone();
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        options.build(&schema).expect("the document's schemas are good")
    }
}

fn ada() -> Value {
    json!({
        "survived": true, "passengerClass": 1, "name": "Ada \"Countess\" Lovelace", "sex": "female", "age": 36,
        "siblingsOrSpousesAboard": 1, "parentsOrChildrenAboard": 3, "fare": 7.25,
    })
}

fn without_uuid(person: &Value) -> Value {
    let mut person = person.clone();
    person.as_object_mut().expect("it is one").remove("uuid").expect("it has one");
    person
}

#[tokio::test]
async fn person_is_added_read_changed_and_removed() {
    let api = Api::start().await;
    let added = api.call("POST", "/people", Some(&ada())).await;
    assert_eq!(added.status, 200, "{}", added.body);
    let added = added.json();
    assert_eq!(without_uuid(&added), ada());
    let path = format!("/people/{}", added["uuid"].as_str().expect("it has one"));
    assert_eq!(api.call("GET", &path, None).await.json(), added);

    let changed = api.call("PUT", &path, Some(&json!({ "age": 36.5, "name": "Ada", "survived": false }))).await.json();
    let mut expected = added.clone();
    expected["age"] = json!(36.5);
    expected["name"] = json!("Ada");
    expected["survived"] = json!(false);
    assert_eq!(changed, expected, "what it names is changed, and nothing else");
    assert_eq!(api.call("PUT", &path, Some(&json!({}))).await.json(), expected);
    assert_eq!(api.call("PUT", &path, Some(&expected)).await.json(), expected, "its own uuid may be named");
    let other = json!({ "uuid": "00000000-0000-4000-8000-000000000000" });
    let refused = api.call("PUT", &path, Some(&other)).await;
    assert_eq!((refused.status, &*refused.problem()), (400, "uuid is not that of the path, and cannot be changed"));

    assert_eq!(api.call("DELETE", &path, None).await.json(), expected);
    for method in ["GET", "DELETE"] {
        assert_eq!(api.call(method, &path, None).await.status, 404);
    }
    assert_eq!(api.call("PUT", &path, Some(&json!({ "age": 1 }))).await.status, 404);
    assert_eq!(api.call("GET", "/people", None).await.json(), json!([]));
}

#[tokio::test]
async fn client_may_choose_an_unused_uuid() {
    let api = Api::start().await;
    let mut ada = ada();
    ada["uuid"] = json!("6ba7b810-9dad-41d1-80b4-00c04fd430c8");
    ada.as_object_mut().expect("it is one").remove("survived");
    ada["passengerClass"] = json!(3.0);
    let added = api.call("POST", "/people", Some(&ada)).await.json();
    assert_eq!(added["uuid"], ada["uuid"]);
    assert_eq!((&added["survived"], &added["passengerClass"]), (&json!(false), &json!(3)));
    let again = api.call("POST", "/people", Some(&ada)).await;
    assert_eq!(again.status, 409);
    assert!(again.problem().contains("6ba7b810-9dad-41d1-80b4-00c04fd430c8"), "{}", again.body);
    assert_eq!(api.call("GET", "/people", None).await.json(), json!([added]));
}

#[tokio::test]
async fn invalid_request_is_explained_and_changes_nothing() {
    let api = Api::start().await;
    let added = api.call("POST", "/people", Some(&ada())).await.json();
    let path = format!("/people/{}", added["uuid"].as_str().expect("it has one"));
    for (field, value) in [
        ("name", json!("x".repeat(101))),
        ("name", json!("a\0b")),
        ("name", Value::Null),
        ("sex", json!("unknown")),
        ("age", json!(-0.5)),
        ("passengerClass", json!("first")),
        ("siblingsOrSpousesAboard", json!(2_147_483_648_u32)),
        ("parentsOrChildrenAboard", json!(1.5)),
        ("fare", json!("7,25")),
        ("survived", json!(1)),
        ("uuid", json!("1")),
        ("cabin", json!("C85")),
    ] {
        let mut person = ada();
        person[field] = value.clone();
        let answer = api.call("POST", "/people", Some(&person)).await;
        assert_eq!(answer.status, 400, "{field}: {value}");
        assert!(answer.problem().starts_with(&format!("{field} ")), "{}", answer.body);
        let answer = api.call("PUT", &path, Some(&json!({ field: value }))).await;
        assert_eq!(answer.status, 400, "{field}: {value}");
        assert!(answer.problem().starts_with(&format!("{field} ")), "{}", answer.body);
    }
    for field in ["passengerClass", "name", "sex", "age", "siblingsOrSpousesAboard", "parentsOrChildrenAboard", "fare"]
    {
        let mut person = ada();
        person.as_object_mut().expect("it is one").remove(field);
        let answer = api.call("POST", "/people", Some(&person)).await;
        assert_eq!((answer.status, answer.problem()), (400, format!("{field} is missing")));
    }
    let two = api.call("POST", "/people", Some(&json!({ "age": "old" }))).await.problem();
    assert!(two.contains("age is not") && two.contains("name is missing"), "{two}");
    for (method, path, parameter) in [
        ("GET", "/people?limit=0", "limit"),
        ("GET", "/people?limit=10001", "limit"),
        ("GET", "/people?limit=all", "limit"),
        ("GET", "/people?limit=", "limit"),
        ("GET", "/people?offset=-1", "offset"),
        ("GET", "/people/17", "uuid"),
        ("DELETE", "/people/17", "uuid"),
    ] {
        let answer = api.call(method, path, None).await;
        assert_eq!(answer.status, 400, "{method} {path}");
        assert!(answer.problem().starts_with(&format!("{parameter} ")), "{}", answer.body);
    }
    for (kind, body, problem) in [
        ("application/json", "{\"age\": 1,}", "body is no JSON"),
        ("application/json", "", "body is no JSON"),
        ("application/json", "[]", "body is not"),
        ("text/plain", "{}", "Content-Type"),
    ] {
        let request = api.instance.request("POST", "/people").header("content-type", kind).body(body);
        let answer = api.instance.send(request).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.problem().starts_with(problem), "{}", answer.body);
    }
    let twice = api.call("GET", "/people?limit=1&limit=2", None).await;
    assert_eq!(twice.status, 400);
    assert!(twice.problem().contains("limit"), "{}", twice.body);
    assert_eq!(api.instance.send(api.instance.request("HEAD", "/people?limit=0")).await.status, 400);
    assert_eq!(api.call("GET", "/people", None).await.json(), json!([added]));
}

#[tokio::test]
async fn pages_are_in_the_order_of_insertion() {
    let api = Api::start().await;
    for index in 0..7 {
        let mut person = ada();
        person["name"] = json!(format!("Person {index}"));
        api.call("POST", "/people", Some(&person)).await;
    }
    let names = async |path: &str| {
        let page = api.call("GET", path, None).await.json();
        let people = page.as_array().expect("it is a list").clone();
        people.iter().map(|person| person["name"].as_str().expect("a name")[7..].to_owned()).collect::<String>()
    };
    assert_eq!(names("/people").await, "0123456");
    assert_eq!(names("/people?limit=3").await, "012");
    assert_eq!(names("/people?limit=3&offset=3").await, "345");
    assert_eq!(names("/people?offset=6").await, "6");
    assert_eq!(names("/people?offset=7").await, "");
}
