//! The keys of a service.

use super::{
    Absence, CONDITIONS, Empty, Foreign, HEALTH, Key, Kind, LOGS, Literal, MOUNT, SCALE, SIDECAR, STATEMENT, Section,
    secrets::SECRET_VALUE, service_words::SERVICE_WORDS, texts, words,
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
            kind: Kind::Either(&[Kind::Text(&texts::FOLDER), Kind::Map(&DOCKERFILE)]),
            absence: Absence::Means("this or `image`"),
            doc: "The folder of a Cargo package, or a Dockerfile. The package has one program; its folder is relative to \
                  that of stack.yaml and below it. stackctl compiles the program statically and makes the image without \
                  Docker. `{ dockerfile, context, target, args }` builds [a Dockerfile](#a-dockerfile).",
        },
        Key {
            name: "image",
            kind: Kind::Text(&texts::IMAGE),
            absence: Absence::Means("this or `build`"),
            doc: "An image that exists, such as `nginx:1.27`. It is pulled under this name. `deploy` does not notice when \
                  its tag moves.",
        },
        Key {
            name: "entrypoint",
            kind: Kind::Command("such as [/bin/start], or leave `entrypoint` out"),
            absence: Absence::Means("the image's own"),
            doc: "The program that the container starts, with its first arguments. It replaces the image's own entry point, \
                  and the image's own command with it. `release`, [jobs](#jobs) and `stackctl run` keep it. A change \
                  replaces the tasks.",
        },
        Key {
            name: "command",
            kind: Kind::Command("such as [work], or leave `command` out"),
            absence: Absence::Means("the image's own"),
            doc: "The arguments of the entry point, in the place of the image's own command. `release`, [jobs](#jobs) and \
                  `stackctl run` have arguments of their own instead. A change replaces the tasks.",
        },
        Key {
            name: "port",
            kind: Kind::Number { least: 1, most: 65535, unit: "" },
            absence: Absence::Means("none"),
            doc: "The port that the container listens on. The container gets it as `PORT`. Leave it out for a worker.",
        },
        Key {
            name: "protocol",
            kind: Kind::Choice(&PROTOCOL_WORDS),
            absence: Absence::Default(Literal::Text("http1")),
            doc: "How the load balancer speaks to its tasks. `http2`: HTTP/2 without TLS (h2c). `grpc`: the same for calls of gRPC, with \
                  gRPC's own health check. Clients then have to speak HTTP/2 over HTTPS. A change replaces the target group, and with \
                  it the tasks. See [protocol](#protocol). Needs `routes` on a load balancer with a certificate.",
        },
        Key {
            name: "cpu",
            kind: Kind::Numbers(&check::CPUS),
            absence: Absence::Default(Literal::Number(256)),
            doc: "CPU units; 1024 units are one vCPU.",
        },
        Key {
            name: "memory",
            kind: Kind::Number { least: check::MEMORY.0, most: check::MEMORY.1, unit: "MiB" },
            absence: Absence::Means("the least that goes with `cpu`"),
            doc: "The memory in MiB, as Fargate pairs it with `cpu`. See [the table](#fargates-pairs).",
        },
        Key {
            name: "arch",
            kind: Kind::Choice(&ARCH_WORDS),
            absence: Absence::Default(Literal::Text("amd64")),
            doc: "The processors that its tasks run on. `arm64` is AWS Graviton, for a fifth less. What is built is built for them: \
                  a Cargo package needs [a target and a linker](#arch), a Dockerfile is built with `--platform`. An `image` has to be \
                  for them too. A change builds the image anew and replaces the tasks.",
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
            doc: "Autoscaling in the place of `replicas`. See [scale](#scale).",
        },
        Key {
            name: "health",
            kind: Kind::Either(&[Kind::Text(&texts::URL_PATH), Kind::Map(&HEALTH)]),
            absence: Absence::Default(Literal::Text("/")),
            doc: "The path that answers 200 when a task can serve. It is requested every 5 s and must answer within 4 s. \
                  After three failures in a row, a task gets no more requests and is replaced. [A mapping](#health) sets \
                  other codes, times and counts, another port, and a command. Needs `port`, but for `command`.",
        },
        Key {
            name: "routes",
            kind: Kind::List(&texts::PATH_PATTERN, Empty::Allowed),
            absence: Absence::Means("`[\"/*\"]` for the only service with a `port`; else none"),
            doc: "The path patterns of the requests that come here. Two services cannot have the same pattern for the same \
                  host. A service with a `port` and without routes gets no requests. Needs `port`.",
        },
        Key {
            name: "internal",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether its `routes` are on the stack's internal load balancer, which only private addresses reach. It speaks HTTP on \
                  port 80, at the name that AWS gives it. It costs as much as the public one, without its addresses. A change moves the \
                  service to the other load balancer. See [an internal load balancer](#an-internal-load-balancer). Needs `port`.",
        },
        Key {
            name: "host",
            kind: Kind::Either(&[Kind::Text(&texts::HOST), Kind::List(&texts::HOST, Empty::Refused)]),
            absence: Absence::Means("any"),
            doc: "The host name that `routes` and `block` are for, with `*` and `?`; or a list of them. No record is made for it: \
                  `domains` is for names in Route 53. Needs `port`.",
        },
        Key {
            name: "domains",
            kind: Kind::List(&texts::DOMAINS, Empty::Refused),
            absence: Absence::Means("those of the [load balancer](#load_balancer)"),
            doc: "Names that this service is reached by, in hosted zones of Route 53, such as `api.example.com`. Each gets an alias \
                  record, is in the certificate, and is a `host` of its `routes`, which are all paths if nothing else is \
                  said. `*.example.com` is every name below `example.com`. Needs `port`, and `load_balancer: { tls: acm }` or the \
                  ARN of a certificate. See [Domains](domains.md#a-name-for-a-service).",
        },
        Key {
            name: "sticky",
            kind: Kind::Seconds { least: 1, most: 604_800 },
            absence: Absence::Means("each request goes to any task"),
            doc: "How long the requests of a client go to the same task, by a cookie of the load balancer. Write `1h` or `7d`, at \
                  most 7 days; each answer begins the time anew. A task that stops or fails its check loses its clients to the \
                  others, so keep sessions in the database or the [cache](#cache) all the same. A change is made in place. Needs \
                  `routes`.",
        },
        Key {
            name: "block",
            kind: Kind::List(&texts::PATH_PATTERN, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "Path patterns that the load balancer answers with 404, in every spelling and before any route. See below. \
                  Needs `port`.",
        },
        Key {
            name: "allow",
            kind: Kind::List(&texts::SOURCE_RANGE, Empty::Refused),
            absence: Absence::Means("everybody"),
            doc: "The ranges of addresses whose requests come here, such as `203.0.113.0/24`. Requests from elsewhere are answered as \
                  if this service had no `routes`: by another service that has a route for them, or with 404. A change is made in \
                  place. See [allow](#allow). Needs `routes`.",
        },
        Key {
            name: "calls",
            kind: Kind::List(&texts::PART_NAME, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The services that its tasks call. For `api`, the container gets the name as `API_HOST`, and \
                  `API_URL` for its `port`. The security group of the other service admits these tasks, and nobody else. See \
                  [calls](#calls). A change replaces the tasks of both.",
        },
        Key {
            name: "expose",
            kind: Kind::Ports,
            absence: Absence::Means("none"),
            doc: "The TCP ports beside `port` at which other services call it, such as 5672 and 15672. The load balancer does \
                  not lead there.",
        },
        Key {
            name: "security_groups",
            kind: Kind::List(&texts::SECURITY_GROUP_ID, Empty::Allowed),
            absence: Absence::Means("its own alone"),
            doc: "At most four security groups of others that its tasks have beside the service's own. So has its release \
                  command, its [jobs](#jobs) and `stackctl run`. They are in [`network.vpc`](#network), and stackctl neither \
                  changes nor deletes them. A change replaces the tasks.",
        },
        Key {
            name: "release",
            kind: Kind::Command("such as [migrate], or leave `release` out"),
            absence: Absence::Means("none"),
            doc: "The command of a task that runs once on the new image, before any new task serves. If it fails, nothing \
                  is rolled out.",
        },
        Key {
            name: "stop_timeout",
            kind: Kind::Seconds { least: 2, most: 120 },
            absence: Absence::Default(Literal::Number(30)),
            doc: "How long requests in flight have to end, and then how long a task has between SIGTERM and SIGKILL, in \
                  seconds. Write `30`, `30s` or `1m`.",
        },
        Key {
            name: "exec",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether `stackctl exec` and `stackctl forward` work with its tasks. [Connecting to tasks and \
                  the database](connecting.md) shows the commands. An agent then runs as root beside the \
                  application, and the root file system can be written: see [Security](security.md#exec). A change replaces \
                  the tasks.",
        },
        Key {
            name: "user",
            kind: Kind::Text(&texts::USER),
            absence: Absence::Means("the image's own"),
            doc: "Who its container runs as: a user or its number, with a group or its number, such as `node` or \
                  `\"1000:1000\"`. A name must be in the image's `/etc/passwd`. A change replaces the tasks.",
        },
        Key {
            name: "ulimits",
            kind: Kind::Map(&ULIMITS),
            absence: Absence::Means("Fargate's own"),
            doc: "How many files its container can have open: `ulimits: { nofile: 100000 }`. A change replaces the tasks.",
        },
        Key {
            name: "init",
            kind: Kind::Truth,
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether an init is the first process of its container. It passes signals on and buries processes, as that of \
                  `docker run --init`. With `exec` there is one anyway. A change replaces the tasks.",
        },
        Key {
            name: "spot",
            kind: Kind::Either(&[Kind::Truth, Kind::Map(&SPOT)]),
            absence: Absence::Default(Literal::Truth(false)),
            doc: "Whether its tasks run on Fargate Spot, which is up to 70 % cheaper. AWS takes such a task back when it needs the \
                  room, with a warning of two minutes. `{ on_demand: 1 }` keeps so many tasks on demand. A change begins a \
                  deployment. See [spot](#spot).",
        },
        Key {
            name: "replace",
            kind: Kind::Choice(&REPLACE_WORDS),
            absence: Absence::Default(Literal::Text("start-first")),
            doc: "Whether new tasks start before the old ones stop. `start-first`: new tasks serve before old ones stop. \
                  `stop-first`: the old tasks are stopped, then the new ones start. Nothing serves meanwhile, and the plan says \
                  so. It is for a program of which two versions must not serve side by side. See [replace](#replace).",
        },
        Key {
            name: "read_only",
            kind: Kind::Truth,
            absence: Absence::Means("true for a Cargo package without `exec`, else false"),
            doc: "Whether its container cannot write to its root file system, `/tmp` included. What it has to write goes into \
                  [`volumes`](#volumes). Not with `exec`, whose agent writes. A change replaces the tasks.",
        },
        Key {
            name: "disk",
            kind: Kind::Number { least: 21, most: 200, unit: "GiB" },
            absence: Absence::Means("20 GiB, at no charge"),
            doc: "The disk of each task in GiB, for the files of its images, what its containers write, and volumes with \
                  `shared: task`. It is gone with the task. More than 20 GiB costs for each GiB, see `stackctl cost`. A change \
                  replaces the tasks.",
        },
        Key {
            name: "tmpfs",
            kind: Kind::Named {
                names: &texts::MOUNT_PATH,
                of: &Kind::Number { least: 1, most: check::MEMORY.1, unit: "MiB" },
            },
            absence: Absence::Means("none"),
            doc: "Folders of its container that are in memory, each with its size in MiB: `{ /tmp: 64 }`. They can be written where \
                  the root file system is read-only, and are never on a disk. What is in them counts as `memory`. A change \
                  replaces the tasks.",
        },
        Key {
            name: "rollback_after",
            kind: Kind::Number { least: 1, most: 1000, unit: "" },
            absence: Absence::Means("ECS's own rule"),
            doc: "After how many failed tasks of a new version ECS goes back to the version before. ECS's own rule is half \
                  of the tasks, at least 3 and at most 200. A task that becomes healthy resets the count.",
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
            doc: "Environment variables, in plain text in the task definition. A value can \
                  [refer to what the stack makes](#references), such as `((database.host))`.",
        },
        Key {
            name: "env_file",
            kind: Kind::Either(&[Kind::Text(&texts::FILE), Kind::List(&texts::FILE, Empty::Refused)]),
            absence: Absence::Means("none"),
            doc: "A file of `NAME=value` lines, or a list of them, from the folder of stack.yaml. Its variables are taken as those of \
                  `env`, in plain text: what `env` and `secrets` say themselves holds. See [files of variables](#files-of-variables).",
        },
        Key {
            name: "secrets",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &SECRET_VALUE },
            absence: Absence::Means("none"),
            doc: "Environment variables whose values ECS reads from where they are kept. `generate`: 32 letters and digits, \
                  made once, kept in Secrets Manager and never shown. `set`: [given by hand](#secrets). `{ from: … }`: [a \
                  secret of your own](#secrets). A text with [references](#references), such as `((database.password))`: \
                  put together of what the stack makes.",
        },
        Key {
            name: "files",
            kind: Kind::Named {
                names: &texts::IMAGE_PATH,
                of: &Kind::Either(&[Kind::Text(&texts::FILE), Kind::Map(&FILE)]),
            },
            absence: Absence::Means("none"),
            doc: "Files and folders of the project that are laid over the image, by their paths there. \
                  `{ /etc/nginx/nginx.conf: deploy/nginx.conf }` is one file. With `image`, the result goes to a repository of the stack. \
                  See [files](#files). A changed file is a release.",
        },
        Key {
            name: "without",
            kind: Kind::List(&texts::VARIABLE_NAMES, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "Variables that the container does not get from stackctl, of `PORT`, `DATABASE_URL`, `REDIS_URL` and those of its \
                  buckets. A variable of the same name in `env` or `secrets` counts without this.",
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
            doc: "The [sidecars](#sidecars) that its own container waits for, such as `{ proxy: healthy }`.",
        },
        Key {
            name: "target_container",
            kind: Kind::Text(&texts::SIDECAR_NAME),
            absence: Absence::Means("its own container"),
            doc: "The sidecar that the load balancer asks, at the sidecar's `port`. The service's own `port` can then be left out.",
        },
        Key {
            name: "buckets",
            kind: Kind::List(&texts::BUCKET_NAME, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The [buckets](#buckets) that its tasks read and write. For `uploads`, the container gets the bucket's name \
                  as `BUCKET_UPLOADS`.",
        },
        Key {
            name: "volumes",
            kind: Kind::Named {
                names: &texts::VOLUME_NAME,
                of: &Kind::Either(&[Kind::Text(&texts::MOUNT_PATH), Kind::Map(&MOUNT)]),
            },
            absence: Absence::Means("none"),
            doc: "The [volumes](#volumes) that its container has, each with its folder. Write `{ uploads: /data }`, or \
                  `{ uploads: { path: /data, read_only: true } }`. `release`, [jobs](#jobs) and `stackctl run` have them too. \
                  A change replaces the tasks.",
        },
        Key {
            name: "permissions",
            kind: Kind::Maps(&STATEMENT),
            absence: Absence::Means("none"),
            doc: "What its tasks may do on AWS, as statements of an IAM policy that allow. See [permissions](#permissions).",
        },
    ],
    foreign: SERVICE_WORDS,
};

pub(in crate::spec) static FILE: Section = Section {
    name: "file",
    doc: "A file or folder that is laid over an image, with its permissions.",
    keys: &[
        Key {
            name: "from",
            kind: Kind::Text(&texts::FILE),
            absence: Absence::Error("deploy/start.sh"),
            doc: "The file or folder, from the folder of stack.yaml and below it.",
        },
        Key {
            name: "mode",
            kind: Kind::Scalar,
            absence: Absence::Means("0755 for a file that its owner can run, else 0644"),
            doc: "The permissions that the file has in the image, or each file of the folder, in octal digits, such as `0755`. The \
                  owner is root.",
        },
    ],
    foreign: &[
        Foreign { words: &["file", "source", "path"], help: "use `from` for the file or folder of the project" },
        Foreign {
            words: &["target"],
            help: "write the path in the image as the key: `files: { /etc/app.conf: app.conf }`",
        },
        Foreign {
            words: &["uid", "gid", "user", "owner"],
            help: "leave it out: files belong to root, and `mode` says who reads them",
        },
    ],
};

/// Fargate's own limit is 65535, and the most that it takes is what its kernel does.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_limits>
pub(in crate::spec) static ULIMITS: Section = Section {
    name: "ulimits",
    doc: "Limits of a service's container.",
    keys: &[Key {
        name: "nofile",
        kind: Kind::Number { least: 1024, most: 1_048_576, unit: "" },
        absence: Absence::Error("100000"),
        doc: "How many files and connections its processes can have open each. It is the soft and the hard limit.",
    }],
    foreign: &[Foreign {
        words: &["nproc", "memlock", "core", "stack"],
        help: "leave it out: Fargate takes `nofile` alone",
    }],
};

pub(in crate::spec) static SPOT: Section = Section {
    name: "spot",
    doc: "Tasks on Fargate Spot, beside some on demand.",
    keys: &[Key {
        name: "on_demand",
        kind: Kind::Number { least: 0, most: check::MOST_TASKS, unit: "" },
        absence: Absence::Default(Literal::Number(0)),
        doc: "How many tasks run on demand before any runs on Spot.",
    }],
    foreign: &[Foreign {
        words: &["base", "spot_from"],
        help: "use `on_demand` for the number of tasks that are not on Spot",
    }],
};

pub(in crate::spec) static DOCKERFILE: Section = Section {
    name: "dockerfile",
    doc: "A Dockerfile to build the image from.",
    keys: &[
        Key {
            name: "dockerfile",
            kind: Kind::Text(&texts::FILE),
            absence: Absence::Error("./Dockerfile"),
            doc: "The Dockerfile, relative to the folder of stack.yaml and below it.",
        },
        Key {
            name: "context",
            kind: Kind::Text(&texts::FOLDER),
            absence: Absence::Means("the folder of the Dockerfile"),
            doc: "The folder that its COPY lines start from. Its `.dockerignore` is read.",
        },
        Key {
            name: "target",
            kind: Kind::Text(&texts::BUILD_STAGE),
            absence: Absence::Means("the last stage"),
            doc: "The stage of the Dockerfile that is built, as its FROM line names it. Services that build different stages of \
                  one Dockerfile have a repository each.",
        },
        Key {
            name: "args",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &Kind::Scalar },
            absence: Absence::Means("none"),
            doc: "Build arguments, for the ARG lines of the Dockerfile. Whoever has the image can read them, so that a secret is \
                  none: [more](#a-dockerfile).",
        },
    ],
    foreign: &[
        Foreign { words: &["file"], help: "use `dockerfile`, such as `dockerfile: ./Dockerfile`" },
        Foreign { words: &["path"], help: "use `context` for the folder, or `dockerfile` for the file" },
        Foreign { words: &["build_args", "buildargs"], help: "use `args` for build arguments" },
        Foreign { words: &["stage"], help: "use `target` for the stage that is built" },
        Foreign { words: &["cache_from", "cache_to"], help: "leave it out: Docker's own cache is used" },
        Foreign {
            words: &["platform", "platforms", "arch"],
            help: "use `arch` of the service: amd64 or arm64, such as `arch: arm64`",
        },
    ],
};
