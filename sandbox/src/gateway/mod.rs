//! The endpoint of the region: receives every call, identifies it, delays it, dispatches it and logs it.

mod cbor;
mod control;
mod requests;
mod rest;

pub(crate) use requests::Requests;

use std::{error::Error, os::fd::AsFd, sync::Arc, time::Instant};

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{net::TcpListener, task::JoinError};

use crate::{
    api::{Answer, ApiError, Call},
    autoscaling,
    call_log::Record,
    credentials,
    elasticache::Caches,
    events,
    faults::Fate,
    permissions,
    region::Region,
    s3, sessions,
};

/// Serves until the task is aborted.
pub(crate) async fn serve(region: Arc<Region>, listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        drop(stream.set_nodelay(true));
        // A second handle of the connection, to reset it instead of closing it.
        let handle = stream.as_fd().try_clone_to_owned();
        let region = Arc::clone(&region);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let region = Arc::clone(&region);
                async move { route(&region, request).await }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // A client that disconnects early is not an error.
            if let Err(error) = connection.await
                && error.source().is_some_and(<dyn Error>::is::<Broken>)
                && let Ok(handle) = handle
            {
                let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                if let Err(error) = setsockopt(&handle, sockopt::Linger, &at_once) {
                    tracing::warn!(%error, "a connection is closed and not reset");
                }
            }
        });
    }
}

/// The error that resets the connection instead of responding.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset, as was asked for")]
struct Broken;

async fn route(region: &Arc<Region>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Broken> {
    let path = request.uri().path();
    if let Some(name) = path.strip_prefix(credentials::PATH) {
        return Ok(match region.credentials.document(name) {
            Some(document) => respond(Answer::json(&document)),
            None => plain(404, "there are no such credentials"),
        });
    }
    if path.starts_with("/_sandbox/") {
        return Ok(control::answer(region, request).await);
    }
    if path == "/v2" || path.starts_with("/v2/") {
        return Ok(region.ecr.registry(request).await);
    }
    if path.starts_with(sessions::PATH) {
        return Ok(region.sessions.channel(request));
    }
    let started = Instant::now();
    let in_cbor = cbor::is_spoken(request.headers());
    let call = match read(&region.requests, request).await {
        Ok(call) => call,
        Err(error) => return Ok(plain(400, &format!("this is no call of the AWS API: {}", error.message))),
    };
    if region.place.settings.is_held() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(region.place.settings.latency()).await;
    // A call that has begun is completed even if the client disconnects, as at AWS.
    let region = Arc::clone(region);
    let work = tokio::spawn(async move { work_on(&region, &call, started).await });
    let (answer, may_answer, fate) = match work.await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The task is cancelled only when the sandbox ends.
        Err(Err(_)) => std::future::pending().await,
    };
    if !may_answer {
        std::future::pending::<()>().await;
    }
    if matches!(fate, Fate::Reset | Fate::Lost) {
        return Err(Broken);
    }
    Ok(if in_cbor { respond(cbor::from_json(answer)) } else { respond(answer) })
}

/// Carries out a call unless a fault prevents it, and logs it. Also returns whether the response may be sent.
async fn work_on(region: &Arc<Region>, call: &Call, started: Instant) -> (Answer, bool, Fate) {
    let fate = region.place.settings.faults.fate(call);
    let (answer, may_answer) = match &fate {
        Fate::Refused(error) => (error.answer(call), true),
        Fate::Reset => (broken(call), true),
        Fate::Done | Fate::Lost => {
            let plan = region.place.settings.faults.plan();
            let answer = region.lag.through(call, plan.seed, plan.lag, |call| carry_out(region, call)).await;
            let answer = answer.unwrap_or_else(|error| error.answer(call));
            region.secrecy.learn(call, &answer);
            region.place.settings.faults.note(call, &answer);
            let may_answer = !call.is_mutating() || region.place.settings.count_mutation(answer.status >= 400);
            (answer, may_answer)
        }
    };
    region.place.calls.add(Record {
        service: &call.service,
        operation: &call.operation,
        mutating: call.is_mutating(),
        started,
        status: answer.status,
        code: answer.error.clone(),
        bytes: call.body.len(),
    });
    (answer, may_answer, fate)
}

/// The log entry of a call whose connection is reset before it took effect.
fn broken(call: &Call) -> Answer {
    ApiError { status: 0, ..ApiError::client("ConnectionReset", "the connection is reset") }.answer(call)
}

