//! The parts of stack.yaml, one after the other.

use super::*;

#[test]
fn a_network_that_is_there_is_named_by_ids_and_not_laid_out() {
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
        ("vpc: main, public_subnets: [subnet-0000000a, subnet-0000000b]".to_owned(), "`main` is no id of a VPC"),
        (subnets.to_owned(), "subnets of which network?"),
        (format!("vpc: vpc-0000000f, zones: 3, {subnets}"), "the network is laid out already"),
        (format!("vpc: vpc-0000000f, nat: single, {subnets}"), "the network is laid out already"),
        ("vpc: vpc-0000000f, private_subnets: [subnet-0000000c]".to_owned(), "a load balancer stands in two public"),
        ("vpc: vpc-0000000f, public_subnets: [subnet-0000000a, subnet-0000000a]".to_owned(), "stands here twice"),
        (
            "vpc: vpc-0000000f, public_subnets: [subnet-0000000a, subnet-0000000b], private_subnets: [subnet-0000000b]"
                .to_owned(),
            "public or private, not both",
        ),
    ] {
        let problems = read_network(&network).expect_err(&network).render(false);
        assert!(problems.contains(says), "{network}: {problems}");
    }
}

#[test]
fn a_job_runs_as_a_service_at_its_hour_and_an_environment_can_take_it_away() {
    let text = "name: demo\nregion: eu-west-1\nservices: { web: { build: app } }\njobs:\n  report: { service: web, command: [report, \"--short\"], schedule: \"cron(0 3 * * ? *)\", timezone: Europe/Oslo }\n  sweep: { service: web, command: [sweep], schedule: rate(1 hour) }\nenvironments:\n  test: { jobs: { report: null } }\n";
    let stack = |environment: &str| {
        parse("stack.yaml", text, environment, &|_| None)
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    };
    let report = Job {
        service: "web".into(),
        command: vec!["report".into(), "--short".into()],
        schedule: "cron(0 3 * * ? *)".into(),
        timezone: "Europe/Oslo".into(),
    };
    assert_eq!(stack("default").jobs["report"], report);
    assert_eq!(stack("default").jobs["sweep"].timezone, "UTC");
    assert_eq!(stack("test").jobs.keys().collect::<Vec<_>>(), ["sweep"]);
}

#[test]
fn a_job_that_could_not_run_is_placed_with_the_way_out() {
    let wrong = |job: &str| {
        let jobs = format!("jobs: {{ report: {job} }}");
        problems(&format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app }} }}\n{jobs}\n"))
    };
    assert_eq!(
        wrong("{ service: wbe, command: [], schedule: 0 3 * * *, timezone: over there }"),
        [
            "4:28 there is no service `wbe` [did you mean `web`?]",
            "4:42 there is no command [such as [report]; without one, the job would serve]",
            "4:56 `0 3 * * *`: this is no schedule of EventBridge [EventBridge has its own cron with six fields: for `0 3 * * *` write cron(0 3 * * ? *)]",
            "4:77 `over there` cannot name a time zone [a name of the tz database, such as Europe/Oslo; UTC without one]",
        ]
    );
    assert_eq!(
        wrong("{}"),
        [
            "4:17 `command` is missing in `jobs.report` [add `command: [report]`]",
            "4:17 `schedule` is missing in `jobs.report` [add `schedule: \"cron(0 3 * * ? *)\"`]",
            "4:17 `service` is missing in `jobs.report` [add `service: web`]",
        ]
    );
    assert_eq!(
        wrong("{ service: web, command: [report], schedule: \"cron(0 3 * * * *)\" }"),
        [
            "4:62 `cron(0 3 * * * *)`: day-of-month and day-of-week cannot both be given [write `?` for one of them: cron(0 3 * * ? *) or cron(0 3 ? * MON *)]"
        ]
    );
    assert_eq!(
        problems("name: demo\nregion: eu-west-1\nservices: { web: { build: app } }\njobs: { Report: {} }\n")[0],
        "4:9 `Report` cannot name a job [2 to 20 of a-z, 0-9 and -, beginning with a letter]"
    );
}

