//! The page that comes of it.

use std::{fmt::Write, time::Duration};

use crate::{
    binary::Binary,
    images::{Image, Images},
    journey::{Journey, Limited},
    project::WITH_ROUTES,
    region::Pace,
    services,
};

/// All that was measured in one run.
pub(crate) struct Report {
    pace: Pace,
    pub(crate) binary: Option<Binary>,
    pub(crate) journeys: Vec<Journey>,
    pub(crate) limited: Vec<Limited>,
    pub(crate) images: Images,
}

impl Report {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, binary: None, journeys: Vec::new(), limited: Vec::new(), images: Images::default() }
    }

    /// As Markdown, without the sections of what was not measured.
    pub(crate) fn page(&self) -> String {
        let mut page = String::new();
        self.introduction(&mut page);
        if !self.journeys.is_empty() {
            self.commands(&mut page);
            self.by_service(&mut page);
            self.critical_path(&mut page);
            self.script(&mut page);
        }
        if !self.limited.is_empty() {
            self.within_limits(&mut page);
        }
        if !self.images.stackctl.is_empty() {
            self.image(&mut page);
        }
        self.program(&mut page);
        page
    }

    fn introduction(&self, page: &mut String) {
        let Pace { latency_ms, provision_scale, rollout_scale, .. } = self.pace;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let _ = write!(
            page,
            "# Performance\n\n\
             `make bench` measures this and writes this page: all figures are of one run, of a release build on a computer with {cores} cores, which\n\
             the sandbox and the tasks of the stack share with stackctl. A call has {latency_ms} ms of latency. Databases, load balancers and NAT\n\
             gateways take {provision_scale} of AWS's usual times; health checks and draining {rollout_scale} of what is configured. So seconds compare\n\
             with each other and not with those on AWS; calls, rounds and bytes are the same there.\n\n\
             The stack has a network of two zones, a database, a load balancer and as many services as the table says, one task each. The first\n\
             {WITH_ROUTES} have routes, for a load balancer of AWS's takes 100 target groups; the others are workers. A second environment would be the same again.\n"
        );
    }

    fn commands(&self, page: &mut String) {
        page.push_str(
            "\n## Commands\n\n\
             A round is a wait for answers: the longest chain of calls of which each began after the one before it had ended. They are counted, for the\n\
             commands that only look, in a second run with seconds of latency: beside that, how long the calls themselves take does not count, and only a\n\
             call that needs an answer begins after it. Four is how deep AWS's own interface is: load balancers, their listeners, the rules of those, the\n\
             tags of both. What comes page by page adds a round for each further page once there are more than four: log groups come by 50. Calls grow with\n\
             pages, and with the services by one each: ECS describes one task definition at a time.\n\n\
             | services | command | calls | rounds | seconds | peak memory, MiB |\n| ---: | --- | ---: | ---: | ---: | ---: |\n",
        );
        for journey in &self.journeys {
            for cost in &journey.costs {
                let (services, seconds) = (journey.services, seconds(cost.wall));
                let rounds = cost.rounds.map_or_else(|| "–".to_owned(), |rounds| rounds.to_string());
                let _ = writeln!(
                    page,
                    "| {services} | {} | {} | {rounds} | {seconds} | {} |",
                    cost.command,
                    cost.calls,
                    cost.peak_kib / 1024
                );
            }
        }
    }

    fn by_service(&self, page: &mut String) {
        page.push_str(
            "\n## Calls by service\n\n\
             The same calls, by the AWS service that they go to; `registry` is ECR's, where images are pushed. None of them is throttled, because AWS's\n\
             request limits do not apply here; [further down](#within-awss-request-limits) they do.\n\n",
        );
        page.push_str(&services::table(self.journeys.iter().map(|journey| (journey.services, &journey.costs[..]))));
    }

    fn within_limits(&self, page: &mut String) {
        page.push_str(
            "\n## Within AWS's request limits\n\n\
             AWS takes so many requests of an account at once, and so many a second, by token buckets of each service:\n\
             [limits/src/table.rs](../limits/src/table.rs) has the figures and AWS's pages. Here the sandbox refuses what is beyond them, and stackctl, which\n\
             knows the same table, paces its calls. Tokens come at AWS's rates, while other things take the shares of AWS's times that are given above. Once 20\n\
             are done, AWS allows one task definition a second to be registered or deregistered, and three changes of load balancers a second.\n\n",
        );
        if cfg!(debug_assertions) {
            page.push_str("This section was measured by itself, of a debug build.\n\n");
        }
        page.push_str(&services::throttled(&self.limited));
        page.push_str("\nBy service:\n\n");
        page.push_str(&services::table(self.limited.iter().map(|limited| (limited.services, &limited.costs[..]))));
    }

    fn critical_path(&self, page: &mut String) {
        page.push_str(
            "\n## The critical path\n\n\
             Of all chains of steps that need each other, the one that takes longest: what a first `up` would take if nothing but it were done. The\n\
             ratio is of the whole command, with its look at AWS, its plan and its lock, to that chain.\n\n\
             | services | first `up`, s | chain, s | ratio | the chain |\n| ---: | ---: | ---: | ---: | --- |\n",
        );
        for journey in &self.journeys {
            let chain = &journey.chain;
            let ratio = journey.first_up.as_secs_f64() / chain.takes.as_secs_f64();
            let steps: Vec<String> = chain.steps.iter().map(|step| format!("`{step}`")).collect();
            let _ = writeln!(
                page,
                "| {} | {} | {} | {ratio:.2} | {} |",
                journey.services,
                seconds(journey.first_up),
                seconds(chain.takes),
                steps.join(" → ")
            );
        }
    }

    fn script(&self, page: &mut String) {
        page.push_str(
            "\n## Against a script\n\n\
             The same stack made by a script of SDK calls, one after the other, that waits where the next call needs what the last one has made. It has no\n\
             image to build: it takes the one that stackctl has pushed. It makes no lock, no plan and no look at what is there, and a second run of it fails.\n\n\
             | services | script, calls | script, s | first `up`, s | script / `up` |\n| ---: | ---: | ---: | ---: | ---: |\n",
        );
        for journey in &self.journeys {
            let Some((calls, took)) = journey.script else { continue };
            let ratio = took.as_secs_f64() / journey.first_up.as_secs_f64();
            let (services, up) = (journey.services, seconds(journey.first_up));
            let _ = writeln!(page, "| {services} | {calls} | {} | {up} | {ratio:.1} |", seconds(took));
        }
    }

    fn image(&self, page: &mut String) {
        page.push_str(
            "\n## Image\n\n\
             The application under `app/`, compiled statically, laid into an image and pushed, from the command's start until the registry has it. The\n\
             first time, the crates that it uses are compiled too where nobody has built it here before.\n\n\
             | | seconds | blobs sent | kB sent |\n| --- | ---: | ---: | ---: |\n",
        );
        for image in &self.images.stackctl {
            let (took, kilobytes) = (seconds(image.took), image.bytes / 1000);
            let _ = writeln!(page, "| {} | {took} | {} | {kilobytes} |", image.what, image.blobs);
        }
        self.docker(page);
    }

    fn docker(&self, page: &mut String) {
        page.push_str("\n### Against Docker\n\n");
        if self.images.docker.is_empty() {
            page.push_str("There was no Docker engine to compare with, and none could be started.\n");
            return;
        }
        page.push_str(
            "The same programs, compiled already, by `docker build` (from nothing, with the program and the authorities that it trusts) and `docker push`\n\
             to the same registry; and what stackctl does after the compiler: to lay the image out, and from its first to its last call to the registry.\n\n\
             | | stackctl, s | Docker, s | Docker / stackctl | stackctl, kB sent | Docker, kB sent |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for (ours, theirs) in self.images.stackctl.iter().zip(&self.images.docker) {
            let _ = writeln!(page, "| {} | {} |", ours.what, compared(ours, theirs));
        }
    }

    fn program(&self, page: &mut String) {
        let Some(binary) = &self.binary else { return };
        let _ = write!(
            page,
            "\n## Program\n\nOne file of {:.1} MB.\n\n| | milliseconds |\n| --- | ---: |\n",
            precise(binary.bytes) / 1e6
        );
        for (what, took) in &binary.starts {
            let _ = writeln!(page, "| {what} | {:.1} |", took.as_secs_f64() * 1000.0);
        }
    }
}

