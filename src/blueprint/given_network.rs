//! Checks and uses an existing network. Draws none of its resources.

use std::collections::BTreeMap;

use super::{facts::Facts, network::Network};
use crate::{
    model::{Evidence, Failure, GivenNetwork, GivenSubnet, Subject, WayOut},
    spec::{Given, Nat, Stack},
};

/// Checks the network that stack.yaml refers to, and returns its outputs.
///
/// # Errors
/// If the network does not meet the requirements; the details of the failure list all problems.
pub(super) fn draw(stack: &Stack, given: &Given, facts: &Facts) -> Result<Network, Failure> {
    let public_tasks = stack.network.nat == Nat::None || given.private_subnets.is_empty();
    let there = facts.network.clone().unwrap_or_default();
    let wrong = wrong(stack, given, &there, public_tasks);
    if !wrong.is_empty() {
        let message = format!("{} does not meet the requirements of this stack", given.vpc);
        let failure = Failure::about(Subject::key("network"), message)
            .hint("change these keys in stack.yaml, or change the network; stackctl never changes it");
        return Err(failure.evidence(Evidence::Findings { lines: wrong }));
    }
    let inputs = |ids: &[String]| ids.iter().map(|id| id.as_str().into()).collect::<Vec<_>>();
    let (public, private) = (inputs(&given.public_subnets), inputs(&given.private_subnets));
    let tasks = if public_tasks { public.clone() } else { private.clone() };
    let zone = |id: &String| there.subnets.get(id).map(|subnet| subnet.zone.clone()).unwrap_or_default();
    // Use the subnets of the tasks: the others may be in other zones.
    let ids = if public_tasks { &given.public_subnets } else { &given.private_subnets };
    let files = ids.iter().map(|id| (id.as_str().into(), zone(id))).collect();
    let vpc = given.vpc.as_str().into();
    Ok(Network { vpc, public, private, tasks, files, public_tasks, routes: Vec::new() })
}

/// Returns a valid network for the ids in stack.yaml, made up without a call to AWS.
pub(super) fn made_up(stack: &Stack, given: &Given) -> GivenNetwork {
    let subnet = |(zone, id): (usize, &String), way_out| {
        let (vpc, zone) = (given.vpc.clone(), format!("zone-{zone}"));
        (id.clone(), GivenSubnet { vpc, zone, way_out })
    };
    let public = given.public_subnets.iter().enumerate().map(|one| subnet(one, WayOut::InternetGateway));
    let private = given.private_subnets.iter().enumerate().map(|one| subnet(one, WayOut::Through));
    let groups = stack.security_groups().into_iter().map(|id| (id, given.vpc.clone()));
    GivenNetwork { vpc_exists: true, subnets: public.chain(private).collect(), groups: groups.collect() }
}

fn wrong(stack: &Stack, given: &Given, there: &GivenNetwork, public_tasks: bool) -> Vec<String> {
    let Given { vpc, public_subnets, private_subnets } = given;
    if !there.vpc_exists {
        return vec![format!("network.vpc: {vpc} not found in {} with these credentials", stack.region)];
    }
    let mut wrong = Vec::new();
    let sides = [("public_subnets", public_subnets), ("private_subnets", private_subnets)];
    for (key, ids) in sides {
        let mut zones: BTreeMap<&str, &str> = BTreeMap::new();
        for id in ids {
            let Some(subnet) = there.subnets.get(id) else {
                wrong.push(format!("network.{key}: {id} not found in {}", stack.region));
                continue;
            };
            if subnet.vpc != *vpc {
                wrong.push(format!("network.{key}: {id} is in {}, not in {vpc}", subnet.vpc));
                continue;
            }
            wrong.extend(wrong_way(key, id, subnet, public_tasks));
            let before = zones.insert(&subnet.zone, id);
            let has_balancer = if key == "public_subnets" { stack.makes_balancer() } else { stack.has_internal() };
            if let Some(other) = before.filter(|_| has_balancer) {
                let zone = &subnet.zone;
                wrong.push(format!(
                    "network.{key}: {other} and {id} are both in {zone}, and a load balancer uses one subnet per zone"
                ));
            }
        }
        let needs_two = match key {
            "public_subnets" => stack.makes_balancer().then_some("load balancer"),
            _ if stack.has_internal() => Some("load balancer"),
            _ => stack.database.as_ref().map(|_| "database"),
        };
        if let Some(who) = needs_two.filter(|_| wrong.is_empty() && zones.len() < 2) {
            wrong.push(format!("network.{key}: a {who} needs subnets in two zones, found {}", zones.len()));
        }
    }
    for (name, program) in stack.programs() {
        let section = if stack.services.contains_key(name) { "services" } else { "jobs" };
        let at = format!("{section}.{name}.security_groups");
        wrong.extend(program.security_groups.iter().filter_map(|id| match there.groups.get(id) {
            None => Some(format!("{at}: {id} not found in {}", stack.region)),
            Some(other) if other != vpc => Some(format!("{at}: {id} is in {other}, not in {vpc}")),
            Some(_) => None,
        }));
    }
    wrong
}

