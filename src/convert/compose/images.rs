//! What a service is by the name of its image: a store that AWS has, one that it has not, a server that runs as one task, a proxy, or
//! a helper that is not needed there.

/// What becomes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A service of the stack.
    Program,
    /// A server that others made.
    Server(&'static Server),
    Database,
    Cache,
    Bucket,
    /// A proxy with a configuration.
    Proxy(Proxy),
    /// Left out, and why.
    Helper(&'static str),
    /// Starts commands of other containers at their times.
    Scheduler,
    /// What AWS's services do not have, and the way out.
    Impossible(&'static str),
}

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    Nginx,
    Caddy,
    Other,
}

/// A server of others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Its image's last name.
    image: &'static str,
    /// The port that speaks HTTP.
    pub(super) port: Option<u16>,
    /// Other ports.
    pub(super) expose: &'static [u16],
    /// Words of its command that have a secret, and the variable that has it instead.
    pub(super) flags: &'static [(&'static str, &'static str)],
    /// Whether its makers refuse a network file system.
    pub(super) refuses_nfs: bool,
    /// Whether there can be one task of it only. One that keeps nothing is a program like others.
    pub(super) keeps_state: bool,
}

const fn server(image: &'static str, port: Option<u16>, expose: &'static [u16]) -> Server {
    Server { image, port, expose, flags: &[], refuses_nfs: false, keeps_state: true }
}

const fn stateless(image: &'static str, port: Option<u16>, expose: &'static [u16]) -> Server {
    Server { keeps_state: false, ..server(image, port, expose) }
}

const SERVERS: &[Server] = &[
    server("rabbitmq", None, &[5672]),
    server("nats", None, &[4222]),
    Server { flags: &[("--api-key", "TYPESENSE_API_KEY")], ..server("typesense", Some(8108), &[]) },
    Server { flags: &[("--master-key", "MEILI_MASTER_KEY")], ..server("meilisearch", Some(7700), &[]) },
    Server { refuses_nfs: true, ..server("qdrant", Some(6333), &[]) },
    server("weaviate", Some(8080), &[]),
    server("memcached", None, &[11211]),
    server("eclipse-mosquitto", None, &[1883]),
    server("emqx", None, &[1883]),
    server("kafka", None, &[9092]),
    server("cp-kafka", None, &[9092]),
    server("redpanda", None, &[9092]),
    server("zookeeper", None, &[2181]),
    server("cp-zookeeper", None, &[2181]),
    server("activemq", None, &[61616]),
    stateless("keycloak", Some(8080), &[]),
    stateless("gotenberg", Some(3000), &[]),
    stateless("postgrest", Some(3000), &[]),
    stateless("pgbouncer", None, &[5432]),
    stateless("centrifugo", Some(8000), &[]),
    stateless("soketi", Some(6001), &[]),
    stateless("imgproxy", Some(8080), &[]),
];

const OUTSIDE: &str = "keep it outside the stack: reach a server in a VPC with `network.vpc` and `security_groups`, and store its \
     password in `secrets`";

const IMPOSSIBLE: &[(&str, &str)] = &[
    ("mysql", "stackctl does not offer MySQL: migrate to PostgreSQL, or create the database with another tool"),
    ("mysql-server", "stackctl does not offer MySQL: migrate to PostgreSQL, or create the database with another tool"),
    ("percona", "stackctl does not offer MySQL: migrate to PostgreSQL, or create the database with another tool"),
    (
        "percona-server",
        "stackctl does not offer MySQL: migrate to PostgreSQL, or create the database with another \
     tool",
    ),
    ("mariadb", "stackctl does not offer MariaDB: migrate to PostgreSQL, or create the database with another tool"),
    ("mongo", "stackctl does not offer MongoDB: use MongoDB Atlas, and store its address in `secrets`"),
    ("mongodb", "stackctl does not offer MongoDB: use MongoDB Atlas, and store its address in `secrets`"),
    (
        "mongodb-community-server",
        "stackctl does not offer MongoDB: use MongoDB Atlas, and store its address in \
     `secrets`",
    ),
    ("server", "stackctl does not offer SQL Server: migrate to PostgreSQL, or create the database with another tool"),
    (
        "azure-sql-edge",
        "stackctl does not offer SQL Server: migrate to PostgreSQL, or create the database with \
     another tool",
    ),
    (
        "elasticsearch",
        "stackctl does not offer Elasticsearch: use OpenSearch or Elastic Cloud, and store its \
     address in `secrets`",
    ),
    (
        "opensearch",
        "stackctl does not offer OpenSearch: create the domain with another tool, and store its address \
     in `secrets`",
    ),
    (
        "clickhouse-server",
        "stackctl does not offer ClickHouse: use ClickHouse Cloud, and store its address in \
     `secrets`",
    ),
    ("clickhouse", "stackctl does not offer ClickHouse: use ClickHouse Cloud, and store its address in `secrets`"),
    ("timescaledb", "RDS does not support TimescaleDB: use Timescale's managed service, or plain PostgreSQL"),
    ("timescaledb-ha", "RDS does not support TimescaleDB: use Timescale's managed service, or plain PostgreSQL"),
    ("citus", "RDS does not support Citus: use a larger `class` of plain PostgreSQL, or Azure's managed Citus"),
    ("paradedb", "RDS does not support pg_search: use plain PostgreSQL, or run a search engine as a service"),
    ("cassandra", OUTSIDE),
    ("scylla", OUTSIDE),
    ("neo4j", OUTSIDE),
    ("couchdb", OUTSIDE),
    ("influxdb", OUTSIDE),
    ("cockroach", OUTSIDE),
    ("oracle-xe", OUTSIDE),
];

