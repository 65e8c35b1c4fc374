//! Draws the services: for each its image, roles, log group, task definition, release task, target group, rules and
//! tasks.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    authorities, buckets,
    cache::{self, Cache},
    calls::{self, Calls},
    constants::{PASSWORD_LENGTH, TASK_PRINCIPAL},
    database::Database,
    execution,
    images::{self, Drawn},
    load_balancer::{Balancer, Balancers},
    logs::{self, Logs},
    network::Network,
    references::{Referable, service_secret},
    routes::{Routes, Rules},
    sidecars,
    volumes::{self, Volumes},
};
use crate::{
    kind::ImageSource,
    kinds::{
        ec2::security_group,
        ecs::{cluster, release, service, task_definition},
        elb::target_group,
        iam::role,
        secretsmanager::secret,
    },
    model::{Address, Graph, Input},
    spec::{Health, ImageFrom, Protocol, Scale, SecretFrom, Service, Stack},
};

/// The permissions that the agent of ECS Exec needs in the task role. They cannot be limited to a resource.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html#ecs-exec-required-iam-permissions>
const EXEC: [&str; 4] = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

/// The parts of the stack that services depend on.
pub(super) struct Parts {
    pub(super) network: Network,
    pub(super) images: BTreeMap<ImageSource, Drawn>,
    pub(super) balancers: Balancers,
    pub(super) calls: Calls,
    pub(super) groups: BTreeMap<String, Address>,
    pub(super) database: Option<Database>,
    pub(super) cache: Option<Cache>,
    pub(super) volumes: Volumes,
}

impl Parts {
    /// Returns what values can refer to, in a container with the image version `version`.
    pub(super) fn referable<'a>(&'a self, stack: &'a Stack, version: &'a Input) -> Referable<'a> {
        Referable {
            stack,
            database: self.database.as_ref(),
            cache: self.cache.as_ref(),
            listener: self.balancers.public.as_ref().and_then(|balancer| balancer.given.as_ref()),
            version,
        }
    }
}

/// Draws the services' security groups, and returns them by service. Each admits the load balancer on the service's
/// port and on its health check's port, and the services that call it.
pub(super) fn security_groups(
    graph: &mut Graph,
    stack: &Stack,
    network: &Network,
    balancers: &Balancers,
    calls: &Calls,
) -> BTreeMap<String, Address> {
    let mut groups = BTreeMap::new();
    for (name, service) in stack.programs() {
        let caller = balancers.of(service);
        let port = service.served(name).map(|(_, port)| port);
        let ports = port.into_iter().chain(service.health.port);
        let ingress = caller.into_iter().flat_map(|balancer| {
            let groups = balancer.security_groups.iter();
            let ports = ports.clone();
            groups.flat_map(move |group| {
                let from = || security_group::Source::Group(group.clone());
                ports.clone().map(move |port| security_group::Ingress { port, from: from() }).collect::<Vec<_>>()
            })
        });
        let desired = security_group::Desired {
            vpc: network.vpc.clone(),
            description: format!("The tasks of {name}, reached from the load balancer"),
            ingress: ingress.chain(calls.ingress(stack, name, service)).collect(),
        };
        graph.begin(part(stack, name));
        groups.insert(name.clone(), graph.add(Address::new("security_group", format!("service-{name}")), &desired));
    }
    groups
}

/// Returns the name of the part of stack.yaml for `name`, a service or a job.
pub(super) fn part(stack: &Stack, name: &str) -> String {
    let kind = if stack.services.contains_key(name) { "service" } else { "job" };
    format!("{kind} {name}")
}

/// Returns the cluster that the services of `stack` need.
pub(super) fn cluster(stack: &Stack) -> cluster::Desired {
    let spot = stack.services.values().any(|service| service.spot.is_some());
    cluster::Desired { spot, ..cluster::Desired::default() }
}