#[test]
fn command_and_entrypoint_go_with_a_package_and_with_an_image() {
    let service = |keys: &str| {
        let text = format!("name: demo\nregion: eu-west-1\nservices: {{ worker: {{ {keys} }} }}\n");
        let stack = read(&text).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        (stack.services["worker"].entrypoint.join(" "), stack.services["worker"].command.join(" "))
    };
    let words = |entrypoint: &str, command: &str| (entrypoint.to_owned(), command.to_owned());
    assert_eq!(service("build: app"), words("", ""));
    assert_eq!(service("build: app, command: [work, 3]"), words("", "work 3"));
    assert_eq!(service("image: nginx, entrypoint: [/bin/start], command: [work]"), words("/bin/start", "work"));
}

#[test]
fn a_bucket_is_protected_by_default_and_used_by_services_that_name_it() {
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
fn a_bucket_that_is_not_declared_is_placed_with_the_way_out() {
    let told = |stack: &str, buckets: &str, service: &str| {
        let text = format!(
            "name: {stack}\nregion: eu-west-1\nbuckets: {{ {buckets} }}\nservices:\n  web: {{ build: app, {service} }}\n"
        );
        problems(&text)
    };
    let cases = [
        ("uploads: {}", "buckets: [uplaods]", "5:32 there is no bucket `uplaods` [did you mean `uploads`?]"),
        (
            "",
            "buckets: [files]",
            "5:32 there is no bucket `files` [add it at the top of the file: buckets: { files: {} }]",
        ),
        ("uploads: {}", "buckets: [uploads, uploads]", "5:41 `uploads` is there twice [keep one of them]"),
        (
            "uploads: {}",
            "buckets: [uploads], env: { BUCKET_UPLOADS: x }",
            "5:49 BUCKET_UPLOADS is given to every container by stackctl [leave it out, or take another name]",
        ),
        (
            "uploads: {}",
            "buckets: [uploads], secrets: { BUCKET_UPLOADS: generate }",
            "5:53 BUCKET_UPLOADS is given to every container by stackctl [leave it out, or take another name]",
        ),
        ("Up: {}", "port: 80", "3:12 `Up` cannot name a bucket [2 to 20 of a-z, 0-9 and -, beginning with a letter]"),
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
            "3:1 the buckets of this stack would be called `sthree-default-…`, and AWS reserves `sthree-` [take another `name` for the stack]"
        ]
    );
    let many: Vec<String> = (10..71).map(|number| format!("b{number}")).collect();
    let declared = many.iter().map(|name| format!("{name}: {{}}")).collect::<Vec<_>>().join(", ");
    let found = told("demo", &declared, &format!("buckets: [{}]", many.join(", ")));
    assert!(found[0].contains("a service can use 60 buckets, and here are 61"), "{found:?}");
}

#[test]
fn a_command_that_is_one_text_is_shown_as_a_list() {
    let told = |command: &str| {
        problems(&format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    {command}\n"))
    };
    let table = [
        ("release: migrate", "6:14 expected a list of words, found text [write [migrate]]"),
        (
            "release: bin/migrate --all a:b",
            "6:14 expected a list of words, found text [write [bin/migrate, --all, \"a:b\"]]",
        ),
        (
            "release: migrate && seed",
            "6:14 expected a list of words, found text [write [sh, -c, \"migrate && seed\"], if the image has a shell]",
        ),
        ("command: work", "6:14 expected a list of words, found text [write [work]]"),
        ("entrypoint: /bin/start", "6:17 expected a list of words, found text [write [/bin/start]]"),
        ("entrypoint: []", "6:17 there is no command [such as [/bin/start], or leave `entrypoint` out]"),
        ("release: { run: migrate }", "6:14 expected a list, found a mapping [write it in brackets: [one, two]]"),
        ("release: []", "6:14 there is no command [such as [migrate], or leave `release` out]"),
    ];
    for (command, problem) in table {
        assert_eq!(told(command), [problem], "{command}");
    }
}

#[test]
fn a_cache_needs_no_more_than_its_name() {
    let stack = |cache: &str| {
        let text = format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app }} }}\n{cache}");
        read(&text).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    };
    let cache = |version: &str, class: &str| Some(Cache { version: version.into(), class: class.into() });
    assert_eq!(stack("").cache, None);
    assert_eq!(stack("cache: {}\n").cache, cache("8.0", "cache.t4g.micro"));
    assert_eq!(stack("cache: { class: cache.m7g.large, version: \"9.0\" }\n").cache, cache("9.0", "cache.m7g.large"));
}

