//! Renders the calls of commands by AWS service, and the share of throttled calls.

use std::fmt::Write;

use crate::{
    journey::{Cost, Limited},
    report::seconds,
};

/// The commands in the table: those that change something, and the second `up`, whose reads are those that the other
/// commands begin with.
const SHOWN: [&str; 4] = ["first `up`", "`up`, nothing to do", "`deploy`, one line", "`destroy`"];

/// The services in the table, by their names in signatures and their usual names. The registry is ECR's, where images
/// are pushed.
const COLUMNS: [(&str, &str); 10] = [
    ("ec2", "EC2"),
    ("ecs", "ECS"),
    ("elasticloadbalancing", "ELB"),
    ("iam", "IAM"),
    ("logs", "Logs"),
    ("rds", "RDS"),
    ("secretsmanager", "Secrets Manager"),
    ("ssm", "SSM"),
    ("ecr", "ECR"),
    ("registry", "registry"),
];

/// Renders a table of the calls of each command, with a column for each service.
pub(crate) fn table<'a>(stacks: impl Iterator<Item = (usize, &'a [Cost])>) -> String {
    let mut table = String::from("| services | command |");
    for (_, name) in COLUMNS {
        let _ = write!(table, " {name} |");
    }
    let _ = writeln!(table, " others |\n| ---: | --- |{}", " ---: |".repeat(COLUMNS.len() + 1));
    for (count, costs) in stacks {
        for cost in costs.iter().filter(|cost| SHOWN.contains(&cost.command)) {
            let _ = write!(table, "| {count} | {} |", cost.command);
            let calls = COLUMNS.map(|(service, _)| cost.by_service.get(service).copied().unwrap_or_default());
            for calls in calls.into_iter().chain([cost.calls - calls.iter().sum::<usize>()]) {
                let _ = write!(table, " {} |", if calls == 0 { "–".to_owned() } else { calls.to_string() });
            }
            table.push('\n');
        }
    }
    table
}

/// Renders a table of the throttled calls.
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
