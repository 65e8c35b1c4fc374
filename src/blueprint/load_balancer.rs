//! The load balancer: the only part of a stack that the world can reach, and its listeners.

use super::{domain, facts::Facts, network::Network};
use crate::{
    kinds::{
        acm::certificate,
        ec2::security_group,
        elb::{listener, load_balancer},
    },
    model::{Address, Failure, Graph, Input},
    spec::{Stack, Tls},
};

/// What the services need of the load balancer.
pub(super) struct Balancer {
    pub(super) security_group: Address,
    /// The listener that serves; with TLS the other one redirects to it.
    pub(super) listener: Address,
}

/// The load balancer.
pub(super) fn address() -> Address {
    Address::new("load_balancer", "main")
}

pub(super) fn draw(
    graph: &mut Graph,
    stack: &Stack,
    facts: &Facts,
    network: &Network,
) -> Result<Option<Balancer>, Failure> {
    let Some(wanted) = &stack.load_balancer else { return Ok(None) };
    let zones = domain::zones(&wanted.domains, facts)?;
    let tls = &wanted.tls;
    let from_world =
        |port| security_group::Ingress { port, from: security_group::Source::Cidr("0.0.0.0/0".to_owned()) };
    let ports: &[u16] = if *tls == Tls::Off { &[80] } else { &[80, 443] };
    let group = graph.add(
        Address::new("security_group", "load-balancer"),
        &security_group::Desired {
            vpc: network.vpc.clone(),
            description: "The load balancer, reached from everywhere".to_owned(),
            ingress: ports.iter().copied().map(from_world).collect(),
        },
    );
    let balancer = graph.add(
        address(),
        &load_balancer::Desired {
            subnets: network.public.clone(),
            security_group: Input::output(&group, "id"),
            zones: domain::ids(&wanted.domains, &zones),
        },
    );
    // A load balancer that faces the internet needs the way there.
    network.routes.iter().take(1).for_each(|route| graph.need(&balancer, route));
    let listens = |port, protocol, certificate, action| listener::Desired {
        load_balancer: Input::output(&balancer, "arn"),
        port,
        protocol,
        certificate,
        action,
    };
    let http = Address::new("listener", "http");
    let (certificate, proofs) = match tls {
        Tls::Off => {
            let plain = listens(80, listener::Protocol::Http, None, listener::DefaultAction::NotFound);
            let listener = graph.add(http, &plain);
            return Ok(Some(Balancer { security_group: group, listener }));
        }
        Tls::SelfSigned => {
            let domain = certificate::self_signed_domain(&stack.name, &stack.environment);
            let desired = certificate::Desired::self_signed(domain);
            (Input::output(&graph.add(Address::new("certificate", "main"), &desired), "arn"), Vec::new())
        }
        Tls::Acm => {
            let (certificate, proofs) = domain::certificate(graph, &wanted.domains, &zones);
            (Input::output(&certificate, "arn"), proofs)
        }
        Tls::Certificate { arn } => (arn.as_str().into(), Vec::new()),
    };
    let secure = listens(443, listener::Protocol::Https, Some(certificate), listener::DefaultAction::NotFound);
    let listener = graph.add(Address::new("listener", "https"), &secure);
    // A certificate is of no use before ACM has issued it.
    proofs.iter().for_each(|proof| graph.need(&listener, proof));
    for (domain, zone) in zones {
        let alias = domain::alias(graph, domain, zone, &balancer);
        // Nobody is sent there before the name's certificate is shown.
        graph.need(&alias, &listener);
    }
    graph.add(http, &listens(80, listener::Protocol::Http, None, listener::DefaultAction::RedirectToHttps));
    Ok(Some(Balancer { security_group: group, listener }))
}
