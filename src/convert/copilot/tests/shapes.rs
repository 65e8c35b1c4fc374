//! What the manifests' shapes become.

use std::collections::BTreeMap;

use super::{Given, convert, convert_with, fate, stack};
use crate::{convert::ledger::Fate, spec::SecretFrom};

const WORKSPACE: (&str, &str) = ("copilot/.workspace", "application: shop\n");

const WEB: &str = "name: web\ntype: Load Balanced Web Service\nimage: { build: web/Dockerfile, port: 3000 }\nhttp:\n  path: /\n  healthcheck: { path: /healthz, interval: 10s, grace_period: 2m }\n  stickiness: true\ncpu: 512\nmemory: 1024\ncount: { range: 2-6, cpu_percentage: 60 }\nexec: true\nnetwork: { connect: true }\nvariables:\n  LEVEL: info\n  API: http://api:8080/v1\n  STAGE: ${COPILOT_ENVIRONMENT_NAME}\n  DB_PASSWORD: hunter2hunter2\nsecrets: { KEY: '/copilot/${COPILOT_APPLICATION_NAME}/${COPILOT_ENVIRONMENT_NAME}/secrets/KEY' }\nenvironments:\n  prod:\n    http: { alias: shop.example.com }\n    count: 4\n  test:\n    count: 1\n    variables: { LEVEL: debug }\n";

const API: &str =
    "name: api\ntype: Backend Service\nimage: { location: 'registry.example.com/api:1', port: 8080 }\nretries: 3\n";

#[test]
fn environments_become_those_of_one_file() {
    let files = [WORKSPACE, ("copilot/web/manifest.yml", WEB), ("copilot/api/manifest.yml", API)];
    let (page, conversion) = convert(&files, &Given::default()).expect("it is converted");
    let (test, prod) = (stack(&page, "test"), stack(&page, "prod"));
    assert_eq!([test.services["web"].replicas, prod.services["web"].replicas], [1, 4], "{page}");
    assert_eq!(prod.services["web"].hosts, ["shop.example.com"]);
    assert_eq!(test.services["web"].calls, ["api"]);
    assert!(page.contains("API: \"((services.api.url))/v1\""), "{page}");
    assert!(page.contains("STAGE: ((stack.environment))"), "{page}");
    assert!(page.contains("/copilot/shop/((stack.environment))/secrets/KEY"), "{page}");
    assert!(!page.contains("hunter2"), "{page}");
    assert_eq!(fate(&conversion, "variables.DB_PASSWORD").0, Fate::Approximated);
    let (worst, note) = fate(&conversion, "retries");
    assert_eq!(worst, Fate::Approximated);
    assert!(note.contains("Copilot ignores `retries`"), "{note}");
    let spoken: BTreeMap<Fate, usize> = conversion.report.rows.iter().fold(BTreeMap::new(), |mut all, row| {
        *all.entry(row.fate).or_default() += 1;
        all
    });
    assert_eq!(spoken.get(&Fate::NotPossible), None, "{:#?}", conversion.report.rows);
}

/// An addon with a database, as `copilot storage init` makes it.
const DATABASE: (&str, &str) = (
    "copilot/web/addons/db.yml",
    "Parameters: { App: { Type: String }, Env: { Type: String } }\nResources:\n  dbSecret: { Type: 'AWS::SecretsManager::Secret' }\n  dbCluster:\n    Type: AWS::RDS::DBCluster\n    Properties: { Engine: aurora-postgresql, EngineVersion: '14.4' }\nOutputs:\n  dbSecret: { Value: !Ref dbSecret }\n",
);

const SHOP: (&str, &str) = (
    "copilot/web/manifest.yml",
    "name: web\ntype: Load Balanced Web Service\nimage: { build: Dockerfile, port: 3000 }\nhttp: { path: shop }\n",
);

#[test]
fn an_addon_becomes_the_stacks_own_database() {
    let (page, conversion) = convert(&[WORKSPACE, SHOP, DATABASE], &Given::default()).expect("it is converted");
    let stack = stack(&page, "default");
    assert_eq!(stack.database.expect("there is one").version, "14");
    assert_eq!(stack.services["web"].routes, ["/shop", "/shop/*"]);
    assert!(page.contains("DB_SECRET: \"{\\\"host\\\":\\\"((database.host))"), "{page}");
    assert_eq!(fate(&conversion, "Resources.dbCluster").0, Fate::Approximated);
}

