//! Tests `permissions` of a service.

use super::*;

fn with_permissions(permissions: &str) -> String {
    format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    permissions:\n{permissions}")
}

#[test]
fn permissions_are_decoded_as_statements() {
    let text = with_permissions(
        "      - { actions: [\"s3:Get*\", s3:PutObject], resources: [\"arn:aws:s3:::shop-files/*\"] }\n      \
         - { actions: [ses:SendEmail], resources: [\"*\"] }\n",
    );
    let stack = read(&text).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let statement = |actions: &[&str], resource: &str| Statement {
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        resources: vec![resource.to_owned()],
    };
    let expected =
        [statement(&["s3:Get*", "s3:PutObject"], "arn:aws:s3:::shop-files/*"), statement(&["ses:SendEmail"], "*")];
    assert_eq!(stack.services["web"].permissions, expected);
}

#[test]
fn invalid_or_too_broad_permissions_are_reported() {
    for (statement, begins) in [
        (
            "{ actions: [\"*\"], resources: [\"*\"] }",
            "7:21 `*` would allow every action of every service [name the actions that",
        ),
        ("{ actions: [GetObject], resources: [\"*\"] }", "7:21 invalid IAM action `GetObject` [write a service and"),
        ("{ actions: [\"S3:GetObject\"], resources: [\"*\"] }", "7:21 invalid IAM action `S3:GetObject`"),
        ("{ actions: [\"s3:Get Object\"], resources: [\"*\"] }", "7:21 invalid action name `Get Object`"),
        ("{ actions: [], resources: [\"*\"] }", "7:20 `actions` is empty [write an entry such as - {"),
        ("{ actions: [s3:GetObject] }", "7:9 missing key `resources`"),
        (
            "{ actions: [s3:GetObject], resources: [my-bucket] }",
            "7:48 invalid ARN `my-bucket` [use an ARN such as arn:aws:s3",
        ),
        ("{ actions: [s3:GetObject], resources: [\"arn:aws:*:::x\"] }", "7:48 invalid ARN `arn:aws:*:::x`"),
        ("{ actions: [s3:GetObject], resources: [\"arn:aws:s3:::a b\"] }", "7:48 invalid ARN `arn:aws:s3:::a b`"),
        ("{ action: [s3:GetObject], resources: [\"*\"] }", "7:11 unknown key `action` [use `actions`"),
    ] {
        let found = problems(&with_permissions(&format!("      - {statement}\n")));
        assert!(found.first().is_some_and(|first| first.starts_with(begins)), "{statement}: {found:?}");
    }
    let two = problems(&with_permissions("      - { actions: [a:b] }\n      - { resources: [x] }\n"));
    assert_eq!(two.len(), 3, "both are told at once: {two:?}");
    let many: String = (0..300)
        .map(|number| {
            format!("      - {{ actions: [s3:GetObject], resources: [\"arn:aws:s3:::bucket-{number}/*\"] }}\n")
        })
        .collect();
    let found = problems(&with_permissions(&many));
    assert!(found[0].starts_with("7:7 ") && found[0].contains("and 9900 are available"), "{found:?}");
}
