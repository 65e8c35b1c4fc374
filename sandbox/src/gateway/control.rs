//! The control endpoint `/_sandbox/…`: state for tests and `stackctl sandbox status`, and settings for tests.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
};
use serde_json::{Value, json};

use crate::region::Region;

pub(super) async fn answer(region: &Arc<Region>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    match (method, path.as_str()) {
        (Method::GET, "/_sandbox/status") => document(
            200,
            &json!({
                "running": true,
                "version": env!("CARGO_PKG_VERSION"),
                "pid": std::process::id(),
                "endpoint": region.place.endpoint,
                "dir": region.place.dir,
                "settings": region.place.settings.document(),
                "held": region.place.settings.is_held(),
                "tasks": region.ecs.running_tasks(),
            }),
        ),
        (Method::GET, "/_sandbox/calls") => {
            document(200, &serde_json::to_value(region.place.calls.all()).expect("the log is plain data"))
        }
        (Method::GET, "/_sandbox/secrets") => document(200, &json!(region.secrecy.all())),
        (Method::GET, "/_sandbox/mails") => document(200, &region.moto.get("/mails").await.unwrap_or_default()),
        (Method::DELETE, "/_sandbox/calls") => {
            region.place.calls.clear();
            document(200, &json!({}))
        }
        (Method::DELETE, "/_sandbox/connections") => {
            region.sessions.cut();
            document(200, &json!({}))
        }
        (Method::DELETE, "/_sandbox/spot") => document(200, &json!({ "interrupted": region.ecs.interrupt_spot() })),
        (Method::PATCH, "/_sandbox/settings") => match serde_json::from_slice::<Value>(&body) {
            Ok(settings) => {
                if let Err(error) = region.place.settings.change(&settings) {
                    return document(400, &json!({ "error": error.to_string() }));
                }
                if settings["provision_scale"].is_number() {
                    drop(region.moto.put("/settings", &settings).await);
                }
                document(200, &region.place.settings.document())
            }
            Err(error) => document(400, &json!({ "error": error.to_string() })),
        },
        _ => document(
            404,
            &json!({ "error": "there are status, calls, connections, mails, secrets, settings and spot" }),
        ),
    }
}

fn document(status: u16, value: &Value) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(value.to_string())))
        .expect("status and headers are valid")
}
