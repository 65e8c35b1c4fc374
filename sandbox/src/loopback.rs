//! Addresses of this sandbox alone: a /24 of the loopback range, so that load balancers and databases can have their own
//! addresses and AWS's own ports, and several sandboxes run side by side.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, TcpListener},
    sync::{
        Mutex,
        atomic::{AtomicU8, Ordering},
    },
};

use anyhow::{Result, bail};

/// The port whose listener on the first address says that the /24 is taken.
const CLAIM: u16 = 4999;

/// A claimed /24 of 127.0.0.0/8.
pub(crate) struct Loopback {
    second: u8,
    third: u8,
    next: AtomicU8,
    /// The last numbers of the addresses that tasks can have, the one that was given back last at the end.
    of_tasks: Mutex<VecDeque<u8>>,
    _claim: TcpListener,
}

/// The last numbers of the addresses for tasks. Those of load balancers are below, those of databases above.
const TASKS: std::ops::RangeInclusive<u8> = 100..=199;

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
            return Ok(Self {
                second,
                third,
                next: AtomicU8::new(250),
                of_tasks: Mutex::new(TASKS.collect()),
                _claim: claim,
            });
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
        IpAddr::V4(self.at(last))
    }

    /// Where tasks ask for names.
    pub(crate) fn name_server(&self) -> Ipv4Addr {
        self.at(1)
    }

    /// An address for a task that others find by a name, if there is one left. `give_back` takes it again.
    pub(crate) fn address_of_task(&self) -> Option<Ipv4Addr> {
        self.of_tasks().pop_front().map(|last| self.at(last))
    }

    /// The task is gone.
    pub(crate) fn give_back(&self, address: Ipv4Addr) {
        self.of_tasks().push_back(address.octets()[3]);
    }

    fn of_tasks(&self) -> std::sync::MutexGuard<'_, VecDeque<u8>> {
        self.of_tasks.lock().expect("nobody panics while holding this")
    }

    fn at(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, self.third, last)
    }
}
