//! What tells the drivers in a container how to connect to the database: over TLS, and with whose word for who answers. The address has
//! nothing of it, because the drivers do not agree on the words there.

use std::collections::BTreeMap;

use crate::{kind::authorities::PATH, model::Input, spec::Service};

/// The certificates that Node.js trusts beside its own.
/// <https://nodejs.org/api/cli.html#node_extra_ca_certsfile>
const NODE: &str = "NODE_EXTRA_CA_CERTS";

/// The certificates that libpq trusts, and asyncpg, pgx, lib/pq and sqlx with it.
/// <https://www.postgresql.org/docs/current/libpq-envars.html>
const LIBPQ: &str = "PGSSLROOTCERT";

/// Each variable with a mode, and the one with the file that its drivers verify with. Those of libpq's, and node-postgres, take
/// PGSSLMODE, postgres.js takes PGSSL: it asks for `PG` and the name of each of its options.
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>, <https://github.com/porsager/postgres#environmental-variables>
const MODES: [(&str, &str); 2] = [("PGSSLMODE", LIBPQ), ("PGSSL", NODE)];

/// What `service` gets beside its own variables, which count. `has_authorities`: its image has Amazon's authorities for RDS, and the
/// database's certificate is signed by one of them.
pub(super) fn variables(service: &Service, has_authorities: bool) -> BTreeMap<String, Input> {
    let is_own = |name: &str| service.env.contains_key(name) || service.secrets.contains_key(name);
    let modes = MODES.map(|(name, file)| {
        // Without a file of authorities there is nothing to verify with: who says otherwise connects to nothing.
        (name, if has_authorities || is_own(file) { "verify-full" } else { "require" })
    });
    let files = [NODE, LIBPQ].map(|name| (name, PATH)).into_iter().filter(|_| has_authorities);
    let all = modes.into_iter().chain(files).filter(|(name, _)| !is_own(name));
    all.map(|(name, value)| (name.to_owned(), value.into())).collect()
}
