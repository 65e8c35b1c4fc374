//! Whole applications.

use super::project::Project;
use crate::convert::ledger::Fate;

/// A Java API and its pages.
const PARTS: &str = "
version: '3.8'
services:
  db:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: shop_user, POSTGRES_PASSWORD: hunter22, POSTGRES_DB: shop }
    ports: ['5432:5432']
    volumes: [pg:/var/lib/postgresql/data]
  redis:
    image: redis:7
    command: redis-server --requirepass hunter33
  api:
    build: ./api
    ports: ['8080:8080']
    environment:
      - SPRING_DATASOURCE_URL=jdbc:postgresql://db:5432/shop
      - SPRING_DATASOURCE_USERNAME=shop_user
      - SPRING_DATASOURCE_PASSWORD=hunter22
      - CELERY_BROKER_URL=redis://:hunter33@redis:6379/1
      - JWT_SECRET=${JWT_SECRET:-hunter44}
      - STRIPE_API_KEY=sk_test_hunter55
    depends_on: { db: { condition: service_healthy } }
    healthcheck: { test: [CMD, curl, -f, 'http://localhost:8080/health'] }
  front:
    build: ./front
    ports: ['3000:80']
    depends_on: [api]
volumes: { pg: {} }
";

#[test]
fn stores_become_those_of_aws_and_passwords_references() {
    let converted = Project::new(PARTS).valid();
    converted.has("version: \"15\"");
    converted.has("shop_user: owner");
    converted.has("SPRING_DATASOURCE_URL: \"jdbc:postgresql://((database.host)):((database.port))/((database.name))\"");
    converted.has("SPRING_DATASOURCE_USERNAME: ((database.user))");
    converted.has("SPRING_DATASOURCE_PASSWORD: ((database.password))");
    converted.has("rediss://:((cache.password))@((cache.host)):((cache.port))/1?ssl_cert_reqs=required");
    converted.has("JWT_SECRET: generate");
    converted.has("STRIPE_API_KEY: set");
    converted.has("health: /health");
    converted.has("Decide: the paths");
    assert_eq!(converted.open(), ["services.front.health", "services.api.routes", "services.front.routes"]);
    for secret in ["hunter22", "hunter33", "hunter44", "hunter55"] {
        converted.has_not(secret);
    }
    assert_eq!(converted.fate("services.db").0, Fate::Carried);
}

#[test]
fn a_proxy_that_passes_requests_on_becomes_routes() {
    let compose = "
services:
  proxy: { image: 'nginx:1.27', ports: ['80:80'], volumes: ['./nginx.conf:/etc/nginx/conf.d/default.conf:ro'] }
  web: { image: web, environment: { API: 'http://api:8000' } }
  api: { image: api }
";
    let nginx = "server { server_name shop.example.com; location / { proxy_pass http://web:3000; } location /api/ { proxy_pass http://api:8000; } }";
    let converted = Project::new(compose).with("nginx.conf", nginx).valid();
    converted.has_not("nginx:1.27");
    converted.has("domains: [shop.example.com]");
    converted.has("routes: [\"/api/*\"]");
    converted.has("API: \"http://((services.api.host)):8000\"");
    converted.has("calls: [api]");
    converted.has("tls: acm");
}

#[test]
fn a_proxy_that_does_more_stays_with_its_file() {
    let compose = "
services:
  proxy:
    image: caddy:2
    ports: ['80:80', '443:443', '443:443/udp']
    volumes: ['./Caddyfile:/etc/caddy/Caddyfile', 'static:/srv', 'caddy:/data']
    depends_on: [web]
  web: { image: web, volumes: ['static:/app/static'], expose: [3000] }
volumes: { static: {}, caddy: {} }
";
    let converted = Project::new(compose).with("Caddyfile", ":80 {\n root * /srv\n file_server\n}\n").valid();
    converted.has("image: \"caddy:2\"");
    converted.has("/etc/caddy/Caddyfile: Caddyfile");
    converted.has("static: /srv");
    converted.has("calls: [web]");
    assert_eq!(converted.fate("services.proxy.ports[2]").0, Fate::Approximated);
}

