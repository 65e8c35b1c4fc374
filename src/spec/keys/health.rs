//! The keys of `health` of a service.

use super::{Absence, Foreign, Key, Kind, Literal, Section, texts};
use crate::spec::check::LONGEST_GRACE;

/// The ranges are Elastic Load Balancing's limits for an Application Load Balancer.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
pub(in crate::spec) static HEALTH: Section = Section {
    name: "health",
    doc: "The health checks of a service, with all settings.",
    keys: &[
        Key {
            name: "path",
            kind: Kind::Text(&texts::URL_PATH),
            absence: Absence::Default(Literal::Text("/")),
            doc: "The path that the load balancer requests, at most 1024 characters. With `protocol: grpc`, the method \
                  that it calls, such as `/grpc.health.v1.Health/Check`; the default is then `/AWS.ALB/healthcheck`.",
        },
        Key {
            name: "codes",
            kind: Kind::Either(&[Kind::Number { least: 0, most: 499, unit: "" }, Kind::Text(&texts::CODES)]),
            absence: Absence::Means("`200`"),
            doc: "The status codes of a healthy response, from 200 to 499. One code, a range such as `200-299`, or a \
                  list with commas, such as `\"200,301\"`. With `protocol: grpc`, gRPC codes from 0 to 99; the default \
                  is then `12`.",
        },
        Key {
            name: "grace",
            kind: Kind::Seconds { least: 0, most: LONGEST_GRACE },
            absence: Absence::Default(Literal::Number(60)),
            doc: "How long ECS ignores failed checks after a task starts, in seconds. A change is made in place.",
        },
        Key {
            name: "interval",
            kind: Kind::Seconds { least: 5, most: 300 },
            absence: Absence::Default(Literal::Number(5)),
            doc: "The time between two checks of a task, in seconds. With `command`, it applies to the command, and \
                  the default is 30 s.",
        },
        Key {
            name: "timeout",
            kind: Kind::Seconds { least: 2, most: 120 },
            absence: Absence::Default(Literal::Number(4)),
            doc: "The maximum response time, in seconds; less than `interval`. With `command`, it applies to the \
                  command: at most 60 s, and the default is 5 s.",
        },
        Key {
            name: "healthy",
            kind: Kind::Number { least: 2, most: 10, unit: "" },
            absence: Absence::Default(Literal::Number(2)),
            doc: "The number of passed checks in a row after which an unhealthy task gets requests again. A new task \
                  needs one.",
        },
        Key {
            name: "unhealthy",
            kind: Kind::Number { least: 2, most: 10, unit: "" },
            absence: Absence::Default(Literal::Number(3)),
            doc: "The number of failed checks in a row after which a task gets no more requests and is replaced.",
        },
        Key {
            name: "port",
            kind: Kind::Number { least: 1, most: 65535, unit: "" },
            absence: Absence::Means("the `port` of the service"),
            doc: "The port that the check requests, if it is a different one. The security group of the tasks allows \
                  the load balancer on it.",
        },
        Key {
            name: "command",
            kind: Kind::Command("write a list such as [/app/web, check]"),
            absence: Absence::Means("none"),
            doc: "[A check inside the container](#a-containers-own-check): a command that ECS runs in it. Exit code 0 \
                  means healthy. A worker can have one too. A change replaces the tasks.",
        },
        Key {
            name: "retries",
            kind: Kind::Number { least: 1, most: 10, unit: "" },
            absence: Absence::Default(Literal::Number(3)),
            doc: "The number of failures of `command` in a row after which a task is replaced.",
        },
        Key {
            name: "start",
            kind: Kind::Seconds { least: 0, most: 300 },
            absence: Absence::Default(Literal::Number(0)),
            doc: "How long ECS ignores failures of `command` after the container starts, in seconds.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["success_codes", "matcher", "status", "code"],
            help: "use `codes`, such as `codes: 200-299`",
        },
        Foreign {
            words: &["grace_period", "start_period", "health_check_grace_period_seconds"],
            help: "use `grace`, such as `grace: 2m`, or `start` beside `command`",
        },
        Foreign {
            words: &["healthy_threshold", "healthy_threshold_count"],
            help: "use `healthy` for the number of passed checks in a row",
        },
        Foreign {
            words: &["unhealthy_threshold", "unhealthy_threshold_count"],
            help: "use `unhealthy` for the number of failed checks in a row",
        },
        Foreign { words: &["test"], help: "use `command` for a check inside the container" },
        Foreign { words: &["protocol"], help: "remove it; the load balancer uses HTTP for the tasks" },
    ],
};
