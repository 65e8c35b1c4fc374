//! Draws the load balancers and their listeners: the public load balancer, the only part of a stack except the bastion
//! that the internet can reach, and the internal one.

use super::{domain, facts::Facts, network::Network};
use crate::{
    kinds::{
        acm::certificate,
        ec2::security_group,
        elb::{self, listener, load_balancer},
    },
    model::{Address, Failure, GivenListener, Graph, Input, Subject},
    spec::{IDLE_TIMEOUT, Protocol, Service, Stack, Tls},
};

/// The outputs of a load balancer that services use.
pub(super) struct Balancer {
    /// The ids of the load balancer's security groups.
    pub(super) security_groups: Vec<Input>,
    /// The ARN of the listener that has the rules. With TLS, the other listener redirects to it.
    pub(super) listener: Input,
    /// The load balancer's dimension in CloudWatch.
    pub(super) dimension: Input,
    /// The listener, if it is an existing one.
    pub(super) given: Option<GivenListener>,
}

impl Balancer {
    /// A load balancer of the stack.
    fn own(balancer: &Address, group: &Address, listener: &Address) -> Self {
        Self {
            security_groups: vec![Input::output(group, "id")],
            listener: Input::output(listener, "arn"),
            dimension: Input::output(balancer, "dimension"),
            given: None,
        }
    }

    /// An existing load balancer.
    fn of(given: &GivenListener) -> Self {
        Self {
            security_groups: given.security_groups.iter().map(|id| id.as_str().into()).collect(),
            listener: given.arn.as_str().into(),
            dimension: elb::dimension(&given.load_balancer).into(),
            given: Some(given.clone()),
        }
    }
}

/// The public and the internal load balancer, if the stack uses them.
pub(super) struct Balancers {
    pub(super) public: Option<Balancer>,
    pub(super) internal: Option<Balancer>,
}

impl Balancers {
    /// Returns the load balancer that serves `service`.
    pub(super) fn of(&self, service: &Service) -> Option<&Balancer> {
        let balancer = if service.internal { &self.internal } else { &self.public };
        balancer.as_ref().filter(|_| !service.routes.is_empty())
    }
}

/// The address of the public load balancer.
#[must_use]
pub fn address() -> Address {
    Address::new("load_balancer", "main")
}

/// The address of the internal load balancer.
#[must_use]
pub fn internal() -> Address {
    Address::new("load_balancer", "internal")
}

/// The private address ranges. Callers of an internal load balancer have a private address, in its network or in a
/// connected one.
/// <https://www.rfc-editor.org/rfc/rfc1918#section-3>
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Draws the internal load balancer, if it serves a service.
pub(super) fn draw_internal(graph: &mut Graph, stack: &Stack, network: &Network) -> Option<Balancer> {
    stack.has_internal().then(|| {
        let from = |range: &&str| security_group::Ingress {
            port: 80,
            from: security_group::Source::Cidr((*range).to_owned()),
        };
        let group = graph.add(
            Address::new("security_group", "internal-load-balancer"),
            &security_group::Desired {
                vpc: network.vpc.clone(),
                description: "The internal load balancer, reached from private addresses".to_owned(),
                ingress: PRIVATE.iter().map(from).collect(),
            },
        );
        let balancer = graph.add(
            internal(),
            &load_balancer::Desired {
                subnets: network.private.clone(),
                security_group: Input::output(&group, "id"),
                zones: Vec::new(),
                internal: true,
                idle_timeout: idle_timeout(stack),
            },
        );
        let listener = listener::Desired {
            load_balancer: Input::output(&balancer, "arn"),
            port: 80,
            protocol: listener::Protocol::Http,
            certificate: None,
            action: listener::DefaultAction::NotFound,
        };
        let listener = graph.add(Address::new("listener", "internal"), &listener);
        Balancer::own(&balancer, &group, &listener)
    })
}

/// Returns the existing listener `arn`, if it can serve the services of `stack`.
fn usable<'a>(arn: &str, stack: &Stack, facts: &'a Facts) -> Result<&'a GivenListener, Failure> {
    let wrong = |message: String| Failure::about(Subject::key("load_balancer.listener"), message);
    let Some(given) = &facts.listener else {
        return Err(wrong(format!("{arn} not found"))
            .hint("run `aws elbv2 describe-listeners --load-balancer-arn …` to see the listeners of a load balancer"));
    };
    let vpc = stack.network.given.as_ref().map(|network| network.vpc.as_str()).unwrap_or_default();
    if given.vpc != vpc {
        return Err(wrong(format!(
            "the load balancer of this listener is in {}, and `network.vpc` is {vpc}",
            given.vpc
        ))
        .hint(
            "write the VPC of the load balancer in `network.vpc`; a load balancer reaches only tasks in its own \
                   network",
        ));
    }
    let secure = stack.services.iter().find(|(_, service)| !service.internal && service.protocol != Protocol::Http1);
    if let Some((name, _)) = secure.filter(|_| given.protocol != "HTTPS") {
        let message = format!("this listener uses {}, and `protocol` of {name} needs HTTPS", given.protocol);
        return Err(wrong(message).hint("use the HTTPS listener of the load balancer, or remove `protocol`"));
    }
    Ok(given)
}

/// Returns a valid listener for the ARN in `stack`, made up without a call to AWS.
pub(super) fn made_up(stack: &Stack) -> Option<GivenListener> {
    let arn = stack.load_balancer.as_ref()?.listener.clone()?;
    let vpc = stack.network.given.as_ref().map(|network| network.vpc.clone()).unwrap_or_default();
    let security_groups = vec!["sg-00000000".to_owned()];
    Some(GivenListener {
        arn,
        protocol: "HTTPS".to_owned(),
        port: 443,
        vpc,
        security_groups,
        ..GivenListener::default()
    })
}

fn idle_timeout(stack: &Stack) -> u32 {
    stack.load_balancer.as_ref().map_or(IDLE_TIMEOUT, |balancer| balancer.idle_timeout)
}

pub(super) fn draw(
    graph: &mut Graph,
    stack: &Stack,
    facts: &Facts,
    network: &Network,
) -> Result<Option<Balancer>, Failure> {
    let Some(wanted) = &stack.load_balancer else { return Ok(None) };
    if let Some(arn) = &wanted.listener {
        return usable(arn, stack, facts).map(|given| Some(Balancer::of(given)));
    }
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
            internal: false,
            idle_timeout: idle_timeout(stack),
        },
    );
    // An internet-facing load balancer needs the route to the internet gateway.
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
            return Ok(Some(Balancer::own(&balancer, &group, &listener)));
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
    // The listener can use a certificate only after ACM has issued it.
    proofs.iter().for_each(|proof| graph.need(&listener, proof));
    for (domain, zone) in zones {
        let alias = domain::alias(graph, domain, zone, &balancer);
        // Clients must not arrive before the listener has the certificate for the name.
        graph.need(&alias, &listener);
    }
    graph.add(http, &listens(80, listener::Protocol::Http, None, listener::DefaultAction::RedirectToHttps));
    Ok(Some(Balancer::own(&balancer, &group, &listener)))
}