#[test]
fn a_database_can_stay_where_copilot_made_it() {
    let environment = "name: prod\ntype: Environment\nnetwork:\n  vpc:\n    id: vpc-00000001\n    subnets:\n      public: [{ id: subnet-0000000a }, { id: subnet-0000000b }]\n      private: [{ id: subnet-0000000c }, { id: subnet-0000000d }]\n";
    let files = [WORKSPACE, ("copilot/environments/prod/manifest.yml", environment), SHOP, DATABASE];
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
    let answers =
        Given([("services.web.secrets.DB_SECRET.from", arn), ("services.web.security_groups", "sg-00000001")].into());
    let (page, conversion) = convert_with(&files, &answers, true).expect("it is converted");
    let kept = stack(&page, "prod");
    assert!(kept.database.is_none(), "{page}");
    let web = &kept.services["web"];
    assert_eq!(web.secrets["DB_SECRET"], SecretFrom::SecretsManager { arn: arn.to_owned(), key: None }, "{page}");
    assert_eq!(web.security_groups, ["sg-00000001"]);
    assert!(!page.contains("DATABASE_SECRET"), "{page}");
    assert!(conversion.open.is_empty(), "{:?}", conversion.open);

    // Without answers both are left to a person.
    let (page, conversion) = convert_with(&files, &Given::default(), true).expect("it is converted");
    assert!(page.contains("DB_SECRET: set") && page.contains("Decide: { from: … }"), "{page}");
    let open: Vec<&str> = conversion.open.iter().map(|question| question.key.as_str()).collect();
    assert_eq!(open, ["services.web.secrets.DB_SECRET.from", "services.web.security_groups"]);
}

#[test]
fn what_no_stack_says_is_named_with_the_way_out() {
    let worker = "name: worker\ntype: Worker Service\nimage: { build: Dockerfile }\nsubscribe: { topics: [{ name: orders, service: web }] }\nplatform: windows/x86_64\n";
    let site = "name: site\ntype: Static Site\nfiles: [{ source: dist }]\n";
    let job = "name: sweep\ntype: Scheduled Job\non: { schedule: '@daily' }\nimage: { build: Dockerfile }\ntimeout: 1h\nretries: 2\n";
    let files = [
        WORKSPACE,
        ("copilot/worker/manifest.yml", worker),
        ("copilot/site/manifest.yml", site),
        ("copilot/sweep/manifest.yml", job),
    ];
    let (page, conversion) = convert(&files, &Given::default()).expect("it is converted");
    for key in ["subscribe", "platform", "files"] {
        assert_eq!(fate(&conversion, key).0, Fate::NotPossible, "{key}");
    }
    let stack = stack(&page, "default");
    let sweep = &stack.jobs["sweep"];
    assert_eq!((sweep.schedule.as_str(), sweep.timeout, sweep.retries), ("cron(0 0 * * ? *)", Some(3600), 2));
    assert!(!stack.services.contains_key("site"));
}

const FUNCTIONS: &str = "
Parameters: { App: { Type: String }, Env: { Type: String }, Name: { Type: String } }
Mappings: { Sizes: { test: { Level: debug }, prod: { Level: warn } } }
Conditions: { IsProd: !Equals [!Ref Env, prod], IsTest: !Not [!Condition IsProd] }
Resources:
  Group: { Type: 'AWS::EC2::SecurityGroup' }
  Redis: { Type: 'AWS::ElastiCache::ReplicationGroup', Properties: { Engine: redis } }
  filesBucket: { Type: 'AWS::S3::Bucket' }
Outputs:
  Address: { Value: !Join [':', [!GetAtt Redis.PrimaryEndPoint.Address, !GetAtt Redis.PrimaryEndPoint.Port]] }
  Url: { Value: !Sub ['redis://${Host}:${Redis.PrimaryEndPoint.Port}/${!x}', { Host: !GetAtt Redis.PrimaryEndPoint.Address }] }
  Files: { Value: { 'Fn::Join': ['', ['s3://', !Ref filesBucket, /, !Ref Name]] } }
  Arn: { Value: !GetAtt filesBucket.Arn }
  Level: { Value: !FindInMap [Sizes, !Ref Env, Level] }
  Mode: { Value: !If [IsTest, slow, fast] }
  Region: { Value: !Sub '${AWS::Region}-${Env}' }
  Group: { Value: !GetAtt Group.GroupId }
  Odd: { Value: !ImportValue other }
