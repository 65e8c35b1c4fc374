//! Finds the origin of recent 5xx responses for `status` and `deploy`: a 502 of the load balancer has other causes than
//! a 5xx of the application.

use jiff::Timestamp;

use crate::{
    cli::project::Project,
    kinds::elb::errors::{Counted, Errors},
    model::{Failure, LiveResource},
    output::{ErrorLine, Output},
};

/// Returns the 5xx responses since `start` of the load balancer and the services in `live`. If they cannot be read,
/// prints why and returns none.
pub(super) async fn since(
    project: &Project,
    live: &[LiveResource],
    start: Timestamp,
    output: &Output,
) -> Vec<ErrorLine> {
    if !project.stack.is_served() {
        return Vec::new();
    }
    match errors(project, live, start).await {
        Ok(errors) => errors.iter().map(line).collect(),
        Err(failure) => {
            output.status(&format!("Cannot count 5xx responses: {failure}"));
            Vec::new()
        }
    }
}

async fn errors(project: &Project, live: &[LiveResource], start: Timestamp) -> Result<Vec<Errors>, Failure> {
    match Counted::among(live)? {
        Some(counted) => counted.since(&project.cx, start).await,
        None => Ok(Vec::new()),
    }
}

fn line(errors: &Errors) -> ErrorLine {
    ErrorLine {
        service: errors.service.clone(),
        status: errors.status,
        count: errors.count,
        message: errors.words(),
        likely_cause: errors.likely_cause(),
        next: errors.next(),
    }
}