/// Draws the cluster and the services. `there` are the priorities of the stack's existing listener rules, by name.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, parts: &Parts, there: &BTreeMap<String, u16>) {
    if stack.services.is_empty() {
        return;
    }
    graph.begin("cluster");
    let cluster = graph.add(Address::new("cluster", "main"), &cluster(stack));
    graph.begin("load balancer");
    let on = |balancer: &Option<Balancer>, internal| {
        let others =
            |balancer: &Balancer| balancer.given.as_ref().map(|given| given.priorities.clone()).unwrap_or_default();
        balancer.as_ref().map(|balancer| {
            Routes::new(balancer.listener.clone(), internal, Rules { own: there, all: others(balancer) })
        })
    };
    let mut ways = Ways { public: on(&parts.balancers.public, false), internal: on(&parts.balancers.internal, true) };
    for service in stack.services.values().filter(|service| !service.routes.is_empty()) {
        ways.of(service).iter_mut().for_each(|routes| routes.block(graph, service));
    }
    if let Some(routes) = &mut ways.public {
        let redirects = stack.load_balancer.iter().flat_map(|balancer| &balancer.redirects);
        redirects.for_each(|(from, to)| routes.redirect(graph, from, to));
    }
    for (name, service) in &stack.services {
        graph.begin(part(stack, name));
        let drawing = Drawing { stack, parts, name, service, cluster: Input::output(&cluster, "arn") };
        drawing.draw(graph, ways.of(service));
    }
}

/// The rules on the public and the internal load balancer.
struct Ways {
    public: Option<Routes>,
    internal: Option<Routes>,
}

impl Ways {
    /// Returns the rules on the load balancer that serves `service`.
    fn of(&mut self, service: &Service) -> &mut Option<Routes> {
        if service.internal { &mut self.internal } else { &mut self.public }
    }
}

/// A service that is being drawn, or a job with its own image.
pub(super) struct Drawing<'a> {
    pub(super) stack: &'a Stack,
    pub(super) parts: &'a Parts,
    pub(super) name: &'a str,
    pub(super) service: &'a Service,
    pub(super) cluster: Input,
}