";

#[test]
fn functions_of_templates_are_followed() {
    let environments = ["test", "prod"].map(|name| format!("name: {name}\ntype: Environment\n"));
    let files = [
        WORKSPACE,
        ("copilot/web/manifest.yml", "name: web\ntype: Backend Service\nimage: { location: 'nginx:1' }\n"),
        ("copilot/web/addons/own.yml", FUNCTIONS),
        ("copilot/environments/test/manifest.yml", environments[0].as_str()),
        ("copilot/environments/prod/manifest.yml", environments[1].as_str()),
    ];
    let (page, conversion) = convert(&files, &Given::default()).expect("it is converted");
    for text in [
        "ADDRESS: \"((cache.host)):((cache.port))\"",
        "URL: \"redis://((cache.host)):((cache.port))/$${x}\"",
        "FILES: \"s3://((buckets.files.name))/web\"",
        "ARN: \"arn:aws:s3:::((buckets.files.name))\"",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
    for (environment, level, mode) in [("test", "debug", "slow"), ("prod", "warn", "fast")] {
        let stack = stack(&page, environment);
        let value = |name: &str| format!("{:?}", stack.services["web"].env[name]);
        assert!(value("LEVEL").contains(level), "{}", value("LEVEL"));
        assert!(value("MODE").contains(mode), "{}", value("MODE"));
        assert!(value("REGION").contains(environment), "{}", value("REGION"));
    }
    let (fate_of, note) = fate(&conversion, "Outputs.Odd");
    assert_eq!(fate_of, Fate::Approximated);
    assert!(note.contains("the container got ODD"), "{note}");
    assert_eq!(fate(&conversion, "Outputs.Group").0, Fate::Carried);
    assert!(conversion.open.iter().any(|question| question.key == "environments.prod.services.web.env.ODD"));
}

#[test]
fn env_files_of_sidecars_and_jobs_are_read() {
    let web = "name: web\ntype: Load Balanced Web Service\nimage: { location: nginx, port: 80 }\nhttp: { path: / }\nsidecars:\n  \
               proxy:\n    image: envoy\n    env_file: proxy.env\n    variables: { LEVEL: debug }\n  other: { image: envoy, env_file: none.env }\n";
    let job = "name: nightly\ntype: Scheduled Job\nimage: { location: busybox }\non: { schedule: '@daily' }\nenv_file: ./nightly.env\n";
    let files = [
        WORKSPACE,
        ("copilot/web/manifest.yml", web),
        ("copilot/nightly/manifest.yml", job),
        ("proxy.env", "# a comment\nLEVEL=info\nMODE=\"a b\" ${X}\nAPI_KEY=sk_live_4242\nno line\n"),
        ("nightly.env", "DEPTH=3\r\n"),
    ];
    let (page, conversion) = convert(&files, &Given::default()).expect("it is converted");
    let stack = stack(&page, "default");
    assert_eq!(stack.jobs.len(), 1, "{page}");
    for text in
        ["LEVEL: debug", "MODE: \"\\\"a b\\\" $${X}\"", "API_KEY: shared", "API_KEY: set", "env_file: nightly.env"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("sk_live_4242") && !page.contains("LEVEL: info"), "{page}");
    let rows = conversion.report.rows.iter().filter(|row| row.key.ends_with("env_file"));
    let notes: Vec<&str> = rows.filter_map(|row| row.note.as_deref()).collect();
    assert!(notes.iter().any(|note| note.contains("not copied: API_KEY")), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("none.env could not be read")), "{notes:?}");
}

