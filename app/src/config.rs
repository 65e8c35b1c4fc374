//! Reads the configuration from environment variables.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;

/// The proxies that are trusted by default to report a client's address: private and loopback networks, where load
/// balancers are.
const DEFAULT_PROXIES: &str = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,::1/128,fc00::/7";

/// All settings. `Debug` is not implemented, because the database's URL contains a password.
#[derive(Clone)]
pub(crate) struct Config {
    /// `HOST` and `PORT`: the address to listen on; 0.0.0.0:3000 by default.
    pub(crate) listen: SocketAddr,
    /// `DATABASE_URL`; without it there are no counters and no rates.
    pub(crate) database: Option<PgConnectOptions>,
    /// `REDIS_URL`; without it there is no `/redis-hits`.
    pub(crate) redis: Option<redis::Client>,
    /// `ADMIN_USER`: the user who may see `/admin`; developer by default.
    pub(crate) admin_user: String,
    /// `ADMIN_PASSWORD`: the password for `/admin`; without it, nobody has access.
    pub(crate) admin_password: Option<String>,
    /// `USER_NAME`: the name that the page shows.
    pub(crate) user_name: String,
    /// `USER_URL`: the target of the link on the name.
    pub(crate) user_url: String,
    /// `APP_VERSION`: the version; that of the package by default.
    pub(crate) version: String,
    /// `TRUSTED_PROXIES`: the networks whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Vec<Network>,
    /// `DRAIN_GRACE`: how many seconds after SIGTERM new connections are still served, because clients may not know yet
    /// that the task is stopping.
    pub(crate) drain_grace: Duration,
}

/// A range of IP addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Returns whether `address` is in the range.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = if let Some((address, prefix)) = text.split_once('/') {
            (address.parse::<IpAddr>().ok()?, prefix.parse().ok()?)
        } else {
            let address: IpAddr = text.parse().ok()?;
            (address, if address.is_ipv4() { 32 } else { 128 })
        };
        let bits = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= bits).then_some(Self { address, prefix })
    }
}

impl Config {
    /// Reads the configuration with `variable`, which returns the value of an environment variable.
    ///
    /// # Errors
    /// A message if a value is invalid. It does not show secret values.
    pub(crate) fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let or = |name: &str, default: &str| {
            variable(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
        };
        let (host, port) = (or("HOST", "0.0.0.0"), or("PORT", "3000"));
        let host: IpAddr = host.parse().map_err(|_| format!("HOST is no IP address: {host}"))?;
        let port: u16 = port.parse().map_err(|_| format!("PORT is no port: {port}"))?;
        let database = match variable("DATABASE_URL").filter(|url| !url.is_empty()) {
            Some(url) => {
                // The parser accepts any scheme.
                let postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
                let options = url.parse().ok().filter(|_| postgres);
                Some(
                    options
                        .ok_or("DATABASE_URL is no URL of a database: postgresql://user:password@host:port/database")?,
                )
            }
            None => None,
        };
        let redis = match variable("REDIS_URL").filter(|url| !url.is_empty()) {
            Some(url) => Some(
                redis::Client::open(url)
                    .map_err(|_| "REDIS_URL is no URL of a Redis: rediss://user:password@host:port")?,
            ),
            None => None,
        };
        let proxies = or("TRUSTED_PROXIES", DEFAULT_PROXIES);
        let networks = proxies.split(',').map(str::trim).filter(|text| !text.is_empty());
        let trusted_proxies = networks
            .map(|text| Network::parse(text).ok_or_else(|| format!("TRUSTED_PROXIES has no network `{text}`")))
            .collect::<Result<_, _>>()?;
        let grace = or("DRAIN_GRACE", "1");
        let grace: u64 = grace.parse().map_err(|_| format!("DRAIN_GRACE is no number of seconds: {grace}"))?;
        Ok(Self {
            listen: SocketAddr::new(host, port),
            database,
            redis,
            admin_user: or("ADMIN_USER", "developer"),
            admin_password: variable("ADMIN_PASSWORD").filter(|password| !password.is_empty()),
            user_name: or("USER_NAME", "World"),
            user_url: or("USER_URL", "https://example.com"),
            version: or("APP_VERSION", env!("CARGO_PKG_VERSION")),
            trusted_proxies,
            drain_grace: Duration::from_secs(grace),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_contains_only_its_addresses() {
        let network = Network::parse("10.0.0.0/8").expect("it is one");
        assert!(network.contains("10.1.2.3".parse().expect("an address")));
        assert!(network.contains("::ffff:10.1.2.3".parse().expect("an address")));
        assert!(!network.contains("11.0.0.1".parse().expect("an address")));
        assert!(Network::parse("0.0.0.0/0").expect("it is one").contains("8.8.8.8".parse().expect("an address")));
    }

    #[test]
    fn invalid_value_is_named_but_secrets_are_hidden() {
        let with = |name: &'static str, value: &'static str| {
            Config::from_environment(&move |asked| (asked == name).then(|| value.to_owned())).err().unwrap_or_default()
        };
        assert_eq!(with("PORT", "many"), "PORT is no port: many");
        assert!(!with("DATABASE_URL", "hunter2").contains("hunter2"));
    }
}
