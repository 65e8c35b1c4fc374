//! Faults that were found in projects as teams write them, each as a small one.

use super::project::Project;
use crate::convert::ledger::Fate;

const DATABASE: &str = "
  db:
    image: postgres:16
    environment: { POSTGRES_USER: app, POSTGRES_PASSWORD: hunter22, POSTGRES_DB: app }
";

fn project(services: &str) -> Project {
    Project::new(&format!("services:{DATABASE}{services}"))
}

#[test]
fn a_broker_and_its_clients_share_its_password() {
    let converted = project(
        "
  web:
    build: .
    ports: ['80:80']
    environment:
      BROKER: amqp://shop:hunter33@mq:5672//
      RESULTS: db+postgresql://app:hunter22@db:5432/app
      EVENTS: amqp://guest:guest@mq:5672
  mq:
    image: rabbitmq:3
    environment: { RABBITMQ_DEFAULT_USER: shop, RABBITMQ_DEFAULT_PASS: hunter33 }
",
    )
    .valid();
    converted.has("BROKER: \"amqp://shop:((services.mq.secrets.RABBITMQ_DEFAULT_PASS))@((services.mq.host)):5672//\"");
    converted.has("RESULTS: \"db+postgresql://((database.user)):((database.password))@((database.host)):");
    converted.has("RABBITMQ_DEFAULT_PASS: generate");
    assert!(converted.fate("services.web.environment.EVENTS").1.contains("replace `mq` with mq.shop.internal"));
}

#[test]
fn parts_of_another_database_stay_its_own() {
    let converted = project(
        "
  web: { build: ., ports: ['80:80'], environment: { DB_HOST: db, DB_USER: app } }
  blog:
    image: ghost:5
    environment: { database__connection__host: mysql, database__connection__user: root, DATABASE_SSL: 'false' }
  mysql: { image: mysql:8 }
",
    )
    .valid();
    converted.has("database__connection__user: root");
    converted.has("DB_USER: ((database.user))");
    converted.has("database__connection__host: set");
    converted.has("DATABASE_SSL: \"false\"");
}

#[test]
fn what_refuses_tls_is_turned_on() {
    let converted = project(
        "
  web:
    build: .
    ports: ['80:80']
    environment: { DB_HOST: db, DB_SSLMODE: disable, DB_SSL: 'false', PGSSLMODE: prefer, SMTP_SSL: 'false' }
",
    )
    .valid();
    for text in ["DB_SSLMODE: require", "DB_SSL: \"true\"", "PGSSLMODE: require", "SMTP_SSL: \"false\""] {
        converted.has(text);
    }
    assert_eq!(converted.fate("services.web.environment.DB_SSLMODE").0, Fate::Approximated);
}

#[test]
fn databases_that_become_one_are_told() {
    let converted = project(
        "
  web: { build: ., ports: ['80:80'], environment: { DATABASE_URL: 'postgres://app:hunter22@db/app' } }
  stats: { image: metabase/metabase, environment: { MB_DB_HOST: db, MB_DB_DBNAME: stats } }
  auth: { image: acme/auth, environment: { DB_URL: 'jdbc:postgresql://db/auth' } }
",
    )
    .valid();
    converted.has("# Decide: auth, stats were separate databases.");
    assert_eq!(converted.fate("services.stats.environment.MB_DB_DBNAME").0, Fate::Approximated);
    assert_eq!(converted.fate("services.web.environment.DATABASE_URL").0, Fate::Carried);
}

#[test]
fn a_second_server_of_postgres_is_named_with_the_way_out() {
    let converted = project(
        "
  web: { build: ., ports: ['80:80'], environment: { DATABASE_URL: 'postgres://app:hunter22@db/app' } }
  jobs: { build: jobs, environment: { DATABASE_URL: 'postgres://app:hunter22@jobs-db/app' } }
  jobs-db: { image: 'postgres:16', environment: { POSTGRES_PASSWORD: hunter22, POSTGRES_DB: app } }
",
    )
    .valid();
    converted.has("# Decide: jobs-db was a separate database.");
    let (fate, note) = converted.fate("services.jobs-db");
    assert!(fate == Fate::NotPossible && note.contains("`CREATE DATABASE jobs_db`"), "{note}");
}

#[test]
fn an_address_of_this_computer_is_the_load_balancers() {
    let converted = project(
        "
  web:
    build: { context: ., args: { API: 'http://localhost:8000/api' } }
    ports: ['3000:80']
    environment:
      API_URL: http://localhost:8000/api
      PUBLIC_URL: http://localhost:3000
      SELF: http://localhost:80/x
      CORS: http://localhost:3000,http://localhost:8000
  api: { build: api, ports: ['8000:8000'] }
",
    )
    .valid();
    converted.has("API_URL: \"((stack.url))/api\"");
    converted.has("PUBLIC_URL: ((stack.url))");
    converted.has("SELF: \"http://localhost:80/x\"");
    converted.has("CORS: \"http://localhost:3000,http://localhost:8000\"");
    converted.has("args: { API: \"http://localhost:8000/api\" }");
    for key in ["environment.CORS", "build.args.API"] {
        assert_eq!(converted.fate(&format!("services.web.{key}")).0, Fate::Approximated, "{key}");
    }
}

