//! `/admin`: an overview for the administrator, who needs a password.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{App, page, problem::Problem};
use crate::{
    db,
    overview::{self, Counts},
};

/// The content of the overview.
#[derive(Serialize, Template)]
#[template(path = "admin.html")]
struct Overview<'a> {
    version: &'a str,
    /// The name of the instance that responds.
    instance: &'a str,
    /// The uptime of the instance in seconds.
    uptime: u64,
    database: &'static str,
    counts: Option<Counts>,
}

pub(super) async fn admin(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Response> {
    let config = &app.config;
    let Some(password) = &config.admin_password else {
        let problem = Problem::unavailable("no password is set, so nobody may see this: ADMIN_PASSWORD");
        return Err(problem.into_response());
    };
    if !is_allowed(&headers, &config.admin_user, password) {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "user and password are needed".to_owned());
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"admin\", charset=\"UTF-8\"")];
        return Err((challenge, problem).into_response());
    }
    let (database, counts) = match &app.database {
        None => ("none", None),
        Some(database) => match overview::counts(database.pool()).await {
            Ok(counts) => ("answers", Some(counts)),
            Err(error) => {
                tracing::error!(error = %db::without_secrets(&error), "the overview could not be counted");
                ("does not answer", None)
            }
        },
    };
    let uptime = app.started.elapsed().as_secs();
    let overview = Overview { version: &config.version, instance: &app.instance, uptime, database, counts };
    // The response must not be cached.
    let private = [(header::CACHE_CONTROL, "no-store")];
    if page::wants_json(&headers) {
        return Ok((private, Json(overview)).into_response());
    }
    let html = overview.render().map_err(|error| page::unmade(&error).into_response())?;
    Ok((private, Html(html)).into_response())
}

/// Returns whether the request has this user and this password.
fn is_allowed(headers: &HeaderMap, user: &str, password: &str) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let Some(given) = given.and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok()) else { return false };
    // Digests have the same length, so the time of the comparison reveals neither where a guess is wrong nor the length
    // of the password.
    let expected = Sha256::digest(format!("{user}:{password}"));
    Sha256::digest(given).as_slice().ct_eq(expected.as_slice()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_user_and_password_are_allowed() {
        let allowed = |authorization: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, authorization.parse().expect("it is a header"));
            is_allowed(&headers, "developer", "a:b c")
        };
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert!(allowed(&basic("developer:a:b c")));
        assert!(allowed(&basic("developer:a:b c").replace("Basic", "bAsIC ")));
        for wrong in ["developer:a:b", "developer:", "developer", ":a:b c", "Developer:a:b c", "developer:a:b c "] {
            assert!(!allowed(&basic(wrong)), "{wrong}");
        }
        for wrong in ["", "Basic", "Basic %", "Bearer ZGV2ZWxvcGVyOmE6YiBj"] {
            assert!(!allowed(wrong), "{wrong}");
        }
        assert!(!is_allowed(&HeaderMap::new(), "developer", "a:b c"));
    }
}