const MAIL: &str = "left out: it catches mail during development. Use a real mail server, such as SES";
const ADMIN: &str = "left out: an admin page. Connect your own tools to the database and the cache with `stackctl \
 forward`";
const WATCH: &str = "left out: monitoring. CloudWatch has logs and metrics, and `alarms` sends emails";
const BALANCER: &str = "left out: the load balancer replaces it, with a certificate from ACM";
const UPDATES: &str = "left out: `stackctl deploy` releases new images, and ECS replaces tasks that fail";
const TESTS: &str = "left out: it tests the application";
const SOCKET: &str = "left out: it watches Docker";
const BUCKETS: &str = "left out: stackctl creates the bucket";

const HELPERS: &[(&str, &str)] = &[
    ("mailcatcher", MAIL),
    ("mailhog", MAIL),
    ("mailpit", MAIL),
    ("maildev", MAIL),
    ("smtp4dev", MAIL),
    ("inbucket", MAIL),
    ("greenmail", MAIL),
    ("standalone", MAIL),
    ("adminer", ADMIN),
    ("pgadmin", ADMIN),
    ("pgadmin4", ADMIN),
    ("pgweb", ADMIN),
    ("phpmyadmin", ADMIN),
    ("mongo-express", ADMIN),
    ("redis-commander", ADMIN),
    ("redisinsight", ADMIN),
    ("redis-insight", ADMIN),
    ("kafka-ui", ADMIN),
    ("portainer", ADMIN),
    ("portainer-ce", ADMIN),
    ("dozzle", ADMIN),
    ("kibana", ADMIN),
    ("prometheus", WATCH),
    ("grafana", WATCH),
    ("grafana-oss", WATCH),
    ("loki", WATCH),
    ("promtail", WATCH),
    ("tempo", WATCH),
    ("alertmanager", WATCH),
    ("all-in-one", WATCH),
    ("jaeger", WATCH),
    ("zipkin", WATCH),
    ("cadvisor", WATCH),
    ("node-exporter", WATCH),
    ("opentelemetry-collector", WATCH),
    ("opentelemetry-collector-contrib", WATCH),
    ("otel-lgtm", WATCH),
    ("traefik", BALANCER),
    ("nginx-proxy", BALANCER),
    ("nginx-proxy-manager", BALANCER),
    ("acme-companion", BALANCER),
    ("docker-letsencrypt-nginx-proxy-companion", BALANCER),
    ("letsencrypt-nginx-proxy-companion", BALANCER),
    ("docker-gen", BALANCER),
    ("certbot", BALANCER),
    ("swag", BALANCER),
    ("watchtower", UPDATES),
    ("autoheal", UPDATES),
    ("visualizer", SOCKET),
    ("socat", "left out: it forwards connections inside Docker"),
    ("docker-socket-proxy", SOCKET),
    ("mc", BUCKETS),
    ("aws-cli", BUCKETS),
    ("selenium", TESTS),
    ("playwright", TESTS),
    ("cypress", TESTS),
    ("postgres-backup-local", "left out: RDS makes backups; `database.backup_days` sets how long it keeps them"),
    ("postgres-backup-s3", "left out: RDS makes backups; `database.backup_days` sets how long it keeps them"),
    ("pgbackups", "left out: RDS makes backups; `database.backup_days` sets how long it keeps them"),
];

