//! An in-memory model of Elastic Load Balancing with the operations that its kinds call, as the API reference describes
//! them. It accepts every network, subnet, security group and certificate.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod listener;
mod load_balancer;
mod rule;
mod state;
mod target_group;

use aws_sdk_elasticloadbalancingv2::types;

pub(super) use self::state::Elb;
use crate::aws::model::{Cloud, Service};

/// The ARNs of load balancers, target groups and listeners that belong to no stack. The stack could use their names.
pub(super) const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop-test-given/a";
pub(super) const OTHER_BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop-test-other/b";
pub(super) const LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop-test-given/a/c";
pub(super) const OTHER_LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop-test-given/a/d";
pub(super) const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop-test-given/e";
pub(super) const OTHER_GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop-test-other/f";

impl Service for Elb {
    fn present(&self) -> Vec<String> {
        let mut present: Vec<String> =
            self.balancers.iter().map(|balancer| load_balancer::line(self, balancer)).collect();
        present.extend(self.groups.iter().map(|group| target_group::line(self, group)));
        present.extend(self.listeners.iter().map(|listener| listener::line(self, listener)));
        present.extend(self.rules.iter().map(|(listener, one)| rule::line(self, listener, one)));
        present
    }
}

/// Returns an AWS with Elastic Load Balancing and these resources, which belong to no stack: [`BALANCER`] with
/// [`LISTENER`] on port 81 and [`OTHER_LISTENER`] on port 82, [`OTHER_BALANCER`], [`GROUP`] and [`OTHER_GROUP`].
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    listener::serve(&cloud);
    load_balancer::serve(&cloud);
    rule::serve(&cloud);
    state::serve(&cloud);
    target_group::serve(&cloud);
    cloud.with(give);
    cloud
}

/// Returns the same AWS, with these tags on [`BALANCER`].
pub(in crate::kinds) fn cloud_with_tags(tags: Vec<types::Tag>) -> Cloud {
    let cloud = cloud();
    cloud.with(|elb: &mut Elb| elb.tags.insert(BALANCER.to_owned(), tags));
    cloud
}

fn give(elb: &mut Elb) {
    for (arn, name) in [(BALANCER, "shop-test-given"), (OTHER_BALANCER, "shop-test-other")] {
        elb.balancers.push(types::LoadBalancer::builder().load_balancer_arn(arn).load_balancer_name(name).build());
    }
    for (arn, name) in [(GROUP, "shop-test-given"), (OTHER_GROUP, "shop-test-other")] {
        elb.groups.push(types::TargetGroup::builder().target_group_arn(arn).target_group_name(name).build());
    }
    for (arn, port) in [(LISTENER, 81), (OTHER_LISTENER, 82)] {
        let listener = types::Listener::builder().listener_arn(arn).load_balancer_arn(BALANCER).port(port);
        elb.add_listener(listener.protocol(types::ProtocolEnum::Http).build());
    }
}
