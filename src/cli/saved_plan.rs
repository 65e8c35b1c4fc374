//! Plan files: `plan --out` writes one, and `up FILE` applies it or refuses it as out of date.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    cli::{error::Stop, project::Project},
    model::{Failure, Plan},
};

/// The version of the file format. Other versions of stackctl may use another one.
const FORM: u32 = 1;

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    form: u32,
    /// The version of stackctl.
    version: String,
    account: String,
    region: String,
    plan: Plan,
}

/// Writes `plan` to `path`. A plan contains no secrets.
pub(super) async fn write(path: &Path, project: &Project, plan: &Plan) -> Result<(), Stop> {
    let caller = project.cx.aws.caller().await?;
    let saved = Saved {
        form: FORM,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        account: caller.account,
        region: project.stack.region.clone(),
        plan: plan.clone(),
    };
    let text = serde_json::to_vec_pretty(&saved).map_err(|error| Failure::internal(error.to_string()))?;
    fs::write(path, text).map_err(|error| {
        Stop::usage(format!("cannot write {}: {error}", path.display()), "name another file with --out")
    })
}

/// Reads the plan in `path`, which must be for this stack, account and region.
pub(super) async fn read(path: &Path, project: &Project) -> Result<Plan, Stop> {
    let anew = "make a new plan: stackctl plan --out FILE";
    let no_plan = |why: String| Stop::usage(format!("{} is not a stackctl plan: {why}", path.display()), anew);
    let text = fs::read(path).map_err(|error| {
        let hint =
            format!("name a file that `plan --out` wrote; to choose an environment, use `--env {}`", path.display());
        Stop::usage(format!("cannot read {}: {error}", path.display()), hint)
    })?;
    let form: Form = serde_json::from_slice(&text).map_err(|error| no_plan(error.to_string()))?;
    let own = env!("CARGO_PKG_VERSION");
    if form.form != FORM || form.version != own {
        let message = format!("{} was made by stackctl {}, but this is {own}", path.display(), form.version);
        return Err(Stop::usage(message, anew));
    }
    let saved: Saved = serde_json::from_slice(&text).map_err(|error| no_plan(error.to_string()))?;
    let caller = project.cx.aws.caller().await?;
    let here = format!("{} in {} of account {}", project.cx.id, project.stack.region, caller.account);
    let there = format!("{} in {} of account {}", saved.plan.id, saved.region, saved.account);
    if here != there {
        let hint = "use the stack.yaml, --env and credentials that the plan was made with";
        return Err(Stop::usage(format!("{} is a plan for {there}, but this is {here}", path.display()), hint));
    }
    Ok(saved.plan)
}

/// The fields that every version of the file has.
#[derive(Deserialize)]
struct Form {
    form: u32,
    version: String,
}
