//! Extensions of PostgreSQL that scripts and images of the project make, against the list of those that RDS has.

use super::{proxies::text_of, service::Service, words, work::Work};

/// What RDS for PostgreSQL 13 to 18 has, some of it not in each version.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-extensions.html>
const RDS: &[&str] = &[
    "address_standardizer",
    "address_standardizer_data_us",
    "amcheck",
    "autoinc",
    "aws_commons",
    "aws_lambda",
    "aws_s3",
    "bloom",
    "bool_plperl",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "fuzzystrmatch",
    "h3",
    "h3_postgis",
    "hll",
    "hstore",
    "hstore_plperl",
    "hypopg",
    "insert_username",
    "intagg",
    "intarray",
    "ip4r",
    "isn",
    "jsonb_plperl",
    "lo",
    "log_fdw",
    "ltree",
    "moddatetime",
    "mysql_fdw",
    "old_snapshot",
    "oracle_fdw",
    "orafce",
    "pg_bigm",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_partman",
    "pg_prewarm",
    "pg_proctab",
    "pg_repack",
    "pg_similarity",
    "pg_stat_statements",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgcrypto",
    "pgrouting",
    "pgrowlocks",
    "pgstattuple",
    "pgtap",
    "plcoffee",
    "plls",
    "plperl",
    "plpgsql",
    "plprofiler",
    "pltcl",
    "plv8",
    "postgis",
    "postgis_raster",
    "postgis_tiger_geocoder",
    "postgis_topology",
    "postgres_fdw",
    "prefix",
    "rdkit",
    "rds_tools",
    "refint",
    "seg",
    "semver",
    "sslinfo",
    "tablefunc",
    "tcn",
    "tds_fdw",
    "test_parser",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
    "vector",
];

/// What RDS has once its parameter group names it in `shared_preload_libraries`.
const PRELOADED: &[&str] =
    &["pg_cron", "pg_hint_plan", "pg_tle", "pg_transport", "pgactive", "pgaudit", "pglogical", "plrust"];

/// What is known not to be there, and the way out.
const WAYS_OUT: &[(&str, &str)] = &[
    ("timescaledb", "use Timescale's own service, or partitions of plain PostgreSQL"),
    ("timescaledb_toolkit", "use Timescale's own service"),
    ("vectorscale", "use the indexes of `vector`"),
    ("citus", "use a larger `class`, or partitions"),
    ("columnar", "use plain tables"),
    ("age", "keep the graph in tables, or use Neptune"),
    ("plpython3u", "write the functions in PL/pgSQL, or run them in the program"),
    ("plpythonu", "write the functions in PL/pgSQL, or run them in the program"),
    ("pg_net", "let the program make the requests"),
    ("http", "let the program make the requests"),
    ("pgjwt", "let the program sign tokens"),
    ("pgmq", "keep the queue in a table"),
    ("pg_search", "use PostgreSQL's own full-text search, or a search engine as a service"),
    ("pgroonga", "use PostgreSQL's own full-text search, or a search engine as a service"),
    ("zombodb", "use PostgreSQL's own full-text search, or a search engine as a service"),
    ("rum", "use an index of GIN"),
    ("file_fdw", "load files with `stackctl db load`, or with `aws_s3`"),
    ("adminpack", "leave it out: nothing needs it but an old pgAdmin"),
    ("pageinspect", "leave it out: it is for looking into a server"),
    ("xml2", "use the functions for XML that PostgreSQL has itself"),
    ("pg_uuidv7", "make the ids in the program; PostgreSQL 18 has uuidv7()"),
    ("anon", "mask the data in the program"),
    ("supautils", "leave it out: it is for Supabase's own roles"),
    ("pgsodium", "encrypt in the program, or with `pgcrypto`"),
    ("supabase_vault", "keep secrets in `secrets`"),
    ("pg_graphql", "run a server for GraphQL as a service"),
];

/// The extensions that a script makes, in small letters and in their order.
fn made(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let lower = lines.to_lowercase();
    let mut words =
        lower.split(|c: char| c.is_whitespace() || ";\"'`<>()".contains(c)).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        if word != "create" || words.peek() != Some(&"extension") {
            continue;
        }
        words.next();
        for skipped in ["if", "not", "exists"] {
            if words.peek() == Some(&skipped) {
                words.next();
            }
        }
        // `uuid-ossp` is written in quotes; a name of a shell's variable is none.
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if let Some(name) = words.peek().copied().filter(is_name)
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// What is to say of an extension; none if RDS has it.
fn missing(name: &str) -> Option<String> {
    if RDS.contains(&name) {
        return None;
    }
    if PRELOADED.contains(&name) {
        let instead = if name == "pg_cron" { "use `jobs`" } else { "leave it out" };
        return Some(format!(
            "RDS has the extension `{name}` with a parameter group that names it in shared_preload_libraries, which stackctl does not make: \
             {instead}, or set it up with another tool"
        ));
    }
    let way = WAYS_OUT.iter().find(|(known, _)| *known == name).map(|(_, way)| *way);
    let way = way.unwrap_or("leave it out, or keep the database outside of the stack");
    Some(format!("RDS has no extension `{name}`: {way}"))
}

/// Tells what becomes of scripts that the database runs when it is made.
pub(super) fn tell(service: &Service, work: &mut Work<'_>) {
    for item in service.at(&["volumes"]).map(|item| item.items().to_vec()).unwrap_or_default() {
        let Some(mount) = words::mounted(&item) else { continue };
        if !mount.target.starts_with("/docker-entrypoint-initdb.d") {
            continue;
        }
        let text = mount.source.and_then(|source| text_of(&work.folder, &source)).unwrap_or_default();
        let names = made(&text);
        let mut how = "left out: run it as a migration; users are in `database.users`".to_owned();
        if !names.is_empty() {
            let there: Vec<&str> = names.iter().map(String::as_str).filter(|name| missing(name).is_none()).collect();
            if !there.is_empty() {
                how = format!("{how}. RDS has {}", there.join(", "));
            }
        }
        work.ledger().approximated(item.place, Some("database"), how);
        for instead in names.iter().filter_map(|name| missing(name)) {
            work.ledger().not_possible(item.place, instead);
        }
    }
    if let Some(command) = service.words("command") {
        let place = service.entry("command").map(|entry| entry.place);
        let text = command.join(" ");
        let after = text.split("shared_preload_libraries=").nth(1).unwrap_or_default();
        let list = after.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']);
        for name in list.split(',').filter(|name| !matches!(*name, "" | "pg_stat_statements" | "auto_explain")) {
            if let (Some(place), Some(instead)) = (place, missing(name)) {
                work.ledger().not_possible(place, instead);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_of_scripts_are_found_and_told() {
        let text = "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\";\n-- create extension nothing;\ncreate extension\n vector; \
                    CREATE EXTENSION pg_cron WITH SCHEMA x; psql -c 'CREATE EXTENSION timescaledb'\nCREATE EXTENSION $NAME;";
        assert_eq!(made(text), ["uuid-ossp", "vector", "pg_cron", "timescaledb"]);
        assert_eq!(missing("uuid-ossp"), None);
        assert!(missing("pg_cron").is_some_and(|text| text.contains("shared_preload_libraries")));
        assert!(missing("timescaledb").is_some_and(|text| text.contains("Timescale")));
        assert!(missing("mine").is_some());
    }
}
