//! Reads an existing listener outside the stack, and its rules.

use aws_sdk_elasticloadbalancingv2::types::Rule;

use super::{Aws, Outcome};
use crate::model::{Failure, GivenListener};

impl Aws {
    /// Returns the listener `arn`, or `None` if it does not exist. Makes three calls, two of them at the same time.
    ///
    /// # Errors
    /// If AWS fails.
    pub async fn given_listener(&self, arn: &str) -> Result<Option<GivenListener>, Failure> {
        let listeners = self.elb.describe_listeners().listener_arns(arn).send().await;
        let listeners = listeners.or_absent("DescribeListeners", &["ListenerNotFound", "LoadBalancerNotFound"])?;
        let listener = listeners.and_then(|found| found.listeners).and_then(|found| found.into_iter().next());
        let Some(listener) = listener else { return Ok(None) };
        let of = listener.load_balancer_arn.unwrap_or_default();
        let balancers = async {
            let call = self.elb.describe_load_balancers().load_balancer_arns(&of).send().await;
            call.or_absent("DescribeLoadBalancers", &["LoadBalancerNotFound"])
        };
        let rules = async {
            let call = self.elb.describe_rules().listener_arn(arn).page_size(400).into_paginator().items().send();
            let rules: Result<Vec<Rule>, _> = call.try_collect().await;
            rules.or_absent("DescribeRules", &["ListenerNotFound"])
        };
        let (balancers, rules) = futures::try_join!(balancers, rules)?;
        let balancer = balancers.and_then(|found| found.load_balancers).and_then(|found| found.into_iter().next());
        let Some(balancer) = balancer else { return Ok(None) };
        // The priority of the default rule is the word `default`.
        let priorities = rules.iter().flatten().filter_map(|rule| rule.priority()?.parse().ok());
        Ok(Some(GivenListener {
            arn: arn.to_owned(),
            protocol: listener.protocol.map_or(String::new(), |protocol| protocol.as_str().to_owned()),
            port: listener.port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
            load_balancer: of,
            dns_name: balancer.dns_name.unwrap_or_default(),
            vpc: balancer.vpc_id.unwrap_or_default(),
            security_groups: balancer.security_groups.unwrap_or_default(),
            priorities: priorities.collect(),
        }))
    }
}
