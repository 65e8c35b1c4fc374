//! `stackctl logs`: the output of tasks.

use std::io::{BufRead, BufReader};

use aws_sdk_cloudwatchlogs::{Client, types::InputLogEvent};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    support::{World, text},
    tiny::Tiny,
};

/// More than three pages of `FilterLogEvents`, which has at most 10,000 events per page.
const MANY: usize = 30_500;

/// Writes `messages` into the log of `web` like the task `task`, 1 ms apart and ending now.
async fn write(logs: &Client, task: &str, messages: &[String]) {
    let stream = format!("web/web/{task}");
    let group = "/stackctl/tiny/default/web";
    drop(logs.create_log_stream().log_group_name(group).log_stream_name(&stream).send().await);
    let first = jiff::Timestamp::now().as_millisecond() - i64::try_from(messages.len()).expect("they are few");
    let event = |(at, message): (i64, &String)| InputLogEvent::builder().timestamp(at).message(message).build();
    let events: Vec<InputLogEvent> =
        (first..).zip(messages).map(|event_of| event(event_of).expect("it is whole")).collect();
    for some in events.chunks(10_000) {
        let call = logs.put_log_events().log_group_name(group).log_stream_name(&stream);
        call.set_log_events(Some(some.to_vec())).send().await.expect("they are taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_all_tasks_are_ordered_by_time_and_can_be_followed() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let before_up = world.stackctl(&["logs"]);
    assert_eq!(before_up.status.code(), Some(1), "{}", text(&before_up));
    assert!(text(&before_up).contains("tiny/default has no logs"), "{}", text(&before_up));

    world.up();
    let unknown = world.stackctl(&["logs", "wbe"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown));
    assert!(text(&unknown).contains("services: web"), "{}", text(&unknown));

    // Both tasks of the service and the stopped release task, one line each.
    let shown = world.must(&["logs"]);
    let column = |line: &str, at: usize| line.split(' ').nth(at).unwrap_or_default().to_owned();
    let mut tasks: Vec<String> = shown.lines().map(|line| column(line, 1)).collect();
    tasks.sort();
    tasks.dedup();
    assert_eq!((tasks.len(), shown.lines().count()), (3, 3), "{shown}");
    assert!(shown.lines().next().is_some_and(|line| line.ends_with(" prepared")), "{shown}");
    assert!(shown.contains(" INFO  serving says=one"), "{shown}");
    let served = world.must(&["logs", "web", "--grep", "INFO  serving"]);
    assert_eq!(served.lines().count(), 2, "{served}");

    let documents = world.must(&["logs", "--output", "json"]);
    let documents: Vec<Value> =
        documents.lines().map(|line| serde_json::from_str(line).expect("one document a line")).collect();
    assert_eq!(documents.len(), shown.lines().count());
    let times: Vec<&str> = documents.iter().map(|line| line["time"].as_str().expect("it has a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(documents.iter().all(|line| line["event"] == "log" && line["service"] == "web"), "{documents:?}");

    // Many pages, with each line once and in order, and a reader that stops early.
    let logs = Client::new(&world.sdk().await);
    let many: Vec<String> = (0..MANY).map(|number| format!("made-up {number}")).collect();
    write(&logs, "many", &many).await;
    let read = world.must(&["logs", "web", "--grep", "made-up"]);
    let read: Vec<&str> = read.lines().filter_map(|line| line.split_once("web/many ").map(|(_, rest)| rest)).collect();
    assert_eq!(read.len(), MANY);
    assert!(read.iter().zip(&many).all(|(read, written)| read == written));
    let last = world.must(&["logs", "web", "--grep", "made-up", "-n", "2"]);
    let ends: Vec<&str> = last.lines().filter_map(|line| line.split_once("web/many ").map(|(_, rest)| rest)).collect();
    assert_eq!(ends, &many[MANY - 2..], "the last lines alone, in their order");
    let none = text(&world.stackctl(&["logs", "web", "--grep", "nowhere"]));
    assert!(none.contains("No lines that contain \"nowhere\" in the last 1h."), "{none}");
    let mut child = world.spawn(&["logs"]);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    lines.read_line(&mut String::new()).expect("there is a line");
    drop(lines);
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", text(&ended));

    follows(world, &logs).await;
}

/// New lines are shown once each while the log is followed, and Ctrl-C ends it.
async fn follows(world: &World, logs: &Client) {
    let mut command = world.command(&["logs", "--follow", "--since", "1s", "--grep", "news"]);
    let mut child = world.started(&mut command);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    for round in ["one", "two", "three"] {
        let messages = [format!("news {round} a"), format!("news {round} b")];
        write(logs, round, &messages).await;
        for message in &messages {
            let mut line = String::new();
            lines.read_line(&mut line).expect("there is a line");
            assert!(line.contains(&format!("web/{round} {message}")), "{line} is not {message}");
        }
    }
    let id = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(id), Signal::SIGINT).expect("it runs");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(130), "{}", text(&ended));
    assert!(ended.stderr.is_empty(), "{}", text(&ended));
}