fn compared(ours: &Image, theirs: &Image) -> String {
    let ratio = match ours.packed.as_secs_f64() {
        // Nothing was laid out and nothing was sent.
        0.0 => "–".to_owned(),
        packed => format!("{:.1}", theirs.packed.as_secs_f64() / packed),
    };
    let times = [ours, theirs].map(|image| format!("{:.2}", image.packed.as_secs_f64()));
    format!("{} | {} | {ratio} | {} | {}", times[0], times[1], ours.bytes / 1000, theirs.bytes / 1000)
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "a program has fewer than 2^52 bytes")]
fn precise(bytes: u64) -> f64 {
    bytes as f64
}

/// The page `before` with the sections of `measured` in the place of its own, and new ones at its end. All else stays.
pub(crate) fn replaced(before: &str, measured: &str) -> String {
    let (introduction, old) = sections(before);
    let (_, mut new) = sections(measured);
    let mut page = introduction.to_owned();
    for section in old {
        let at = new.iter().position(|new| title(new) == title(section));
        page.push_str(at.map_or(section, |at| new.remove(at)));
    }
    new.into_iter().for_each(|section| page.push_str(section));
    page
}

/// What stands before the first section of a page, and its sections, each with its heading.
fn sections(page: &str) -> (&str, Vec<&str>) {
    let mut starts: Vec<usize> = page.match_indices("\n## ").map(|(at, _)| at).collect();
    let introduction = &page[..starts.first().copied().unwrap_or(page.len())];
    starts.push(page.len());
    (introduction, starts.windows(2).map(|span| &page[span[0]..span[1]]).collect())
}

fn title(section: &str) -> &str {
    section.trim_start().lines().next().unwrap_or_default()
}

#[test]
fn only_sections_that_were_measured_are_replaced() {
    let before = "# Page\n\nOld.\n\n## One\n\n1\n\n## Two\n\n2\n\n### In two\n\n## Three\n\n3\n";
    let measured = "# Page\n\nNew.\n\n## Two\n\nzwei\n\n## Four\n\n4\n";
    let wanted = "# Page\n\nOld.\n\n## One\n\n1\n\n## Two\n\nzwei\n\n## Three\n\n3\n\n## Four\n\n4\n";
    assert_eq!(replaced(before, measured), wanted);
}
