//! Sets the variables that tell database drivers to use TLS and which certificate authorities to trust. The connection
//! URL does not contain these settings, because the drivers use different names for them.

use std::collections::BTreeMap;

use crate::{kind::authorities::PATH, model::Input, spec::Service};

/// The variable with the certificates that Node.js trusts in addition to its own.
/// <https://nodejs.org/api/cli.html#node_extra_ca_certsfile>
const NODE: &str = "NODE_EXTRA_CA_CERTS";

/// The variable with the certificates that libpq, asyncpg, pgx, lib/pq and sqlx trust.
/// <https://www.postgresql.org/docs/current/libpq-envars.html>
const LIBPQ: &str = "PGSSLROOTCERT";

/// Each variable with a TLS mode, and the variable with the certificates that its drivers verify with. libpq, the
/// drivers based on it and node-postgres read PGSSLMODE. postgres.js reads PGSSL: it reads a variable `PG…` for each of
/// its options.
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>, <https://github.com/porsager/postgres#environmental-variables>
const MODES: [(&str, &str); 2] = [("PGSSLMODE", LIBPQ), ("PGSSL", NODE)];

/// Returns the variables that `service` gets, except those that it sets itself. `has_authorities` says whether its
/// image has Amazon's certificate authorities for RDS and one of them has signed the database's certificate.
pub(super) fn variables(service: &Service, has_authorities: bool) -> BTreeMap<String, Input> {
    let is_own = |name: &str| service.env.contains_key(name) || service.secrets.contains_key(name);
    let modes = MODES.map(|(name, file)| {
        // Without certificate authorities, a driver that verifies could not connect at all.
        (name, if has_authorities || is_own(file) { "verify-full" } else { "require" })
    });
    let files = [NODE, LIBPQ].map(|name| (name, PATH)).into_iter().filter(|_| has_authorities);
    let all = modes.into_iter().chain(files).filter(|(name, _)| !is_own(name));
    all.map(|(name, value)| (name.to_owned(), value.into())).collect()
}
