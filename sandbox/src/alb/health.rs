//! Health checks: real requests, as often as the target group says.

use std::{sync::Arc, time::Duration};

use http_body_util::Empty;
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    balancing::Balancing,
    snapshot::TargetGroup,
    targets::{State, Target},
};
use crate::place::Place;

/// No check more often than this, however small the scale.
const LEAST: Duration = Duration::from_millis(50);

/// Checks a target until it drains or is gone.
pub(super) async fn check(balancing: Arc<Balancing>, place: Arc<Place>, group: String, target: Target) {
    let (mut good, mut bad) = (0_u32, 0_u32);
    loop {
        let Some(config) = balancing.config().group(&group).cloned() else { return };
        match balancing.targets.state(&group, &target) {
            None | Some(State::Draining) => return,
            Some(_) => {}
        }
        match ask(&config, &target).await {
            Ok(()) => {
                (good, bad) = (good + 1, 0);
                // A new target is healthy from its first good answer on; one that was unhealthy has to earn it.
                // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
                let first = balancing.targets.state(&group, &target) == Some(State::Initial);
                if first || good >= config.healthy {
                    balancing.targets.set(&group, &target, State::Healthy);
                }
            }
            Err((reason, description)) => {
                (good, bad) = (0, bad + 1);
                if bad >= config.unhealthy {
                    balancing.targets.set(&group, &target, State::Unhealthy(reason, description));
                }
            }
        }
        sleep(place.settings.rollout(f64::from(config.interval)).max(LEAST)).await;
    }
}

async fn ask(config: &TargetGroup, target: &Target) -> Result<(), (&'static str, String)> {
    let failed = |()| ("Target.FailedHealthChecks", "Health checks failed".to_owned());
    let asked = async {
        let stream = TcpStream::connect((target.ip.as_str(), target.port)).await.map_err(|_| failed(()))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| failed(()))?;
        tokio::spawn(connection);
        let request = Request::get(&config.path)
            .header("host", format!("{}:{}", target.ip, target.port))
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