impl Drawing<'_> {
    fn draw(&self, graph: &mut Graph, routes: &mut Option<Routes>) {
        let definition = self.task_definition(graph, |_| None);
        let target = self.target(graph, routes);
        let network = &self.parts.network;
        let group = Input::output(&self.parts.groups[self.name], "id");
        let address = Address::new("service", self.name);
        graph.add(
            address.clone(),
            &service::Desired {
                cluster: self.cluster.clone(),
                task_definition: Input::output(&definition, "arn"),
                container: self.service.served(self.name).map_or(self.name, |(container, _)| container).to_owned(),
                replicas: self.service.replicas,
                most: self.service.scale.as_ref().map(Scale::most),
                least: self.service.scale.as_ref().and_then(Scale::least),
                subnets: network.tasks.clone(),
                security_group: group.clone(),
                other_groups: self.parts.calls.other_groups(self.name, self.service),
                public_ip: network.public_tasks,
                registry: self.parts.calls.registry(self.name),
                target: target
                    .as_ref()
                    .map(|(group, port, _)| service::Target { group: Input::output(group, "arn"), port: *port }),
                grace_seconds: if target.is_some() { self.service.health.grace } else { 0 },
                exec: self.service.exec,
                rollback_after: self.service.rollback_after,
                stop_first: self.service.stop_first,
                spot: self.service.spot.map(|on_demand| service::Spot { on_demand }),
            },
        );
        // ECS registers targets only in a target group that a listener uses.
        target.iter().flat_map(|(_, _, rules)| rules).for_each(|rule| graph.need(&address, rule));
        let mut needs_way_out = vec![address.clone()];
        if !self.service.release.is_empty() {
            let desired = release::Desired {
                cluster: self.cluster.clone(),
                task_definition: Input::output(&definition, "arn"),
                container: self.name.to_owned(),
                command: self.service.release.clone(),
                subnets: network.tasks.clone(),
                security_group: group,
                other_groups: self.parts.calls.other_groups(self.name, self.service),
                public_ip: network.public_tasks,
            };
            let release = graph.add(Address::new("release", self.name), &desired);
            graph.run_before(&release, &address, service::Field::TaskDefinition);
            needs_way_out.push(release);
        }
        // A task pulls its image first, so the routes to the internet must exist.
        for task in needs_way_out {
            network.routes.iter().for_each(|route| graph.need(&task, route));
            self.parts.volumes.reached_by(self.service).for_each(|target| graph.need(&task, target));
        }
    }

    /// Draws the task definition. `beside` returns one additional container with its name; the container logs to the
    /// given group.
    pub(super) fn task_definition(
        &self,
        graph: &mut Graph,
        beside: impl FnOnce(&Input) -> Option<(String, task_definition::Container)>,
    ) -> Address {
        let logs = logs::draw(graph, self.stack, self.name, self.service.log_days);
        let built = images::source(self.service).map(|source| &self.parts.images[&source]);
        let (image, version) = match (&self.service.image, built) {
            (_, Some(built)) => built.of(self.name),
            (ImageFrom::Named(name), None) => (name.as_str().into(), tag(name).into()),
            (ImageFrom::Package(_) | ImageFrom::Dockerfile { .. }, None) => {
                unreachable!("what is built has a source, and every source is drawn")
            }
        };
        let referable = self.parts.referable(self.stack, &version);
        let secrets = self.secrets(graph, &referable);
        let environment = self.environment(&referable, built);
        let of_sidecars = self.images_of_sidecars();
        let repositories = built.into_iter().chain(of_sidecars.values().map(|(_, drawn)| *drawn));
        let repositories: BTreeSet<&Address> = repositories.map(|drawn| &drawn.repository).collect();
        let execution_role = self.execution_role(graph, &logs, &secrets, &repositories);
        let roles =
            task_definition::Roles { execution: Input::output(&execution_role, "arn"), task: self.task_role(graph) };
        let container = task_definition::Container {
            port: self.service.port,
            environment,
            secrets,
            stop_timeout: self.service.stop_timeout,
            entry_point: self.service.entrypoint.clone(),
            command: self.service.command.clone(),
            // Only images that stackctl builds from packages are known to write no files. The agent of ECS Exec writes
            // some.
            read_only: !self.service.exec
                && self.service.read_only.unwrap_or(matches!(self.service.image, ImageFrom::Package(_))),
            init: self.service.exec || self.service.init,
            user: self.service.user.clone(),
            nofile: self.service.nofile,
            tmpfs: self.service.tmpfs.clone(),
            mounts: volumes::mounts(&self.service.volumes),
            check: self.service.check.as_ref().map(sidecars::check),
            depends_on: sidecars::dependencies(&self.service.depends_on),
            ..task_definition::Container::new(image, logs.name)
        };
        let images_of_sidecars = of_sidecars.into_iter().map(|(name, (image, _))| (name, image)).collect();
        let desired = task_definition::Desired {
            cpu: self.service.cpu,
            memory: self.service.memory,
            arch: images::arch(self.service),
            disk: self.service.disk,
            volumes: self.parts.volumes.of(self.stack, self.service),
            sidecars: sidecars::draw(self.service, &container, &images_of_sidecars, &referable)
                .into_iter()
                .chain(self.parts.calls.containers(self.name, self.service, &container.log_group))
                .chain(beside(&container.log_group))
                .collect(),
            ..task_definition::Desired::new(self.name, container, roles)
        };
        let definition = graph.add(Address::new("task_definition", self.name), &desired);
        graph.need(&definition, &execution_role);
        graph.need(&definition, &logs.address);
        self.service.values().for_each(|value| referable.wait_for_users(graph, &definition, value));
        definition
    }

    /// The images of its sidecars that stackctl makes, by their names.
    fn images_of_sidecars(&self) -> BTreeMap<&str, (Input, &Drawn)> {
        let own = self.stack.images().filter(|container| container.program == self.name);
        own.filter_map(|container| {
            let sidecar = container.sidecar?;
            let (name, _) = self.service.sidecars.get_key_value(sidecar)?;
            let drawn = &self.parts.images[&images::source(&container.service)?];
            Some((name.as_str(), (drawn.of(&container.name()).0, drawn)))
        })
        .collect()
    }

    /// The role of the application; none, if it may do nothing.
    fn task_role(&self, graph: &mut Graph) -> Option<Input> {
        let statements = self.permissions();
        if statements.is_empty() {
            return None;
        }
        let desired = role::Desired::new(TASK_PRINCIPAL, statements).of_application();
        let role = graph.add(Address::new("role", format!("{}-task", self.name)), &desired);
        Some(Input::output(&role, "arn"))
    }

    /// Returns the permissions of the application: only those that stack.yaml asks for.
    fn permissions(&self) -> Vec<role::Statement> {
        let exec = self.service.exec.then(|| role::Statement::new(&EXEC, vec!["*".into()]));
        let given = self.service.permissions.iter().map(|given| {
            role::Statement::new(&given.actions, given.resources.iter().map(|arn| arn.as_str().into()).collect())
        });
        let volumes = self.parts.volumes.statements(self.stack, self.service);
        exec.into_iter().chain(buckets::statements(self.service)).chain(volumes).chain(given).collect()
    }

    fn environment(&self, referable: &Referable, built: Option<&Drawn>) -> BTreeMap<String, Input> {
        // A called service may be named `database`: the variables of the stack's database take precedence.
        let of_parts = |name: &str| matches!(name, "DATABASE_URL" | "REDIS_URL");
        let called = calls::variables(self.stack, self.service).filter(|(name, _)| !of_parts(name));
        let mut environment: BTreeMap<String, Input> = buckets::variables(self.service).chain(called).collect();
        if let Some(port) = self.service.port {
            environment.insert("PORT".to_owned(), port.to_string().into());
        }
        // Without a password, the URL is not a secret.
        let open = self.parts.cache.as_ref().filter(|cache| cache.token.is_none());
        environment.extend(open.map(|cache| ("REDIS_URL".to_owned(), cache.open_url())));
        environment.retain(|name, _| self.service.is_given(name));
        environment.extend(self.service.env.iter().map(|(name, value)| (name.clone(), referable.plain(value))));
        environment.insert("APP_VERSION".to_owned(), referable.version.clone());
        environment.insert("STACK_NAME".to_owned(), self.stack.name.as_str().into());
        environment.insert("STACK_ENVIRONMENT".to_owned(), self.stack.environment.as_str().into());
        if let Some(database) = &self.parts.database {
            let has_authorities = built.is_some_and(|built| built.has_authorities(self.name));
            environment.extend(authorities::variables(self.service, has_authorities && database.is_signed_by_known));
        }
        environment
    }

    fn secrets(&self, graph: &mut Graph, referable: &Referable) -> BTreeMap<String, task_definition::SecretRef> {
        let mut secrets = BTreeMap::new();
        for (variable, from) in &self.service.secrets {
            let mut made = |source| graph.add(service_secret(self.name, variable), &secret::Desired { source });
            let (secret, key, version) = match from {
                SecretFrom::Generate => {
                    let address = made(secret::Source::Generated { length: PASSWORD_LENGTH });
                    (Input::output(&address, "arn"), None, None)
                }
                SecretFrom::Set => {
                    let address = made(secret::Source::Given);
                    // A changed value creates a new revision, so that new tasks get it.
                    (Input::output(&address, "arn"), None, Some(Input::output(&address, "version")))
                }
                SecretFrom::Composed(value) => {
                    secrets.insert(variable.clone(), referable.secret(graph, (self.name, variable), value));
                    continue;
                }
                SecretFrom::SecretsManager { arn, key } => (arn.as_str().into(), key.clone(), None),
                SecretFrom::Parameter { id } => (id.as_str().into(), None, None),
            };
            secrets.insert(variable.clone(), task_definition::SecretRef { secret, key, version });
        }
        if let Some(database) = self.parts.database.as_ref().filter(|_| self.service.is_given("DATABASE_URL")) {
            let secret = Input::output(&database.url, "arn");
            let reference = task_definition::SecretRef {
                secret,
                key: Some("url".to_owned()),
                version: Some(database.user.version()),
            };
            secrets.insert("DATABASE_URL".to_owned(), reference);
        }
        let has_password = self.parts.cache.as_ref().is_some_and(|cache| cache.token.is_some());
        if has_password && self.service.is_given("REDIS_URL") {
            let secret = Input::output(&cache::url(), "arn");
            secrets.insert("REDIS_URL".to_owned(), task_definition::SecretRef { secret, key: None, version: None });
        }
        secrets
    }

    /// Draws the role with which ECS starts this service's tasks: it allows only this image, log, secrets, and
    /// GuardDuty's agent.
    fn execution_role(
        &self,
        graph: &mut Graph,
        logs: &Logs,
        secrets: &BTreeMap<String, task_definition::SecretRef>,
        repositories: &BTreeSet<&Address>,
    ) -> Address {
        let repositories = repositories.iter().map(|repository| Input::output(repository, "arn"));
        let mut statements = execution::statements(logs.streams.clone(), repositories);
        let kept = |wanted: &dyn Fn(&SecretFrom) -> Option<Input>| {
            let mut arns: Vec<Input> = self.service.secrets.values().filter_map(wanted).collect();
            arns.extend(sidecars::kept(self.service).filter_map(|from| wanted(&from)));
            arns.sort();
            arns.dedup();
            arns
        };
        // The ARNs of the stack's own secrets are not known yet; those of existing secrets are.
        let made = secrets.values().map(|reference| reference.secret.clone()).filter(|arn| arn.known().is_none());
        let others = kept(&|from| match from {
            SecretFrom::SecretsManager { arn, .. } => Some(secret::policy_arn(arn).into()),
            _ => None,
        });
        let mut values: Vec<Input> = made.chain(others).collect();
        // Several variables can be fields of one secret.
        let mut seen = BTreeSet::new();
        values.retain(|arn| seen.insert(arn.clone()));
        if !values.is_empty() {
            statements.push(role::Statement::new(&["secretsmanager:GetSecretValue"], values));
        }
        let parameters = kept(&|from| match from {
            SecretFrom::Parameter { id } => Some(SecretFrom::parameter_arn(id, &self.stack.region).into()),
            _ => None,
        });
        if !parameters.is_empty() {
            statements.push(role::Statement::new(&["ssm:GetParameters"], parameters));
        }
        let desired = role::Desired::new(TASK_PRINCIPAL, statements);
        graph.add(Address::new("role", format!("{}-execution", self.name)), &desired)
    }

    /// Draws the target group, if a load balancer serves the service, and returns it with its port and rules.
    fn target(&self, graph: &mut Graph, routes: &mut Option<Routes>) -> Option<(Address, u16, Vec<Address>)> {
        let routes = routes.as_mut().filter(|_| !self.service.routes.is_empty())?;
        let (_, port) = self.service.served(self.name)?;
        let Health { path, codes, interval, timeout, healthy, unhealthy, port: health_port, grace: _ } =
            self.service.health.clone();
        let health =
            target_group::Health { path, interval, timeout, healthy, unhealthy, matcher: codes, port: health_port };
        let group = graph.add(
            Address::new("target_group", self.name),
            &target_group::Desired {
                vpc: self.parts.network.vpc.clone(),
                port,
                protocol: match self.service.protocol {
                    Protocol::Http1 => target_group::Protocol::Http1,
                    Protocol::Http2 => target_group::Protocol::Http2,
                    Protocol::Grpc => target_group::Protocol::Grpc,
                },
                health,
                // Requests in flight have this time to finish; after SIGTERM, the task has the same time again.
                deregistration_delay: self.service.stop_timeout,
                sticky_seconds: self.service.sticky,
            },
        );
        if health_port.is_some() {
            // The tasks must admit the load balancer on that port before its first check.
            graph.need(&group, &self.parts.groups[self.name]);
        }
        let rules = routes.forward(graph, self.service, &group);
        Some((group, port, rules))
    }
}

/// Returns `1.27` for `nginx:1.27`; the digest if there is one, and `latest` without a tag.
fn tag(image: &str) -> &str {
    if let Some((_, digest)) = image.split_once('@') {
        return digest;
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':').map_or("latest", |(_, tag)| tag)
}
