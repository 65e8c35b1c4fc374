//! Load balancers: opens real sockets for the load balancers that moto has on record.

mod balancing;
mod counts;
mod front;
mod health;
mod idle;
mod limits;
mod listener;
mod rules;
mod snapshot;
mod sticky;
mod targets;
#[cfg(test)]
mod tests;
mod tunnel;
mod upstream;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use crate::{
    api::{Answer, ApiError, Call},
    authority::{Authorities, Issued},
    moto::Moto,
    place::Place,
};
use balancing::Balancing;
use listener::Listening;
use snapshot::{Certificate, Snapshot};
pub(crate) use targets::{State, Target};

/// All load balancers of the region.
pub(crate) struct Alb {
    place: Arc<Place>,
    moto: Arc<Moto>,
    authorities: Arc<Authorities>,
    balancing: Arc<Balancing>,
    listening: Mutex<HashMap<String, Listening>>,
    refreshing: tokio::sync::Mutex<()>,
    /// The certificates issued here, by ARN.
    issued: Mutex<HashMap<String, Certificate>>,
}

impl Alb {
    pub(crate) fn new(place: Arc<Place>, moto: Arc<Moto>, authorities: Arc<Authorities>) -> Self {
        Self {
            place,
            moto,
            authorities,
            balancing: Arc::default(),
            listening: Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
            issued: Mutex::default(),
        }
    }

    /// Applies changes of the control plane: opens, updates and closes listeners.
    pub(crate) async fn refresh(&self) {
        let _one_at_a_time = self.refreshing.lock().await;
        let snapshot =
            match self.moto.get("/elbv2").await.and_then(|value| Ok(serde_json::from_value::<Snapshot>(value)?)) {
                Ok(snapshot) => Arc::new(snapshot.completed(|arn, names| self.issued(arn, names))),
                Err(error) => {
                    tracing::error!("the load balancers cannot be read: {error:#}");
                    return;
                }
            };
        self.balancing.take_over(Arc::clone(&snapshot));
        let mut wanted = BTreeMap::new();
        for balancer in &snapshot.load_balancers {
            for listener in &balancer.listeners {
                let at = (balancer.address.clone(), listener.clone(), balancer.speaks_http2());
                wanted.insert(listener.arn.clone(), at);
            }
        }
        let mut listening = self.listening.lock().expect("nobody panics while holding this");
        listening
            .retain(|arn, open| wanted.get(arn).is_some_and(|(address, listener, _)| open.is_at(address, listener)));
        for (arn, (address, listener, http2)) in wanted {
            if let Some(open) = listening.get(&arn) {
                open.set_tls(&listener, http2);
                continue;
            }
            match Listening::open(&self.balancing, &address, &listener, http2) {
                Ok(open) => {
                    listening.insert(arn, open);
                }
                Err(error) => tracing::error!(address, port = listener.port, "a listener cannot be opened: {error:#}"),
            }
        }
    }

    /// Returns the certificate with this ARN. The sandbox's own authority issues it, in place of Amazon.
    fn issued(&self, arn: &str, names: &[String]) -> Option<Certificate> {
        let mut issued = self.issued.lock().expect("nobody panics while holding this");
        if let Some(known) = issued.get(arn) {
            return Some(known.clone());
        }
        let names: std::collections::BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let names: Vec<&str> = names.into_iter().collect();
        match self.authorities.public.issue_for(names.first()?, &names[1..]) {
            Ok(Issued { certificate, key }) => {
                Some(issued.entry(arn.to_owned()).or_insert(Certificate { certificate, key }).clone())
            }
            Err(error) => {
                tracing::error!(?names, "no certificate can be issued: {error:#}");
                None
            }
        }
    }

    /// Answers calls about target health, which moto cannot know. Returns `None` for all other operations.
    pub(crate) fn call(&self, call: &Call) -> Option<Result<Answer, ApiError>> {
        match call.operation.as_str() {
            "DescribeTargetHealth" => Some(Ok(self.describe_health(call))),
            "RegisterTargets" | "DeregisterTargets" => Some(Err(ApiError::not_implemented(call))),
            _ => None,
        }
    }

    /// Returns the metrics of load balancers, if the call asks for nothing else.
    pub(crate) fn measures(&self, call: &Call) -> Option<Answer> {
        let input = serde_json::from_slice(&call.body).ok()?;
        let answer = (call.operation == "GetMetricData").then(|| self.balancing.counts.answer(&input))??;
        Some(Answer::json(&answer))
    }

    fn describe_health(&self, call: &Call) -> Answer {
        let group = call.params().remove("TargetGroupArn").unwrap_or_default();
        let members: String = self.balancing.targets.of(&group).into_iter().map(|(target, state)| {
            let (word, reason, description) = state.words();
            let reason = reason.map(|reason| format!("<Reason>{reason}</Reason>")).unwrap_or_default();
            let description = if description.is_empty() { String::new() } else { format!("<Description>{description}</Description>") };
            format!(
                "<member><Target><Id>{}</Id><Port>{}</Port></Target><TargetHealth><State>{word}</State>{reason}{description}</TargetHealth></member>",
                target.ip, target.port,
            )
        }).collect();
        Answer::xml("DescribeTargetHealth", &format!("<TargetHealthDescriptions>{members}</TargetHealthDescriptions>"))
    }

    /// Adds a target to its group and starts its health checks.
    pub(crate) fn register(&self, group: &str, target: &Target) {
        self.balancing.targets.add(group, target);
        let (balancing, place) = (Arc::clone(&self.balancing), Arc::clone(&self.place));
        tokio::spawn(health::check(balancing, place, group.to_owned(), target.clone()));
    }

    /// Stops new requests to this target. Requests in flight may take until the deregistration delay. Completes when
    /// none is left.
    pub(crate) async fn deregister(&self, group: &str, target: &Target) {
        let delay = self.balancing.config().group(group).map_or(300.0, snapshot::TargetGroup::deregistration_delay);
        self.balancing.targets.drain(group, target, self.place.settings.rollout(delay)).await;
    }

    /// Returns the health state of a target.
    pub(crate) fn state(&self, group: &str, target: &Target) -> Option<State> {
        self.balancing.targets.state(group, target)
    }

    /// Returns whether a listener forwards to the group.
    pub(crate) fn is_used(&self, group: &str) -> bool {
        self.balancing
            .config()
            .actions()
            .any(|action| snapshot::forwards_to(action).iter().any(|(arn, _)| arn == group))
    }

    /// Returns whether the group exists.
    pub(crate) fn exists(&self, group: &str) -> bool {
        self.balancing.config().group(group).is_some()
    }
}
