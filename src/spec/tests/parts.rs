//! Tests the parts of stack.yaml other than services.

use super::*;

#[test]
fn existing_network_is_given_by_its_ids() {
    let read_network = |network: &str| {
        let text = format!(
            "name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app, port: 80 }} }}\nnetwork: {{ {network} }}\n"
        );
        read(&text)
    };
    let subnets = "public_subnets: [subnet-0000000a, subnet-0123456789abcdef0], private_subnets: [subnet-0000000c]";
    let stack = read_network(&format!("vpc: vpc-0000000f, {subnets}")).expect("it is valid");
    let given = stack.network.given.expect("it is given");
    assert_eq!((given.vpc.as_str(), given.public_subnets.len(), given.private_subnets.len()), ("vpc-0000000f", 2, 1));
    for (network, says) in [
        ("vpc: main, public_subnets: [subnet-0000000a, subnet-0000000b]".to_owned(), "invalid VPC ID `main`"),
        (subnets.to_owned(), "subnets need `vpc`"),
        (format!("vpc: vpc-0000000f, zones: 3, {subnets}"), "stackctl does not change an existing network"),
        (format!("vpc: vpc-0000000f, nat: single, {subnets}"), "stackctl does not change an existing network"),
        ("vpc: vpc-0000000f, private_subnets: [subnet-0000000c]".to_owned(), "a load balancer needs two public"),
        (
            "vpc: vpc-0000000f, public_subnets: [subnet-0000000a, subnet-0000000a]".to_owned(),
            "duplicate subnet `subnet-0000000a`",
        ),
        (
            "vpc: vpc-0000000f, public_subnets: [subnet-0000000a, subnet-0000000b], private_subnets: [subnet-0000000b]"
                .to_owned(),
            "cannot be both public and private",
        ),
    ] {
        let problems = read_network(&network).expect_err(&network).render(false);
        assert!(problems.contains(says), "{network}: {problems}");
    }
}

#[test]
fn environments_can_remove_a_job() {
    let text = "name: demo\nregion: eu-west-1\nservices: { web: { build: app } }\njobs:\n  report: { service: web, command: [report, \"--short\"], schedule: \"cron(0 3 * * ? *)\", timezone: Europe/Oslo }\n  sweep: { service: web, command: [sweep], schedule: rate(1 hour) }\nenvironments:\n  test: { jobs: { report: null } }\n";
    let stack = |environment: &str| {
        parse("stack.yaml", text, environment, &|_| None)
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    };
    let report = Job {
        runs: Runs::Service { name: "web".into(), size: None, env: std::collections::BTreeMap::new() },
        command: vec!["report".into(), "--short".into()],
        schedule: "cron(0 3 * * ? *)".into(),
        timezone: "Europe/Oslo".into(),
        timeout: None,
        retries: 0,
    };
    assert_eq!(stack("default").jobs["report"], report);
    assert_eq!(stack("default").jobs["sweep"].timezone, "UTC");
    assert_eq!(stack("test").jobs.keys().collect::<Vec<_>>(), ["sweep"]);
}

#[test]
fn invalid_jobs_are_reported_with_a_fix() {
    let wrong = |job: &str| {
        let jobs = format!("jobs: {{ report: {job} }}");
        problems(&format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app }} }}\n{jobs}\n"))
    };
    assert_eq!(
        wrong("{ service: wbe, command: [], schedule: 0 3 * * *, timezone: over there }"),
        [
            "4:28 service `wbe` not found [did you mean `web`?]",
            "4:42 the command is empty [write a list such as [report]; without one, the job would run the server]",
            "4:56 invalid schedule `0 3 * * *`: not an EventBridge schedule [use the six fields of EventBridge; for `0 3 * * *`, write cron(0 3 * * ? *)]",
            "4:77 invalid time zone `over there` [use a name of the tz database, such as Europe/Oslo; the default is UTC]",
        ]
    );
    assert_eq!(
        wrong("{}"),
        [
            "4:9 `report` has no image [add `service: web` to use the image of that service, or `build` or `image` for another one]",
            "4:17 missing key `command` in `jobs.report` [add `command: [report]`]",
            "4:17 missing key `schedule` in `jobs.report` [add `schedule: \"cron(0 3 * * ? *)\"`]",
        ]
    );
    assert_eq!(
        wrong("{ service: web, command: [report], schedule: \"cron(0 3 * * * *)\" }"),
        [
            "4:62 invalid schedule `cron(0 3 * * * *)`: day-of-month and day-of-week are both set [write `?` for one of them: cron(0 3 * * ? *) or cron(0 3 ? * MON *)]"
        ]
    );
    assert_eq!(
        problems("name: demo\nregion: eu-west-1\nservices: { web: { build: app } }\njobs: { Report: {} }\n")[1],
        "4:9 invalid job name `Report` [use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter]"
    );
}