#[test]
fn a_cache_that_elasticache_has_not_is_placed() {
    let wrong = |cache: &str| {
        problems(&format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app }} }}\ncache: {cache}\n"))
    };
    let versions = "it has: 7.2, 8.0, 8.1, 8.2, 9.0, 9.1";
    assert_eq!(
        wrong("{ version: \"6.2\", class: t4g.micro }"),
        [
            format!("4:19 `6.2` is no version of Valkey that ElastiCache has [{versions}]"),
            "4:33 `t4g.micro` is no node type of ElastiCache [such as cache.t4g.micro or cache.m7g.large]".to_owned(),
        ]
    );
    assert_eq!(wrong("{ version: 8.0 }"), ["4:19 expected text, found a number [put it in quotes: \"8.0\"]"]);
    assert_eq!(wrong("{ clas: cache.t4g.micro }"), ["4:10 unknown key `clas` [did you mean `class`?]"]);
    assert_eq!(wrong("yes")[0], "4:8 `cache` has to be a mapping, and is text [write `key: value` lines under it]");
}

/// A file whose fourth line is `load_balancer: { … }`.
fn balanced(balancer: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app, port: 80 }} }}\nload_balancer: {{ {balancer} }}\n"
    )
}

#[test]
fn a_domain_goes_with_a_certificate_of_acm() {
    let tls = |balancer: &str| read(&balanced(balancer)).expect("it is valid").load_balancer.expect("it has one").tls;
    assert_eq!(tls("tls: acm, domain: rates.example.com"), Tls::Acm { domain: "rates.example.com".into() });
    let arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1-2-3".to_owned();
    assert_eq!(tls(&format!("tls: \"{arn}\"")), Tls::Certificate { arn: arn.clone(), domain: None });
    let named = Tls::Certificate { arn: arn.clone(), domain: Some("a.example.com".into()) };
    assert_eq!(tls(&format!("domain: a.example.com, tls: \"{arn}\"")), named);
    assert_eq!(tls("tls: off"), Tls::Off);
}

#[test]
fn a_domain_without_a_certificate_and_one_without_the_other_are_placed_with_the_way_out() {
    let trusted = "a `domain` needs a certificate that browsers trust [write `tls: acm` beside it, or the ARN of a certificate for this name]";
    let table = [
        ("domain: a.example.com", format!("4:26 {trusted}")),
        ("tls: off, domain: a.example.com", format!("4:36 {trusted}")),
        ("tls: self-signed, domain: a.example.com", format!("4:44 {trusted}")),
        (
            "tls: acm",
            "4:23 `tls: acm` needs the name that the certificate is for [add `domain: app.example.com`, a name in a public hosted zone of this account's Route 53]".to_owned(),
        ),
        (
            "tls: acm, domain: \"*.example.com\"",
            "4:36 `*.example.com`: the load balancer is reached by one name, not by all of a kind [such as app.example.com]".to_owned(),
        ),
        (
            "tls: \"arn:aws:acm:us-east-1:123456789012:certificate/1\"",
            "4:23 this certificate is in us-east-1, and the stack is not [request or import it in the stack's region as well: a load balancer takes no other]".to_owned(),
        ),
        ("tls: amc", "4:23 `amc` is none of: off, self-signed, acm [did you mean `acm`?]".to_owned()),
    ];
    for (balancer, expected) in table {
        assert_eq!(problems(&balanced(balancer)), [expected], "{balancer}");
    }
    assert!(
        problems(&balanced("tls: \"arn:aws:iam::1:server-certificate/x\""))[0].contains("is no ARN of a certificate")
    );
}