#[test]
fn an_image_is_no_postgres_by_its_tag_or_its_clients() {
    let converted = project(
        "
  stats: { image: 'ghcr.io/umami-software/umami:postgresql-latest', ports: ['80:3000'] }
  meta: { image: 'supabase/postgres-meta:v0.80', environment: { PG_META_DB_HOST: db } }
",
    )
    .valid();
    converted.has("image: \"ghcr.io/umami-software/umami:postgresql-latest\"");
    converted.has("PG_META_DB_HOST: ((database.host))");
}

#[test]
fn a_proxy_of_fastcgi_stays_and_its_files_are_told() {
    let converted = Project::new(
        "
services:
  app: { build: . }
  web:
    image: nginx:1
    ports: ['80:80']
    volumes: ['./nginx:/etc/nginx/conf.d:ro']
    depends_on: [app]
",
    )
    .with("nginx/a.conf", "server { server_name shop.example.com; location / { fastcgi_pass app:9000; } }")
    .valid();
    converted.has("image: \"nginx:1\"");
    converted.has("port: 9000\n    routes: []");
    converted.has("domains: [shop.example.com]");
    let (fate, note) = converted.fate("services.web.volumes[0]");
    assert_eq!(fate, Fate::Approximated);
    assert!(note.contains("replace `app` with app.shop.internal"), "{note}");
}

#[test]
fn a_folder_of_nginx_that_passes_on_becomes_routes() {
    let converted = Project::new(
        "
services:
  api: { build: . }
  web:
    image: nginx:1
    ports: ['80:80']
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf
      - { type: bind, source: ./conf.d, target: /etc/nginx/conf.d, read_only: true }
",
    )
    .with("nginx.conf", "events {}\nhttp { include /etc/nginx/conf.d/*.conf; }")
    .with("conf.d/a.conf", "server { listen 80; location /api/ { proxy_pass http://api:8080; } }")
    .valid();
    converted.has("port: 8080");
    converted.has("routes: [\"/api/*\"]");
    converted.has_not("nginx:1");
    let keys: Vec<&str> = converted.conversion.report.rows.iter().map(|row| row.key.as_str()).collect();
    assert!(!keys.contains(&"services.web.ports[0]"), "{keys:?}");
}

#[test]
fn what_a_proxy_stands_before_is_not_open_beside_it() {
    let converted = Project::new(
        "
services:
  caddy: { image: 'caddy:2', ports: ['80:80', '443:443', '443:443/udp'], volumes: ['./Caddyfile:/etc/caddy/Caddyfile'] }
  wiki: { image: acme/wiki, ports: ['3000:3000'] }
",
    )
    .with("Caddyfile", "wiki.example.com {\n\troot * /srv\n\treverse_proxy wiki:3000\n}\n")
    .valid();
    converted.has("domains: [wiki.example.com]");
    converted
        .has("port: 3000\n    # Decide: the paths or `domains` of this service. Several services published a port.\n    routes: []");
    assert!(converted.fate("services.caddy.volumes[0]").1.contains("write `http://` before"));
    assert_eq!(converted.fate("services.caddy.ports[2]").0, Fate::Approximated);
}