#[test]
fn buckets_are_protected_by_default_and_used_when_listed() {
    let text = "name: demo\nregion: eu-west-1\nbuckets: { uploads: {}, old-reports: { protect: false } }\nservices:\n  web: { build: app, buckets: [uploads, old-reports] }\n  worker: { build: app }\nenvironments:\n  test: { buckets: { uploads: { protect: false } } }\n";
    let stack = |environment: &str| {
        parse("stack.yaml", text, environment, &|_| None)
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    };
    let buckets = |environment| stack(environment).buckets.into_iter().map(|(name, bucket)| (name, bucket.protect));
    let named = |name: &str, protect| (name.to_owned(), protect);
    assert!(buckets("default").eq([named("old-reports", false), named("uploads", true)]));
    assert!(buckets("test").eq([named("old-reports", false), named("uploads", false)]));
    let services = stack("default").services;
    assert_eq!(
        (services["web"].buckets.join(" "), services["worker"].buckets.len()),
        ("uploads old-reports".into(), 0)
    );
    assert_eq!(Bucket::variable("old-reports"), "BUCKET_OLD_REPORTS");
}

#[test]
fn invalid_buckets_are_reported_with_a_fix() {
    let told = |stack: &str, buckets: &str, service: &str| {
        let text = format!(
            "name: {stack}\nregion: eu-west-1\nbuckets: {{ {buckets} }}\nservices:\n  web: {{ build: app, {service} }}\n"
        );
        problems(&text)
    };
    let cases = [
        ("uploads: {}", "buckets: [uplaods]", "5:32 bucket `uplaods` not found [did you mean `uploads`?]"),
        (
            "",
            "buckets: [files]",
            "5:32 bucket `files` not found [add it at the top of the file: buckets: { files: {} }]",
        ),
        ("uploads: {}", "buckets: [uploads, uploads]", "5:41 duplicate bucket `uploads` [keep one of them]"),
        (
            "Up: {}",
            "port: 80",
            "3:12 invalid bucket name `Up` [use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter]",
        ),
    ];
    for (buckets, service, expected) in cases {
        assert_eq!(told("demo", buckets, service), [expected], "{buckets}, {service}");
    }
    assert!(
        read("name: demo\nregion: eu-west-1\nservices: { web: { build: app, env: { BUCKET_UPLOADS: x } } }\n").is_ok()
    );
    let reserved = told("sthree", "uploads: {}", "port: 80");
    assert_eq!(
        reserved,
        [
            "3:1 the bucket names of this stack would begin with `sthree-default-`, and AWS reserves `sthree-` [choose another `name` for the stack]"
        ]
    );
    let many: Vec<String> = (10..71).map(|number| format!("b{number}")).collect();
    let declared = many.iter().map(|name| format!("{name}: {{}}")).collect::<Vec<_>>().join(", ");
    let found = told("demo", &declared, &format!("buckets: [{}]", many.join(", ")));
    assert!(found[0].contains("a service can use at most 60 buckets, found 61"), "{found:?}");
}