#[test]
fn values_of_overrides_and_rules_are_carried() {
    let web = "name: web\ntype: Load Balanced Web Service\nimage: { build: ./Dockerfile, port: 80 }\nhttp:\n  path: /\n  \
               alias: ${DOMAIN}\n  healthcheck: /up\n  additional_rules: [{ path: /admin, target_container: web }]\nenv_file: \
               .env\nnlb: { port: 443/tls }\nenvironments: { production: { nlb: { alias: nlb.example.com } } }\n";
    let patches = "- op: add\n  path: /Resources/TaskDefinition/Properties/ContainerDefinitions/0/Ulimits\n  value: [{ Name: \
                   nofile, SoftLimit: 65536, HardLimit: 65536 }]\n- op: replace\n  path: \
                   /Resources/TargetGroup/Properties/HealthCheckIntervalSeconds\n  value: 20\n";
    let files = [
        WORKSPACE,
        ("copilot/web/manifest.yml", web),
        ("copilot/web/overrides/cfn.patches.yml", patches),
        ("copilot/environments/production/manifest.yml", "name: production\ntype: Environment\n"),
        (".env", "A=1\nAPI_SECRET=abc123\n"),
    ];
    let (page, conversion) = convert(&files, &Given::default()).expect("it is converted");
    for text in ["${DOMAIN}", "ulimits: { nofile: 65536 }", "interval: 20", "path: /up", "/admin/*"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let rows = &conversion.report.rows;
    assert!(rows.iter().all(|row| row.fate != Fate::NotPossible), "{rows:#?}");
    assert_eq!(fate(&conversion, "env_file").0, Fate::Approximated);
    assert!(fate(&conversion, "env_file").1.contains("`secrets`"), "{rows:#?}");
}

#[test]
fn protocols_over_https_are_carried() {
    let manifest = |more: &str| {
        format!(
            "name: api\ntype: Load Balanced Web Service\nimage: {{ build: ./Dockerfile, port: 50051 }}\nhttp:\n  path: /\n  version: grpc\n  healthcheck: {{ path: /grpc.health.v1.Health/Check, success_codes: '0' }}\n{more}"
        )
    };
    let text = manifest("  alias: api.example.com\n");
    let files = [WORKSPACE, ("copilot/api/manifest.yml", text.as_str())];
    let (page, conversion) = convert(&files, &Given::default()).expect("it is converted");
    assert!(page.contains("protocol: grpc") && page.contains("codes: 0"), "{page}");
    assert_eq!(stack(&page, "default").services.len(), 1);
    assert_eq!(fate(&conversion, "http.version").0, Fate::Carried);
    let text = manifest("");
    let files = [WORKSPACE, ("copilot/api/manifest.yml", text.as_str())];
    let (page, conversion) = convert(&files, &Given::default()).expect("it is converted");
    assert!(!page.contains("protocol:"), "{page}");
    let (worst, note) = fate(&conversion, "http.version");
    assert!(worst == Fate::Approximated && note.contains("add `domains`"), "{note}");
}

#[test]
fn bad_files_are_told_at_their_place() {
    for (text, told) in [
        ("name: [", "manifest.yml:1:"),
        ("name: web\ntype: Lambda\n", "manifest.yml:2:7"),
        ("- a\n", "expected a mapping"),
        ("", "manifest.yml"),
    ] {
        let message = convert(&[WORKSPACE, ("copilot/web/manifest.yml", text)], &Given::default()).map(drop);
        let message = message.expect_err(text);
        assert!(message.contains(told), "{text}: {message}");
    }
    assert!(convert(&[("a", "")], &Given::default()).is_err());
}

/// Mutates the manifests: no panic, and no error without a file. `STACKCTL_MUTATIONS` sets how many.
#[test]
fn mutated_manifests_are_converted_or_told() {
    let count = std::env::var("STACKCTL_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000_u64);
    let words = ["null", "[]", "{}", "true", "-1", "${X}", "'", "\t", "*a", "&a", "99999999999", "é", "(("];
    for seed in 0..count {
        let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut next = |most: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % 1_000_003).unwrap_or(0) % most.max(1)
        };
        let mut lines: Vec<String> = WEB.lines().map(str::to_owned).collect();
        for _ in 0..=next(3) {
            let at = next(lines.len());
            match next(4) {
                0 => drop(lines.remove(at)),
                1 => {
                    let key = lines[at].split_once(':').map_or(String::new(), |(key, _)| key.to_owned());
                    lines[at] = format!("{key}: {}", words[next(words.len())]);
                }
                2 => lines[at].insert(0, ' '),
                _ => {
                    let other = lines[next(lines.len())].clone();
                    lines.insert(at, other);
                }
            }
            if lines.is_empty() {
                lines.push(String::new());
            }
        }
        let text = lines.join("\n");
        let files = [WORKSPACE, ("copilot/web/manifest.yml", text.as_str()), ("copilot/api/manifest.yml", API)];
        if let Err(message) = convert(&files, &Given::default()) {
            assert!(message.contains("manifest.yml:"), "seed {seed}: {message}\n{text}");
        }
    }
}
