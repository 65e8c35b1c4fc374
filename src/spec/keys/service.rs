//! The keys of a service.

use super::{
    Absence, BUILD, CONDITIONS, Empty, FILES, Foreign, HEALTH, Key, Kind, LOGS, Literal, MOUNT, SCALE, SIDECAR,
    STATEMENT, Section, secrets::SECRET_VALUE, service_words::SERVICE_WORDS, texts, words,
};
use crate::spec::{
    check,
    service::{Arch, Protocol},
};

/// The words of `arch`.
pub(in crate::spec) static ARCH: [(&str, Arch); 2] = [("amd64", Arch::Amd64), ("arm64", Arch::Arm64)];

pub(in crate::spec) static ARCH_WORDS: [&str; 2] = words(&ARCH);

/// The words of `replace`, and whether the old tasks stop first.
pub(in crate::spec) static REPLACE: [(&str, bool); 2] = [("start-first", false), ("stop-first", true)];

/// The words of `protocol`.
pub(in crate::spec) static PROTOCOL: [(&str, Protocol); 3] =
    [("http1", Protocol::Http1), ("http2", Protocol::Http2), ("grpc", Protocol::Grpc)];

static PROTOCOL_WORDS: [&str; 3] = words(&PROTOCOL);

static REPLACE_WORDS: [&str; 2] = words(&REPLACE);

