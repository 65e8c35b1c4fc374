//! A zone of DNS in which a stack's names can be.

/// A public hosted zone of Route 53.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZone {
    /// Its id, such as `Z08345671ABCDEFGHIJKL`.
    pub id: String,
    /// Its name, without the dot at its end.
    pub name: String,
}