#[test]
fn cache_has_defaults_for_every_key() {
    let stack = |cache: &str| {
        let text = format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app }} }}\n{cache}");
        read(&text).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    };
    let cache = |version: &str, class: &str| {
        Some(Cache { version: version.into(), class: class.into(), tls_required: true, password: true })
    };
    assert_eq!(stack("").cache, None);
    assert_eq!(stack("cache: {}\n").cache, cache("8.0", "cache.t4g.micro"));
    assert_eq!(stack("cache: { class: cache.m7g.large, version: \"9.0\" }\n").cache, cache("9.0", "cache.m7g.large"));
}

#[test]
fn invalid_caches_are_reported_with_a_fix() {
    let wrong = |cache: &str| {
        problems(&format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app }} }}\ncache: {cache}\n"))
    };
    let versions = "use one of: 7.2, 8.0, 8.1, 8.2, 9.0, 9.1";
    assert_eq!(
        wrong("{ version: \"6.2\", class: t4g.micro }"),
        [
            format!("4:19 invalid Valkey version `6.2` [{versions}]"),
            "4:33 invalid cache node type `t4g.micro` [use a node type such as cache.t4g.micro or cache.m7g.large]"
                .to_owned(),
        ]
    );
    assert_eq!(wrong("{ version: 8.0 }"), ["4:19 expected text, found a number [put it in quotes: \"8.0\"]"]);
    assert_eq!(wrong("{ clas: cache.t4g.micro }"), ["4:10 unknown key `clas` [did you mean `class`?]"]);
    assert_eq!(wrong("yes")[0], "4:8 expected a mapping for `cache`, found text [write it as `key: value` lines]");
}

/// A file whose fourth line is `load_balancer: { … }`.
fn balanced(balancer: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app, port: 80 }} }}\nload_balancer: {{ {balancer} }}\n"
    )
}

#[test]
fn domain_works_with_an_acm_certificate() {
    let read = |balancer: &str| read(&balanced(balancer)).expect("it is valid").load_balancer.expect("it has one");
    let one = read("tls: acm, domain: rates.example.com");
    assert_eq!((one.tls.clone(), one.domain()), (Tls::Acm, Some("rates.example.com")));
    let arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1-2-3".to_owned();
    let given = read(&format!("tls: \"{arn}\""));
    assert_eq!((given.tls.clone(), given.domain()), (Tls::Certificate { arn: arn.clone() }, None));
    assert_eq!(read(&format!("domain: a.example.com, tls: \"{arn}\"")).domain(), Some("a.example.com"));
    assert_eq!(read("tls: off").tls, Tls::Off);
}

#[test]
fn domain_and_certificate_require_each_other() {
    let trusted = "a `domain` needs a certificate that browsers trust [write `tls: acm`, or the ARN of a certificate for this name, beside it]";
    let table = [
        ("domain: a.example.com", format!("4:26 {trusted}")),
        ("tls: off, domain: a.example.com", format!("4:36 {trusted}")),
        ("tls: self-signed, domain: a.example.com", format!("4:44 {trusted}")),
        (
            "tls: acm",
            "4:23 `tls: acm` needs a domain name for the certificate [add `domain: app.example.com`, a name in a public hosted zone of this account's Route 53]".to_owned(),
        ),
        (
            "tls: acm, domain: \"*.example.com\"",
            "4:36 invalid domain `*.example.com`: `domain` is one name, without wildcards [use `domains` for it: `domains: [example.com, \"*.example.com\"]`]".to_owned(),
        ),
        (
            "tls: \"arn:aws:acm:us-east-1:123456789012:certificate/1\"",
            "4:23 this certificate is in us-east-1, and the stack is in another region [request or import it in the region of the stack; a load balancer uses certificates of its own region]".to_owned(),
        ),
        ("tls: amc", "4:23 expected `off`, `self-signed` or `acm`, found `amc` [did you mean `acm`?]".to_owned()),
    ];
    for (balancer, expected) in table {
        assert_eq!(problems(&balanced(balancer)), [expected], "{balancer}");
    }
    assert!(problems(&balanced("tls: \"arn:aws:iam::1:server-certificate/x\""))[0].contains("of an ACM certificate"));
}