pub(in crate::spec) static SERVICE: Section = Section {
    name: "service",
    doc: "An ECS service on Fargate.",
    keys: &[
        Key {
            name: "build",
            kind: BUILD,
            absence: Absence::Means("this or `image`"),
            doc: "The folder of a Cargo package, or a Dockerfile. The package has one program; its folder is inside \
                  the folder of stack.yaml, and relative to it. stackctl compiles the program statically and creates \
                  the image without Docker. `{ dockerfile, context, target, args }` builds [a \
                  Dockerfile](#a-dockerfile).",
        },
        Key {
            name: "image",
            kind: Kind::Text(&texts::IMAGE),
            absence: Absence::Means("this or `build`"),
            doc: "An existing image, such as `nginx:1.27`. It is pulled under this name. `deploy` does not detect a \
                  tag that has moved.",
        },
        Key {
            name: "entrypoint",
            kind: Kind::Command("write a list such as [/bin/start], or remove `entrypoint`"),
            absence: Absence::Means("that of the image"),
            doc: "The program that the container starts, with its first arguments. It replaces the entry point and the \
                  command of the image. `release`, [jobs](#jobs) and `stackctl run` use it too. A change replaces the \
                  tasks.",
        },
        Key {
            name: "command",
            kind: Kind::Command("write a list such as [work], or remove `command`"),
            absence: Absence::Means("that of the image"),
            doc: "The arguments of the entry point, instead of the command of the image. `release`, [jobs](#jobs) and \
                  `stackctl run` have different arguments. A change replaces the tasks.",
        },
        Key {
            name: "port",
            kind: Kind::Number { least: 1, most: 65535, unit: "" },
            absence: Absence::Means("none"),
            doc: "The port that the container listens on. The container gets it as `PORT`. A worker has no port.",
        },
        Key {
            name: "protocol",
            kind: Kind::Choice(&PROTOCOL_WORDS),
            absence: Absence::Default(Literal::Text("http1")),
            doc: "The protocol between the load balancer and the tasks. `http2`: HTTP/2 without TLS (h2c). `grpc`: the \
                  same for gRPC calls, with the gRPC health check. Clients must then use HTTP/2 over HTTPS. A change \
                  replaces the target group and the tasks. See [protocol](#protocol). Needs `routes` on a load \
                  balancer with a certificate.",
        },
        Key {
            name: "cpu",
            kind: Kind::Numbers(&check::CPUS),
            absence: Absence::Default(Literal::Number(256)),
            doc: "The CPU units; 1024 units are one vCPU.",
        },
        Key {
            name: "memory",
            kind: Kind::Number { least: check::MEMORY.0, most: check::MEMORY.1, unit: "MiB" },
            absence: Absence::Means("the minimum for `cpu`"),
            doc: "The memory in MiB. Fargate allows certain values for each `cpu`; see [the table](#fargates-pairs).",
        },
        Key {
            name: "arch",
            kind: Kind::Choice(&ARCH_WORDS),
            absence: Absence::Default(Literal::Text("amd64")),
            doc: "The CPU architecture of the tasks. `arm64` is AWS Graviton and costs 20 % less. stackctl builds for \
                  it: a Cargo package needs [a target and a linker](#arch), and a Dockerfile is built with \
                  `--platform`. An `image` must support it too. A change rebuilds the image and replaces the tasks.",
        },
        Key {
            name: "replicas",
            kind: Kind::Number { least: 0, most: check::MOST_TASKS, unit: "" },
            absence: Absence::Default(Literal::Number(1)),
            doc: "The number of tasks. 0 stops the service.",
        },
        Key {
            name: "scale",
            kind: Kind::Map(&SCALE),
            absence: Absence::Means("none"),
            doc: "Autoscaling, instead of `replicas`. See [scale](#scale).",
        },
        Key {
            name: "health",
            kind: Kind::Either(&[Kind::Text(&texts::URL_PATH), Kind::Map(&HEALTH)]),
            absence: Absence::Default(Literal::Text("/")),
            doc: "The path that returns 200 if a task is healthy. The load balancer requests it every 5 s, and it must \
                  respond within 4 s. After 3 failures in a row, a task gets no more requests and is replaced. [A \
                  mapping](#health) sets other codes, times, counts, a port or a command. Needs `port`, except for \
                  `command`.",
        },
        Key {
            name: "routes",
            kind: Kind::List(&texts::PATH_PATTERN, Empty::Allowed),
            absence: Absence::Means("`[\"/*\"]` for the only service with a `port`; else none"),
            doc: "The path patterns of the requests for this service. Two services cannot have the same pattern for \
                  the same host. A service with a `port` and without routes gets no requests. Needs `port`.",
        },
        Key {
            name: "internal",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether its `routes` are on the internal load balancer of the stack, which only private addresses \
                  can reach. It uses HTTP on port 80, with a DNS name from AWS. It costs the same as the public one, \
                  but without public addresses. A change moves the service to the other load balancer. See [an \
                  internal load balancer](#an-internal-load-balancer). Needs `port`.",
        },
        Key {
            name: "host",
            kind: Kind::Either(&[Kind::Text(&texts::HOST), Kind::List(&texts::HOST, Empty::Refused)]),
            absence: Absence::Means("any"),
            doc: "The host name of `routes` and `block`, with `*` and `?`; or a list of them. stackctl creates no DNS \
                  record for it; use `domains` for names in Route 53. Needs `port`.",
        },
        Key {
            name: "domains",
            kind: Kind::List(&texts::DOMAINS, Empty::Refused),
            absence: Absence::Means("those of the [load balancer](#load_balancer)"),
            doc: "The domain names of this service, in hosted zones of Route 53, such as `api.example.com`. Each name \
                  gets an alias record, is in the certificate, and is a `host` of its `routes`. Without `routes`, \
                  these are all paths. `*.example.com` means every name below `example.com`. Needs `port`, and \
                  `load_balancer: { tls: acm }` or the ARN of a certificate. See \
                  [Domains](../guides/domains.md#a-name-for-a-service).",
        },
        Key {
            name: "sticky",
            kind: Kind::Seconds { least: 1, most: 604_800 },
            absence: Absence::Means("each request goes to any task"),
            doc: "How long the requests of a client go to the same task, with a cookie of the load balancer. Write \
                  `1h` or `7d`, at most 7 days; each response restarts the time. If a task stops or fails its health \
                  check, its clients go to other tasks, so store sessions in the database or the [cache](#cache). A \
                  change is made in place. Needs `routes`.",
        },
        Key {
            name: "block",
            kind: Kind::List(&texts::PATH_PATTERN, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "Path patterns for which the load balancer returns 404, in every spelling and before any route. See \
                  below the table. Needs `port`.",
        },
        Key {
            name: "allow",
            kind: Kind::List(&texts::SOURCE_RANGE, Empty::Refused),
            absence: Absence::Means("all addresses"),
            doc: "The address ranges that can send requests to this service, such as `203.0.113.0/24`. For other \
                  addresses, the service has no `routes`: another service with a matching route gets the request, or \
                  the load balancer returns 404. A change is made in place. See [allow](#allow). Needs `routes`.",
        },
        Key {
            name: "calls",
            kind: Kind::List(&texts::PART_NAME, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The services that its tasks call. For `api`, the container gets the host name as `API_HOST`, and the \
                  URL of its `port` as `API_URL`. The security group of the other service allows only its callers. See \
                  [calls](#calls). A change replaces the tasks of both services.",
        },
        Key {
            name: "expose",
            kind: Kind::Ports,
            absence: Absence::Means("none"),
            doc: "More TCP ports that other services can call, such as 5672 and 15672. The load balancer does not use \
                  them.",
        },
        Key {
            name: "security_groups",
            kind: Kind::List(&texts::SECURITY_GROUP_ID, Empty::Allowed),
            absence: Absence::Means("only its own"),
            doc: "At most four existing security groups for its tasks, in addition to that of the service. They also \
                  apply to its release command, its [jobs](#jobs) and `stackctl run`. The groups are in \
                  [`network.vpc`](#network), and stackctl neither changes nor deletes them. A change replaces the \
                  tasks.",
        },
        Key {
            name: "release",
            kind: Kind::Command("write a list such as [migrate], or remove `release`"),
            absence: Absence::Means("none"),
            doc: "A command that runs once in a task with the new image, before new tasks start. If it fails, the \
                  release stops.",
        },
        Key {
            name: "stop_timeout",
            kind: Kind::Seconds { least: 2, most: 120 },
            absence: Absence::Default(Literal::Number(30)),
            doc: "How long open requests have to finish, and then the time between SIGTERM and SIGKILL, in seconds. \
                  Write `30`, `30s` or `1m`.",
        },
        Key {
            name: "exec",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether `stackctl exec` and `stackctl forward` work with its tasks. [Connecting to tasks and \
                  the database](../guides/connecting.md) shows the commands. An agent then runs as root in the \
                  container, and the root file system is writable: see [Security](../concepts/security.md#exec). A change replaces \
                  the tasks.",
        },
        Key {
            name: "user",
            kind: Kind::Text(&texts::USER),
            absence: Absence::Means("that of the image"),
            doc: "The user of the container: a name or an ID, with an optional group, such as `node` or \
                  `\"1000:1000\"`. A name must be in `/etc/passwd` of the image. A change replaces the tasks.",
        },
        Key {
            name: "ulimits",
            kind: Kind::Map(&ULIMITS),
            absence: Absence::Means("that of Fargate"),
            doc: "The number of files that its container can have open: `ulimits: { nofile: 100000 }`. A change \
                  replaces the tasks.",
        },
        Key {
            name: "init",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether an init process is the first process of its container. It forwards signals and reaps \
                  processes, like `docker run --init`. With `exec`, there is always one. A change replaces the tasks.",
        },
        Key {
            name: "spot",
            kind: Kind::Either(&[Kind::Truth, Kind::Map(&SPOT)]),
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether its tasks run on Fargate Spot, which costs up to 70 % less. AWS can stop a Spot task at any \
                  time, with a warning of two minutes. `{ on_demand: 1 }` keeps this number of tasks on demand. A \
                  change starts a deployment. See [spot](#spot).",
        },
        Key {
            name: "replace",
            kind: Kind::Choice(&REPLACE_WORDS),
            absence: Absence::Default(Literal::Text("start-first")),
            doc: "Whether new tasks start before the old ones stop. `start-first`: old tasks stop after new tasks are \
                  healthy. `stop-first`: new tasks start after ECS has told the old ones to stop. The service is \
                  unavailable in between, and the plan says so. Use it if two versions must not work at the same time. \
                  See [replace](#replace).",
        },
        Key {
            name: "read_only",
            kind: Kind::Truth,
            absence: Absence::Means("`true` for a Cargo package without `exec`, else `false`"),
            doc: "Whether the root file system of its container is read-only, including `/tmp`. Use \
                  [`volumes`](#volumes) for files that it writes. It cannot be used with `exec`, whose agent writes \
                  files. A change replaces the tasks.",
        },
        Key {
            name: "disk",
            kind: Kind::Number { least: 21, most: 200, unit: "GiB" },
            absence: Absence::Means("20 GiB, free of charge"),
            doc: "The disk of each task in GiB, for the files of its images and its containers, and for volumes with \
                  `shared: task`. It is deleted with the task. Each GiB above 20 GiB is charged; see `stackctl cost`. \
                  A change replaces the tasks.",
        },
        Key {
            name: "tmpfs",
            kind: Kind::Named {
                names: &texts::MOUNT_PATH,
                of: &Kind::Number { least: 1, most: check::MEMORY.1, unit: "MiB" },
            },
            absence: Absence::Means("none"),
            doc: "Folders of its container in memory, each with its size in MiB: `{ /tmp: 64 }`. They are writable \
                  even with a read-only root file system, and never on disk. Their files use the `memory` of the task. \
                  A change replaces the tasks.",
        },
        Key {
            name: "rollback_after",
            kind: Kind::Number { least: 1, most: 1000, unit: "" },
            absence: Absence::Means("the rule of ECS"),
            doc: "The number of failed tasks of a new version after which ECS rolls back. The rule of ECS is half of \
                  the tasks, at least 3 and at most 200. A task that becomes healthy resets the count.",
        },
        Key {
            name: "logs",
            kind: Kind::Map(&LOGS),
            absence: Absence::Means("30 days"),
            doc: "How long the log is kept. See [logs](#logs).",
        },
        Key {
            name: "env",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &Kind::Scalar },
            absence: Absence::Means("none"),
            doc: "Environment variables, in plain text in the task definition. A value can [refer to resources of the \
                  stack](#references), such as `((database.host))`.",
        },
        Key {
            name: "env_file",
            kind: Kind::Either(&[Kind::Text(&texts::FILE), Kind::List(&texts::FILE, Empty::Refused)]),
            absence: Absence::Means("none"),
            doc: "A file of `NAME=value` lines, or a list of files, relative to the folder of stack.yaml. Its \
                  variables are added to those of `env`, in plain text; `env` and `secrets` override them. See [files \
                  of variables](#files-of-variables).",
        },
        Key {
            name: "secrets",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &SECRET_VALUE },
            absence: Absence::Means("none"),
            doc: "Environment variables whose values ECS reads from a secret store. `generate`: 32 letters and digits, \
                  generated once, stored in Secrets Manager and never shown. `set`: [a value that you \
                  enter](#secrets). `{ from: … }`: [an existing secret](#secrets). A text with \
                  [references](#references), such as `((database.password))`: a value that stackctl composes.",
        },
        Key {
            name: "files",
            kind: FILES,
            absence: Absence::Means("none"),
            doc: "Files and folders of the project to add to the image, by their paths in the image. `{ \
                  /etc/nginx/nginx.conf: deploy/nginx.conf }` adds one file. With `image`, stackctl pushes the result \
                  to a repository of the stack. See [files](#files). A changed file is a release.",
        },
        Key {
            name: "without",
            kind: Kind::List(&texts::VARIABLE_NAMES, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The variables that stackctl does not set: any of `PORT`, `DATABASE_URL`, `REDIS_URL` and those of \
                  its buckets. A variable of the same name in `env` or `secrets` does not need this.",
        },
        Key {
            name: "sidecars",
            kind: Kind::Named { names: &texts::PART_NAME, of: &Kind::Map(&SIDECAR) },
            absence: Absence::Means("none"),
            doc: "More containers in each of its tasks, by name. See [sidecars](#sidecars). A change replaces the tasks.",
        },
        Key {
            name: "depends_on",
            kind: Kind::Named { names: &texts::PART_NAME, of: &Kind::Choice(CONDITIONS) },
            absence: Absence::Means("none"),
            doc: "The [sidecars](#sidecars) that the container of the service waits for, such as `{ proxy: healthy }`.",
        },
        Key {
            name: "target_container",
            kind: Kind::Text(&texts::SIDECAR_NAME),
            absence: Absence::Means("the container of the service"),
            doc: "The sidecar that gets the requests of the load balancer, on its `port`. The service then does not \
                  need a `port`.",
        },
        Key {
            name: "buckets",
            kind: Kind::List(&texts::BUCKET_NAME, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The [buckets](#buckets) that its tasks read and write. For `uploads`, the container gets the name of \
                  the bucket as `BUCKET_UPLOADS`.",
        },
        Key {
            name: "volumes",
            kind: Kind::Named {
                names: &texts::VOLUME_NAME,
                of: &Kind::Either(&[Kind::Text(&texts::MOUNT_PATH), Kind::Map(&MOUNT)]),
            },
            absence: Absence::Means("none"),
            doc: "The [volumes](#volumes) that its container mounts, each with its folder. Write `{ uploads: /data }`, \
                  or `{ uploads: { path: /data, read_only: true } }`. `release`, [jobs](#jobs) and `stackctl run` have \
                  them too. A change replaces the tasks.",
        },
        Key {
            name: "permissions",
            kind: Kind::Maps(&STATEMENT),
            absence: Absence::Means("none"),
            doc: "What its tasks can do on AWS, as the Allow statements of an IAM policy. See \
                  [permissions](#permissions).",
        },
    ],
    foreign: SERVICE_WORDS,
};

/// Fargate's own limit is 65535, and the most that it takes is what its kernel does.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_limits>
pub(in crate::spec) static ULIMITS: Section = Section {
    name: "ulimits",
    doc: "Limits of the container of a service.",
    keys: &[Key {
        name: "nofile",
        kind: Kind::Number { least: 1024, most: 1_048_576, unit: "" },
        absence: Absence::Error("100000"),
        doc: "The number of files and connections that each process can have open. It is the soft and the hard limit.",
    }],
    foreign: &[Foreign {
        words: &["nproc", "memlock", "core", "stack"],
        help: "remove it; Fargate supports only `nofile`",
    }],
};

pub(in crate::spec) static SPOT: Section = Section {
    name: "spot",
    doc: "Tasks on Fargate Spot, with some tasks on demand.",
    keys: &[Key {
        name: "on_demand",
        kind: Kind::Number { least: 0, most: check::MOST_TASKS, unit: "" },
        absence: Absence::Default(Literal::Number(0)),
        doc: "The number of tasks that run on demand before any task runs on Spot.",
    }],
    foreign: &[Foreign {
        words: &["base", "spot_from"],
        help: "use `on_demand` for the number of tasks that are not on Spot",
    }],
};
