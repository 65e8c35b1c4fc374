//! The passenger API. The contract checks each request before a handler gets it.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequestParts, MatchedPath, Path, Query, RawPathParams, Request, State, rejection::QueryRejection},
    http::{Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{App, problem::Problem};
use crate::{
    contract::{self, Breach, PEOPLE},
    people::{self, Fields, Person},
};

/// The largest body in bytes; a person needs a few hundred.
const LARGEST: usize = 64 * 1024;

/// The limits of a page, with the defaults of the contract.
#[derive(Deserialize)]
struct Page {
    #[serde(default = "Page::limit")]
    limit: i64,
    #[serde(default)]
    offset: i64,
}

impl Page {
    fn limit() -> i64 {
        1000
    }
}

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/people", get(list).post(add))
        .route("/people/{uuid}", get(one).put(change).delete(remove))
        .route_layer(middleware::from_fn(check))
        .route("/openapi.json", get(document))
}

/// Passes on a request that is valid according to the contract. For any other, responds with every invalid field.
async fn check(route: MatchedPath, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, mut body) = request.into_parts();
    // A HEAD request is handled like a GET whose response body is omitted.
    let method = if parts.method == Method::HEAD { Method::GET } else { parts.method.clone() };
    let given = Given::read(&mut parts).await?;
    let mut json = None;
    if PEOPLE.takes_body(route.as_str(), method.as_str()) {
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            return Err(Problem::bad_request("Content-Type is not application/json".to_owned()));
        }
        let bytes = axum::body::to_bytes(body, LARGEST)
            .await
            .map_err(|_| Problem::bad_request(format!("body did not come whole, or is longer than {LARGEST} bytes")))?;
        json = Some(serde_json::from_slice(&bytes).map_err(|e| Problem::bad_request(format!("body is no JSON: {e}")))?);
        body = Body::from(bytes);
    }
    let breaches =
        PEOPLE.check_request(route.as_str(), method.as_str(), &|place, name| given.get(place, name), json.as_ref());
    if breaches.is_empty() {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let details: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    Err(Problem::bad_request(details.join("; ")))
}

/// The parameters of a request as text.
struct Given {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Given {
    async fn read(parts: &mut Parts) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, &()).await;
        let path = path.map_err(|_| Problem::bad_request("the path is not UTF-8".to_owned()))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let Query(query) = Query::from_request_parts(parts, &())
            .await
            .map_err(|_| Problem::bad_request("the query cannot be read".to_owned()))?;
        Ok(Self { path, query })
    }

    fn get(&self, place: &str, name: &str) -> Option<String> {
        let all = if place == "path" { &self.path } else { &self.query };
        all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], contract::DOCUMENT).into_response()
}

async fn list(
    State(app): State<Arc<App>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Vec<Person>>, Problem> {
    // The rejection means that a parameter is repeated.
    let Query(page) = page.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let people = people::list(app.pool()?, page.limit, page.offset).await;
    people.map(Json).map_err(|error| Problem::of_database(&error))
}

async fn add(State(app): State<Arc<App>>, Json(person): Json<Value>) -> Result<Json<Person>, Problem> {
    let fields = read(person)?;
    let added = people::add(app.pool()?, &fields).await.map_err(|error| Problem::of_database(&error))?;
    added.map(Json).ok_or_else(|| {
        let uuid = fields.uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
        Problem::new(StatusCode::CONFLICT, format!("uuid {uuid} is taken"))
    })
}

async fn one(State(app): State<Arc<App>>, Path(uuid): Path<Uuid>) -> Result<Json<Person>, Problem> {
    found(uuid, people::get(app.pool()?, uuid).await)
}

async fn change(
    State(app): State<Arc<App>>,
    Path(uuid): Path<Uuid>,
    Json(changes): Json<Value>,
) -> Result<Json<Person>, Problem> {
    let fields = read(changes)?;
    if fields.uuid.is_some_and(|other| other != uuid) {
        let breach = Breach::new("uuid", "is not that of the path, and cannot be changed");
        return Err(Problem::bad_request(breach.to_string()));
    }
    found(uuid, people::change(app.pool()?, uuid, &fields).await)
}

async fn remove(State(app): State<Arc<App>>, Path(uuid): Path<Uuid>) -> Result<Json<Person>, Problem> {
    found(uuid, people::remove(app.pool()?, uuid).await)
}

fn read(body: Value) -> Result<Fields, Problem> {
    serde_json::from_value(body).map_err(|error| Problem::bad_request(format!("body: {error}")))
}

fn found(uuid: Uuid, person: Result<Option<Person>, sqlx::Error>) -> Result<Json<Person>, Problem> {
    let person = person.map_err(|error| Problem::of_database(&error))?;
    person.map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("nobody has the uuid {uuid}")))
}
