//! The fields of a task definition: those of the task and those of its containers.

use crate::model::fields;

fields! {
    /// The fields that change in place, with a new revision.
    pub enum Field {
        Cpu = "cpu",
        Memory = "memory",
        Arch = "arch",
        ExecutionRole = "execution_role",
        TaskRole = "task_role",
        Disk = "disk",
        Volumes = "volumes.*",
        Container = "container",
        Image = "image",
        Port = "port",
        Environment = "env.*",
        Secrets = "secrets.*",
        SecretVersions = "secrets.*.version",
        LogGroup = "log_group",
        StopTimeout = "stop_timeout",
        EntryPoint = "entry_point",
        Command = "command",
        ReadOnly = "read_only",
        Init = "init",
        Mounts = "mounts.*",
        Tmpfs = "tmpfs.*",
        User = "user",
        Nofile = "ulimits.nofile",
        Essential = "essential",
        CheckCommand = "health.command",
        CheckInterval = "health.interval",
        CheckTimeout = "health.timeout",
        CheckRetries = "health.retries",
        CheckStart = "health.start",
        DependsOn = "depends_on.*",
        Sidecars = "sidecars.*",
    }
}