#[test]
fn a_path_that_is_too_long_to_be_blocked_in_every_spelling_is_placed_with_the_way_out() {
    let text = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    port: 80\n    block: [/ok, /internal/administration/of/all/users]\n";
    assert_eq!(
        problems(text),
        [
            "7:18 `/internal/administration/of/all/users` is too long to be blocked in every spelling [about twenty letters are possible: end it sooner, with *]"
        ]
    );
    let shorter = text.replace("/of/all/users", "/*");
    assert_eq!(read(&shorter).expect("it is valid").services["web"].block, ["/ok", "/internal/administration/*"]);
}

const SCALED: &str = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    port: 80\n";

#[test]
fn scale_gives_the_limits_and_what_is_held() {
    let stack =
        read(&format!("{SCALED}    scale: {{ min: 2, max: 10, cpu: 60, requests: 900 }}\n")).expect("it is valid");
    let web = &stack.services["web"];
    assert_eq!(web.replicas, 2, "a service begins with the fewest");
    assert_eq!(web.scale, Some(Scale { min: 2, max: 10, cpu: Some(60), memory: None, requests: Some(900) }));
    let least = read(&format!("{SCALED}    scale: {{ max: 3, memory: 70 }}\n")).expect("it is valid");
    assert_eq!(least.services["web"].scale.map(|scale| scale.min), Some(1));
    assert_eq!(read(SCALED).expect("it is valid").services["web"].scale, None);
}

#[test]
fn a_scale_that_cannot_be_is_placed_and_says_the_way_out() {
    let table = [
        ("scale: { min: 5, max: 3, cpu: 60 }", "7:19 `min` is 5 and `max` is 3 [`min` can be 3 at most]"),
        (
            "scale: { min: 0, max: 3, cpu: 60 }",
            "7:19 autoscaling needs at least one task [without a task there is nothing to measure; `replicas: 0` stops a service]",
        ),
        ("scale: { min: 1, cpu: 60 }", "7:12 `max` is missing in `services.web.scale` [add `max: 10`]"),
        (
            "scale: { max: 3 }",
            "7:12 `scale` does not say by what [add `cpu: 60` or `memory: 70`, in percent, or `requests: 1000`, a minute and task]",
        ),
        ("scale: { max: 3, cpu: 150 }", "7:27 expected a whole number from 1 to 100, found `150` []"),
        ("scale: { max: 3, cpus: 50 }", "7:22 unknown key `cpus` [did you mean `cpu`?]"),
    ];
    for (scale, problem) in table {
        let found = problems(&format!("{SCALED}    {scale}\n"));
        assert!(found.iter().any(|one| one == problem), "{scale}: {found:?}");
    }
}

#[test]
fn replicas_and_scale_are_not_for_the_same_service_unless_an_environment_takes_one_away() {
    let both = format!("{SCALED}    replicas: 2\n    scale: {{ max: 3, cpu: 60 }}\n");
    let found = problems(&both);
    assert!(found[0].starts_with("7:15 a service has `replicas` or `scale`, not both [with `scale`,"), "{found:?}");
    let text = format!(
        "{SCALED}    replicas: 2\nenvironments:\n  production: {{ services: {{ web: {{ replicas: null, scale: {{ min: 3, max: 9, cpu: 60 }} }} }} }}\n"
    );
    let counted = |environment: &str| {
        let stack = parse("stack.yaml", &text, environment, &none).expect("it is valid");
        (stack.services["web"].replicas, stack.services["web"].scale.map(|scale| scale.max))
    };
    assert_eq!((counted(DEFAULT_ENVIRONMENT), counted("production")), ((2, None), (3, Some(9))));
}

#[test]
fn requests_are_counted_only_where_a_load_balancer_serves() {
    let worker = "name: demo\nregion: eu-west-1\nservices:\n  mail: { build: app, scale: { max: 3, requests: 9 } }\n";
    assert_eq!(
        problems(worker),
        [
            "4:50 requests are counted by the load balancer, which does not serve this service [scale a service without routes by `cpu` or `memory`]"
        ]
    );
}