#[test]
fn labels_of_traefik_become_domains() {
    let compose = "
services:
  traefik: { image: 'traefik:3', volumes: ['/var/run/docker.sock:/var/run/docker.sock'] }
  api:
    image: api
    labels:
      - traefik.enable=true
      - traefik.http.routers.api.rule=Host(`shop.example.com`) && PathPrefix(`/api`)
      - traefik.http.services.api.loadbalancer.server.port=8080
  web:
    image: web
    labels: { traefik.http.routers.web.rule: 'Host(`shop.example.com`)', traefik.http.services.web.loadbalancer.server.port: '80' }
";
    let converted = Project::new(compose).valid();
    converted.has("host: shop.example.com");
    converted.has("routes: [/api, \"/api/*\"]");
    converted.has("domains: [shop.example.com]");
    assert_eq!(converted.fate("services.traefik").0, Fate::Approximated);
}

#[test]
fn tasks_that_run_once_become_the_release() {
    let compose = "
services:
  db: { image: 'postgres:17' }
  prestart: { build: ., command: bash scripts/prestart.sh, depends_on: [db] }
  web:
    build: .
    ports: ['80:8000']
    environment: { DATABASE_URL: 'postgresql://postgres:hunter22@db/app' }
    depends_on: { prestart: { condition: service_completed_successfully } }
  worker: { build: ., command: [bash, -lc, './manage.py migrate && exec ./manage.py work --all'] }
";
    let converted = Project::new(compose).valid();
    converted.has("release: [bash, scripts/prestart.sh]");
    converted.has("release: [./manage.py, migrate]");
    converted.has("command: [./manage.py, work, \"--all\"]");
    converted.has_not("hunter22");
    converted.has_not("DATABASE_URL: ");
}

#[test]
fn secrets_in_files_become_variables_or_are_written() {
    let compose = "
services:
  db: { image: 'postgres:16', environment: { POSTGRES_PASSWORD_FILE: /run/secrets/db_password }, secrets: [db_password] }
  web:
    image: web
    ports: ['80']
    environment:
      DB_HOST: db
      DB_PASSWORD_FILE: /run/secrets/db_password
      TOKEN_FILE: /run/secrets/token
    secrets: [db_password, token, other]
secrets: { db_password: { file: a }, token: { file: b }, other: { external: true } }
";
    let converted = Project::new(compose).valid();
    converted.has("DB_PASSWORD: ((database.password))");
    converted.has("TOKEN: set");
    converted.has("OTHER: set");
    converted.has("depends_on: { given: success }");
    converted.has("> /run/secrets/other");
    converted.has_not("_FILE: ");
}

#[test]
fn a_store_of_objects_becomes_a_bucket() {
    let compose = "
services:
  minio: { image: minio/minio, command: server /data, environment: { MINIO_ROOT_USER: root, MINIO_ROOT_PASSWORD: hunter22 } }
  make-bucket: { image: minio/mc }
  web:
    image: web
    ports: [80]
    environment:
      S3_ENDPOINT: http://minio:9000
      S3_BUCKET: Uploads
      AWS_ACCESS_KEY_ID: root
      AWS_SECRET_ACCESS_KEY: hunter22
      AWS_REGION: us-east-1
";
    let converted = Project::new(compose).valid();
    converted.has("S3_BUCKET: ((buckets.uploads.name))");
    converted.has("AWS_REGION: ((stack.region))");
    converted.has("buckets: [uploads]");
    converted.has_not("hunter22");
    converted.has_not("S3_ENDPOINT: ");
}

