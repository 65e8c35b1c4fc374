//! The calls of commands by AWS service, and the share of them that is throttled.

use std::{collections::BTreeSet, fmt::Write};

use crate::{
    journey::{Cost, Limited},
    report::seconds,
};

/// The commands that change something, and the look that all begin with: the others look as that one does.
const SHOWN: [&str; 4] = ["first `up`", "`up`, nothing to do", "`deploy`, one line", "`destroy`"];

/// The names of services that are called otherwise in signatures.
const NAMES: [(&str, &str); 11] = [
    ("ec2", "EC2"),
    ("ecr", "ECR"),
    ("ecs", "ECS"),
    ("elasticloadbalancing", "ELB"),
    ("iam", "IAM"),
    ("logs", "CloudWatch Logs"),
    ("rds", "RDS"),
    ("secretsmanager", "Secrets Manager"),
    ("ssm", "SSM"),
    ("sts", "STS"),
    ("monitoring", "CloudWatch"),
];

fn name(service: &str) -> &str {
    NAMES.iter().find(|(signed, _)| *signed == service).map_or(service, |(_, name)| name)
}

/// A table of the calls of each command, a column for each service.
pub(crate) fn table<'a>(stacks: impl Iterator<Item = (usize, &'a [Cost])> + Clone) -> String {
    let shown = |costs: &'a [Cost]| costs.iter().filter(|cost| SHOWN.contains(&cost.command));
    let called = stacks.clone().flat_map(|(_, costs)| shown(costs)).flat_map(|cost| cost.by_service.keys());
    let services: BTreeSet<&str> = called.map(String::as_str).collect();
    let mut table = String::from("| services | command |");
    for service in &services {
        let _ = write!(table, " {} |", name(service));
    }
    table.push_str("\n| ---: | --- |");
    table.push_str(&" ---: |".repeat(services.len()));
    table.push('\n');
    for (count, costs) in stacks {
        for cost in shown(costs) {
            let _ = write!(table, "| {count} | {} |", cost.command);
            for service in &services {
                let calls = cost.by_service.get(*service).map_or_else(|| "–".to_owned(), usize::to_string);
                let _ = write!(table, " {calls} |");
            }
            table.push('\n');
        }
    }
    table
}

/// A table of what is throttled.
pub(crate) fn throttled(stacks: &[Limited]) -> String {
    let mut table = String::from(
        "| services | command | calls | throttled | share | seconds |\n| ---: | --- | ---: | ---: | ---: | ---: |\n",
    );
    for stack in stacks {
        for cost in &stack.costs {
            let share = format!("{:.1} %", 100.0 * share(cost.throttled, cost.calls));
            let (services, took) = (stack.services, seconds(cost.wall));
            let _ = writeln!(
                table,
                "| {services} | {} | {} | {} | {share} | {took} |",
                cost.command, cost.calls, cost.throttled
            );
        }
    }
    table
}

#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 calls")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
