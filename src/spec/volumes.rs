//! The volumes as stack.yaml describes them, after validation.

/// One of `volumes`: storage outside the containers' file systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// `shared: task`: the containers of one task share it, and it is deleted with the task.
    Task,
    /// `shared: stack`: all tasks that mount it share it, and it is kept.
    Stack(Kept),
}

/// A volume that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `protect`: whether deleting it requires `--unprotect`.
    pub protect: bool,
    /// `backups`: whether AWS Backup makes daily backups and keeps them for 35 days.
    pub backups: bool,
    /// `throughput`: the throughput mode.
    pub throughput: Throughput,
    /// `owner`: the user id and group id that own all files; none if each process writes as its own user.
    pub owner: Option<String>,
    /// `mode`: the mode of the volume's root folder, in octal digits.
    pub mode: String,
}

/// The throughput mode of a volume, which decides how it is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throughput {
    /// `bursting`: included in the price of storage; grows with the stored files.
    Bursting,
    /// `elastic`: paid per byte read and written.
    Elastic,
}

impl Throughput {
    /// The name of the mode in stack.yaml and in EFS.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bursting => "bursting",
            Self::Elastic => "elastic",
        }
    }
}

/// Where a container mounts a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `path`: the mount path in the container.
    pub path: String,
    /// `read_only`: whether the mount is read-only.
    pub read_only: bool,
}
