//! `stackctl releases`: lists the releases with their time, commit, author and result.

use clap::Args;
use futures::future::try_join_all;

use crate::{
    cli::{error::Stop, global::Global, project::Project},
    exit,
    output::{Output, ReleasesView},
    releases,
};

/// Arguments of `stackctl releases`.
#[derive(Debug, Args)]
#[command(
    after_help = "A release is a revision of the service's task definition: its image, environment and size. ECS keeps the history of \
    rollouts for 90 days.\n\n\
    Examples:\n  \
    stackctl releases                 list the latest releases of all services\n  \
    stackctl releases web --limit 5\n  \
    stackctl rollback --to 12         roll back to one of them"
)]
pub(in crate::cli) struct Releases {
    /// Service to show [default: all services].
    service: Option<String>,
    /// Number of releases to show for each service.
    #[arg(long, default_value_t = 15, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
}

impl Releases {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let services = project.services("releases", self.service.as_deref()).await?;
        let (limit, now) = (usize::from(self.limit), jiff::Timestamp::now());
        let reads = services.iter().map(|(name, live)| releases::read(&project.cx, name, live, limit, now));
        let mut releases = try_join_all(reads).await?.concat();
        releases.sort_by_key(|release| std::cmp::Reverse(release.at));
        let id = &project.cx.id;
        output.releases(&ReleasesView { stack: id.stack.clone(), environment: id.environment.clone(), releases });
        Ok(exit::DONE)
    }
}
