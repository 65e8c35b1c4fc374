//! The names that other tools use for settings of a service, and what to write in stack.yaml instead.

use super::Foreign;

pub(super) const SERVICE_WORDS: &[Foreign] = &[
    Foreign { words: &["environment", "variables"], help: "use `env` for environment variables" },
    Foreign { words: &["args", "cmd"], help: "use `command`, such as `command: [work]`" },
    Foreign {
        words: &["count", "desired_count", "instances"],
        help: "use `replicas` for a fixed number of tasks, or `scale` for autoscaling",
    },
    Foreign {
        words: &["autoscaling", "scaling", "range"],
        help: "use `scale`, such as `scale: { min: 2, max: 10, cpu: 60 }`",
    },
    Foreign { words: &["deploy"], help: "write `replicas`, `cpu` and `memory` in the service itself" },
    Foreign {
        words: &["healthcheck", "health_check"],
        help: "use `health` for the path that returns 200 if a task is healthy",
    },
    Foreign { words: &["image.healthcheck"], help: "use `health` in the service itself, with a `command`" },
    Foreign {
        words: &["http"],
        help: "use `routes` for path patterns, `domains` for host names, `allow` for address ranges, and `health` for \
               the health check",
    },
    Foreign { words: &["path", "paths"], help: "use `routes` for the path patterns of the requests" },
    Foreign {
        words: &["alias"],
        help: "use `domains` for the domain names of the service, or `load_balancer.domain` for that of the stack",
    },
    Foreign {
        words: &["connect", "service_connect"],
        help: "use `calls` in the service that calls, such as `calls: [api]`",
    },
    Foreign {
        words: &["ports", "container_port", "target_port"],
        help: "use `port` for the port that the container listens on",
    },
    Foreign { words: &["image.port"], help: "use `port` in the service itself, beside `image` or `build`" },
    Foreign {
        words: &["image.build", "dockerfile", "context"],
        help: "use `build` in the service itself, such as `build: { dockerfile: ./Dockerfile, context: . }`",
    },
    Foreign { words: &["image.location", "location"], help: "write the image itself: `image: nginx:1.27`" },
    Foreign {
        words: &["links"],
        help: "remove it; services start in parallel, `calls` lets one call another, and `release` runs a command \
               before new tasks start",
    },
    Foreign {
        words: &["stickiness"],
        help: "use `sticky` for how long a client stays with a task, such as `sticky: 1h`",
    },
    Foreign {
        words: &["protocol_version", "http_version", "http2", "grpc"],
        help: "use `protocol` for the protocol between the load balancer and the tasks, such as `protocol: grpc`",
    },
    Foreign {
        words: &["allowed_source_ips", "allowed_ips", "cidr_blocks"],
        help: "use `allow` for the address ranges that can send requests, such as `allow: [203.0.113.0/24]`",
    },
    Foreign { words: &["image.depends_on"], help: "use `depends_on` in the service itself, beside `image` or `build`" },
    Foreign {
        words: &["stop_signal"],
        help: "remove it; ECS sends the STOPSIGNAL of the image's Dockerfile, or SIGTERM",
    },
    Foreign { words: &["readonly_fs", "readonly_root_filesystem"], help: "use `read_only`, such as `read_only: true`" },
    Foreign {
        words: &[
            "security_opt",
            "cap_add",
            "cap_drop",
            "privileged",
            "sysctls",
            "shm_size",
            "pids_limit",
            "ipc",
            "pid",
            "devices",
        ],
        help: "remove it; AWS sets the kernel settings and capabilities of Fargate tasks",
    },
    Foreign {
        words: &["hostname", "extra_hosts", "dns", "dns_search", "domainname"],
        help: "remove it; services find each other with `calls`, and tasks use the name server of the network",
    },
    Foreign { words: &["profiles"], help: "use `environments` for what differs between environments" },
    Foreign { words: &["tty", "stdin_open"], help: "remove it; `stackctl exec` and `stackctl run` open a terminal" },
    Foreign { words: &["restart"], help: "remove it; ECS replaces a task that ends" },
    Foreign { words: &["container_name"], help: "remove it; the key of the service is its name" },
    Foreign {
        words: &["network", "networks", "network_mode"],
        help: "remove it; all services share the `network` at the top of the file, and `calls` lets one call another",
    },
    Foreign {
        words: &["mount_points", "storage"],
        help: "use `volumes` with a folder for each volume, such as `volumes: { uploads: /data }`",
    },
    Foreign {
        words: &["ephemeral", "ephemeral_storage", "disk_size"],
        help: "use `disk` for the disk of a task in GiB, such as `disk: 30`",
    },
    Foreign { words: &["labels", "tags"], help: "remove it; stackctl sets the tags that identify the stack" },
    Foreign {
        words: &["logging", "observability"],
        help: "use `logs` for the retention of the log in CloudWatch Logs, such as `logs: { days: 14 }`",
    },
    Foreign { words: &["platform", "architecture"], help: "use `arch`: amd64 or arm64, such as `arch: arm64`" },
    Foreign { words: &["configs"], help: "use `files` for files of the project, by their paths in the image" },
    Foreign {
        words: &["deployment"],
        help: "use `replace: stop-first` if two versions must not run at the same time; `rollback_after` limits the \
               failures",
    },
    Foreign {
        words: &["stop_grace_period", "deregistration_delay"],
        help: "use `stop_timeout`, such as `stop_timeout: 30s`",
    },
    Foreign { words: &["mem_limit", "mem_reservation"], help: "use `memory`, in MiB" },
    Foreign { words: &["cpus", "vcpu"], help: "use `cpu`, in CPU units: 1024 are one vCPU" },
    Foreign {
        words: &["policies", "iam", "task_role", "task_role_arn", "addons"],
        help: "use `permissions` for what the tasks can do on AWS",
    },
    Foreign {
        words: &["security_group", "vpc_security_group_ids"],
        help: "use `security_groups` for the IDs of additional security groups",
    },
    Foreign {
        words: &["type"],
        help: "remove it; a service with `routes` uses the load balancer, and a service without `port` is a worker",
    },
    Foreign {
        words: &["schedule", "cron"],
        help: "use `jobs`, at the top of the file, for commands that run on a schedule",
    },
    Foreign {
        words: &["migrate", "release_command", "pre_deploy", "predeploy"],
        help: "use `release`, such as `release: [migrate]`",
    },
    Foreign { words: &["enable_execute_command", "execute_command"], help: "use `exec: true`" },
];
