//! Properties of the planner over random stacks: the plan from any stack.yaml to any other can be applied in every
//! order that it allows, and ends in the second one's desired state.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use proptest::prelude::*;
use serde_json::Value;
use stackctl::{
    blueprint::{self, Facts},
    engine,
    kind::AnyKind,
    kinds,
    model::{Action, Address, Graph, Plan, StackId},
    spec,
};

use crate::cloud::{Cloud, first, shuffled};

/// The zones of the region.
const ZONES: [&str; 3] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];

/// Kinds that no random stack has: those of a domain and of the bastion do not change anything that a plan depends
/// on, and a dump is loaded by its own command.
const NOT_RANDOM: [&str; 3] = ["database_load", "dns_record", "instance"];

/// The parts of a stack.yaml that these tests vary.
#[derive(Clone, Debug)]
struct Text {
    zones: usize,
    nat: &'static str,
    database: Option<(bool, bool, u32, &'static str)>,
    cache: Option<&'static str>,
    /// Whether its bucket is protected.
    bucket: Option<bool>,
    /// The settings of its volume.
    volume: Option<&'static str>,
    tls: &'static str,
    alarms: Option<&'static str>,
    jobs: BTreeMap<&'static str, &'static str>,
    services: BTreeMap<&'static str, Service>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a part that a service has or has not")]
#[derive(Clone, Debug)]
struct Service {
    image: &'static str,
    port: Option<u16>,
    cpu: u32,
    count: &'static str,
    health: &'static str,
    host: bool,
    blocks: usize,
    release: bool,
    secret: bool,
    /// Whether it uses the bucket, if the stack has one.
    bucket: bool,
    /// Whether it uses the volume, if the stack has one.
    volume: bool,
    /// Whether it calls all other services with a port.
    calls: bool,
    /// Whether it uses the internal load balancer.
    internal: bool,
    /// How many address ranges may send requests; 0 means all addresses.
    allow: usize,
}

impl Text {
    fn yaml(&self) -> String {
        let mut text =
            format!("name: demo\nregion: eu-west-1\nnetwork: {{ zones: {}, nat: {} }}\n", self.zones, self.nat);
        if let Some((multi_az, protect, backup_days, users)) = self.database {
            let _ = writeln!(
                text,
                "database: {{ multi_az: {multi_az}, protect: {protect}, backup_days: {backup_days}, {users} }}"
            );
        }
        if let Some(class) = self.cache {
            let _ = writeln!(text, "cache: {{ class: {class} }}");
        }
        if let Some(volume) = self.volume {
            let _ = writeln!(text, "volumes: {{ data: {{ {volume} }} }}");
        }
        if let Some(protect) = self.bucket {
            let _ = writeln!(text, "buckets: {{ uploads: {{ protect: {protect} }} }}");
        }
        if self.services.values().any(|service| service.port.is_some() && !service.internal) {
            let _ = writeln!(text, "load_balancer: {{ tls: {} }}", self.tls);
        }
        if let Some(email) = self.alarms {
            let _ = writeln!(text, "alarms: {{ email: {email} }}");
        }
        if let Some(service) = self.services.keys().next() {
            let jobs: Vec<String> =
                self.jobs.iter().map(|(name, job)| format!("{name}: {{ service: {service}, {job} }}")).collect();
            let _ = writeln!(text, "jobs: {{ {} }}", jobs.join(", "));
        }
        text.push_str("services:\n");
        for (name, service) in &self.services {
            let others = self.services.iter().filter(|(other, called)| *other != name && called.port.is_some());
            let others: Vec<&str> = others.map(|(other, _)| *other).collect();
            service.write(name, (self.bucket.is_some(), self.volume.is_some()), &others, &mut text);
        }
        text
    }

    fn graph(&self) -> Graph {
        let text = self.yaml();
        let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None);
        let stack = stack.unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
        blueprint::graph(&stack, &facts()).unwrap_or_else(|failure| panic!("{text}\n{failure}"))
    }
}

impl Service {
    fn write(&self, name: &str, (has_bucket, has_volume): (bool, bool), others: &[&str], text: &mut String) {
        let Self { image, cpu, .. } = self;
        // Scaling by requests needs a load balancer.
        let count = if self.port.is_some() { self.count.to_owned() } else { self.count.replace("requests", "memory") };
        let _ = writeln!(text, "  {name}: {{ {image}, cpu: {cpu}, memory: {}, {count}", cpu * 2);
        if let Some(port) = self.port {
            let _ = writeln!(text, "    , port: {port}, health: {}, routes: [\"/{name}/*\"]", self.health);
            let _ = writeln!(text, "    , internal: {}", self.internal);
            if self.host {
                let _ = writeln!(text, "    , host: {name}.example.com");
            }
            if self.allow > 0 {
                let ranges: Vec<String> = (0..self.allow).map(|number| format!("10.0.{number}.0/24")).collect();
                let _ = writeln!(text, "    , allow: [{}]", ranges.join(", "));
            }
            let blocks: Vec<String> = (0..self.blocks).map(|number| format!("/{name}/{number}")).collect();
            let _ = writeln!(text, "    , block: [{}]", blocks.join(", "));
        }
        if self.release {
            let _ = writeln!(text, "    , release: [migrate]");
        }
        if self.secret {
            let _ = writeln!(text, "    , secrets: {{ ADMIN_PASSWORD: generate }}");
        }
        if self.bucket && has_bucket {
            let _ = writeln!(text, "    , buckets: [uploads]");
        }
        if self.volume && has_volume {
            let _ = writeln!(text, "    , volumes: {{ data: /data }}");
        }
        if self.calls {
            let _ = writeln!(text, "    , calls: [{}]", others.join(", "));
        }
        text.push_str("  }\n");
    }
}

fn facts() -> Facts {
    Facts { zones: ZONES.map(str::to_owned).to_vec(), ..Facts::default() }
}

fn service() -> impl Strategy<Value = Service> {
    (
        prop_oneof![Just("build: app"), Just("build: other"), Just("image: nginx:1.27")],
        proptest::option::weighted(0.8, prop_oneof![Just(3000), Just(8080)]),
        prop_oneof![Just(256), Just(512)],
        prop_oneof![
            Just("replicas: 0"),
            Just("replicas: 2"),
            Just("scale: { min: 1, max: 4, cpu: 60 }"),
            Just("scale: { min: 2, max: 8, cpu: 70, requests: 90 }"),
            // These times are in the future, since the tests set the clock to 1970.
            Just(
                "scale: { min: 2, max: 8, cpu: 70, schedule: { off: { at: 'cron(0 0 1 1 ? 2100)', min: 0, max: 0 }, \
                 on: { at: 'cron(0 0 2 1 ? 2100)' } } }",
            ),
        ],
        prop_oneof![
            Just("/"),
            Just("/status"),
            Just("{ path: /status, codes: 200-299, grace: 2m, interval: 10, port: 8081 }"),
        ],
        any::<bool>(),
        0_usize..7,
        any::<bool>(),
        any::<bool>(),
        (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), 0_usize..5),
    )
        .prop_map(
            |(
                image,
                port,
                cpu,
                count,
                health,
                host,
                blocks,
                release,
                secret,
                (bucket, volume, calls, internal, allow),
            )| {
                Service {
                    image,
                    port,
                    cpu,
                    count,
                    health,
                    host,
                    blocks,
                    release,
                    secret,
                    bucket,
                    volume,
                    calls,
                    internal,
                    allow,
                }
            },
        )
}

