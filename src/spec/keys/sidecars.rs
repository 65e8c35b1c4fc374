//! The keys of `sidecars` of a service, and of a container's health check.

use super::{Absence, BUILD, FILES, Foreign, Key, Kind, Literal, MOUNT, SECRET, Section, texts};

/// The words of `depends_on`.
pub(in crate::spec) const CONDITIONS: &[&str] = &["start", "healthy", "complete", "success"];

pub(in crate::spec) static SIDECAR: Section = Section {
    name: "sidecar",
    doc: "An additional container in each task of a service.",
    keys: &[
        Key {
            name: "image",
            kind: Kind::Text(&texts::IMAGE),
            absence: Absence::Means("that of the service"),
            doc: "An existing image, such as `nginx:1.27`, or one with a digest. Without `image` and `build`, the \
                  sidecar runs the image of the service, and gets the environment variables and secrets of the \
                  service too.",
        },
        Key {
            name: "build",
            kind: BUILD,
            absence: Absence::Means("that of the service"),
            doc: "An image to build for the sidecar, like `build` of a [service](#services). A changed image is a \
                  release of the service.",
        },
        Key {
            name: "files",
            kind: FILES,
            absence: Absence::Means("none"),
            doc: "Files and folders of the project to add to the image, for a sidecar with `build` or `image`. They \
                  work like [`files`](#files) of a service.",
        },
        Key {
            name: "entrypoint",
            kind: Kind::Command("write a list such as [/bin/start], or remove `entrypoint`"),
            absence: Absence::Means("that of the image"),
            doc: "The program that the container starts, with its first arguments, like `entrypoint` of the service.",
        },
        Key {
            name: "command",
            kind: Kind::Command("write a list such as [proxy], or remove `command`"),
            absence: Absence::Means("that of the image"),
            doc: "The arguments of the entry point, instead of the command of the image.",
        },
        Key {
            name: "port",
            kind: Kind::Number { least: 1, most: 65535, unit: "" },
            absence: Absence::Means("none"),
            doc: "The port that it listens on. The container gets it as `PORT`. All containers of a task share a \
                  network: each needs a different port, and they reach each other at `localhost`.",
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
            doc: "Its secret environment variables. `shared`: the secret of the same name of the service, such as an \
                  entry of its `secrets` or `DATABASE_URL`. `{ from: … }`: [an existing secret](#secrets).",
        },
        Key {
            name: "volumes",
            kind: Kind::Named {
                names: &texts::VOLUME_NAME,
                of: &Kind::Either(&[Kind::Text(&texts::MOUNT_PATH), Kind::Map(&MOUNT)]),
            },
            absence: Absence::Means("none, or those of the service without `image` and `build`"),
            doc: "The [volumes](#volumes) that it mounts, each with its folder, like `volumes` of the service. Without \
                  `image` and `build`, it also mounts the volumes of the service, in the same folders unless it names others.",
        },
        Key {
            name: "essential",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(true)),
            doc: "Whether the task stops and is replaced when this container exits. Use `false` for a container that \
                  does its work and exits.",
        },
        Key {
            name: "depends_on",
            kind: Kind::Named { names: &texts::PART_NAME, of: &Kind::Choice(CONDITIONS) },
            absence: Absence::Means("none"),
            doc: "The containers of the task that it waits for: other sidecars, or that of the service, by the \
                  service's name. See [the conditions](#sidecars).",
        },
        Key {
            name: "health",
            kind: Kind::Map(&CHECK),
            absence: Absence::Means("none"),
            doc: "Its health check, for `depends_on: { NAME: healthy }`. If the check of an essential sidecar fails, \
                  the task is replaced.",
        },
        Key {
            name: "stop_timeout",
            kind: Kind::Seconds { least: 2, most: 120 },
            absence: Absence::Default(Literal::Number(30)),
            doc: "The time between SIGTERM and SIGKILL, in seconds. Containers stop one after the other, in the \
                  reverse order of `depends_on`.",
        },
    ],
    foreign: &[
        Foreign { words: &["dockerfile"], help: "use `build`, such as `build: { dockerfile: ./proxy/Dockerfile }`" },
        Foreign { words: &["environment", "variables"], help: "use `env` for environment variables" },
        Foreign {
            words: &["healthcheck", "health_check"],
            help: "use `health`, such as `health: { command: [check] }`",
        },
        Foreign { words: &["cpu", "memory"], help: "remove it; the containers of a task share its `cpu` and `memory`" },
        Foreign {
            words: &["mount_points"],
            help: "use `volumes` with a folder for each volume, such as `volumes: { uploads: /data }`",
        },
        Foreign {
            words: &["path", "routes"],
            help: "use `target_container` of the service for the container that gets requests",
        },
    ],
};

/// The ranges are ECS's limits. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
pub(in crate::spec) static CHECK: Section = Section {
    name: "check",
    doc: "A health check inside a container: a command that ECS runs in it.",
    keys: &[
        Key {
            name: "command",
            kind: Kind::Command("write a list such as [wget, -qO-, \"http://localhost:8080/\"]"),
            absence: Absence::Error("[wget, -qO-, \"http://localhost:8080/\"]"),
            doc: "The command. The container is healthy if its exit code is 0. It runs in the container, so the image \
                  must contain the program.",
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
            doc: "The maximum duration of the command, in seconds.",
        },
        Key {
            name: "retries",
            kind: Kind::Number { least: 1, most: 10, unit: "" },
            absence: Absence::Default(Literal::Number(3)),
            doc: "The number of failed checks in a row after which the container is unhealthy.",
        },
        Key {
            name: "start",
            kind: Kind::Seconds { least: 0, most: 300 },
            absence: Absence::Default(Literal::Number(0)),
            doc: "How long ECS ignores failed checks after the container starts, in seconds.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["test"],
            help: "use `command`, such as `command: [wget, -qO-, \"http://localhost:8080/\"]`",
        },
        Foreign { words: &["start_period", "grace", "grace_period"], help: "use `start`, such as `start: 1m`" },
        Foreign { words: &["path"], help: "use `command`; ECS does not send requests" },
    ],
};
