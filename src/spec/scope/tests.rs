//! Tests which texts are references, which are literal, and which errors are reported.

use super::*;
use crate::spec::{
    stack::{DatabaseRole, DatabaseUser},
    template::Piece,
};

fn scope() -> Scope {
    let users = vec![DatabaseUser { name: "app".into(), role: DatabaseRole::Owner }];
    let database = Database {
        version: "16".into(),
        class: "db.t4g.micro".into(),
        storage: 20,
        multi_az: false,
        backup_days: 7,
        protect: true,
        tls_required: true,
        users,
    };
    Scope::new(Some(&database), None, &["uploads"])
}

fn parsed(text: &str) -> Vec<Piece> {
    scope().read(text).expect("it is right").pieces().to_vec()
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

#[test]
fn references_are_separated_from_the_text_around_them() {
    let (host, port) = (Reference::Database(DatabaseFact::Host), Reference::Database(DatabaseFact::Port));
    assert_eq!(
        parsed("jdbc:postgresql://((database.host)):((database.port))/x"),
        [text("jdbc:postgresql://"), Piece::Reference(host.clone()), text(":"), Piece::Reference(port), text("/x"),]
    );
    assert_eq!(parsed("(((database.host)))"), [text("("), Piece::Reference(host), text(")")]);
    let user = Reference::DatabaseUser { name: "app".into(), fact: UserFact::Password };
    assert_eq!(parsed("((database.users.app.password))"), [Piece::Reference(user.clone())]);
    assert!(user.is_secret());
    assert_eq!(parsed("((buckets.uploads.name))"), [Piece::Reference(Reference::BucketName("uploads".into()))]);
}

#[test]
fn other_uses_of_parentheses_stay_text() {
    for plain in [
        "",
        "((a|b)c)*",
        "$((1 + 2))",
        "((3.5))",
        "((name))",
        "((",
        "((database.host",
        "(database.host)",
        "{{database.host}}",
        "{database.host}",
        "$$",
        "${database.host}",
        "((a..b))",
    ] {
        assert_eq!(scope().read(plain).expect("it is right").as_text().as_deref(), Some(plain));
    }
    assert_eq!(parsed("a ((!database.host)) b"), [text("a ((database.host)) b")]);
    let literal = scope().read("((!other))").expect("it is right");
    assert_eq!(literal.as_text().as_deref(), Some("((!other))"), "there is nothing to escape");
}

#[test]
fn unknown_reference_lists_the_valid_names() {
    let wrong = |text: &str| {
        let wrong = scope().read(text).expect_err("it is wrong");
        wrong.into_iter().map(|one| (one.written, one.before, one.message, one.hint)).collect::<Vec<_>>()
    };
    let [(written, before, message, hint)] = &wrong("((database.host)) ((database.hots))")[..] else { panic!("one") };
    assert_eq!((written.as_str(), *before), ("((database.hots))", 0));
    assert_eq!(message, "reference `database.hots` not found");
    assert!(hint.starts_with("did you mean `((database.host))`? use one of: database.host, database.port"), "{hint}");
    assert!(hint.contains("database.users.app.url") && !hint.contains("stack.name"), "{hint}");
    assert!(hint.ends_with("for the literal text, write `((!database.hots))`"), "{hint}");
    let twice = wrong("((x.y)) ((x.y))");
    assert_eq!(twice.iter().map(|one| one.1).collect::<Vec<_>>(), [0, 1]);
    assert!(twice[0].3.contains("buckets.uploads.name, service.version, stack.name"), "{}", twice[0].3);
    assert!(wrong("((cache.host))")[0].3.contains("add `cache: {}`"));
    let spaced = &wrong("(( database.host ))")[0];
    assert_eq!(
        (spaced.2.as_str(), spaced.3.as_str()),
        ("invalid reference: it contains spaces", "write `((database.host))`")
    );
}
