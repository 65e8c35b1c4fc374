//! Tests references in `env` and `secrets`, and the variables that stackctl sets.

use super::*;

fn with(parts: &str, service: &str) -> String {
    format!("name: demo\nregion: eu-west-1\n{parts}services:\n  web:\n    build: app\n{service}")
}

fn web(text: &str) -> Service {
    let mut stack = read(text).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    stack.services.remove("web").expect("it is there")
}

#[test]
fn values_can_refer_to_facts_about_the_stack() {
    let text = with(
        "database: {}\nbuckets: { uploads: {} }\n",
        "    env: { DB_HOST: ((database.host)), BUCKET: ((buckets.uploads.name)) }\n    secrets: { DB_PASSWORD: ((database.password)) }\n",
    );
    let service = web(&text);
    let host = Reference::Database(DatabaseFact::Host);
    assert_eq!(service.env["DB_HOST"].alone(), Some(&host), "it needs no quotes, in a line of its own or in braces");
    let SecretFrom::Composed(password) = &service.secrets["DB_PASSWORD"] else { panic!("it is put together") };
    assert_eq!(password.alone(), Some(&Reference::Database(DatabaseFact::Password)));
}

#[test]
fn cache_url_is_a_secret_only_with_a_password() {
    let env = "    env: { CACHE: ((cache.url)) }\n";
    assert!(problems(&with("cache: {}\n", env))[0].contains("CACHE contains a secret"));
    assert!(read(&with("cache: { password: off }\n", env)).is_ok());
    let found = problems(&with("cache: { password: off }\n", "    secrets: { P: ((cache.password)) }\n"));
    assert!(found[0].contains("use one of: cache.host, cache.port, cache.url;"), "{found:?}");
    let found = problems(&with("cache: { tls: optional }\n", ""));
    assert_eq!(
        found,
        [
            "3:15 `tls: optional` requires `password: off`: ElastiCache supports a password only if TLS is required [add \
          `password: off`, or remove `tls`; see docs/concepts/security.md for the risks]"
        ]
    );
}

#[test]
fn services_can_share_secrets() {
    let other = "  worker:\n    build: app\n    secrets:\n      KEY: ((services.web.secrets.KEY))\n      \
                 URL: nats://app:((services.web.secrets.TOKEN))@nats:4222\n";
    let own = "    secrets: { KEY: generate, TOKEN: set, FROM: { from: /shop/x } }\n";
    let stack =
        read(&format!("{}{other}", with("", own))).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let SecretFrom::Composed(key) = &stack.services["worker"].secrets["KEY"] else { panic!("it is a reference") };
    let reference = Reference::Secret { service: "web".into(), variable: "KEY".into() };
    assert_eq!(key.alone(), Some(&reference));
    let wrong =
        |text: &str| problems(&format!("{}{}", with("", own), other.replace("((services.web.secrets.KEY))", text)));
    assert!(wrong("((services.web.secrets.KYE))")[0].contains("did you mean `((services.web.secrets.KEY))`?"));
    assert!(wrong("((services.web.secrets.FROM))")[0].contains("reference `services.web.secrets.FROM` not found"));
    let env = with("", &format!("{own}    env: {{ A: ((services.web.secrets.KEY)) }}\n"));
    assert!(problems(&env)[0].contains("A contains a secret"));
}

#[test]
fn unknown_reference_is_reported_within_its_value() {
    let text = with("database: {}\n", "    env:\n      URL: \"a ((database.host)) ((database.hots)) b\"\n");
    let found = problems(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("8:33 reference `database.hots` not found [did you mean"), "{found:?}");
    let shown = read(&text).expect_err("it is wrong").render(false);
    assert!(shown.contains(" ^^^^^^^^^^^^^^^^^\n"), "the name alone is marked: {shown}");
    // Text from a variable has no position of its own.
    let text = with("", "    env: { A: \"${X}\" }\n");
    let found = parse("f", &text, "default", &|_| Some("((x.y))".into())).expect_err("it is wrong");
    assert_eq!((found.list()[0].line, found.list()[0].column), (6, 15));
}

