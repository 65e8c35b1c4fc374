//! Renders the measurements as a page.

use std::{fmt::Write, time::Duration};

use crate::{
    binary::Binary,
    images::{Image, Images},
    journey::{Journey, Limited},
    project::WITH_ROUTES,
    region::Pace,
    services,
};

/// All measurements of one run.
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

    /// Renders the page as Markdown, without sections for parts that were not measured.
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
        let build = if cfg!(debug_assertions) { "a debug build" } else { "an optimised build" };
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let _ = write!(
            page,
            "# Performance\n\n\
             `make bench` measures these figures and writes this page. All figures are from one run of {build}, on a\n\
             computer with {cores} cores that stackctl shares with the sandbox and the tasks of the stack. Each call has\n\
             {latency_ms} ms of latency. Databases, load balancers and NAT gateways take {provision_scale} of the time that AWS\n\
             usually needs; health checks and draining take {rollout_scale} of the configured time. Compare seconds only with\n\
             each other, not with AWS. Calls, rounds and bytes are the same as on AWS.\n\n\
             The stack has a network in two zones, a database, a load balancer and the number of services that the table gives,\n\
             with one task each. The first {WITH_ROUTES} services have routes, because an AWS load balancer takes 100 target\n\
             groups. The others are workers. A second environment would cost the same again.\n"
        );
    }

    fn commands(&self, page: &mut String) {
        page.push_str(
            "\n## Commands\n\n\
             Calls are requests to AWS. A round is one wait for an answer: the rounds of a command are the longest chain of calls\n\
             in which each call started after the previous one ended. Rounds are counted for read-only commands, in a second run\n\
             with seconds of latency. Four rounds is the depth of AWS's own interface: load balancers, their listeners, the\n\
             listeners' rules, and the tags of these. Results with more than four pages add one round for each further page. AWS\n\
             returns log groups 50 at a time.\n\n\
             Each further service adds two calls, because AWS describes one task definition, and the attributes of one target\n\
             group, at a time. Further pages add calls too.\n\n\
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
             These are the same calls, by the AWS service that receives them. `registry` is the part of ECR that stores images.\n\
             No call is throttled, because AWS's request limits do not apply here. [Below](#within-awss-request-limits), they do.\n\n",
        );
        page.push_str(&services::table(self.journeys.iter().map(|journey| (journey.services, &journey.costs[..]))));
    }

    fn within_limits(&self, page: &mut String) {
        page.push_str(
            "\n## Within AWS's request limits\n\n\
             AWS limits the requests of an account with a token bucket for each service.\n\
             [limits/src/table.rs](../../limits/src/table.rs) has the figures and the AWS pages. In this part, the sandbox\n\
             refuses requests above these limits. stackctl knows the same table and slows down its calls. Tokens are added at\n\
             AWS's rates; everything else takes the shares of time given above. After a burst of 20, AWS allows one task\n\
             definition a second to be registered or deregistered, and three changes of load balancers a second.\n\n",
        );
        if cfg!(debug_assertions) {
            page.push_str("This section was measured in a run of its own, with a debug build.\n\n");
        }
        page.push_str(&services::throttled(&self.limited));
        page.push_str("\nBy service:\n\n");
        page.push_str(&services::table(self.limited.iter().map(|limited| (limited.services, &limited.costs[..]))));
    }

    fn critical_path(&self, page: &mut String) {
        page.push_str(
            "\n## The critical path\n\n\
             The critical path is the chain of dependent steps that takes the longest. A first `up` cannot be faster than this\n\
             chain. The ratio compares the whole command, including reading AWS, planning and locking, with the chain.\n\n\
             | services | first `up`, s | chain, s | ratio | chain of steps |\n| ---: | ---: | ---: | ---: | --- |\n",
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
             The script creates the same stack with SDK calls, one after the other, and waits where a call needs the result of an\n\
             earlier one. It builds no image, but uses the one that stackctl pushed. It takes no lock, makes no plan and does not\n\
             check what exists, so a second run of it fails.\n\n\
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
             The application in `app/` is compiled statically, packed into an image and pushed. The time is measured from the\n\
             start of the command until the registry has the image. The first run also compiles the dependencies that this\n\
             computer has not compiled before.\n\n\
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
            page.push_str("No Docker engine was found, and none could be started.\n");
            return;
        }
        page.push_str(
            "Docker's part is `docker build` of the compiled programs (from an empty image, with the program and the certificates\n\
             that it trusts) and `docker push` to the same registry. stackctl's part is everything after the compiler: packing\n\
             the image, and all calls to the registry.\n\n\
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
            "\n## Program\n\nThe program is one file of {:.1} MB.\n\n| | milliseconds |\n| --- | ---: |\n",
            precise(binary.bytes) / 1e6
        );
        for (what, took) in &binary.starts {
            let _ = writeln!(page, "| {what} | {:.1} |", took.as_secs_f64() * 1000.0);
        }
    }
}

fn compared(ours: &Image, theirs: &Image) -> String {
    let ratio = match ours.packed.as_secs_f64() {
        // Nothing was assembled and nothing was sent.
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

/// Replaces the sections of the page `before` with those of `measured`, and appends new ones. Everything else is
/// unchanged.
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

/// Splits a page into the text before the first section, and the sections with their headings.
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
fn only_measured_sections_are_replaced() {
    let before = "# Page\n\nOld.\n\n## One\n\n1\n\n## Two\n\n2\n\n### In two\n\n## Three\n\n3\n";
    let measured = "# Page\n\nNew.\n\n## Two\n\nzwei\n\n## Four\n\n4\n";
    let wanted = "# Page\n\nOld.\n\n## One\n\n1\n\n## Two\n\nzwei\n\n## Three\n\n3\n\n## Four\n\n4\n";
    assert_eq!(replaced(before, measured), wanted);
}
