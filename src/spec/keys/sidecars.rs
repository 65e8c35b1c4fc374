//! The keys of `sidecars` of a service, and of a container's own health check.

use super::{Absence, Foreign, Key, Kind, Literal, MOUNT, SECRET, Section, texts};

/// The words of `depends_on`.
pub(in crate::spec) const CONDITIONS: &[&str] = &["start", "healthy", "complete", "success"];

pub(in crate::spec) static SIDECAR: Section = Section {
    name: "sidecar",
    doc: "A container beside a service's own, in each of its tasks.",
    keys: &[
        Key {
            name: "image",
            kind: Kind::Text(&texts::IMAGE),
            absence: Absence::Means("the service's own"),
            doc: "An image that exists, such as `nginx:1.27` or one by its digest. Without it, the sidecar is another process \
                  of the service's image, and gets the service's environment and secrets too.",
        },
        Key {
            name: "entrypoint",
            kind: Kind::Command("such as [/bin/start], or leave `entrypoint` out"),
            absence: Absence::Means("the image's own"),
            doc: "The program that the container starts, with its first arguments, as that of the service.",
        },
        Key {
            name: "command",
            kind: Kind::Command("such as [proxy], or leave `command` out"),
            absence: Absence::Means("the image's own"),
            doc: "The arguments of the entry point, in the place of the image's own command.",
        },
        Key {
            name: "port",
            kind: Kind::Number { least: 1, most: 65535, unit: "" },
            absence: Absence::Means("none"),
            doc: "The port that it listens on. The container gets it as `PORT`. All containers of a task have one network: \
                  each has a port of its own, and they reach each other at `localhost`.",
        },
        Key {
            name: "env",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &Kind::Scalar },
            absence: Absence::Means("none"),
            doc: "Its environment variables, in plain text in the task definition.",
        },
        Key {
            name: "secrets",
            kind: Kind::Named {
                names: &texts::VARIABLE_NAME,
                of: &Kind::Either(&[Kind::Choice(&["shared"]), Kind::Map(&SECRET)]),
            },
            absence: Absence::Means("none"),
            doc: "Its secret environment variables. `shared`: the service's secret of the same name, such as an entry of its \
                  `secrets` or `DATABASE_URL`. `{ from: … }`: [a secret of your own](#secrets).",
        },
        Key {
            name: "volumes",
            kind: Kind::Named {
                names: &texts::VOLUME_NAME,
                of: &Kind::Either(&[Kind::Text(&texts::MOUNT_PATH), Kind::Map(&MOUNT)]),
            },
            absence: Absence::Means("none, or the service's own without `image`"),
            doc: "The [volumes](#volumes) that it has, each with its folder, as those of the service. Without `image`, it has the service's \
                  volumes as well, at the service's folders unless it names others.",
        },
        Key {
            name: "essential",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(true)),
            doc: "Whether the task ends, and is replaced, when this container ends. `false` for one that does its work and ends.",
        },
        Key {
            name: "depends_on",
            kind: Kind::Named { names: &texts::PART_NAME, of: &Kind::Choice(CONDITIONS) },
            absence: Absence::Means("none"),
            doc: "The containers of the same task that it waits for: other sidecars, or the service's own container by the \
                  service's name. See [the conditions](#sidecars).",
        },
        Key {
            name: "health",
            kind: Kind::Map(&CHECK),
            absence: Absence::Means("none"),
            doc: "Its own health check, for `depends_on: { NAME: healthy }`. A task whose essential sidecar fails its check is \
                  replaced.",
        },
        Key {
            name: "stop_timeout",
            kind: Kind::Seconds { least: 2, most: 120 },
            absence: Absence::Default(Literal::Number(30)),
            doc: "How long it has between SIGTERM and SIGKILL, in seconds. Containers stop in the reverse order of \
                  `depends_on`, one after the other.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["build", "dockerfile"],
            help: "name an image that exists, or leave `image` out for the service's own",
        },
        Foreign { words: &["environment", "variables"], help: "use `env` for environment variables" },
        Foreign {
            words: &["healthcheck", "health_check"],
            help: "use `health`, such as `health: { command: [check] }`",
        },
        Foreign {
            words: &["cpu", "memory"],
            help: "leave it out: the containers of a task share its `cpu` and `memory`",
        },
        Foreign {
            words: &["mount_points"],
            help: "use `volumes` for the folders of volumes, such as `volumes: { uploads: /data }`",
        },
        Foreign {
            words: &["path", "routes"],
            help: "use `target_container` of the service for the one that gets requests",
        },
    ],
};

/// The ranges are those of ECS. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
pub(in crate::spec) static CHECK: Section = Section {
    name: "check",
    doc: "A container's own health check: a command that ECS runs in it.",
    keys: &[
        Key {
            name: "command",
            kind: Kind::Command("such as [wget, -qO-, \"http://localhost:8080/\"]"),
            absence: Absence::Error("[wget, -qO-, \"http://localhost:8080/\"]"),
            doc: "The command. The container is healthy if it ends with 0. It runs in the container: the image must have the program.",
        },
        Key {
            name: "interval",
            kind: Kind::Seconds { least: 5, most: 300 },
            absence: Absence::Default(Literal::Number(30)),
            doc: "The time between two checks, in seconds.",
        },
        Key {
            name: "timeout",
            kind: Kind::Seconds { least: 2, most: 60 },
            absence: Absence::Default(Literal::Number(5)),
            doc: "How long the command may take, in seconds.",
        },
        Key {
            name: "retries",
            kind: Kind::Number { least: 1, most: 10, unit: "" },
            absence: Absence::Default(Literal::Number(3)),
            doc: "After how many failed checks in a row the container is unhealthy.",
        },
        Key {
            name: "start",
            kind: Kind::Seconds { least: 0, most: 300 },
            absence: Absence::Default(Literal::Number(0)),
            doc: "How long failed checks do not count after the container has started, in seconds.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["test"],
            help: "use `command`, such as `command: [wget, -qO-, \"http://localhost:8080/\"]`",
        },
        Foreign { words: &["start_period", "grace", "grace_period"], help: "use `start`, such as `start: 1m`" },
        Foreign { words: &["path"], help: "use `command`: ECS makes no requests itself" },
    ],
};
