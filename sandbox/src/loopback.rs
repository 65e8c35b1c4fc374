//! The addresses of this sandbox: a /24 of the loopback range. Load balancers and databases get their own addresses
//! with AWS's usual ports, and several sandboxes can run side by side.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    sync::Mutex,
};

use anyhow::{Result, bail};

/// The port on the first address whose listener marks the /24 as taken.
const CLAIM: u16 = 4999;

/// A claimed /24 of 127.0.0.0/8.
pub(crate) struct Loopback {
    second: u8,
    third: u8,
    /// The last octets of the addresses of databases and caches, by name.
    of_servers: Mutex<BTreeMap<String, u8>>,
    /// The last octets that are free for tasks. The most recently released one is at the end.
    of_tasks: Mutex<VecDeque<u8>>,
    _claim: TcpListener,
}

/// The last octets for tasks. moto assigns lower ones to load balancers.
const TASKS: RangeInclusive<u8> = 100..=199;

/// The last octets for databases and caches.
const SERVERS: RangeInclusive<u8> = 200..=250;

impl Loopback {
    /// Claims a free /24 on which ports 80 and 443 can be bound.
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

    /// Returns `127.A.B`.
    pub(crate) fn prefix(&self) -> String {
        format!("127.{}.{}", self.second, self.third)
    }

    /// Returns the address of a database or a cache. AWS derives the endpoint's name from the resource's name, so a
    /// resource that is created again gets the same address again.
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

    /// Returns the address of the name server for tasks.
    pub(crate) fn name_server(&self) -> Ipv4Addr {
        self.at(1)
    }

    /// Takes an address for a task with a DNS name, if one is free. `give_back` releases it.
    pub(crate) fn address_of_task(&self) -> Option<Ipv4Addr> {
        self.of_tasks().pop_front().map(|last| self.at(last))
    }

    /// Releases the address of a task.
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
