//! Draws the alarms of load balancers, services and the database, and sets their thresholds. The thresholds are the
//! same for every stack; docs/reference/stack-yaml.md lists them.

use super::load_balancer::Balancers;
use crate::{
    kinds::{
        cloudwatch::alarm::{self, Bad, Missing, Statistic},
        sns::topic,
    },
    model::{Address, Graph, Input},
    spec::{Database, Stack},
};

/// Responses with status 500 to 599 per minute.
const ERRORS: f64 = 5.0;

/// Average CPU use in percent. It is above the usual target of `scale`, so that the alarm fires only when scaling is
/// not enough.
const BUSY: f64 = 85.0;

/// The share of the database's storage that must stay free.
const FREE: f64 = 0.1;

/// The share of the connections that the class's memory allows. RDS computes its limit from the memory that the system
/// and its processes leave, so the real limit is lower, especially for the smallest class.
const CONNECTED: f64 = 0.6;

/// The memory that RDS counts per connection, in bytes, and the maximum number of connections.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections>
const MEMORY_A_CONNECTION: f64 = 9_531_392.0;
const MOST_CONNECTIONS: f64 = 5000.0;

const GIB: f64 = 1_073_741_824.0;

/// The evaluation window: seconds per period, number of periods, and bad periods that trigger the alarm.
type Window = (u32, u32, u32);

/// Three bad minutes out of five: a single bad minute does not trigger the alarm, and a single good minute does not end
/// it.
const MINUTES: Window = (60, 5, 3);

/// 15 minutes in a row, for metrics that are often high for a short time.
const QUARTER: Window = (300, 3, 3);

/// The part of an alarm that differs between alarms.
struct Watch {
    name: String,
    description: String,
    /// Namespace, metric and statistic.
    measure: (&'static str, &'static str, Statistic),
    of: Vec<(&'static str, Input)>,
    window: Window,
    bad: Bad,
    missing: Missing,
}

/// Draws the alarms for the resources in the graph, which must be complete.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, balancers: &Balancers) {
    let Some(alarms) = &stack.alarms else { return };
    let topic = graph.add(Address::new("topic", topic::ALARMS), &topic::Desired { email: alarms.email.clone() });
    let mut watches = Vec::new();
    // An existing load balancer also has errors of other stacks.
    if let Some(public) = balancers.public.as_ref().filter(|public| public.given.is_none()) {
        watches.push(balancer("load balancer", public.dimension.clone()));
    }
    if let Some(internal) = &balancers.internal {
        watches.push(balancer("internal load balancer", internal.dimension.clone()));
    }
    for (name, service) in &stack.services {
        watches.push(busy(name));
        if let Some(balancer) = balancers.of(service).filter(|_| service.served(name).is_some()) {
            watches.extend(served(name, &balancer.dimension));
        }
    }
    watches.extend(stack.database.iter().flat_map(database));
    for watch in watches {
        let (namespace, metric, statistic) = watch.measure;
        let (period, periods, bad_periods) = watch.window;
        let desired = alarm::Desired {
            description: watch.description,
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: watch.of.into_iter().map(|(name, of)| (name.to_owned(), of)).collect(),
            statistic,
            period,
            periods,
            bad_periods,
            bad: watch.bad,
            missing: watch.missing,
            topic: Input::output(&topic, "arn"),
        };
        graph.add(Address::new("alarm", watch.name), &desired);
    }
}

fn output(kind: &str, name: &str, output: &str) -> Input {
    Input::output(&Address::new(kind, name), output)
}