/// Dispatches a call to the part of the region that handles it.
async fn carry_out(region: &Arc<Region>, mut call: Call) -> Result<Answer, ApiError> {
    if call.service == s3::SERVICE {
        let target = s3::Target::of(&call.path_and_query);
        if s3::operation(&call.method, &call.headers, &target).is_none() {
            return Err(ApiError::not_implemented(&call));
        }
        s3::check_owner(&call)?;
        call.body = s3::unchunked(&mut call.headers, call.body)?;
    }
    let call = &call;
    check_credentials(call)?;
    let role = region.credentials.role(&call.key);
    if let Some(role) = &role {
        check_role(region, call, role).await?;
    }
    match call.service.as_str() {
        "ecs" => return region.ecs.call(call).await,
        "ecr" => return region.ecr.call(call),
        "servicediscovery" => return region.cloud_map.call(call),
        "application-autoscaling" => autoscaling::check(&region.ecs, call)?,
        "elasticache" => Caches::check(call)?,
        "scheduler" => region.schedules.check(call).await?,
        "events" => events::check(&region.ecs, call).await?,
        "ssm" => {
            if let Some(answer) = region.sessions.call(call, |target| region.ecs.inside(target)) {
                return answer;
            }
        }
        "elasticloadbalancing" => {
            if let Some(answer) = region.alb.call(call) {
                return answer;
            }
        }
        "monitoring" => {
            if let Some(answer) = region.alb.measures(call) {
                return Ok(answer);
            }
        }
        _ => {}
    }
    let answer = region.moto.forward(call).await?;
    if let Some(role) =
        role.filter(|_| answer.status == 404 && matches!(call.operation.as_str(), "GetObject" | "HeadObject"))
    {
        // Without permission to list a bucket, a caller gets 403 and not 404 for a missing object.
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        let bucket = format!("arn:aws:s3:::{}", s3::Target::of(&call.path_and_query).bucket);
        let roles = permissions::roles(&region.moto, &region.place.settings).await;
        if !permissions::allows(&roles, &role, "s3:ListBucket", &bucket) {
            return Err(ApiError::denied(call, &role, "s3:ListBucket", &bucket));
        }
    }
    if call.is_mutating() {
        match call.service.as_str() {
            "application-autoscaling" => {
                autoscaling::after(&region.ecs, call, &answer);
                region.schedules.after(&answer).await;
            }
            "scheduler" => region.schedules.after(&answer).await,
            "rds" => region.rds.after(call, &answer).await,
            "elasticache" => region.caches.after(call, &answer).await,
            "elasticloadbalancing" | "acm" => region.alb.refresh().await,
            _ => {}
        }
    }
    Ok(answer)
}

/// Refuses a task's call that its role does not allow. Resources are checked only for S3; for other services, only
/// the action.
async fn check_role(region: &Region, call: &Call, role: &str) -> Result<(), ApiError> {
    // GetCallerIdentity needs no permission.
    // https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    if call.service == "sts" {
        return Ok(());
    }
    let roles = permissions::roles(&region.moto, &region.place.settings).await;
    if call.service == s3::SERVICE {
        for (action, resource) in s3::needs(call) {
            if !permissions::allows(&roles, role, &action, &resource) {
                return Err(ApiError::denied(call, role, &action, &resource));
            }
        }
        return Ok(());
    }
    // The IAM prefix of CloudWatch differs from its endpoint prefix.
    let service = if call.service == "monitoring" { "cloudwatch" } else { &call.service };
    let action = format!("{service}:{}", call.operation);
    if permissions::allows_somewhere(&roles, role, &action) {
        return Ok(());
    }
    Err(ApiError::denied(call, role, &action, "*"))
}

/// Refuses two access keys that stand for invalid credentials, so that tests can see the effect.
fn check_credentials(call: &Call) -> Result<(), ApiError> {
    let json = call.is_json();
    match call.key.as_str() {
        "EXPIRED" => Err(ApiError::expired(call)),
        "INVALID" => {
            let (status, code) = match (json, call.service.as_str()) {
                (true, _) => (400, "UnrecognizedClientException"),
                (false, "ec2") => (401, "AuthFailure"),
                (false, s3::SERVICE) => (403, "InvalidAccessKeyId"),
                (false, _) => (403, "InvalidClientTokenId"),
            };
            Err(ApiError { status, ..ApiError::client(code, "The security token included in the request is invalid.") })
        }
        _ => Ok(()),
    }
}

/// Reads a call: the scope of the signature names the service, a header or a parameter the operation.
async fn read(requests: &Requests, request: Request<Incoming>) -> Result<Call, ApiError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| ApiError::client("IncompleteBody", error.to_string()))?.to_bytes();
    let path_and_query = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let authorization = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = authorization.split_once("Credential=").map(|(_, rest)| rest.split(',').next().unwrap_or_default());
    // A presigned URL has the scope in a parameter.
    let in_query = s3::Target::of(&path_and_query).parameter("X-Amz-Credential").map(str::to_owned);
    let scope = scope.map(str::to_owned).or(in_query).unwrap_or_default();
    let [key, _, region, service, _] = scope.split('/').collect::<Vec<_>>()[..] else {
        return Err(ApiError::client("MissingAuthenticationToken", "it is not signed"));
    };
    requests.keep(&scope, &parts, &body);
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let mut call = Call {
        service: service.to_owned(),
        operation: target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned(),
        key: key.to_owned(),
        region: region.to_owned(),
        method: parts.method,
        path_and_query,
        headers: parts.headers,
        body,
    };
    if cbor::is_spoken(&call.headers) {
        return cbor::to_json(call);
    }
    if call.service == s3::SERVICE {
        return Ok(of_s3(call));
    }
    if call.operation.is_empty() {
        call.operation = match rest::operation(&call.service, &call.method, &call.path_and_query) {
            Some(operation) => operation.to_owned(),
            None => call.params().remove("Action").unwrap_or_default(),
        };
    }
    Ok(call)
}

/// Normalizes a call of S3: puts the bucket into the path and sets the operation.
fn of_s3(mut call: Call) -> Call {
    let host = call.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    if let Some(bucket) = s3::bucket_of_host(host) {
        call.path_and_query = format!("/{bucket}{}", call.path_and_query);
    }
    let target = s3::Target::of(&call.path_and_query);
    // For an unknown operation, the HTTP method at least shows in the log and in the error what was tried.
    let operation = s3::operation(&call.method, &call.headers, &target);
    operation.unwrap_or(call.method.as_str()).clone_into(&mut call.operation);
    call
}

fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-type", answer.content_type)
        .header("x-amzn-requestid", uuid::Uuid::new_v4().to_string())
        .body(Full::new(answer.body))
        .expect("status and headers are valid");
    response.headers_mut().extend(answer.headers);
    response
}

/// Returns a plain text response.
fn plain(status: u16, text: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from(text.to_owned()))).expect("the status is valid")
}
