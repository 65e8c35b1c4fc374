//! A DNS zone that can contain the names of a stack.

/// A public hosted zone of Route 53.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZone {
    /// Its id, such as `Z08345671ABCDEFGHIJKL`.
    pub id: String,
    /// Its name, without the trailing dot.
    pub name: String,
}
