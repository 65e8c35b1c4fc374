//! Jobs with files and variables of the project, and with existing security groups.

use std::fs;

use aws_sdk_ec2::Client;

use crate::{given_network::Theirs, sweep::everything, tiny::Tiny};

#[tokio::test(flavor = "multi_thread")]
async fn jobs_have_files_and_variables_of_the_project() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    tiny.say_with("one", "println!(\"prepared\")", "println!(\"at {:?}\", std::env::var(\"LEVEL\"))");
    let write = |path: &str, text: &str| fs::write(world.project().join(path), text).expect("it can be written");
    let jobs = "    stop_timeout: 2
jobs:
  reader: { build: tiny, command: [read, /etc/greeting], files: { /etc/greeting: greeting }, schedule: rate(1 day) }
  of-web: { service: web, command: [prepare], env_file: job.env, schedule: rate(1 day) }
  own: { build: tiny, command: [prepare], env_file: job.env, schedule: rate(1 day) }
";
    world.edit("    stop_timeout: 2\n", jobs);
    write("job.env", "LEVEL=debug\n");
    let missing = world.ends_with(3, &["plan"]);
    assert!(missing.contains("greeting not found"), "{missing}");
    write("greeting", "hello");
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert!(world.must(&["jobs", "run", "reader"]).contains("read hello"));
    for job in ["of-web", "own"] {
        assert!(world.must(&["jobs", "run", job]).contains("at Ok(\"debug\")"), "{job}");
    }

    // A changed file is a release of the job, and a changed variable an update.
    write("greeting", "good morning");
    let deployed = world.ends_with(0, &["deploy", "reader"]);
    assert!(deployed.contains("schedule.reader") && !deployed.contains("schedule.own"), "{deployed}");
    assert!(world.must(&["jobs", "run", "reader"]).contains("read good morning"));
    write("job.env", "LEVEL=info\n");
    world.up();
    assert!(world.must(&["jobs", "run", "own"]).contains("at Ok(\"info\")"));
    assert_eq!(world.settled(), Vec::<String>::new());
    world.must(&["destroy", "--yes"]);
    assert_eq!(everything(world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_its_own_image_has_existing_groups() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let ec2 = Client::new(&world.sdk().await);
    let theirs = Theirs::made(&ec2).await;
    let call = ec2.create_security_group().group_name("database-clients").description("theirs").vpc_id(&theirs.vpc);
    let group = call.send().await.expect("it is made").group_id.expect("it has one");
    let before = everything(world).await;
    world.edit("network: { nat: none }\n", &theirs.with(&theirs.public, &theirs.private));
    let job = format!("{{ build: tiny, command: [prepare], schedule: rate(1 day), security_groups: [{group}] }}");
    world.edit("services:\n", &format!("jobs: {{ tidy: {job} }}\nservices:\n"));
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());

    // When its schedule starts it, and when a user does.
    let schedules = aws_sdk_scheduler::Client::new(&world.sdk().await);
    let schedule = schedules.get_schedule().group_name("tiny-default-main").name("tidy").send().await;
    let target = schedule.expect("it is there").target.and_then(|target| target.ecs_parameters);
    let network = target.and_then(|ecs| ecs.network_configuration?.awsvpc_configuration).expect("it has one");
    assert_eq!((network.security_groups().len(), &network.security_groups()[1]), (2, &group));
    assert!(world.must(&["jobs", "run", "tidy"]).contains("prepared"));
    world.must(&["destroy", "--yes"]);
    assert_eq!(everything(world).await, before);
}
