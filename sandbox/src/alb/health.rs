//! Health checks: real requests to targets, at the interval of the target group.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Empty, Full};
use hyper::{HeaderMap, Request, body::Bytes};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    balancing::Balancing,
    snapshot::{Spoken, TargetGroup},
    targets::{State, Target},
};
use crate::place::Place;

/// The shortest interval between checks, however small the time scale.
const LEAST: Duration = Duration::from_millis(50);

/// Checks a target until it drains or is removed.
pub(super) async fn check(balancing: Arc<Balancing>, place: Arc<Place>, group: String, target: Target) {
    let mut row = Row::default();
    loop {
        let Some(config) = balancing.config().group(&group).cloned() else { return };
        match balancing.targets.state(&group, &target) {
            None | Some(State::Draining) => return,
            Some(_) => {}
        }
        let answer = ask(&config, &target).await;
        let is_new = balancing.targets.state(&group, &target) == Some(State::Initial);
        if let Some(state) = row.after(answer, is_new, &config) {
            balancing.targets.set(&group, &target, state);
        }
        sleep(place.settings.rollout(f64::from(config.interval)).max(LEAST)).await;
    }
}

/// Why a check failed: AWS's reason code and its description.
pub(super) type Failure = (&'static str, String);

/// Counters of consecutive equal results.
#[derive(Default)]
pub(super) struct Row {
    good: u32,
    bad: u32,
}

impl Row {
    /// Returns the target's new state if this result changes it. A new target is healthy after its first success; an
    /// unhealthy target must reach the healthy threshold.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
    pub(super) fn after(&mut self, answer: Result<(), Failure>, is_new: bool, config: &TargetGroup) -> Option<State> {
        match answer {
            Ok(()) => {
                (self.good, self.bad) = (self.good + 1, 0);
                (is_new || self.good >= config.healthy).then_some(State::Healthy)
            }
            Err((reason, description)) => {
                (self.good, self.bad) = (0, self.bad + 1);
                (self.bad >= config.unhealthy).then_some(State::Unhealthy(reason, description))
            }
        }
    }
}

/// Checks a target once, at the health check port of its group.
pub(super) async fn ask(config: &TargetGroup, target: &Target) -> Result<(), Failure> {
    let port = config.health_port(target.port);
    let failed = |()| ("Target.FailedHealthChecks", "Health checks failed".to_owned());
    let asked = async {
        let stream = TcpStream::connect((target.ip.as_str(), port)).await.map_err(|_| failed(()))?;
        if config.protocol != Spoken::Http1 {
            return ask_in_http2(config, &format!("{}:{port}", target.ip), stream).await;
        }
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| failed(()))?;
        tokio::spawn(connection);
        let request = Request::get(&config.path)
            .header("host", format!("{}:{port}", target.ip))
            .header("user-agent", "ELB-HealthChecker/2.0")
            .header("connection", "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| failed(()))?;
        let status = sender.send_request(request).await.map_err(|_| failed(()))?.status().as_u16();
        if config.accepts(status) {
            Ok(())
        } else {
            Err(("Target.ResponseCodeMismatch", format!("Health checks failed with these codes: [{status}]")))
        }
    };
    match timeout(Duration::from_secs(u64::from(config.timeout)), asked).await {
        Ok(result) => result,
        Err(_) => Err(("Target.Timeout", "Request timed out".to_owned())),
    }
}

/// Like [`ask`], over a connection to a target that speaks HTTP/2. A gRPC check is a call with an empty message.
async fn ask_in_http2(config: &TargetGroup, authority: &str, stream: TcpStream) -> Result<(), Failure> {
    let failed = || ("Target.FailedHealthChecks", "Health checks failed".to_owned());
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|_| failed())?;
    tokio::spawn(connection);
    let request = Request::builder().uri(format!("http://{authority}{}", config.path));
    let request = request.header("user-agent", "ELB-HealthChecker/2.0");
    let is_grpc = config.protocol == Spoken::Grpc;
    let (request, body) = if is_grpc {
        // The gRPC frame: not compressed, length 0.
        let request = request.method("POST").header("content-type", "application/grpc").header("te", "trailers");
        (request, Bytes::from_static(&[0; 5]))
    } else {
        (request, Bytes::new())
    };
    let request = request.body(Full::new(body)).map_err(|_| failed())?;
    let answer = sender.send_request(request).await.map_err(|_| failed())?;
    let mut code = Some(answer.status().as_u16());
    if is_grpc {
        let of = |headers: &HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse().ok();
        let early = of(answer.headers());
        let whole = answer.into_body().collect().await.map_err(|_| failed())?;
        code = early.or_else(|| whole.trailers().and_then(of));
    }
    match code {
        Some(code) if config.accepts(code) => Ok(()),
        Some(code) => Err(("Target.ResponseCodeMismatch", format!("Health checks failed with these codes: [{code}]"))),
        None => Err(failed()),
    }
}