/// Watches the load balancer's own errors: it could not reach a task, or no task responded in time.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
fn balancer(called: &str, dimension: Input) -> Watch {
    Watch {
        name: format!("{}-5xx", called.replace(' ', "-")),
        description: format!(
            "The {called} got no response from a task (502, 503 or 504) at least 5 times a minute, in 3 of 5 minutes"
        ),
        measure: ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", Statistic::Sum),
        of: vec![("LoadBalancer", dimension)],
        window: MINUTES,
        bad: Bad::From(ERRORS),
        missing: Missing::Good,
    }
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html>
fn busy(service: &str) -> Watch {
    Watch {
        name: format!("service-{service}-cpu"),
        description: format!("The tasks of {service} used at least {BUSY} % of their CPU for 15 minutes"),
        measure: ("AWS/ECS", "CPUUtilization", Statistic::Average),
        of: vec![
            ("ClusterName", output("cluster", "main", "name")),
            ("ServiceName", output("service", service, "name")),
        ],
        window: QUARTER,
        bad: Bad::From(BUSY),
        missing: Missing::Unknown,
    }
}

/// Watches the load balancer's metrics for the tasks of a service.
fn served(service: &str, balancer: &Input) -> [Watch; 2] {
    let of = || vec![("LoadBalancer", balancer.clone()), ("TargetGroup", output("target_group", service, "dimension"))];
    let watch = |what: &str, description, metric, statistic, bad, missing| Watch {
        name: format!("service-{service}-{what}"),
        description,
        measure: ("AWS/ApplicationELB", metric, statistic),
        of: of(),
        window: MINUTES,
        bad,
        missing,
    };
    [
        watch(
            "5xx",
            format!("The tasks of {service} returned 5xx at least 5 times a minute, in 3 of 5 minutes"),
            "HTTPCode_Target_5XX_Count",
            Statistic::Sum,
            Bad::From(ERRORS),
            Missing::Good,
        ),
        watch(
            "unhealthy",
            format!("A task of {service} failed its health check in 3 of 5 minutes"),
            "UnHealthyHostCount",
            Statistic::Maximum,
            Bad::From(1.0),
            Missing::Unknown,
        ),
    ]
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html>
fn database(database: &Database) -> [Watch; 3] {
    let watch = |what: &str, description, metric, statistic, window, bad| Watch {
        name: format!("database-{what}"),
        description,
        measure: ("AWS/RDS", metric, statistic),
        of: vec![("DBInstanceIdentifier", output("db_instance", "database", "id"))],
        window,
        bad,
        missing: Missing::Unknown,
    };
    let connections = (connections(&database.class) * CONNECTED).floor();
    [
        watch(
            "storage",
            format!("At most 10 % of the {} GiB of the database is free", database.storage),
            "FreeStorageSpace",
            Statistic::Minimum,
            MINUTES,
            Bad::UpTo((f64::from(database.storage) * GIB * FREE).floor()),
        ),
        watch(
            "cpu",
            format!("The database used at least {BUSY} % of its CPU for 15 minutes"),
            "CPUUtilization",
            Statistic::Average,
            QUARTER,
            Bad::From(BUSY),
        ),
        watch(
            "connections",
            format!("The database had at least {connections} connections in 3 of 5 minutes"),
            "DatabaseConnections",
            Statistic::Maximum,
            MINUTES,
            Bad::From(connections),
        ),
    ]
}

/// Returns the number of connections that RDS allows by its formula. For a class with unknown memory, returns the
/// maximum: a late alarm is better than a false one.
fn connections(class: &str) -> f64 {
    memory(class).map_or(MOST_CONNECTIONS, |gib| (gib * GIB / MEMORY_A_CONNECTION).floor().min(MOST_CONNECTIONS))
}

/// Returns the memory of a class such as `db.m7g.large` in GiB, if its family follows the usual rule: burstable
/// families have their own small sizes, and from `large` on each size doubles.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html>
fn memory(class: &str) -> Option<f64> {
    let (family, size) = class.strip_prefix("db.")?.split_once('.')?;
    let large = match family.chars().next()? {
        't' | 'm' => 8.0,
        'r' => 16.0,
        _ => return None,
    };
    let of_large = match (size, family.starts_with('t')) {
        ("micro", true) => 0.125,
        ("small", true) => 0.25,
        ("medium", true) => 0.5,
        ("large", _) => 1.0,
        ("xlarge", _) => 2.0,
        (size, _) => 2.0 * size.strip_suffix("xlarge")?.parse::<f64>().ok()?,
    };
    Some(large * of_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_class_matches_the_aws_table() {
        let table = [
            ("db.t4g.micro", Some(1.0)),
            ("db.t3.medium", Some(4.0)),
            ("db.t4g.2xlarge", Some(32.0)),
            ("db.m7g.large", Some(8.0)),
            ("db.r6g.large", Some(16.0)),
            ("db.r6g.16xlarge", Some(512.0)),
            ("db.m5.micro", None),
            ("db.x2g.large", None),
            ("nonsense", None),
        ];
        for (class, gib) in table {
            assert_eq!(memory(class), gib, "{class}");
        }
    }

    #[test]
    fn connections_follow_the_formula_and_limit_of_rds() {
        let floor = |class| connections(class).to_string();
        assert_eq!([floor("db.t4g.micro"), floor("db.t4g.2xlarge"), floor("db.r6g.large")], ["112", "3604", "1802"]);
        assert_eq!([floor("db.r6g.16xlarge"), floor("db.x2g.large")], ["5000", "5000"]);
    }
}
