//! Decodes and checks the sections of stack.yaml, with their defaults. Each section has its own file.

mod alarms;
mod allow;
mod bastion;
mod buckets;
mod cache;
mod calls;
mod database;
mod domains;
mod environment;
mod files;
mod health;
mod image;
mod jobs;
mod load_balancer;
mod logs;
mod network;
mod permissions;
mod protocol;
mod scale;
mod schedule;
mod secrets;
mod security_groups;
mod service;
mod sidecars;
mod size;
mod users;
mod volumes;

use super::{
    check,
    keys::TOP,
    problem::Collector,
    read::Map,
    scope::Scope,
    service::Service,
    stack::{IDLE_TIMEOUT, LoadBalancer, Nat, Stack, Tls},
    yaml::Node,
};

/// Decodes the stack in `environment`; none if its problems are too serious.
pub(super) fn stack(root: &Node, environment: &str, problems: &mut Collector) -> Option<Stack> {
    let map = Map::new(root, "", &TOP, problems)?;
    let name = map.required("name", problems).and_then(|field| {
        let name = field.text(problems)?;
        if !check::is_name(&name, check::LONGEST_NAME) {
            let hint = "use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter, such as my-app";
            field.wrong(format!("invalid stack name `{name}`"), hint, problems);
        } else if let Some(reserved) = check::reserved(&name) {
            let hint = format!("use another name; AWS reserves names that begin with `{reserved}`");
            field.wrong(format!("invalid stack name `{name}`"), hint, problems);
        }
        Some(name)
    });
    let region = map.text("region", problems);
    if let Some(region) = region.as_deref().filter(|region| check::is_region(region) && check::is_apart(region)) {
        let hint = "use another region, such as eu-west-1; the regions of China and of governments have other accounts, endpoints and ARNs";
        map.wrong("region", format!("stackctl does not support the region `{region}` yet"), hint, problems);
    }
    let network = network::network(&map, problems);
    let database = map.get("database").and_then(|field| database::database(&field, problems));
    let cache = map.get("cache").and_then(|field| cache::cache(&field, problems));
    let prefix = format!("{}-{environment}-", name.as_deref().unwrap_or_default());
    let buckets = map.get("buckets").map(|field| buckets::buckets(&field, &prefix, problems)).unwrap_or_default();
    let volumes = map.get("volumes").map(|field| volumes::volumes(&field, problems)).unwrap_or_default();
    let mut given = Vec::new();
    given.extend(database.as_ref().map(|_| "DATABASE_URL"));
    given.extend(cache.as_ref().map(|_| "REDIS_URL"));
    let services = map.required("services", problems);
    let named = name.as_deref().unwrap_or_default();
    let scope = Scope::new(database.as_ref(), cache.as_ref(), &buckets::declared(&map));
    let services =
        services.map(|field| service::services(&field, &map, (&given, &scope), problems)).unwrap_or_default();
    let jobs = map.get("jobs").map(|field| jobs::jobs(&field, &map, &scope, problems)).unwrap_or_default();
    image::repositories(&map, &services, &jobs, named, problems);
    let mut load_balancer =
        map.get("load_balancer").and_then(|field| load_balancer::load_balancer(&field, region.as_deref(), problems));
    if services.values().all(|service| service.routes.is_empty() || service.internal) {
        if let Some(field) = map.get("load_balancer").filter(|_| !services.is_empty()) {
            let hint = "add `port` and `routes` without `internal` to a service, or remove `load_balancer`";
            field.wrong("no service uses this load balancer", hint, problems);
        }
    } else if load_balancer.is_none() && map.get("load_balancer").is_none() {
        load_balancer = Some(LoadBalancer {
            tls: Tls::SelfSigned,
            domains: Vec::new(),
            redirects: std::collections::BTreeMap::new(),
            idle_timeout: IDLE_TIMEOUT,
            listener: None,
        });
    }
    if let (None, None, Some(services)) = (&load_balancer, map.get("load_balancer"), map.get("services")) {
        environment::need_balancer(&services, problems);
        map.get("jobs").iter().for_each(|jobs| environment::need_balancer(jobs, problems));
    }
    domains::gather(&map, &mut load_balancer, &services, problems);
    protocol::need_https(&map, load_balancer.as_ref(), &services, problems);
    let given = load_balancer.as_ref().is_some_and(|balancer| balancer.listener.is_some());
    if let Some(field) = map.get("load_balancer").filter(|_| given)
        && network.as_ref().is_some_and(|network| network.given.is_none())
    {
        let hint = "write `network: { vpc: vpc-…, public_subnets: […], private_subnets: […] }`, with the VPC of the load balancer";
        field.wrong("a load balancer reaches only tasks in its own network", hint, problems);
    }
    let bastion = map.get("bastion").and_then(|field| bastion::bastion(&field, problems));
    let alarms = map.get("alarms").and_then(|field| alarms::alarms(&field, problems));
    if let (Some(field), Some(network)) = (map.get("network"), &network)
        && let Some(given) = &network.given
    {
        let needs = network::Needs {
            load_balancer: load_balancer.as_ref().is_some_and(|balancer| balancer.listener.is_none()),
            internal: services.values().any(Service::is_served_inside),
            database: database.is_some(),
            cache: cache.is_some(),
            bastion: bastion.is_some(),
            public_tasks: network.nat == Nat::None,
        };
        network::carries(&field, given, needs, problems);
    }
    Some(Stack {
        name: name?,
        environment: environment.to_owned(),
        region: region?,
        network: network?,
        database,
        cache,
        buckets,
        volumes,
        load_balancer,
        bastion,
        services,
        jobs,
        alarms,
    })
}
