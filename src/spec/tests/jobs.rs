//! Tests jobs with their own image, and jobs that differ from their service.

use super::*;

const SCHEDULE: &str = "schedule: rate(1 day)";

fn file(job: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app, port: 80 }} }}\njobs: {{ report: {{ {job}, {SCHEDULE} }} }}\n"
    )
}

fn job(job: &str) -> Job {
    read(&file(job)).unwrap_or_else(|problems| panic!("{}", problems.render(false))).jobs["report"].clone()
}

#[test]
fn jobs_run_the_image_of_a_service_or_their_own() {
    let plain = job("service: web, command: [report]");
    assert!(!plain.has_definition());
    assert_eq!(plain.runs.container("report"), "web");
    for other in ["timeout: 30m", "cpu: 512", "memory: 1024", "env: { LEVEL: debug }"] {
        assert!(job(&format!("service: web, command: [report], {other}")).has_definition(), "{other}");
    }
    assert_eq!(job("service: web, command: [report], timeout: 2h").timeout, Some(7200));
    assert_eq!((plain.retries, job("service: web, command: [report], retries: 2").retries), (0, 2));
    assert!(!job("service: web, command: [report], retries: 2").has_definition());
    let sized = job("service: web, command: [report], cpu: 512");
    assert!(matches!(sized.runs, Runs::Service { size: Some((512, 1024)), .. }));
    let own = job("image: \"busybox:1.37\", memory: 1024, env: { LEVEL: debug }, secrets: { KEY: set }");
    assert!(own.has_definition() && own.command.is_empty());
    assert_eq!(own.runs.container("report"), "report");
    let Runs::Own(own) = own.runs else { panic!("it has an image of its own") };
    assert_eq!((own.memory, own.secrets["KEY"].clone()), (1024, SecretFrom::Set));
}

#[test]
fn contradictory_jobs_are_rejected() {
    for (written, expected) in [
        (
            "service: web, image: nginx, command: [report]",
            "4:28 found more than one of `service`, `build` and `image` [keep `service` to use the image of a service, or `build` or `image` for another one]",
        ),
        (
            "service: web, command: [report], secrets: { KEY: set }",
            "4:61 `secrets` is not allowed in a job with `service` [write it in the service `web`; the job uses its image, secrets and permissions]",
        ),
        ("image: nginx, calls: [other]", "4:41 service `other` not found [use one of: web]"),
        (
            "image: nginx, timeout: 8d",
            "4:42 expected a time from 1 to 604800 s, found `8d` [write seconds, such as 30 or 30s, or use the unit m, h or d]",
        ),
        (
            "image: nginx, max_attempts: 3",
            "4:33 unknown key `max_attempts` [use `retries`, such as `retries: 2`: how often a failed run is run again]",
        ),
        (
            "image: nginx, overlap: skip",
            "4:33 unknown key `overlap` [remove it; runs can overlap. Let the program take a lock in the database, and exit if another run holds it]",
        ),
        ("image: nginx, retries: 6", "4:42 expected a whole number from 0 to 5, found `6` []"),
    ] {
        assert_eq!(problems(&file(written)), [expected], "{written}");
    }
}

#[test]
fn job_with_a_task_definition_has_a_unique_name() {
    let named = |job: &str| {
        let services = "services: { web: { build: app, port: 80 } }";
        format!("name: demo\nregion: eu-west-1\n{services}\njobs: {{ web: {{ {job}, {SCHEDULE} }} }}\n")
    };
    let expected =
        "4:9 a service `web` already exists [rename one of the two; both have a task definition of this name]";
    assert_eq!(problems(&named("image: nginx")), [expected]);
    assert_eq!(problems(&named("service: web, command: [report], timeout: 30")), [expected]);
    assert!(read(&named("service: web, command: [report]")).is_ok());
}
