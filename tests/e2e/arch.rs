//! A service on 64-bit ARM: cross-compiled, emulated, and moved back.

use crate::tiny::Tiny;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_moves_to_arm_and_back() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    // The program reports the architecture that it was compiled for.
    tiny.say_with("one", ".unwrap_or(SAYS)", ".unwrap_or(std::env::consts::ARCH)");
    world.edit("replicas: 2", "replicas: 1");
    let url = world.up();
    assert_eq!(world.get(&url).await, (200, "x86_64".to_owned()));

    world.edit("    build: tiny", "    build: tiny\n    arch: arm64");
    let plan = world.must(&["plan"]);
    for words in ["arch", "arm64", "+ image.tiny-arm64", "- image.tiny"] {
        assert!(plan.contains(words), "no {words:?} in: {plan}");
    }
    assert_eq!(world.up(), url);
    assert_eq!(world.get(&url).await, (200, "aarch64".to_owned()));
    assert_eq!(world.settled(), Vec::<String>::new());
    let run = world.must(&["run", "web", "--", "prepare"]);
    assert!(run.contains("prepared"), "{run}");

    world.edit("\n    arch: arm64", "");
    assert_eq!(world.up(), url);
    assert_eq!(world.get(&url).await, (200, "x86_64".to_owned()));
    assert_eq!(world.settled(), Vec::<String>::new());
}