fn stack() -> impl Strategy<Value = Text> {
    (
        2_usize..=3,
        prop_oneof![Just("none"), Just("single"), Just("per-zone")],
        proptest::option::of((any::<bool>(), any::<bool>(), 0_u32..3, users())),
        proptest::option::of(prop_oneof![Just("cache.t4g.micro"), Just("cache.m7g.large")]),
        (proptest::option::of(any::<bool>()), proptest::option::of(volume())),
        prop_oneof![Just("off"), Just("self-signed")],
        proptest::option::of(prop_oneof![Just("ops@example.com"), Just("all@example.com")]),
        proptest::collection::btree_map(prop_oneof![Just("report"), Just("sweep")], job(), 0..=2),
        proptest::collection::btree_map(prop_oneof![Just("web"), Just("api"), Just("web-block")], service(), 1..=3),
    )
        .prop_map(|(zones, nat, database, cache, (bucket, volume), tls, alarms, jobs, services)| Text {
            zones,
            nat,
            database,
            cache,
            bucket,
            volume,
            tls,
            alarms,
            jobs,
            services,
        })
}

fn job() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("command: [report], schedule: \"cron(0 3 * * ? *)\""),
        Just("command: [report, all], schedule: \"cron(0 3 * * ? *)\", timezone: Europe/Oslo"),
        Just("command: [report], schedule: rate(1 hour)"),
        Just("command: [report], schedule: rate(1 hour), retries: 2"),
    ]
}

