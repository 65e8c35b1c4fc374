//! Compares the PostgreSQL extensions that a project's scripts create with the extensions that RDS supports.

use super::{proxies::text_of, service::Service, words, work::Work};

/// Extensions that RDS for PostgreSQL 15 to 18 supports without a parameter group, some of them only in a part of these
/// versions (`SOME_VERSIONS`). Source: "Extension versions for Amazon RDS for PostgreSQL", the edition with 18.3, 17.9,
/// 16.13 and 15.17, read on 2026-11-27.
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
    "collection",
    "cube",
    "dblink",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "flow_control",
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
    "pageinspect",
    "pg_bigm",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_logicalinspect",
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
    "roaringbitmap",
    "seg",
    "sslinfo",
    "tablefunc",
    "tcn",
    "tds_fdw",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
    "vector",
];

/// Extensions that RDS supports once the parameter group lists them in `shared_preload_libraries`.
const PRELOADED: &[&str] = &[
    "pg_cron",
    "pg_hint_plan",
    "pg_stat_monitor",
    "pg_tle",
    "pg_transport",
    "pgactive",
    "pgaudit",
    "pglogical",
    "plrust",
];

/// Extensions that only some versions have: the first and the last major version, from the same page.
const SOME_VERSIONS: &[(&str, u32, u32)] = &[
    ("collection", 18, u32::MAX),
    ("old_snapshot", 0, 17),
    ("pg_logicalinspect", 18, u32::MAX),
    ("pg_stat_monitor", 18, u32::MAX),
    ("plcoffee", 0, 16),
    ("plls", 0, 16),
    ("plrust", 0, 17),
    ("postgis_topology", 0, 17),
    ("roaringbitmap", 18, u32::MAX),
];

/// Extensions that RDS does not support, and what to do instead.
const WAYS_OUT: &[(&str, &str)] = &[
    ("timescaledb", "use Timescale's managed service, or partition plain PostgreSQL tables"),
    ("timescaledb_toolkit", "use Timescale's managed service"),
    ("vectorscale", "use the index types of the extension `vector`"),
    ("citus", "use a larger `class`, or partition the tables"),
    ("columnar", "use ordinary tables"),
    ("age", "store the graph in tables, or use Amazon Neptune"),
    ("plpython3u", "rewrite the functions in PL/pgSQL, or run them in the application"),
    ("plpythonu", "rewrite the functions in PL/pgSQL, or run them in the application"),
    ("pg_net", "make the HTTP requests in the application"),
    ("http", "make the HTTP requests in the application"),
    ("pgjwt", "sign the tokens in the application"),
    ("pgmq", "store the queue in a table"),
    ("pg_search", "use PostgreSQL's full-text search, or run a search engine as a service"),
    ("pgroonga", "use PostgreSQL's full-text search, or run a search engine as a service"),
    ("zombodb", "use PostgreSQL's full-text search, or run a search engine as a service"),
    ("rum", "use a GIN index"),
    ("file_fdw", "load the files with `stackctl db load`, or with the extension `aws_s3`"),
    ("adminpack", "remove it: only old versions of pgAdmin use it"),
    ("xml2", "use PostgreSQL's built-in XML functions"),
    ("pg_uuidv7", "create the IDs in the application, or use uuidv7() of PostgreSQL 18"),
    ("semver", "store the version as text or as an array of integers"),
    ("anon", "mask the data in the application"),
    ("supautils", "remove it: it serves Supabase's own roles"),
    ("pgsodium", "encrypt in the application, or use `pgcrypto`"),
    ("supabase_vault", "store the secrets in `secrets`"),
    ("pg_graphql", "run a GraphQL server as a service"),
];

/// The extensions that a script creates, in lower case and in their order.
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
        // `uuid-ossp` is written in quotes. A shell variable is not a name.
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        if let Some(name) = words.peek().copied().filter(is_name)
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// What the report says about an extension that RDS does not offer in this version. None if RDS offers it.
fn missing(name: &str, version: u32) -> Option<String> {
    let range = SOME_VERSIONS.iter().find(|(known, _, _)| *known == name).map(|(_, first, last)| (*first, *last));
    if let Some((first, last)) = range.filter(|(first, last)| !(*first..=*last).contains(&version)) {
        let others = if first == 0 { format!("up to version {last}") } else { format!("from version {first} on") };
        return Some(format!(
            "RDS has the extension `{name}` {others} of PostgreSQL: set `database.version`, or remove it"
        ));
    }
    if RDS.contains(&name) {
        return None;
    }
    if PRELOADED.contains(&name) {
        let instead = if name == "pg_cron" { "use `jobs`" } else { "remove it" };
        return Some(format!(
            "the extension `{name}` needs `shared_preload_libraries` in an RDS parameter group, which stackctl does not set: \
             {instead}, or create the parameter group with another tool"
        ));
    }
    let way = WAYS_OUT.iter().find(|(known, _)| *known == name).map(|(_, way)| *way);
    let way = way.unwrap_or("remove it, or keep the database outside the stack");
    Some(format!("RDS does not support the extension `{name}`: {way}"))
}

/// Reports the scripts that the database runs when it is created, and their extensions.
pub(super) fn tell(service: &Service, version: u32, work: &mut Work<'_>) {
    for item in service.at(&["volumes"]).map(|item| item.items().to_vec()).unwrap_or_default() {
        let Some(mount) = words::mounted(&item) else { continue };
        if !mount.target.starts_with("/docker-entrypoint-initdb.d") {
            continue;
        }
        let text = mount.source.and_then(|source| text_of(&work.folder, &source)).unwrap_or_default();
        let names = made(&text);
        let mut how = "not converted: run it as a migration. Database users go into `database.users`".to_owned();
        if !names.is_empty() {
            let there: Vec<&str> =
                names.iter().map(String::as_str).filter(|name| missing(name, version).is_none()).collect();
            if !there.is_empty() {
                how = format!("{how}. RDS supports {}", there.join(", "));
            }
        }
        work.ledger().approximated(item.place, Some("database"), how);
        for instead in names.iter().filter_map(|name| missing(name, version)) {
            work.ledger().not_possible(item.place, instead);
        }
    }
    if let Some(command) = service.words("command") {
        let place = service.entry("command").map(|entry| entry.place);
        let text = command.join(" ");
        let after = text.split("shared_preload_libraries=").nth(1).unwrap_or_default();
        let list = after.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']);
        for name in list.split(',').filter(|name| !matches!(*name, "" | "pg_stat_statements" | "auto_explain")) {
            if let (Some(place), Some(instead)) = (place, missing(name, version)) {
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
        assert_eq!(missing("uuid-ossp", 16), None);
        assert!(missing("pg_cron", 16).is_some_and(|text| text.contains("shared_preload_libraries")));
        assert!(missing("timescaledb", 16).is_some_and(|text| text.contains("Timescale")));
        assert!(missing("mine", 16).is_some());
    }

    #[test]
    fn extensions_of_some_versions_are_told() {
        assert_eq!((missing("roaringbitmap", 18), missing("plls", 16), missing("pageinspect", 13)), (None, None, None));
        assert!(missing("roaringbitmap", 16).is_some_and(|text| text.contains("from version 18 on")));
        assert!(missing("plls", 17).is_some_and(|text| text.contains("up to version 16")));
    }

    #[test]
    fn each_extension_is_in_one_list() {
        for (name, _) in WAYS_OUT {
            assert!(!RDS.contains(name) && !PRELOADED.contains(name), "{name}");
        }
        for (name, _, _) in SOME_VERSIONS {
            assert!(RDS.contains(name) != PRELOADED.contains(name), "{name}");
        }
    }
}
