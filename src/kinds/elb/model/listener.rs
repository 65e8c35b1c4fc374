//! The operations on listeners.

use aws_sdk_elasticloadbalancingv2::{
    operation::{
        create_listener::{CreateListenerError, CreateListenerInput, CreateListenerOutput},
        delete_listener::{DeleteListenerError, DeleteListenerInput, DeleteListenerOutput},
        describe_listeners::{DescribeListenersError, DescribeListenersInput, DescribeListenersOutput},
        modify_listener::{ModifyListenerError, ModifyListenerInput, ModifyListenerOutput},
    },
    types::{Listener, ProtocolEnum, Rule},
};

use super::state::{Elb, find};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateListenerError::generic, create);
    cloud.on(DescribeListenersError::generic, describe);
    cloud.on(ModifyListenerError::generic, modify);
    cloud.on(DeleteListenerError::generic, delete);
}

pub(super) fn line(elb: &Elb, listener: &Listener) -> String {
    format!("{} {:?}", elb.line("listener", listener.listener_arn()), without_arn(listener))
}

fn without_arn(listener: &Listener) -> Listener {
    let mut listener = listener.clone();
    listener.listener_arn = None;
    listener
}

impl Elb {
    pub(super) fn listener(&self, arn: Option<&str>) -> Result<usize, Refusal> {
        find(&self.listeners, Listener::listener_arn, arn, "ListenerNotFound")
    }

    /// Adds a listener with its default rule.
    pub(super) fn add_listener(&mut self, listener: Listener) {
        let arn = listener.listener_arn().unwrap_or_default().to_owned();
        let rule = arn.replacen(":listener/", ":listener-rule/", 1);
        let rule = Rule::builder().rule_arn(format!("{rule}/default")).priority("default").is_default(true);
        self.rules.push((arn, rule.set_actions(listener.default_actions.clone()).build()));
        self.listeners.push(listener);
    }

    /// Removes a listener and its rules.
    pub(super) fn remove_listener(&mut self, arn: &str) {
        let rules = self.rules.iter().filter(|(listener, _)| listener == arn);
        let rules: Vec<String> = rules.filter_map(|(_, rule)| rule.rule_arn.clone()).collect();
        rules.iter().for_each(|rule| self.forget(rule));
        self.rules.retain(|(listener, _)| listener != arn);
        self.listeners.retain(|listener| listener.listener_arn() != Some(arn));
        self.forget(arn);
    }

    /// Allows old TLS versions on the listeners of stacks, as a user of the console would.
    pub(in super::super) fn allow_old_tls(&mut self) {
        let secure = self.listeners.iter_mut().filter(|listener| listener.protocol() == Some(&ProtocolEnum::Https));
        secure.for_each(|listener| listener.ssl_policy = Some("ELBSecurityPolicy-2016-08".to_owned()));
    }

    /// Checks a listener: no other listener may use its port, and HTTPS needs a certificate.
    fn fits(&self, listener: &Listener) -> Result<(), Refusal> {
        let at = |one: &Listener| (one.load_balancer_arn.clone(), one.port);
        let mut others = self.listeners.iter().filter(|one| one.listener_arn() != listener.listener_arn());
        if others.any(|one| at(one) == at(listener)) {
            return Err(Refusal::new("DuplicateListener", "A listener already exists on this port"));
        }
        let secure = listener.protocol() == Some(&ProtocolEnum::Https);
        if secure == listener.certificates().is_empty() || !secure && listener.ssl_policy().is_some() {
            return Err(Refusal::new("ValidationError", "HTTPS needs a certificate and HTTP takes none"));
        }
        if secure {
            self.knows_certificates()?;
        }
        self.targets(listener.default_actions())
    }
}

/// Creates a listener. If one with the same port and settings exists, returns that one.
fn create(elb: &mut Elb, input: &CreateListenerInput) -> Result<CreateListenerOutput, Refusal> {
    elb.balancer(input.load_balancer_arn())?;
    let mut listener = Listener::builder()
        .set_load_balancer_arn(input.load_balancer_arn.clone())
        .set_port(input.port)
        .set_protocol(input.protocol.clone())
        .set_certificates(input.certificates.clone())
        .set_ssl_policy(input.ssl_policy.clone())
        .set_default_actions(input.default_actions.clone())
        .build();
    if let Some(same) = elb.listeners.iter().find(|one| without_arn(one) == listener) {
        return Ok(CreateListenerOutput::builder().listeners(same.clone()).build());
    }
    elb.fits(&listener)?;
    let prefix = input.load_balancer_arn().unwrap_or_default().replacen(":loadbalancer/", ":listener/", 1);
    listener.listener_arn = Some(elb.arn(&prefix, input.tags()));
    elb.add_listener(listener.clone());
    Ok(CreateListenerOutput::builder().listeners(listener).build())
}

fn describe(elb: &mut Elb, input: &DescribeListenersInput) -> Result<DescribeListenersOutput, Refusal> {
    elb.balancer(input.load_balancer_arn())?;
    let shown = elb.listeners.iter().filter(|listener| listener.load_balancer_arn() == input.load_balancer_arn());
    Ok(DescribeListenersOutput::builder().set_listeners(Some(shown.cloned().collect())).build())
}

/// Modifies a listener. Fields that the call omits keep their value, but a change to HTTP removes the certificate and
/// the policy.
fn modify(elb: &mut Elb, input: &ModifyListenerInput) -> Result<ModifyListenerOutput, Refusal> {
    let at = elb.listener(input.listener_arn())?;
    let mut listener = elb.listeners[at].clone();
    if input.protocol() == Some(&ProtocolEnum::Http) {
        (listener.certificates, listener.ssl_policy) = (None, None);
    }
    listener.port = input.port.or(listener.port);
    listener.protocol = input.protocol.clone().or(listener.protocol);
    listener.certificates = input.certificates.clone().or(listener.certificates);
    listener.ssl_policy = input.ssl_policy.clone().or(listener.ssl_policy);
    listener.default_actions = input.default_actions.clone().or(listener.default_actions);
    elb.fits(&listener)?;
    let of_it = |(owner, rule): &&mut (String, Rule)| {
        Some(owner.as_str()) == input.listener_arn() && rule.is_default() == Some(true)
    };
    let default = elb.rules.iter_mut().filter(of_it);
    default.for_each(|(_, rule)| rule.actions.clone_from(&listener.default_actions));
    elb.listeners[at] = listener.clone();
    Ok(ModifyListenerOutput::builder().listeners(listener).build())
}

fn delete(elb: &mut Elb, input: &DeleteListenerInput) -> Result<DeleteListenerOutput, Refusal> {
    elb.listener(input.listener_arn())?;
    elb.remove_listener(input.listener_arn().unwrap_or_default());
    Ok(DeleteListenerOutput::builder().build())
}
