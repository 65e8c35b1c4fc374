//! Existing secrets: passed to containers by ARN, and never read by stackctl.

use aws_sdk_ssm::types::ParameterType;

use crate::{
    support::{World, text},
    sweep::everything,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_and_a_parameter_reach_the_container_by_their_arns() {
    let world = World::start();
    let config = world.sdk().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let secret = r#"{ "password": "kept-elsewhere", "other": "x" }"#;
    let made = secrets.create_secret().name("shop/admin").secret_string(secret).send().await.expect("it is made");
    let parameters = aws_sdk_ssm::Client::new(&config);
    let put = parameters.put_parameter().name("/shop/user").value("Grace").r#type(ParameterType::SecureString);
    put.send().await.expect("it is made");

    let whole = made.arn().expect("it has one");
    let (part, _six) = whole.rsplit_once('-').expect("AWS adds six characters");
    let (by_arn, by_name) = ("arn:aws:ssm:eu-west-1:123456789012:parameter/shop/user", "/shop/user");
    world.edit("      USER_NAME: Ada\n", "");
    world.edit("replicas: 2", "replicas: 1");
    let given =
        format!("ADMIN_PASSWORD: {{ from: \"{part}\", key: password }}\n      USER_NAME: {{ from: \"{by_arn}\" }}");
    world.edit("ADMIN_PASSWORD: generate", &given);
    world.forget_calls().await;
    let url = world.up();
    let calls = world.calls().await;
    let read = calls.iter().filter(|call| call["operation"] == "GetParameters").count();
    assert_eq!(read, 0, "stackctl has no need of the value");

    assert!(world.get(&format!("{url}/")).await.1.contains("Grace"));
    let admin = async |password: &str| {
        let call = world.client.get(format!("{url}/admin")).basic_auth("developer", Some(password));
        call.send().await.expect("it answers").status().as_u16()
    };
    assert_eq!((admin("kept-elsewhere").await, admin("another").await), (200, 401));
    assert_eq!(world.plan(), Vec::<String>::new());

    // A full ARN is another reference to the same secret. Once no task uses the partial one, the role loses access by
    // it.
    world.edit(part, whole);
    assert_eq!(
        world.plan(),
        [
            "update role.web-execution",
            "update task_definition.web",
            "run release.web",
            "update service.web",
            "narrow role.web-execution"
        ]
    );
    // ECS accepts the name too. The role's policy contains the rest of the ARN.
    world.edit(by_arn, by_name);
    world.up();
    assert!(world.get(&format!("{url}/")).await.1.contains("Grace"));
    assert_eq!(world.plan(), Vec::<String>::new());
    let wrong = world.stackctl(&["destroy", "--confirm", "demo/default"]);
    assert!(wrong.status.success(), "{}", text(&wrong));
    assert_eq!(everything(&world).await, ["secret shop/admin", "parameter /shop/user"], "these are not the stack's");
}
