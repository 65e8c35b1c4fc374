//! Addresses of this sandbox alone: a /24 of the loopback range, so that load balancers and databases can have their own
//! addresses and AWS's own ports, and several sandboxes run side by side.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    sync::Mutex,
};

use anyhow::{Result, bail};

/// The port whose listener on the first address says that the /24 is taken.
const CLAIM: u16 = 4999;

/// A claimed /24 of 127.0.0.0/8.
pub(crate) struct Loopback {
    second: u8,
    third: u8,
    /// The last numbers of the addresses of databases and caches, by their names.
    of_servers: Mutex<BTreeMap<String, u8>>,
    /// The last numbers of the addresses that tasks can have, the one that was given back last at the end.
    of_tasks: Mutex<VecDeque<u8>>,
    _claim: TcpListener,
}

/// The last numbers of the addresses for tasks. Those of load balancers are below: moto gives them.
const TASKS: RangeInclusive<u8> = 100..=199;

/// The last numbers of the addresses for databases and caches.
const SERVERS: RangeInclusive<u8> = 200..=250;

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
                of_servers: Mutex::default(),
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

    /// The address of a database or a cache. AWS makes an endpoint's name from that of what stands there, so one that is made
    /// again is where it was.
    pub(crate) fn address_of_server(&self, name: &str) -> Result<IpAddr> {
        let mut servers = self.of_servers.lock().expect("nobody panics while holding this");
        let known = servers.get(name).copied();
        let Some(last) = known.or_else(|| SERVERS.rev().find(|last| !servers.values().any(|taken| taken == last)))
        else {
            bail!("no address is left for {name}: a sandbox has {} for databases and caches", SERVERS.count());
        };
        servers.insert(name.to_owned(), last);
        Ok(IpAddr::V4(self.at(last)))
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

#[cfg(test)]
mod tests;