#[test]
fn secret_in_env_is_rejected_with_the_line_to_write() {
    let found = problems(&with("database: {}\n", "    env: { DSN: \"Password=((database.password));\" }\n"));
    assert_eq!(
        found,
        [
            "7:17 DSN contains a secret, and `env` is plain text in the task definition [move it to `secrets`: `secrets: \
          { DSN: \"Password=((database.password));\" }`]"
        ]
    );
}

#[test]
fn sidecars_cannot_refer_to_secrets() {
    let sidecar = |env: &str| {
        with("database: {}\n", &format!("    sidecars: {{ proxy: {{ image: nginx, env: {{ A: {env} }} }} }}\n"))
    };
    let host = Reference::Database(DatabaseFact::Host);
    assert_eq!(web(&sidecar("((database.host))")).sidecars["proxy"].env["A"].alone(), Some(&host));
    let found = problems(&sidecar("((database.password))"));
    assert!(found[0].ends_with(
        "[write `secrets: { A: ((database.password)) }` in the service, and `secrets: { A: shared }` here]"
    ));
    assert!(problems(&sidecar("((stack.url))"))[0].starts_with("7:50 `stack.url` not found"));
}

#[test]
fn composed_secret_needs_a_reference_and_no_variable() {
    let found = problems(&with("", "    secrets: { KEY: hunter2 }\n"));
    assert!(found[0].starts_with("6:21 stack.yaml cannot contain the value of a secret"), "{found:?}");
    let text = with("database: {}\n", "    secrets: { KEY: \"((database.url))?key=${KEY}\" }\n");
    let found = parse("f", &text, "default", &|_| Some("x".into())).expect_err("it is wrong");
    assert!(found.list()[0].message.starts_with("plans would show the value of an environment variable"), "{found}");
}

#[test]
fn stack_url_needs_a_load_balancer() {
    let env = "    env: { URL: ((stack.url))/x }\n";
    let found = problems(&with("", env));
    assert_eq!(
        found,
        ["6:17 `stack.url` not found: the stack has no load balancer [add `port` to a service, or remove this]"]
    );
    assert!(read(&with("", &format!("    port: 80\n{env}"))).is_ok());
}

#[test]
fn variables_of_stackctl_can_be_overridden_or_left_out() {
    let own = with(
        "database: {}\ncache: {}\n",
        "    port: 80\n    env: { PORT: 8080, REDIS_URL: \"x\" }\n    secrets: { DATABASE_URL: \"a((database.url))\" }\n",
    );
    assert!(["PORT", "REDIS_URL", "DATABASE_URL"].iter().all(|name| !web(&own).is_given(name)));
    let left_out = with("database: {}\n", "    port: 80\n    without: [PORT, DATABASE_URL]\n");
    assert!(!web(&left_out).is_given("PORT") && !web(&left_out).is_given("DATABASE_URL"));
    let found = problems(&with("database: {}\n", "    without: [DATABASE_UR, PORT]\n"));
    assert_eq!(
        found,
        [
            "7:15 this container does not get the variable `DATABASE_UR` [did you mean DATABASE_URL?]",
            "7:28 this container does not get the variable `PORT` [use one of: DATABASE_URL]",
        ]
    );
    let found = problems(&with("", "    env: { APP_VERSION: x }\n"));
    assert_eq!(found, ["6:12 stackctl already sets APP_VERSION in every container [remove it, or use another name]"]);
}

#[test]
fn secret_path_can_contain_the_environment_name() {
    let text = "name: shop\nregion: eu-west-1\nservices:\n  web:\n    image: nginx:1\n    secrets: { KEY: { from: /((stack.name))/((stack.environment))/key } }\nenvironments: { prod: {} }\n";
    let place = |environment: &str| {
        let stack = parse("stack.yaml", text, environment, &|_| None).expect("it is valid");
        stack.services["web"].secrets["KEY"].clone()
    };
    let parameter = |id: &str| SecretFrom::Parameter { id: id.to_owned() };
    assert_eq!(place("prod"), parameter("/shop/prod/key"));
    assert_eq!(place("default"), parameter("/shop/default/key"));
}