#[test]
fn alarms_go_to_one_email_address() {
    let with = |alarms: &str| format!("{ONE_SERVICE}alarms: {alarms}\n");
    let stack = read(&with("{ email: ops+demo@example.com }")).expect("it is valid");
    assert_eq!(stack.alarms, Some(Alarms { email: "ops+demo@example.com".into() }));
    assert_eq!(problems(&with("{}")), ["7:9 missing key `email` in `alarms` [add `email: ops@example.com`]"]);
    for bad in ["ops", "ops@", "@example.com", "ops@example", "a b@example.com", "a@b@example.com", "a@example..com"] {
        let expected = format!("7:18 invalid email address `{bad}` [use one address, such as ops@example.com]");
        assert_eq!(problems(&with(&format!("{{ email: \"{bad}\" }}"))), [expected]);
    }
}

const WITH_DATABASE: &str = "name: demo\nregion: eu-west-1\nservices: { web: { build: app } }\ndatabase:\n";

#[test]
fn containers_connect_as_the_first_database_owner() {
    let users = "  users:\n    zed: read-only\n    web: owner\n    app: owner\n";
    let stack = read(&format!("{WITH_DATABASE}{users}")).expect("it is valid");
    let database = stack.database.expect("it has one");
    let names: Vec<&str> = database.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["zed", "web", "app"]);
    assert_eq!(database.first_owner().map(|user| user.name.as_str()), Some("web"));
    let without = read(&format!("{WITH_DATABASE}  users: {{ zed: read-only }}\n")).expect("it is valid");
    assert_eq!(without.database.expect("it has one").first_owner(), None);
}

#[test]
fn database_requires_tls_by_default() {
    let read =
        |text: &str| read(&format!("{WITH_DATABASE}{text}")).map(|stack| stack.database.map(|one| one.tls_required));
    for (text, required) in
        [("  tls: required\n", true), ("  tls: optional\n", false), ("  class: db.t4g.small\n", true)]
    {
        assert_eq!(read(text).expect("it is valid"), Some(required), "{text}");
    }
    let foreign = read("  sslmode: disable\n").map_err(|problems| problems.render(false)).expect_err("no such key");
    assert!(foreign.contains("use `tls: required`, which is the default, or `tls: optional`"), "{foreign}");
}

#[test]
fn environments_can_remove_a_database_user() {
    let text = format!(
        "{WITH_DATABASE}  users: {{ app: owner, developer: read-only }}\nenvironments:\n  live: {{ database: {{ users: {{ developer: null }} }} }}\n"
    );
    let stack = parse("stack.yaml", &text, "live", &none).expect("it is valid");
    let names: Vec<String> = stack.database.expect("it has one").users.into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["app"]);
}

#[test]
fn invalid_database_users_are_reported_with_a_fix() {
    let table = [
        (
            "Developer: owner",
            "6:5 `Developer` has uppercase letters, which Postgres converts to lowercase [write it as `developer`]",
        ),
        ("pg_app: owner", "6:5 `pg_app` is reserved for Postgres itself [use another name]"),
        (
            "rdsadmin: owner",
            "6:5 `rdsadmin` is reserved for RDS, as are all names that begin with rds [use another name]",
        ),
        (
            "postgres: owner",
            "6:5 `postgres` is the master user, which RDS creates [remove it, and name only other users]",
        ),
        (
            "my-app: owner",
            "6:5 invalid database user name `my-app` [use a-z, 0-9 and _, beginning with a letter, such as app or reports_2]",
        ),
        ("app: admin", "6:10 expected `owner` or `read-only`, found `admin` []"),
        ("app: readonly", "6:10 expected `owner` or `read-only`, found `readonly` [did you mean `read-only`?]"),
        ("app: [owner]", "6:10 expected text, found a list [write a single value]"),
    ];
    for (line, expected) in table {
        assert_eq!(problems(&format!("{WITH_DATABASE}  users:\n    {line}\n")), [expected], "{line}");
    }
    let list = problems(&format!("{WITH_DATABASE}  users: [app]\n"));
    assert_eq!(list, ["5:10 expected a mapping for `database.users`, found a list [write it as `key: value` lines]"]);
}