#[test]
fn servers_that_keep_nothing_are_programs() {
    let converted = project(
        "
  auth:
    image: quay.io/keycloak/keycloak:25.0
    ports: ['80:8080']
    environment: { KEYCLOAK_ADMIN_PASSWORD: hunter44 }
  kafka:
    image: confluentinc/cp-kafka:7.5.0
    environment: { KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://kafka:9092' }
",
    )
    .valid();
    converted.has("KEYCLOAK_ADMIN_PASSWORD: set");
    converted.has("port: 8080\n    # Decide");
    converted.has("KAFKA_ADVERTISED_LISTENERS: \"PLAINTEXT://kafka.((stack.name)).internal:9092\"");
    assert_eq!(converted.page.matches("replace: stop-first").count(), 1, "{}", converted.page);
}

#[test]
fn ports_of_ranges_and_of_variables_are_those_that_are_asked() {
    let converted = Project::new(
        "
services:
  web: { build: ., ports: ['8000-8001:8000-8001'] }
  worker: { build: ., command: work, environment: { PORT: 3000, MAIL_HOST: mail, MAIL_PORT: 1025, SEARCH: 'http://search:1' } }
  mail: { image: mailhog/mailhog }
  search: { image: acme/search, profiles: [search] }
",
    )
    .valid();
    converted.has("port: 8000\n    expose: [8001]");
    converted.has_not("port: 3000");
    for name in ["MAIL_HOST", "MAIL_PORT", "SEARCH"] {
        let (fate, note) = converted.fate(&format!("services.worker.environment.{name}"));
        assert!(fate == Fate::Approximated && note.starts_with("left out"), "{name}: {note}");
    }
}

#[test]
fn files_and_variables_with_secrets_are_given() {
    let converted = Project::new(
        "
services:
  web:
    build: .
    ports: ['80:80']
    environment: [SESSION_SECRET, 'KEY_PATH=/run/secrets/jwt.pem', EMPTY]
    secrets: [{ source: jwt, target: jwt.pem }]
secrets: { jwt: { environment: JWT } }
",
    )
    .valid();
    converted.has("SESSION_SECRET: generate");
    converted.has("KEY_PATH: /run/secrets/jwt.pem");
    converted.has("> /run/secrets/jwt.pem");
}

#[test]
fn a_rule_of_traefik_with_groups_is_read() {
    let rule = "Host(`a.example.com`) && (PathPrefix(`/`) || PathPrefix(`/hook`))";
    let labels = format!("{{ 'traefik.http.routers.a.rule': '{rule}' }}");
    let converted =
        Project::new(&format!("services:\n  web: {{ image: acme/a, expose: [80], labels: {labels} }}\n")).valid();
    converted.has("routes: [\"/*\", /hook, \"/hook/*\"]");
}

#[test]
fn each_line_of_the_env_file_is_in_the_report() {
    let converted = Project::new("services:\n  web: { image: 'acme/web:${TAG}', ports: ['80:80'] }\n")
        .with(".env", "TAG=1\nUNUSED=2\n")
        .valid();
    assert_eq!(converted.fate("TAG"), (Fate::Carried, "its value replaces `${TAG}` in the files"));
    assert_eq!(converted.fate("UNUSED"), (Fate::Carried, "no file uses it, so no container got it"));
}

#[test]
fn extensions_in_scripts_are_compared_with_those_of_rds() {
    let converted = Project::new(
        "
services:
  web: { build: ., ports: ['80:80'], environment: { DB_HOST: db } }
  db:
    image: postgres:16
    command: postgres -c shared_preload_libraries=pg_stat_statements,pg_cron
    volumes:
      - { type: bind, source: ./init, target: /docker-entrypoint-initdb.d }
      - ./more.sql:/docker-entrypoint-initdb.d/more.sql:ro
",
    )
    .with("init/1.sql", "create extension if not exists vector;\nCREATE EXTENSION timescaledb;")
    .with("more.sql", "CREATE EXTENSION pg_trgm;")
    .valid();
    let (fate, note) = converted.fate("services.db.volumes[0]");
    assert!(fate == Fate::NotPossible && note.contains("RDS does not support the extension `timescaledb`"), "{note}");
    let (fate, note) = converted.fate("services.db.volumes[1]");
    assert!(fate == Fate::Approximated && note.contains("RDS supports pg_trgm"), "{note}");
    let (fate, note) = converted.fate("services.db.command");
    assert!(fate == Fate::NotPossible && note.contains("use `jobs`"), "{note}");
}

#[test]
fn a_crontab_of_simple_lines_becomes_jobs() {
    let converted = Project::new(
        "
services:
  web: { build: ., ports: ['80:80'] }
  cron:
    image: alpine:3
    command: sh -c \"printenv > /etc/environment && crond -f\"
    environment: { TZ: Europe/Oslo }
    volumes: ['./crontabs:/etc/crontabs:ro', './scripts:/scripts:ro']
  often: { image: acme/cron, command: supercronic /etc/often, volumes: ['./often:/etc/often:ro'] }
  baked: { build: { context: ., dockerfile: Dockerfile.cron }, entrypoint: [supercronic, /app/crontab] }
  unknown: { image: acme/cron, command: [crond, -f] }
",
    )
    .with("crontabs/root", "*/5 * * * * /scripts/sync.sh > /dev/null 2>&1\n@daily cd /app && php artisan clean:up\n")
    .with("often", "0 3 * * * nightly\n* * * * * minutely\n")
    .with("scripts/sync.sh", "true\n")
    .with("Dockerfile.cron", "FROM python\nCOPY crontab /app/crontab\n")
    .with("crontab", "0 2 * * 1 python -m jobs.report\n")
    .valid();
    converted.has("  sync:\n    service: cron\n    command: [/scripts/sync.sh]\n    schedule: \"cron(*/5 * * * ? *)\"\n    timezone:");
    converted.has("command: [sh, \"-c\", \"cd /app && php artisan clean:up\"]");
    converted.has("  jobs-report:\n    service: baked");
    converted.has("schedule: \"cron(0 2 ? * 2 *)\"");
    converted.has("files: { /scripts: scripts }");
    assert_eq!(converted.page.matches("replicas: 0").count(), 2, "{}", converted.page);
    assert_eq!(converted.fate("services.cron.command").0, Fate::Carried);
    let (fate, note) = converted.fate("services.often.command");
    assert!(fate == Fate::Approximated && note.contains("line 2 of often cannot become a job"), "{note}");
    let (fate, note) = converted.fate("services.unknown.command");
    assert!(fate == Fate::Approximated && note.contains("the crontab was not found"), "{note}");
}
