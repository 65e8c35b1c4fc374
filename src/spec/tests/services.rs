//! Tests `services`: images, commands, blocked paths, scaling and secrets.

use std::collections::BTreeMap;

use super::*;

#[test]
fn command_and_entrypoint_work_with_build_and_image() {
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
fn user_ulimits_and_init_are_decoded() {
    let service = |keys: &str| {
        let text = format!("{ONE_SERVICE}    {keys}\n");
        let stack = read(&text).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let web = &stack.services["web"];
        (web.user.clone(), web.nofile, web.init)
    };
    assert_eq!(service("replicas: 1"), (None, None, false));
    assert_eq!(service("user: node"), (Some("node".into()), None, false));
    let all = "user: \"1000:staff\"\n    ulimits: { nofile: 100000 }\n    init: true";
    assert_eq!(service(all), (Some("1000:staff".into()), Some(100_000), true));
    let wrong = |keys: &str| problems(&format!("{ONE_SERVICE}    {keys}\n"));
    for user in ["a b", ":1000", "a:b:c", "-x"] {
        let found = wrong(&format!("user: {user:?}"));
        assert!(found.len() == 1 && found[0].starts_with(&format!("7:11 invalid user `{user}`")), "{found:?}");
    }
    assert_eq!(wrong("ulimits: { nofile: 2000000 }").len(), 1);
    assert_eq!(wrong("ulimits: {}").len(), 1);
    assert!(wrong("stop_signal: SIGINT")[0].contains("STOPSIGNAL"));
}

#[test]
fn paths_with_the_same_repository_name_are_rejected() {
    let told = |one: &str, other: &str| {
        let text =
            format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: {one}\n  api:\n    build: {other}\n");
        read(&text)
            .err()
            .map(|problems| problems.list().iter().map(|one| (one.line, one.column, one.message.clone())).collect())
    };
    let twice = |name: &str| {
        let message = format!("`api` and `web` build different images for the same ECR repository, `{name}`");
        Some(vec![(7, 12, message)])
    };
    assert_eq!(told("a/b-c", "a-b/c"), twice("a-b-c"));
    assert_eq!(told("my__app", "my_app"), twice("my-app"));
    assert_eq!(told("gr\u{f6}\u{df}e", "gr\u{fc}\u{df}e"), twice("gr-e"));
    assert_eq!(told("demo", "."), twice("demo"));
    assert_eq!(told("app", "app"), None, "one image for both");
    assert_eq!(told("my__app", "gr\u{f6}\u{df}e app"), None);
    let long = "a".repeat(223);
    let found: Option<Vec<(usize, usize, String)>> = told(&long, "app");
    assert_eq!(found.map(|found| (found.len(), found[0].0)), Some((1, 5)));
}

#[test]
fn too_many_wildcards_in_a_rule_are_rejected() {
    const HINT: &str = "use fewer wildcards; a load balancer rule has at most 5 `*` and `?`";
    let told = |keys: &str| problems(&format!("{ONE_SERVICE}    {keys}\n"));
    assert_eq!(
        told("routes: [/ok, \"/*/*/*/*/?/*\"]"),
        [format!("7:19 `/*/*/*/*/?/*` has more than 5 wildcards [{HINT}]")]
    );
    let with_host = "host: \"*.*.example.com\"\n    routes: [\"/*/*/*\", \"/*/*/*/*\"]";
    assert_eq!(
        told(with_host),
        [format!("8:24 `/*/*/*/*` with the host `*.*.example.com` has more than 5 wildcards [{HINT}]")]
    );
    // The route of the only service already has a wildcard.
    let host = "host: \"?????.example.com\"";
    assert_eq!(told(host), [format!("7:11 `?????.example.com` with a route has more than 5 wildcards [{HINT}]")]);
    assert!(read(&format!("{ONE_SERVICE}    host: \"????.example.com\"\n")).is_ok());
}

#[test]
fn too_long_commands_are_rejected() {
    let long = "a".repeat(8_192);
    let found = problems(&format!("{ONE_SERVICE}    release: [sh, -c, {long}]\n"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("7:14 the command is too long: ") && found[0].contains("at most 8192"),
        "{}",
        found[0]
    );
    let job = format!(
        "{ONE_SERVICE}jobs:\n  night:\n    service: web\n    schedule: rate(1 hour)\n    command: [{}]\n",
        "a".repeat(8_192)
    );
    let found = problems(&job);
    assert!(found.len() == 1 && found[0].starts_with("11:14 the command is too long: "), "{found:?}");
    assert!(read(&format!("{ONE_SERVICE}    release: [sh, -c, {}]\n", "a".repeat(8_000))).is_ok());
}

#[test]
fn too_large_task_definitions_are_rejected() {
    let found = problems(&format!("{ONE_SERVICE}    env:\n      A: small\n      B: {}\n", "b".repeat(64 * 1024)));
    assert_eq!(found.len(), 1);
    let says = "8:7 the task definition of `web` is too large: about 68 KiB, and ECS allows 64";
    assert!(found[0].starts_with(says), "{}", found[0]);
    assert!(read(&format!("{ONE_SERVICE}    env: {{ B: {} }}\n", "b".repeat(60 * 1024))).is_ok());
    let many: Vec<String> = (0..220).map(|number| format!("      SECRET_{number}: set\n")).collect();
    let found = problems(&format!("{ONE_SERVICE}    secrets:\n{}", many.concat()));
    assert!(found.len() == 1 && found[0].starts_with("8:7 the task definition of `web` is too large"), "{found:?}");
}

#[test]
fn environments_cannot_share_resource_names() {
    let text = |second: &str| {
        format!(
            "name: aa\nregion: eu-west-1\nservices: {{ web: {{ build: app }}, c-web: {{ build: app }} }}\nenvironments:\n  b1:\n    network: {{ nat: none }}\n  {second}:\n    network: {{ nat: none }}\n"
        )
    };
    assert_eq!(
        problems(&text("b1-c")),
        [
            "7:3 the service `web` in the environment `b1-c` and `c-web` in `b1` have the same name on AWS, `aa-b1-c-web` [rename one of the two, or one of the environments]"
        ]
    );
    assert!(read(&text("b1-d")).is_ok());
}

#[test]
fn invalid_image_tags_are_rejected() {
    let text = "name: demo\nregion: eu-west-1\nservices: { web: { image: \"nginx:1.27+g1\" } }\n";
    assert_eq!(
        problems(text),
        [
            "3:27 invalid image `nginx:1.27+g1` [use a name such as nginx:1.27; a tag has at most 128 letters, digits and `_`, `.`, `-`]"
        ]
    );
}

#[test]
fn command_written_as_text_is_suggested_as_a_list() {
    let told = |command: &str| {
        problems(&format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    {command}\n"))
    };
    let table = [
        ("release: migrate", "6:14 expected a list of words, found text [write it as a list: [migrate]]"),
        (
            "release: bin/migrate --all a:b",
            "6:14 expected a list of words, found text [write it as a list: [bin/migrate, --all, \"a:b\"]]",
        ),
        (
            "release: migrate && seed",
            "6:14 expected a list of words, found text [write it as a list: [sh, -c, \"migrate && seed\"], if the image has a shell]",
        ),
        ("command: work", "6:14 expected a list of words, found text [write it as a list: [work]]"),
        ("entrypoint: /bin/start", "6:17 expected a list of words, found text [write it as a list: [/bin/start]]"),
        ("entrypoint: []", "6:17 the command is empty [write a list such as [/bin/start], or remove `entrypoint`]"),
        (
            "release: { run: migrate }",
            "6:14 expected a list, found a mapping [write the values in brackets: [one, two]]",
        ),
        ("release: []", "6:14 the command is empty [write a list such as [migrate], or remove `release`]"),
    ];
    for (command, problem) in table {
        assert_eq!(told(command), [problem], "{command}");
    }
}

#[test]
fn too_long_block_patterns_are_reported_with_a_fix() {
    let text = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    port: 80\n    block: [/ok, /internal/administration/of/all/users]\n";
    assert_eq!(
        problems(text),
        [
            "7:18 the pattern `/internal/administration/of/all/users` is too long to be blocked in every spelling [use about 20 letters at most, and end it with *]"
        ]
    );
    let shorter = text.replace("/of/all/users", "/*");
    assert_eq!(read(&shorter).expect("it is valid").services["web"].block, ["/ok", "/internal/administration/*"]);
}

#[test]
fn scale_is_decoded_with_limits_and_targets() {
    let stack =
        read(&format!("{ONE_SERVICE}    scale: {{ min: 2, max: 10, cpu: 60, requests: 900 }}\n")).expect("it is valid");
    let web = &stack.services["web"];
    assert_eq!(web.replicas, 2, "a service begins with the fewest");
    assert_eq!(
        web.scale,
        Some(Scale {
            min: 2,
            max: 10,
            cpu: Some(60),
            memory: None,
            requests: Some(900),
            response_time: None,
            cooldown_out: 60,
            cooldown_in: 300,
            schedule: BTreeMap::new(),
        })
    );
    let least = read(&format!("{ONE_SERVICE}    scale: {{ max: 3, memory: 70 }}\n")).expect("it is valid");
    assert_eq!(least.services["web"].scale.as_ref().map(|scale| scale.min), Some(1));
    assert_eq!(read(ONE_SERVICE).expect("it is valid").services["web"].scale, None);
}

#[test]
fn invalid_scale_is_reported_with_a_fix() {
    let table = [
        (
            "scale: { min: 5, max: 3, cpu: 60 }",
            "7:19 `min` (5) is greater than `max` (3) [write `min: 3` or less, or increase `max`]",
        ),
        (
            "scale: { min: 0, max: 3, cpu: 60 }",
            "7:19 autoscaling needs at least one task [write `min: 1`; to stop the service, use `replicas: 0` instead of `scale`]",
        ),
        ("scale: { min: 1, cpu: 60 }", "7:12 missing key `max` in `services.web.scale` [add `max: 10`]"),
        (
            "scale: { max: 3 }",
            "7:12 `scale` needs a metric or a schedule [add `cpu: 60` or `memory: 70` (in percent), `requests: 1000` (per minute and task) or `response_time: 500` (in ms)]",
        ),
        (
            "scale: { max: 3, cpu: 60, cooldown: { in: 2h } }",
            "7:47 expected a time from 0 to 3600 s, found `2h` [write seconds, such as 30 or 30s, or use the unit m, h or d]",
        ),
        ("scale: { max: 3, cpu: 150 }", "7:27 expected a whole number from 1 to 100, found `150` []"),
        ("scale: { max: 3, cpus: 50 }", "7:22 unknown key `cpus` [did you mean `cpu`?]"),
    ];
    let own = "scale: { max: 3, response_time: 500, cooldown: { out: 30s, in: 10m } }";
    let scale = read(&format!("{ONE_SERVICE}    {own}\n")).expect("it is valid").services["web"]
        .scale
        .clone()
        .expect("it scales");
    assert_eq!((scale.response_time, scale.cooldown_out, scale.cooldown_in), (Some(500), 30, 600));
    for (scale, problem) in table {
        let found = problems(&format!("{ONE_SERVICE}    {scale}\n"));
        assert!(found.iter().any(|one| one == problem), "{scale}: {found:?}");
    }
}

#[test]
fn replicas_and_scale_are_mutually_exclusive() {
    let both = format!("{ONE_SERVICE}    replicas: 2\n    scale: {{ max: 3, cpu: 60 }}\n");
    let found = problems(&both);
    assert!(found[0].starts_with("7:15 found both `replicas` and `scale` [keep one of them;"), "{found:?}");
    let text = format!(
        "{ONE_SERVICE}    replicas: 2\nenvironments:\n  production: {{ services: {{ web: {{ replicas: null, scale: {{ min: 3, max: 9, cpu: 60 }} }} }} }}\n"
    );
    let counted = |environment: &str| {
        let stack = parse("stack.yaml", &text, environment, &none).expect("it is valid");
        (stack.services["web"].replicas, stack.services["web"].scale.as_ref().map(|scale| scale.max))
    };
    assert_eq!((counted(DEFAULT_ENVIRONMENT), counted("production")), ((2, None), (3, Some(9))));
}

#[test]
fn scaling_by_requests_needs_a_load_balancer() {
    let worker = "name: demo\nregion: eu-west-1\nservices:\n  mail: { build: app, scale: { max: 3, requests: 9 } }\n";
    assert_eq!(
        problems(worker),
        [
            "4:50 `requests` is measured by the load balancer, and this service has no routes [use `cpu` or `memory` for a service without routes]"
        ]
    );
}

#[test]
fn build_context_defaults_to_the_folder_of_the_dockerfile() {
    let image = |build: &str| {
        let text = format!("name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: {build} }} }}\n");
        read(&text).expect("it is valid").services["web"].image.clone()
    };
    let dockerfile = |path: &str, context: &str| {
        let (target, args) = (None, BTreeMap::new());
        ImageFrom::Dockerfile { path: path.into(), context: context.into(), target, args }
    };
    assert_eq!(image("{ dockerfile: ./Dockerfile }"), dockerfile("./Dockerfile", "."));
    assert_eq!(image("{ dockerfile: Dockerfile }"), dockerfile("Dockerfile", "."));
    assert_eq!(image("{ dockerfile: app/Dockerfile }"), dockerfile("app/Dockerfile", "app"));
    assert_eq!(image("{ dockerfile: app/Dockerfile, context: . }"), dockerfile("app/Dockerfile", "."));
}

#[test]
fn dockerfile_must_be_inside_the_project() {
    let told =
        |build: &str| problems(&format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: {build}\n"));
    let outside = "is not inside the folder of stack.yaml";
    assert_eq!(
        told("{ dockerfile: ../Dockerfile }"),
        [format!("5:26 the path `../Dockerfile` {outside} [write the path of the file, such as ./Dockerfile]")]
    );
    assert_eq!(
        told("{ dockerfile: Dockerfile, context: /src }"),
        [format!("5:47 the path `/src` {outside} [write a folder, such as .]")]
    );
    assert_eq!(
        told("{ context: . }"),
        ["5:12 missing key `dockerfile` in `services.web.build` [add `dockerfile: ./Dockerfile`]"]
    );
    assert_eq!(
        told("{ dockerfle: Dockerfile }"),
        ["5:14 unknown key `dockerfle` [did you mean `dockerfile`?]"],
        "a slip is one problem"
    );
    assert_eq!(told("{}"), ["5:12 missing key `dockerfile` in `services.web.build` [add `dockerfile: ./Dockerfile`]"]);
}

#[test]
fn log_retention_must_be_one_that_cloudwatch_offers() {
    let text = |logs: &str| format!("name: demo\nregion: eu-west-1\nservices:\n  web: {{ build: app{logs} }}\n");
    let days = |logs: &str| read(&text(logs)).expect("it is valid").services["web"].log_days;
    assert_eq!((days(""), days(", logs: {}"), days(", logs: { days: 3653 }")), (30, 30, 3653));
    let wrong = problems(&text(", logs: { days: 31 }"));
    assert!(wrong[0].starts_with("4:36 invalid log retention of 31 days [use one of 1, 3, 5, "), "{wrong:?}");
    assert!(wrong[0].ends_with("; the nearest is 30]"), "{wrong:?}");
    let foreign = problems(&text(", logs: { retention: 14 }"));
    assert!(foreign[0].contains("use `days`, such as `days: 14`"), "{foreign:?}");
}

#[test]
fn build_target_and_args_are_decoded() {
    let told =
        |build: &str| problems(&format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: {build}\n"));
    let text = "name: demo\nregion: eu-west-1\nservices:\n  web: { build: { dockerfile: Dockerfile, target: runtime, args: { APP: web, DEBUG: false, V: 1.20 } } }\n";
    let ImageFrom::Dockerfile { target, args, .. } = read(text).expect("it is valid").services["web"].image.clone()
    else {
        panic!("it is a Dockerfile")
    };
    assert_eq!(target.as_deref(), Some("runtime"));
    let expected = [("APP", "web"), ("DEBUG", "false"), ("V", "1.20")];
    assert_eq!(args, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(
        told("{ dockerfile: Dockerfile, target: --push }"),
        ["5:46 invalid Dockerfile stage `--push` [use the name from the line `FROM … AS NAME`, such as runtime]"]
    );
    assert_eq!(
        told("{ dockerfile: Dockerfile, args: { 1A: x, PATH: x, DOCKER_HOST: x } }"),
        [
            "5:46 invalid build argument name `1A` [use letters, digits and _, not beginning with a digit]",
            "5:53 the docker command reserves the build argument `PATH` [use another name, also in the ARG line of the Dockerfile]",
            "5:62 the docker command reserves the build argument `DOCKER_HOST` [use another name, also in the ARG line of the Dockerfile]",
        ]
    );
}

#[test]
fn one_dockerfile_can_build_several_services() {
    let text = |api: &str| {
        let web = "{ dockerfile: Dockerfile, args: { APP: web } }";
        format!(
            "name: demo\nregion: eu-west-1\nservices:\n  web: {{ build: {web}, port: 3000, routes: [\"/*\"] }}\n  api: {{ build: {api} }}\n"
        )
    };
    for api in [
        "{ dockerfile: Dockerfile, args: { APP: api } }",
        "{ dockerfile: Dockerfile, args: { APP: web } }",
        "{ dockerfile: Dockerfile, target: api }",
        "{ dockerfile: Dockerfile }",
    ] {
        assert!(read(&text(api)).is_ok(), "{api}");
    }
    let same = problems(&text("{ dockerfile: demo/web/Dockerfile }"));
    assert!(
        same.iter().any(|one| one.contains("build different images for the same ECR repository, `demo-web`")),
        "{same:?}"
    );
}

#[test]
fn every_source_of_a_secret_is_decoded() {
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
        (format!("{{ from: {parameter} }}"), SecretFrom::Parameter { id: parameter.into() }),
        ("{ from: /shop/mail }".to_owned(), SecretFrom::Parameter { id: "/shop/mail".into() }),
        ("generate".to_owned(), SecretFrom::Generate),
        ("set".to_owned(), SecretFrom::Set),
    ] {
        assert_eq!(stack(&written).services["web"].secrets["KEY"], from, "{written}");
    }
}

#[test]
fn invalid_secrets_are_reported_with_a_fix() {
    let wrong = |secret: &str| {
        let text = format!(
            "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    secrets:\n      KEY: {secret}\n"
        );
        problems(&text)
    };
    let account = "eu-west-1:123456789012";
    for (secret, begins) in [
        ("{ from: hunter2 }".to_owned(), "7:20 invalid ARN or parameter name `hunter2` [use arn:aws:secretsmanager:"),
        (format!("{{ from: \"arn:aws:s3:{account}:secret:x\" }}"), "7:20 invalid ARN or parameter name `arn:aws:s3:"),
        (
            "{ from: \"arn:aws:ssm:eu-west-1:1234:parameter/x\" }".to_owned(),
            "7:20 invalid ARN or parameter name `arn:aws:ssm:eu-west-1:1234:",
        ),
        (
            format!("{{ from: \"arn:aws:secretsmanager:{account}:secret:x-AbCdEf:token::\" }}"),
            "7:20 `arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf:token::` continues after the name of the secret",
        ),
        (format!("{{ from: \"arn:aws:secretsmanager:{account}:secret:x*\" }}"), "7:20 invalid name `x*` of a secret"),
        (
            format!("{{ from: \"arn:aws:ssm:{account}:parameter/x\", key: token }}"),
            "7:75 `key` cannot be used with a parameter: ECS passes the whole value",
        ),
        (
            format!("{{ from: \"arn:aws:secretsmanager:{account}:secret:x\", key: \"a:b\" }}"),
            "7:83 invalid field name `a:b`",
        ),
        ("{ key: token }".to_owned(), "7:12 missing key `from`"),
        (
            "hunter2".to_owned(),
            "7:12 stack.yaml cannot contain the value of a secret [write `generate`, `set` and run `stackctl secrets set`, `{ from: … }` with an ARN",
        ),
    ] {
        let found = wrong(&secret);
        assert_eq!(found.len(), 1, "{secret}: {found:?}");
        assert!(found[0].starts_with(begins), "{secret}: {found:?}");
    }
}

#[test]
fn the_only_service_with_a_port_gets_all_requests() {
    let routes = |services: &str| {
        let stack = read(&format!("name: demo\nregion: eu-west-1\nservices:\n{services}")).expect("it is valid");
        let routes = stack.services.iter().map(|(name, service)| format!("{name} {}", service.routes.join(",")));
        routes.collect::<Vec<_>>()
    };
    let (web, worker) = ("  web: { build: app, port: 80 }\n", "  worker: { build: app }\n");
    assert_eq!(routes(web), ["web /*"]);
    assert_eq!(routes(&format!("{web}{worker}")), ["web /*", "worker "], "a worker takes nothing away");
    let api = "  api: { build: app, port: 80, routes: [/api/*] }\n";
    assert_eq!(routes(&format!("{api}{web}")), ["api /api/*", "web "]);
    let none = "  web: { build: app, port: 80, routes: [] }\n  api: { build: app, port: 80, routes: [] }\n";
    assert_eq!(routes(none), ["api ", "web "]);
}

#[test]
fn one_of_several_services_with_a_port_needs_routes() {
    let text =
        "name: demo\nregion: eu-west-1\nservices:\n  web: { build: app, port: 80 }\n  api: { build: app, port: 80 }\n";
    let problem = "several services have a `port`, and none has `routes` [add `routes: [\"/*\"]` to one, and patterns such as [\"/api/*\"] to others that receive requests]";
    assert_eq!(problems(text), [format!("4:3 {problem}"), format!("5:3 {problem}")]);
}
