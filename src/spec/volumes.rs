//! What stack.yaml says of volumes, once it is known to be right.

/// One of `volumes`: files that outlive a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Volume {
    /// `shared: task`: the containers of one task share it, and it is gone with the task.
    Task,
    /// `shared: stack`: all tasks that have it share it, and it is kept.
    Stack(Kept),
}

/// A volume that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `protect`: whether it is deleted with `--unprotect` only.
    pub protect: bool,
    /// `backups`: whether AWS Backup keeps a copy of each day, for 35 days.
    pub backups: bool,
    /// `throughput`: how it is paid for.
    pub throughput: Throughput,
    /// `owner`: whom all files belong to, as numbers of a user and a group; none if each process writes as itself.
    pub owner: Option<String>,
    /// `mode`: that of its folder, as octal digits.
    pub mode: String,
}

/// How the throughput of a volume is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throughput {
    /// `bursting`: with the files; it grows with them.
    Bursting,
    /// `elastic`: by what is read and written.
    Elastic,
}

impl Throughput {
    /// The word of stack.yaml, which is EFS's.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bursting => "bursting",
            Self::Elastic => "elastic",
        }
    }
}

/// Where a container has a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `path`: the folder in the container.
    pub path: String,
    /// `read_only`: whether the container only reads there.
    pub read_only: bool,
}