/// An image's name in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    /// With registry and folders.
    pub(super) repository: String,
    /// Its last part, in small letters.
    pub(super) name: String,
    pub(super) tag: String,
}

impl Image {
    pub(super) fn of(text: &str) -> Self {
        let text = text.split('@').next().unwrap_or_default();
        let after = text.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match text[after..].split_once(':') {
            Some((name, tag)) => (&text[..after + name.len()], tag),
            None => (text, ""),
        };
        Self { repository: repository.to_owned(), name: repository[after..].to_lowercase(), tag: tag.to_owned() }
    }

    /// What a service of this image is; none for one of the project's own.
    pub(super) fn role(&self) -> Option<Role> {
        let name = self.name.as_str();
        let is_official = !self.repository.contains('/') || self.repository.starts_with("docker.io/library/");
        if let Some((_, way)) = IMPOSSIBLE.iter().find(|(image, _)| *image == name) {
            // Microsoft's SQL Server is called `mssql/server`.
            return (name != "server" || self.repository.contains("mssql")).then_some(Role::Impossible(way));
        }
        if name == "mssql-tools" {
            return Some(Role::Helper("left out: a SQL Server tool"));
        }
        if let Some((_, why)) = HELPERS.iter().find(|(image, _)| *image == name) {
            // GreenMail's image is called `greenmail/standalone`.
            let is_other = name == "standalone" && !self.repository.contains("greenmail")
                || name == "all-in-one" && !self.repository.contains("jaeger")
                || name == "mc" && !self.repository.contains("minio");
            return (!is_other).then_some(Role::Helper(why));
        }
        if name.ends_with("-exporter") || name.ends_with("_exporter") {
            return Some(Role::Helper(WATCH));
        }
        if name.starts_with("selenium") || self.repository.starts_with("selenium/") {
            return Some(Role::Helper(TESTS));
        }
        let role = match name {
            "postgres" | "postgis" | "postgresql" | "pgvector" | "alpine-postgres" => Role::Database,
            "redis" | "valkey" | "keydb" | "dragonfly" | "redis-stack" | "redis-stack-server" => Role::Cache,
            "minio" | "seaweedfs" | "s3mock" | "localstack" | "garage" | "zenko" => Role::Bucket,
            "nginx" | "nginx-unprivileged" if is_official || self.repository.contains("nginx") => {
                Role::Proxy(Proxy::Nginx)
            }
            "caddy" => Role::Proxy(Proxy::Caddy),
            "haproxy" | "envoy" | "kong" | "apisix" => Role::Proxy(Proxy::Other),
            "ofelia" | "swarm-cronjob" => Role::Scheduler,
            _ => return SERVERS.iter().find(|server| server.image == name).map(Role::Server),
        };
        Some(role)
    }
}

/// What a service is by its own name, where its image is one of the project.
pub(super) fn role_by_name(name: &str) -> Option<Role> {
    let parts: Vec<String> = name.to_lowercase().split(['-', '_', '.']).map(str::to_owned).collect();
    let has = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
    has(&["test", "tests", "e2e", "playwright", "cypress", "storybook", "selenium", "lint"])
        .then_some(Role::Helper(TESTS))
}

/// What a service without an image may be, by its name.
pub(super) fn store_by_name(name: &str) -> Option<Role> {
    let name = name.to_lowercase();
    match name.as_str() {
        "postgres" | "postgresql" | "pgsql" | "db" | "database" => Some(Role::Database),
        "redis" | "valkey" | "cache" => Some(Role::Cache),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_names() {
        let role = |text: &str| Image::of(text).role();
        assert_eq!(role("postgres:16-alpine"), Some(Role::Database));
        assert_eq!(role("docker.io/bitnami/postgresql:15"), Some(Role::Database));
        assert_eq!(role("redis"), Some(Role::Cache));
        assert!(matches!(role("mcr.microsoft.com/mssql/server:2022"), Some(Role::Impossible(_))));
        assert_eq!(role("example/server:1"), None);
        assert!(matches!(role("registry:5000/typesense/typesense:1@sha256:00"), Some(Role::Server(_))));
        assert!(matches!(role("natsio/prometheus-nats-exporter:1"), Some(Role::Helper(_))));
        assert_eq!(Image::of("a:5000/b/c:1.2@sha256:0").tag, "1.2");
    }
}
