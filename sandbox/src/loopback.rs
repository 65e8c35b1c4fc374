//! Addresses of this sandbox alone: a /24 of the loopback range, so that load balancers and databases can have their own
//! addresses and AWS's own ports, and several sandboxes run side by side.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU8, Ordering},
};

use anyhow::{Result, bail};

/// The port whose listener on the first address says that the /24 is taken.
const CLAIM: u16 = 4999;

/// A claimed /24 of 127.0.0.0/8.
pub(crate) struct Loopback {
    second: u8,
    third: u8,
    next: AtomicU8,
    _claim: TcpListener,
}

impl Loopback {
    /// Claims a free one, on which ports 80 and 443 can be opened.
    pub(crate) fn claim() -> Result<Self> {
        for _ in 0..200 {
            let (second, third) = (rand::random_range(64..=126), rand::random_range(1..=250));
            let Ok(claim) = TcpListener::bind((Ipv4Addr::new(127, second, third, 1), CLAIM)) else { continue };
            if let Err(error) = TcpListener::bind((Ipv4Addr::new(127, second, third, 2), 80)) {
                bail!(
                    "this user may not listen on port 80, which load balancers need ({error}): \
                     sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80"
                );
            }
            return Ok(Self { second, third, next: AtomicU8::new(250), _claim: claim });
        }
        bail!("no loopback addresses are free: are 127.64.0.0 to 127.126.255.255 usable on this machine?")
    }

    /// `127.A.B`.
    pub(crate) fn prefix(&self) -> String {
        format!("127.{}.{}", self.second, self.third)
    }

    /// An address that nobody has yet, for a database. Those of load balancers are counted from the other end.
    pub(crate) fn address(&self) -> IpAddr {
        let last = self.next.fetch_sub(1, Ordering::Relaxed);
        IpAddr::V4(Ipv4Addr::new(127, self.second, self.third, last))
    }
}
