//! The endpoints of a session: those of AWS, or those that the environment or the profile sets for all or some
//! services.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use super::answer;

/// The ids by which the SDK looks up the endpoint of each service that a session calls. A test compares them with the
/// lookups of the clients.
const SERVICES: &[&str] = &[
    "ACM",
    "Application Auto Scaling",
    "CloudWatch",
    "CloudWatch Logs",
    "EC2",
    "ECR",
    "ECS",
    "EFS",
    "ElastiCache",
    "Elastic Load Balancing v2",
    "EventBridge",
    "IAM",
    "RDS",
    "Route 53",
    "S3",
    "SNS",
    "SSM",
    "STS",
    "Scheduler",
    "Secrets Manager",
    "ServiceDiscovery",
];

/// Returns the endpoints as text, such as `AWS` or `http://localhost:4566, but S3 at http://localhost:9000`.
pub(super) fn place(config: &SdkConfig) -> String {
    let mut services: BTreeMap<Option<String>, Vec<&str>> = BTreeMap::new();
    for service in SERVICES {
        services.entry(endpoint_of(config, service)).or_default().push(service);
    }
    // The endpoint with the most services is the usual one. If several have as many, AWS wins, because it is first
    // here.
    let Some((usual, _)) = services.iter().rev().max_by_key(|(_, services)| services.len()) else {
        return "AWS".to_owned();
    };
    let usual = usual.clone();
    services.remove(&usual);
    let name = |endpoint: Option<String>| endpoint.unwrap_or_else(|| "AWS".to_owned());
    let others = services.into_iter().map(|(at, services)| format!(", but {} at {}", services.join(", "), name(at)));
    others.fold(name(usual), |place, other| place + &other)
}

/// Returns whether the environment or the profile sets an endpoint for `service`. The endpoint of the sandbox does not
/// count, because stackctl sets it.
pub(super) fn is_elsewhere(config: &SdkConfig, service: &str) -> bool {
    !config.get_origin("endpoint_url").is_client_config() && endpoint_of(config, service).is_some()
}

/// Returns the services whose endpoint is not a host of AWS.
pub(super) fn outside_of_aws(config: &SdkConfig) -> Vec<&'static str> {
    let is_outside = |service: &str| endpoint_of(config, service).is_some_and(|endpoint| !answer::is_of_aws(&endpoint));
    SERVICES.iter().copied().filter(|service| is_outside(service)).collect()
}

/// Returns the endpoint that the client of `service` takes from `config`, or `None` for the endpoint of AWS.
fn endpoint_of(config: &SdkConfig, service: &str) -> Option<String> {
    // An endpoint set by stackctl, that of the sandbox, applies to all services.
    let is_set = config.get_origin("endpoint_url").is_client_config();
    let own = config.service_config().filter(|_| !is_set).and_then(|own| {
        let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        own.load_config(key.build().expect("all parts are given"))
    });
    own.as_deref().or(config.endpoint_url()).map(answer::endpoint)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::{Arc, Mutex},
    };

    use aws_config::{BehaviorVersion, Region};
    use aws_types::service_config::LoadServiceConfig;

    use super::*;
    use crate::aws::Aws;

    /// Provides endpoints for some services and records the lookups.
    #[derive(Clone, Debug, Default)]
    struct Given {
        endpoints: Vec<(&'static str, &'static str)>,
        asked: Arc<Mutex<BTreeSet<String>>>,
    }

    impl LoadServiceConfig for Given {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            if key.env() == "AWS_ENDPOINT_URL" {
                self.asked.lock().expect("nobody panics").insert(key.service_id().to_owned());
            }
            let found = self.endpoints.iter().find(|(service, _)| *service == key.service_id());
            found.map(|(_, endpoint)| (*endpoint).to_owned())
        }
    }

    fn config(all: Option<&str>, given: Given) -> SdkConfig {
        let mut builder = SdkConfig::builder();
        builder.set_endpoint_url(all.map(str::to_owned));
        builder
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .service_config(given)
            .build()
    }

    #[test]
    fn the_place_names_the_endpoints_and_their_services() {
        let all = Some("http://user:secret@localhost:4566/path");
        for (all, endpoints, wanted) in [
            (None, vec![], "AWS"),
            (all, vec![], "http://localhost:4566"),
            (None, vec![("S3", "http://localhost:9000")], "AWS, but S3 at http://localhost:9000"),
            (
                all,
                vec![("S3", "http://s3:9000"), ("ECS", "http://ecs:1"), ("ECR", "http://ecs:1")],
                "http://localhost:4566, but ECR, ECS at http://ecs:1, but S3 at http://s3:9000",
            ),
        ] {
            assert_eq!(place(&config(all, Given { endpoints, ..Given::default() })), wanted);
        }
    }

    #[test]
    fn a_service_with_a_custom_endpoint_is_elsewhere() {
        let given = || Given { endpoints: vec![("RDS", "http://localhost:4566")], ..Given::default() };
        assert!(is_elsewhere(&config(None, given()), "RDS") && !is_elsewhere(&config(None, given()), "S3"));
        assert!(is_elsewhere(&config(Some("http://localhost:4566"), Given::default()), "S3"));
        assert!(!is_elsewhere(&config(None, Given::default()), "RDS"));
    }

    #[test]
    fn every_client_of_a_session_is_in_the_list_of_services() {
        let given = Given::default();
        drop(Aws::over(&config(None, given.clone()), "eu-west-1".to_owned()));
        let asked = given.asked.lock().expect("nobody panics").clone();
        assert_eq!(asked.iter().map(String::as_str).collect::<Vec<_>>(), SERVICES);
    }
}