/// Returns what is wrong with a subnet's route to the internet.
fn wrong_way(key: &str, id: &str, subnet: &GivenSubnet, public_tasks: bool) -> Option<String> {
    let at = format!("network.{key}: {id}");
    match (key, subnet.way_out) {
        ("public_subnets", WayOut::InternetGateway) => None,
        ("public_subnets", _) => Some(format!("{at} has no route to an internet gateway, so it is not public")),
        (_, WayOut::InternetGateway) => Some(format!(
            "{at} has a route to an internet gateway, so it is public; a private subnet uses a NAT gateway"
        )),
        (_, WayOut::None) if !public_tasks => Some(format!(
            "{at} has no route to the internet, and tasks need one to pull their image; add a route through a NAT \
             gateway, or write `nat: none` for tasks in the public subnets"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{blueprint::graph, spec};

    const IDS: &str =
        "public_subnets: [subnet-0000000a, subnet-0000000b], private_subnets: [subnet-0000000c, subnet-0000000d]";

    fn there(change: impl Fn(&mut BTreeMap<String, GivenSubnet>)) -> GivenNetwork {
        let subnet = |zone: &str, way_out| GivenSubnet { vpc: "vpc-00000001".into(), zone: zone.into(), way_out };
        let mut subnets = BTreeMap::from([
            ("subnet-0000000a".to_owned(), subnet("eu-west-1a", WayOut::InternetGateway)),
            ("subnet-0000000b".to_owned(), subnet("eu-west-1b", WayOut::InternetGateway)),
            ("subnet-0000000c".to_owned(), subnet("eu-west-1a", WayOut::Through)),
            ("subnet-0000000d".to_owned(), subnet("eu-west-1b", WayOut::Through)),
        ]);
        change(&mut subnets);
        GivenNetwork { vpc_exists: true, subnets, groups: BTreeMap::new() }
    }

    fn drawn(network: &str, there: GivenNetwork) -> Result<crate::model::Graph, Failure> {
        drawn_with(network, "", there)
    }

    fn drawn_with(network: &str, of_web: &str, there: GivenNetwork) -> Result<crate::model::Graph, Failure> {
        let text = format!(
            "name: demo\nregion: eu-west-1\nnetwork: {{ vpc: vpc-00000001, {network} }}\ndatabase: {{}}\n\
             services: {{ web: {{ build: app, port: 80, release: [migrate]{of_web} }} }}\njobs: {{ tidy: {{ service: web, \
             command: [tidy], schedule: rate(1 day) }}, own: {{ image: psql, schedule: rate(1 day){of_web} }} }}\n"
        );
        let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
        graph(&stack, &Facts { network: Some(there), ..Facts::default() })
    }

    fn told(network: &str, there: GivenNetwork) -> Vec<String> {
        drawn(network, there).expect_err("it will not do").explanation.lines()
    }

    #[test]
    fn existing_network_is_used_and_none_of_it_is_drawn() {
        let graph = drawn(IDS, there(|_| {})).expect("it will do");
        let kinds: Vec<&str> = graph.nodes().map(|node| node.address.kind()).collect();
        for kind in ["vpc", "subnet", "internet_gateway", "nat_gateway", "elastic_ip", "route_table"] {
            assert!(!kinds.contains(&kind), "{kind}");
        }
        let desired = |address: &str| &graph.get(&address.parse().expect("it is one")).expect("it is there").desired;
        assert_eq!(desired("security_group.service-web")["vpc"], "vpc-00000001");
        assert_eq!(desired("load_balancer.main")["subnets"][0], "subnet-0000000a");
        assert_eq!(desired("db_subnet_group.database")["subnets"][1], "subnet-0000000d");
        assert_eq!(desired("service.web")["subnets"][0], "subnet-0000000c");
        assert_eq!(desired("service.web")["public_ip"], false);
        let open = drawn(&format!("nat: none, {IDS}"), there(|_| {})).expect("it will do");
        let web = &open.get(&"service.web".parse().expect("it is one")).expect("it is there").desired;
        assert_eq!((&web["subnets"][0], &web["public_ip"]), (&"subnet-0000000a".into(), &true.into()));
    }

    #[test]
    fn all_problems_of_an_existing_network_are_reported_at_once() {
        let told_of = told(
            IDS,
            there(|subnets| {
                subnets.remove("subnet-0000000a");
                subnets.get_mut("subnet-0000000b").expect("it is there").way_out = WayOut::Through;
                subnets.get_mut("subnet-0000000c").expect("it is there").vpc = "vpc-00000002".into();
                subnets.get_mut("subnet-0000000d").expect("it is there").way_out = WayOut::None;
            }),
        );
        assert_eq!(told_of.len(), 4, "{told_of:?}");
        for (line, says) in told_of.iter().zip([
            "subnet-0000000a not found",
            "not public",
            "is in vpc-00000002",
            "no route to the internet",
        ]) {
            assert!(line.contains(says), "{line}");
        }
        let one_zone = |subnets: &mut BTreeMap<String, GivenSubnet>| {
            subnets.get_mut("subnet-0000000b").expect("it is there").zone = "eu-west-1a".into();
        };
        assert!(told(IDS, there(one_zone))[0].contains("uses one subnet per zone"));
        let private = |subnets: &mut BTreeMap<String, GivenSubnet>| {
            subnets.get_mut("subnet-0000000d").expect("it is there").zone = "eu-west-1a".into();
        };
        assert!(told(IDS, there(private))[0].contains("a database needs subnets in two zones"));
        assert!(told(IDS, GivenNetwork::default())[0].contains("vpc-00000001 not found"));
    }

    #[test]
    fn all_tasks_of_a_service_have_its_security_groups() {
        const GROUPS: &str = ", security_groups: [sg-0000000a, sg-0000000b]";
        let groups = |of: &[(&str, &str)]| {
            let groups = of.iter().map(|(id, vpc)| ((*id).to_owned(), (*vpc).to_owned())).collect();
            GivenNetwork { groups, ..there(|_| {}) }
        };
        let theirs = groups(&[("sg-0000000a", "vpc-00000001"), ("sg-0000000b", "vpc-00000001")]);
        let graph = drawn_with(IDS, GROUPS, theirs).expect("it will do");
        for address in ["service.web", "release.web", "schedule.tidy", "schedule.own"] {
            let desired = &graph.get(&address.parse().expect("it is one")).expect("it is there").desired;
            assert_eq!(desired["other_groups"], serde_json::json!(["sg-0000000a", "sg-0000000b"]), "{address}");
        }
        let refused = drawn_with(IDS, GROUPS, groups(&[("sg-0000000b", "vpc-00000002")]));
        let told_of = refused.expect_err("it will not do").explanation.lines();
        assert_eq!(
            told_of,
            [
                "services.web.security_groups: sg-0000000a not found in eu-west-1",
                "services.web.security_groups: sg-0000000b is in vpc-00000002, not in vpc-00000001",
                "jobs.own.security_groups: sg-0000000a not found in eu-west-1",
                "jobs.own.security_groups: sg-0000000b is in vpc-00000002, not in vpc-00000001",
            ]
        );
    }

    #[test]
    fn database_alone_needs_no_route_to_the_internet() {
        let closed = |subnets: &mut BTreeMap<String, GivenSubnet>| {
            for id in ["subnet-0000000c", "subnet-0000000d"] {
                subnets.get_mut(id).expect("it is there").way_out = WayOut::None;
            }
        };
        assert!(drawn(&format!("nat: none, {IDS}"), there(closed)).is_ok());
        assert_eq!(told(IDS, there(closed)).len(), 2);
    }
}