#[test]
fn alarms_go_to_one_address() {
    let with = |alarms: &str| format!("{SCALED}alarms: {alarms}\n");
    let stack = read(&with("{ email: ops+demo@example.com }")).expect("it is valid");
    assert_eq!(stack.alarms, Some(Alarms { email: "ops+demo@example.com".into() }));
    assert_eq!(problems(&with("{}")), ["7:9 `email` is missing in `alarms` [add `email: ops@example.com`]"]);
    for bad in ["ops", "ops@", "@example.com", "ops@example", "a b@example.com", "a@b@example.com", "a@example..com"] {
        let expected = format!("7:18 `{bad}` is no e-mail address [one address, such as ops@example.com]");
        assert_eq!(problems(&with(&format!("{{ email: \"{bad}\" }}"))), [expected]);
    }
}

const WITH_DATABASE: &str = "name: demo\nregion: eu-west-1\nservices: { web: { build: app } }\ndatabase:\n";

#[test]
fn database_users_keep_the_order_of_the_file_and_the_first_owner_is_whom_containers_connect_as() {
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
fn an_environment_takes_a_database_user_away_with_null() {
    let text = format!(
        "{WITH_DATABASE}  users: {{ app: owner, developer: read-only }}\nenvironments:\n  live: {{ database: {{ users: {{ developer: null }} }} }}\n"
    );
    let stack = parse("stack.yaml", &text, "live", &none).expect("it is valid");
    let names: Vec<String> = stack.database.expect("it has one").users.into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["app"]);
}

#[test]
fn a_database_user_that_postgres_refuses_is_placed_with_the_way_out() {
    let table = [
        (
            "Developer: owner",
            "6:5 `Developer` has upper-case letters, which Postgres takes for lower-case ones [write it as `developer`]",
        ),
        ("pg_app: owner", "6:5 `pg_app` is reserved for Postgres itself [give it another name]"),
        (
            "rdsadmin: owner",
            "6:5 `rdsadmin` is reserved for RDS, whose own users all begin with rds [give it another name]",
        ),
        (
            "postgres: owner",
            "6:5 `postgres` is the master user, which RDS has made already [it is always there; name the users beside it]",
        ),
        (
            "my-app: owner",
            "6:5 `my-app` cannot name a database user [a-z, 0-9 and _, beginning with a letter, such as app or reports_2]",
        ),
        ("app: admin", "6:10 `admin` is none of: owner, read-only []"),
        ("app: readonly", "6:10 `readonly` is none of: owner, read-only [did you mean `read-only`?]"),
        ("app: [owner]", "6:10 expected text, found a list [write one value here]"),
    ];
    for (line, expected) in table {
        assert_eq!(problems(&format!("{WITH_DATABASE}  users:\n    {line}\n")), [expected], "{line}");
    }
    let list = problems(&format!("{WITH_DATABASE}  users: [app]\n"));
    assert_eq!(list, ["5:10 `database.users` has to be a mapping, and is a list [write `key: value` lines under it]"]);
}

#[test]
fn a_dockerfile_brings_its_folder_as_context_unless_another_one_is_given() {
    let image = |build: &str| {
        let text = format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: {build} }} }}\n");
        read(&text).expect("it is valid").services["web"].image.clone()
    };
    let dockerfile = |path: &str, context: &str| ImageFrom::Dockerfile { path: path.into(), context: context.into() };
    assert_eq!(image("{ dockerfile: ./Dockerfile }"), dockerfile("./Dockerfile", "."));
    assert_eq!(image("{ dockerfile: Dockerfile }"), dockerfile("Dockerfile", "."));
    assert_eq!(image("{ dockerfile: app/Dockerfile }"), dockerfile("app/Dockerfile", "app"));
    assert_eq!(image("{ dockerfile: app/Dockerfile, context: . }"), dockerfile("app/Dockerfile", "."));
}