#[test]
fn passwords_in_env_files_are_named_and_never_used() {
    let compose = "
services:
  db: { image: postgres, env_file: .env }
  web: { image: web, ports: ['80'], env_file: [.env], tmpfs: ['/tmp:size=128m'], read_only: true }
";
    let converted =
        Project::new(compose).with(".env", "LEVEL=info\nDB_HOST=db\nDB_PASSWORD=hunter22\nEMPTY_TOKEN=\n").valid();
    converted.has("env_file: .env");
    converted.has("DB_HOST: ((database.host))");
    converted.has("DB_PASSWORD: ((database.password))");
    converted.has("tmpfs: { /tmp: 128 }");
    converted.has("read_only: true");
    converted.has_not("LEVEL: ");
    converted.has_not("hunter22");
}

#[test]
fn a_secret_that_services_share_is_one() {
    let compose = "
services:
  search: { image: 'typesense/typesense:0.25', command: '--data-dir /data --api-key=hunter22', volumes: ['s:/data'] }
  web: { image: web, ports: [80], environment: { TYPESENSE_API_KEY: hunter22, TYPESENSE_URL: 'http://search:8108', APP_TOKEN: hunter33 } }
  worker: { image: worker, environment: { APP_TOKEN: hunter33, URL: 'http://user:hunter33@web/x' } }
volumes: { s: {} }
";
    let converted = Project::new(compose).valid();
    converted.has("TYPESENSE_API_KEY: generate");
    converted.has("TYPESENSE_API_KEY: ((services.search.secrets.TYPESENSE_API_KEY))");
    converted.has("APP_TOKEN: ((services.web.secrets.APP_TOKEN))");
    converted.has("replace: stop-first");
    converted.has_not("hunter22");
    converted.has_not("hunter33");
}

#[test]
fn what_aws_cannot_run_is_named_with_the_way_out() {
    let compose = "
services:
  db: { image: 'mysql:8' }
  builder: { image: builder, volumes: ['/var/run/docker.sock:/var/run/docker.sock'] }
  mail: { image: mailin, ports: ['25:25'] }
  web: { image: web, ports: ['80'], environment: { DB_URL: 'mysql://db/x' } }
";
    let converted = Project::new(compose).valid();
    assert!(converted.fate("services.db").1.contains("PostgreSQL"));
    assert_eq!(converted.fate("services.builder").0, Fate::NotPossible);
    assert_eq!(converted.fate("services.mail").0, Fate::Approximated);
    converted.has("DB_URL: set");
}

#[test]
fn mistakes_of_indentation_are_told_at_their_place() {
    let compose = "
services:
  app: { image: app, ports: ['80'] }
  web:
    image: web
    depends_on:
    app: { condition: service_healthy }
    healthcheck:
    interval: 10s
    imagee: x
    networks: [nobody]
";
    let converted = Project::new(compose).valid();
    assert!(converted.fate("services.web.app").1.contains("belongs to `depends_on`"));
    assert!(converted.fate("services.web.interval").1.contains("belongs to `healthcheck`"));
    assert!(converted.fate("services.web.imagee").1.contains("check the spelling"));
    assert!(converted.fate("services.web.networks[0]").1.contains("is not declared"));
}

#[test]
fn a_procfile_beside_it_has_the_release() {
    let converted = Project::new("services:\n  web: { image: web, ports: ['80'] }\n")
        .with("Procfile", "web: run\nrelease: rake db:migrate\n")
        .valid();
    converted.has("release: [rake, \"db:migrate\"]");
    assert_eq!(converted.fate("release").0, Fate::Carried);
}

#[test]
fn a_scheduler_becomes_jobs() {
    let compose = "
services:
  ofelia: { image: 'mcuadros/ofelia:latest', volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro'] }
  web:
    image: web
    ports: ['80']
    labels: { ofelia.enabled: 'true', ofelia.job-exec.report.schedule: '@daily', ofelia.job-exec.report.command: ./report --all }
";
    let converted = Project::new(compose).valid();
    converted.has("schedule: \"cron(0 0 * * ? *)\"");
    converted.has("command: [./report, \"--all\"]");
}