/// Generates the settings of a volume.
fn volume() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(""),
        Just("protect: false, throughput: elastic"),
        Just("owner: \"1000:1000\""),
        Just("shared: task")
    ]
}

/// `database.users`, and `database.tls`.
fn users() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("users: {}"),
        Just("users: {}, tls: optional"),
        Just("users: { app: owner }"),
        Just("users: { app: owner }, tls: optional"),
        Just("users: { developer: read-only }"),
        Just("users: { developer: read-only, app: owner }"),
        Just("users: { other: owner, app: owner }"),
    ]
}

fn plan(graph: &Graph, cloud: &Cloud) -> Plan {
    let id = StackId { stack: "demo".into(), environment: "default".into() };
    engine::plan(&kinds::registry(), &id, graph, cloud.live.clone()).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Returns the addresses in the cloud. Duplicates appear twice.
fn addresses(cloud: &Cloud) -> Vec<Address> {
    let mut addresses: Vec<Address> = cloud.live.iter().map(|live| live.address.clone()).collect();
    addresses.sort();
    addresses
}

/// Returns the addresses of the lasting resources of `graph`.
fn lasting(graph: &Graph) -> Vec<Address> {
    let registry = kinds::registry();
    graph
        .nodes()
        .map(|node| node.address.clone())
        .filter(|address| registry.of(address).is_ok_and(AnyKind::lasting))
        .collect()
}

/// Asserts that `cloud` matches `graph`, by its list of resources and by the planner.
fn assert_converged(graph: &Graph, cloud: &Cloud) {
    assert_eq!(addresses(cloud), lasting(graph), "nothing is missing, left over or there twice");
    let again = plan(graph, cloud);
    let steps: Vec<String> =
        again.steps.iter().map(|step| format!("{:?} {}: {:?}", step.action, step.address, step.changes)).collect();
    assert_eq!(steps, Vec::<String>::new(), "planning again finds nothing to do");
}

/// Returns a stack with everything that random stacks can have.
fn largest() -> Text {
    let service = Service {
        image: "build: app",
        port: Some(3000),
        cpu: 256,
        count: "scale: { min: 1, max: 4, cpu: 60 }",
        health: "/",
        host: true,
        blocks: 1,
        release: true,
        secret: true,
        bucket: true,
        volume: true,
        calls: true,
        internal: false,
        allow: 0,
    };
    Text {
        zones: 2,
        nat: "single",
        database: Some((true, true, 1, "users: { app: owner }, tls: optional")),
        cache: Some("cache.t4g.micro"),
        bucket: Some(true),
        volume: Some(""),
        tls: "self-signed",
        alarms: Some("ops@example.com"),
        jobs: BTreeMap::from([("report", "command: [report], schedule: rate(1 hour)")]),
        services: BTreeMap::from([("api", service.clone()), ("web", service)]),
    }
}

#[test]
fn random_stacks_cover_almost_every_kind() {
    let graph = largest().graph();
    let drawn = graph.nodes().map(|node| node.address.kind());
    let covered: BTreeSet<&str> = drawn.chain(NOT_RANDOM).collect();
    let registry = kinds::registry();
    let registered: BTreeSet<&str> = registry.iter().map(AnyKind::name).collect();
    assert_eq!(covered, registered, "a random stack can have a resource of each of these");
}

/// Collects the addresses that `value` refers to.
fn references(value: &Value, found: &mut BTreeSet<Address>) {
    match value {
        Value::Object(fields) => {
            let from = fields.get("$from").and_then(Value::as_str);
            found.extend(from.map(|address| address.parse().expect("it is an address")));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// References that do not block a deletion on AWS: values that were read once (a token, a password, a host), and
/// names in a policy or in a metric.
const NAMED_ONLY: [&str; 16] = [
    "alarm refers to cluster",
    "cache refers to secret",
    "db_instance refers to secret",
    "db_instance refers to vpc",
    "role refers to bucket",
    "role refers to file_system",
    "role refers to repository",
    "role refers to secret",
    "role refers to topic",
    "secret refers to cache",
    "secret refers to db_instance",
    "secret refers to task_definition",
    "task_definition refers to access_point",
    "task_definition refers to bucket",
    "task_definition refers to db_instance",
    "task_definition refers to file_system",
];

#[test]
fn kinds_declare_what_their_resources_refer_to() {
    let registry = kinds::registry();
    let mut missing = BTreeSet::new();
    for node in largest().graph().nodes() {
        let kind = registry.of(&node.address).expect("it is registered");
        let mut others = BTreeSet::new();
        references(&node.desired, &mut others);
        let unknown =
            others.iter().map(Address::kind).filter(|other| *other != kind.name() && !kind.uses().contains(other));
        missing.extend(unknown.filter(|_| kind.lasting()).map(|other| format!("{} refers to {other}", kind.name())));
    }
    assert_eq!(missing, NAMED_ONLY.map(str::to_owned).into());
}

/// Returns the number of databases, caches and buckets of a stack.
fn count_of(stack: &Text) -> usize {
    usize::from(stack.database.is_some()) + usize::from(stack.cache.is_some()) + usize::from(stack.bucket.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A first `up`, in any order.
    #[test]
    fn new_stack_converges_in_one_run(stack in stack(), seed in any::<u64>()) {
        let graph = stack.graph();
        let mut cloud = Cloud::default();
        let plan = plan(&graph, &cloud);
        prop_assert!(plan.steps.iter().all(|step| matches!(step.action, Action::Create | Action::Run)));
        cloud.carry_out(&plan, &mut shuffled(seed));
        assert_converged(&graph, &cloud);
    }

    /// Any edit of stack.yaml, including growing and shrinking.
    #[test]
    fn any_edit_converges_in_any_order_of_the_plan(
        before in stack(), after in stack(), seed in any::<u64>(),
    ) {
        let (before, after) = (before.graph(), after.graph());
        let mut cloud = Cloud::default();
        cloud.carry_out(&plan(&before, &cloud), &mut first);
        cloud.carry_out(&plan(&after, &cloud), &mut shuffled(seed));
        assert_converged(&after, &cloud);
    }

    /// A run that is killed anywhere, and the next run.
    #[test]
    fn killed_run_is_completed_by_the_next(
        before in stack(), after in stack(), seed in any::<u64>(), killed_at in any::<prop::sample::Index>(),
    ) {
        let (before, after) = (before.graph(), after.graph());
        let mut cloud = Cloud::default();
        cloud.carry_out(&plan(&before, &cloud), &mut first);
        let edit = plan(&after, &cloud);
        let limit = killed_at.index(edit.steps.len() + 1);
        cloud.carry_out_some(&edit, limit, &mut shuffled(seed));
        cloud.carry_out(&plan(&after, &cloud), &mut shuffled(seed.rotate_left(7)));
        assert_converged(&after, &cloud);
    }

    /// Drift: a resource that someone deleted is created again, and none is created twice.
    #[test]
    fn resources_deleted_by_others_are_created_again(
        stack in stack(), gone in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let graph = stack.graph();
        let mut cloud = Cloud::default();
        cloud.carry_out(&plan(&graph, &cloud), &mut first);
        // Resources that others depend on cannot be deleted on AWS; these can.
        let loose = ["log_group", "listener_rule", "service", "image", "certificate", "role", "scaling", "schedule", "alarm", "event_rule"];
        for index in gone {
            let candidates: Vec<usize> = (0..cloud.live.len())
                .filter(|at| loose.contains(&cloud.live[*at].address.kind()))
                .collect();
            if !candidates.is_empty() {
                cloud.live.remove(candidates[index.index(candidates.len())]);
            }
        }
        cloud.carry_out(&plan(&graph, &cloud), &mut first);
        assert_converged(&graph, &cloud);
    }

    /// `destroy`.
    #[test]
    fn destroyed_stack_leaves_nothing(stack in stack(), seed in any::<u64>()) {
        let mut cloud = Cloud::default();
        cloud.carry_out(&plan(&stack.graph(), &cloud), &mut first);
        let destroy = plan(&Graph::new(), &cloud);
        prop_assert!(destroy.steps.iter().all(|step| step.action == Action::Delete));
        cloud.carry_out(&destroy, &mut shuffled(seed));
        prop_assert_eq!(addresses(&cloud), Vec::<Address>::new());
    }

    /// A `destroy` that stops anywhere, and any following command.
    #[test]
    fn secrets_are_deleted_after_what_they_open(
        stack in stack(), seed in any::<u64>(), stopped_at in any::<prop::sample::Index>(),
    ) {
        let mut cloud = Cloud::default();
        cloud.carry_out(&plan(&stack.graph(), &cloud), &mut first);
        let count = |cloud: &Cloud, kinds: &[&str]| {
            cloud.live.iter().filter(|live| kinds.contains(&live.address.kind())).count()
        };
        let secrets = count(&cloud, &["secret"]);
        let destroy = plan(&Graph::new(), &cloud);
        cloud.carry_out_some(&destroy, stopped_at.index(destroy.steps.len() + 1), &mut shuffled(seed));
        let opened = count(&cloud, &["bucket", "cache", "db_instance"]);
        prop_assert!(opened == 0 || count(&cloud, &["secret"]) == secrets);
        // Secrets are not deleted before the tasks that use them, either.
        prop_assert!(count(&cloud, &["service"]) == 0 || opened == count_of(&stack));
    }

    /// The release command of a service runs once, before the service is updated and after its task definition is
    /// created.
    #[test]
    fn release_runs_only_before_a_change_of_its_service(before in stack(), after in stack()) {
        let (before, after) = (before.graph(), after.graph());
        let mut cloud = Cloud::default();
        cloud.carry_out(&plan(&before, &cloud), &mut first);
        cloud.ran.clear();
        let edit = plan(&after, &cloud);
        let place = |kind: &str, name: &str| {
            edit.steps.iter().position(|step| step.address == Address::new(kind, name) && step.desired.is_some())
        };
        let mut expected = BTreeSet::new();
        for node in after.nodes().filter(|node| node.address.kind() == "release") {
            let name = node.address.name();
            let Some(service) = place("service", name) else { continue };
            let step = &edit.steps[service];
            let new_tasks = step.action != Action::Update
                || step.changes.iter().any(|change| change.field == "task_definition");
            if new_tasks {
                expected.insert(node.address.clone());
                let release = place("release", name).expect("new tasks need their release");
                prop_assert!(release < service);
                prop_assert!(place("task_definition", name).is_none_or(|definition| definition < release));
            }
        }
        cloud.carry_out(&edit, &mut first);
        // The task that creates the database's users runs for other reasons.
        let releases: Vec<_> = cloud.ran.iter().filter(|address| address.kind() == "release").cloned().collect();
        prop_assert_eq!(releases.len(), expected.len());
        prop_assert_eq!(releases.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}