#[test]
fn a_dockerfile_outside_of_the_project_and_a_build_without_one_are_refused() {
    let told =
        |build: &str| problems(&format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: {build}\n"));
    let outside = "is not below the folder of stack.yaml";
    assert_eq!(
        told("{ dockerfile: ../Dockerfile }"),
        [format!("5:26 `../Dockerfile` {outside} [name the file, such as ./Dockerfile]")]
    );
    assert_eq!(
        told("{ dockerfile: Dockerfile, context: /src }"),
        [format!("5:47 `/src` {outside} [name a folder, such as .]")]
    );
    assert_eq!(
        told("{ context: . }"),
        ["5:12 `dockerfile` is missing in `services.web.build` [add `dockerfile: ./Dockerfile`]"]
    );
    assert_eq!(
        told("{ dockerfle: Dockerfile }"),
        [
            "5:12 `dockerfile` is missing in `services.web.build` [add `dockerfile: ./Dockerfile`]",
            "5:14 unknown key `dockerfle` [did you mean `dockerfile`?]",
        ]
    );
    assert_eq!(told("{}"), ["5:12 `dockerfile` is missing in `services.web.build` [add `dockerfile: ./Dockerfile`]"]);
}

#[test]
fn a_secret_is_generated_given_by_hand_or_named_by_its_arn() {
    let stack = |secret: &str| {
        let secrets = format!("secrets: {{ KEY: {secret} }}");
        let text = format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app, {secrets} }} }}\n");
        read(&text).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    };
    let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/api-AbCdEf";
    let parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/api";
    for (written, from) in [
        (format!("{{ from: {secret} }}"), SecretFrom::SecretsManager { arn: secret.into(), key: None }),
        (
            format!("{{ from: {secret}, key: token }}"),
            SecretFrom::SecretsManager { arn: secret.into(), key: Some("token".into()) },
        ),
        (format!("{{ from: {parameter} }}"), SecretFrom::Parameter { arn: parameter.into() }),
        ("generate".to_owned(), SecretFrom::Generate),
        ("set".to_owned(), SecretFrom::Set),
    ] {
        assert_eq!(stack(&written).services["web"].secrets["KEY"], from, "{written}");
    }
}

#[test]
fn what_is_no_secret_of_aws_is_placed() {
    let wrong = |secret: &str| {
        let text = format!(
            "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    secrets:\n      KEY: {secret}\n"
        );
        problems(&text)
    };
    let account = "eu-west-1:123456789012";
    for (secret, begins) in [
        (
            "{ from: hunter2 }".to_owned(),
            "7:20 `hunter2` is no ARN of a secret or a parameter [arn:aws:secretsmanager:",
        ),
        (format!("{{ from: \"arn:aws:s3:{account}:secret:x\" }}"), "7:20 `arn:aws:s3:"),
        ("{ from: \"arn:aws:ssm:eu-west-1:1234:parameter/x\" }".to_owned(), "7:20 `arn:aws:ssm:eu-west-1:1234:"),
        (
            format!("{{ from: \"arn:aws:secretsmanager:{account}:secret:x-AbCdEf:token::\" }}"),
            "7:20 `arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf:token::` goes on after the secret's name",
        ),
        (format!("{{ from: \"arn:aws:secretsmanager:{account}:secret:x*\" }}"), "7:20 `x*` cannot name a secret"),
        (
            format!("{{ from: \"arn:aws:ssm:{account}:parameter/x\", key: token }}"),
            "7:75 a parameter is passed whole: ECS takes no field of it",
        ),
        (
            format!("{{ from: \"arn:aws:secretsmanager:{account}:secret:x\", key: \"a:b\" }}"),
            "7:83 `a:b` cannot name a field of a secret",
        ),
        ("{ key: token }".to_owned(), "7:12 `from` is missing"),
        (
            "hunter2".to_owned(),
            "7:12 a secret's value is not written here [write `generate`, `set` for one that `stackctl secrets set` is given, or `{ from: ARN }`",
        ),
    ] {
        let found = wrong(&secret);
        assert_eq!(found.len(), 1, "{secret}: {found:?}");
        assert!(found[0].starts_with(begins), "{secret}: {found:?}");
    }
}
