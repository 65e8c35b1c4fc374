//! The keys of one of `jobs`.

use super::{
    ARCH_WORDS, Absence, BUILD, Empty, FILES, Foreign, Key, Kind, LOGS, Literal, MOUNT, STATEMENT, Section,
    secrets::SECRET_VALUE, texts,
};
use crate::spec::check;

const OF_THREE: Absence = Absence::Means("one of `service`, `build` and `image`");

pub(in crate::spec) static JOB: Section = Section {
    name: "job",
    doc: "A command that runs on a schedule, in the image of a service or in another one.",
    keys: &[
        Key {
            name: "service",
            kind: Kind::Text(&texts::PART_NAME),
            absence: OF_THREE,
            doc: "The service whose image, size, environment, secrets, network and log group a run uses.",
        },
        Key {
            name: "build",
            kind: BUILD,
            absence: OF_THREE,
            doc: "An image to build for the job, like `build` of a [service](#services).",
        },
        Key {
            name: "image",
            kind: Kind::Text(&texts::IMAGE),
            absence: OF_THREE,
            doc: "An existing image for the job, such as `curlimages/curl:8.11.1`.",
        },
        Key {
            name: "entrypoint",
            kind: Kind::Command("write a list such as [/bin/start], or remove `entrypoint`"),
            absence: Absence::Means("that of the image"),
            doc: "The program that the container starts, for a job with `build` or `image`.",
        },
        Key {
            name: "command",
            kind: Kind::Command("write a list such as [report]; without one, the job would run the server"),
            absence: Absence::Means("required with `service`; else that of the image"),
            doc: "The command that the container runs instead of its usual command.",
        },
        Key {
            name: "schedule",
            kind: Kind::Text(&texts::SCHEDULE),
            absence: Absence::Error("\"cron(0 3 * * ? *)\""),
            doc: "When it runs: `cron(…)` with six fields, `rate(…)` or `at(…)`. The syntax is that of [EventBridge \
                  Scheduler](https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html); see below.",
        },
        Key {
            name: "timezone",
            kind: Kind::Text(&texts::TIME_ZONE),
            absence: Absence::Default(Literal::Text("UTC")),
            doc: "The time zone of `cron(…)` and `at(…)`, such as `Europe/Oslo`. Daylight saving time applies.",
        },
        Key {
            name: "timeout",
            kind: Kind::Seconds { least: 1, most: 604_800 },
            absence: Absence::Means("no limit"),
            doc: "The maximum duration of a run. Write `30m` or `2h`, at most 7 days. A run that takes longer gets \
                  SIGTERM, and SIGKILL after its `stop_timeout`. The time starts when the program starts. See [how a \
                  run ends](#how-a-run-ends).",
        },
        Key {
            name: "retries",
            kind: Kind::Number { least: 0, most: 5, unit: "" },
            absence: Absence::Default(Literal::Number(0)),
            doc: "How often a run that has failed is run again, at once and in a new task. A run fails when its program ends with \
                  another code than 0 or takes longer than `timeout`, and when its task does not start. See [how a run \
                  ends](#how-a-run-ends).",
        },
        Key {
            name: "cpu",
            kind: Kind::Numbers(&check::CPUS),
            absence: Absence::Default(Literal::Number(256)),
            doc: "The CPU units; 1024 units are one vCPU. A job with `service` has the size of the service if it has \
                  neither `cpu` nor `memory`.",
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
            doc: "The CPU architecture, like [`arch`](#arch) of a service, for a job with `build` or `image`.",
        },
        Key {
            name: "env",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &Kind::Scalar },
            absence: Absence::Means("none"),
            doc: "Environment variables, like `env` of a service. With `service`, they are added to those of the \
                  service, or override them.",
        },
        Key {
            name: "env_file",
            kind: Kind::Either(&[Kind::Text(&texts::FILE), Kind::List(&texts::FILE, Empty::Refused)]),
            absence: Absence::Means("none"),
            doc: "A file of `NAME=value` lines, or a list of files, like `env_file` of a service. Its variables are added \
                  to those of `env`. See [files of variables](#files-of-variables).",
        },
        Key {
            name: "secrets",
            kind: Kind::Named { names: &texts::VARIABLE_NAME, of: &SECRET_VALUE },
            absence: Absence::Means("none"),
            doc: "Secrets, like `secrets` of a service, for a job with `build` or `image`.",
        },
        Key {
            name: "files",
            kind: FILES,
            absence: Absence::Means("none"),
            doc: "Files and folders of the project to add to the image, for a job with `build` or `image`. They work \
                  like [`files`](#files) of a service.",
        },
        Key {
            name: "calls",
            kind: Kind::List(&texts::PART_NAME, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The services that it [calls](#calls), for a job with `build` or `image`.",
        },
        Key {
            name: "security_groups",
            kind: Kind::List(&texts::SECURITY_GROUP_ID, Empty::Allowed),
            absence: Absence::Means("only its own"),
            doc: "At most four existing security groups for its runs, for a job with `build` or `image`. They work like \
                  [`security_groups`](#security_groups) of a service.",
        },
        Key {
            name: "buckets",
            kind: Kind::List(&texts::BUCKET_NAME, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "The [buckets](#buckets) that it reads and writes, for a job with `build` or `image`.",
        },
        Key {
            name: "volumes",
            kind: Kind::Named {
                names: &texts::VOLUME_NAME,
                of: &Kind::Either(&[Kind::Text(&texts::MOUNT_PATH), Kind::Map(&MOUNT)]),
            },
            absence: Absence::Means("none"),
            doc: "The [volumes](#volumes) that it mounts, like `volumes` of a service, for a job with `build` or \
                  `image`.",
        },
        Key {
            name: "permissions",
            kind: Kind::Maps(&STATEMENT),
            absence: Absence::Means("none"),
            doc: "What it can do on AWS, like [`permissions`](#permissions) of a service, for a job with `build` or \
                  `image`.",
        },
        Key {
            name: "logs",
            kind: Kind::Map(&LOGS),
            absence: Absence::Means("30 days"),
            doc: "How long its log is kept, for a job with `build` or `image`. See [logs](#logs).",
        },
    ],
    foreign: &[
        Foreign {
            words: &["cron", "rate", "on", "schedule_expression"],
            help: "use `schedule`: \"cron(0 3 * * ? *)\" or rate(6 hours)",
        },
        Foreign { words: &["tz", "schedule_expression_timezone"], help: "use `timezone`, such as Europe/Oslo" },
        Foreign { words: &["environment", "variables"], help: "use `env` for environment variables" },
        Foreign {
            words: &["retry", "max_attempts", "attempts"],
            help: "use `retries`, such as `retries: 2`: how often a failed run is run again",
        },
        Foreign {
            words: &["concurrency", "overlap", "concurrency_policy"],
            help: "remove it; runs can overlap. Let the program take a lock in the database, and exit if another run \
                   holds it",
        },
    ],
};
