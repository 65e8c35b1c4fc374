//! An internal load balancer, next to the public one and instead of it.

use crate::{sweep, tiny::Tiny};

#[tokio::test(flavor = "multi_thread")]
async fn services_use_the_load_balancer_that_they_name() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "replicas: 1\n    env: { NAME: web }");
    let admin = "  admin:\n    build: tiny\n    port: 3000\n    replicas: 1\n    health: /status\n    internal: true\n    \
                 block: [/env/PATH]\n    env: { NAME: admin }\n    stop_timeout: 2\n";
    world.edit("services:\n", &format!("services:\n{admin}"));
    world.edit("load_balancer: { tls: off }", "load_balancer: { tls: off, idle_timeout: 90 }");
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/env/NAME")).await, (200, "web".to_owned()));

    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&world.sdk().await);
    let balancers = elb.describe_load_balancers().send().await.expect("it answers");
    let internal =
        balancers.load_balancers().iter().find(|one| one.scheme().is_some_and(|it| it.as_str() == "internal"));
    let name = internal.expect("there is one").dns_name().expect("it has a name").to_owned();
    let status = world.must(&["status"]);
    assert!(status.contains(&format!("http://{name}/")), "{status}");
    assert_eq!(world.get(&format!("http://{name}/env/NAME")).await, (200, "admin".to_owned()));
    assert_eq!(world.get(&format!("http://{name}/env/PATH")).await.0, 404, "it is blocked there, and there alone");
    assert_eq!(world.get(&format!("{url}/env/PATH")).await.0, 200);

    // Someone changes its idle timeout, which is drift.
    let arn = internal.and_then(|one| one.load_balancer_arn()).expect("it has one");
    let key = "idle_timeout.timeout_seconds";
    let attribute = aws_sdk_elasticloadbalancingv2::types::LoadBalancerAttribute::builder().key(key).value("5").build();
    let call = elb.modify_load_balancer_attributes().load_balancer_arn(arn).attributes(attribute);
    call.send().await.expect("it is changed");
    assert_eq!(world.plan(), ["update load_balancer.internal"]);

    // The public service moves to the internal load balancer, and the public one is deleted.
    world.edit("load_balancer: { tls: off, idle_timeout: 90 }\n", "");
    world.edit(
        "    health: /status\n    release:",
        "    health: /status\n    internal: true\n    routes: [/web/*, /env/*]\n    release:",
    );
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(world.get(&format!("{url}/env/NAME")).await, (200, "web".to_owned()));
    assert_eq!(url, format!("http://{name}"));
    world.must(&["destroy", "--yes"]);
    assert_eq!(sweep::everything(world).await, Vec::<String>::new());
}
