//! `replace: stop-first`: old tasks stop before new ones start, so that both never answer at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::tiny::Tiny;

#[tokio::test(flavor = "multi_thread")]
async fn old_tasks_stop_before_new_ones_answer() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "replicas: 1\n    replace: stop-first");
    let url = world.up();
    assert_eq!(world.settled(), Vec::<String>::new());

    tiny.say("two");
    let over = Arc::new(AtomicBool::new(false));
    let visitor = tokio::spawn({
        let (client, url, over) = (world.client.clone(), url.clone(), Arc::clone(&over));
        async move {
            let mut answers: Vec<String> = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let Ok(answer) = client.get(&url).send().await else { continue };
                let answer = match answer.status().as_u16() {
                    200 => answer.text().await.unwrap_or_default(),
                    status => status.to_string(),
                };
                if answers.last() != Some(&answer) {
                    answers.push(answer);
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            answers
        }
    });
    let said = world.ends_with(0, &["deploy"]);
    over.store(true, Ordering::Relaxed);
    let answers = visitor.await.expect("it ends");
    let warned = "! service.web will be unavailable for a while: the old tasks stop before the new ones start (`replace: \
                  stop-first`)";
    assert!(said.contains(warned), "{said}");
    assert_eq!((answers.first().map(String::as_str), answers.last().map(String::as_str)), (Some("one"), Some("two")));
    assert!(answers.iter().any(|answer| answer == "503"), "nothing serves meanwhile: {answers:?}");
    let first_of_new = answers.iter().position(|answer| answer == "two");
    let last_of_old = answers.iter().rposition(|answer| answer == "one");
    assert!(last_of_old < first_of_new, "never both: {answers:?}");

    // A change back to the default alone replaces no task.
    world.edit("\n    replace: stop-first", "");
    assert_eq!(world.changes(), ["service.web minimum_healthy_percent", "service.web maximum_percent"]);
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    world.must(&["destroy", "--confirm", "tiny/default"]);
}
