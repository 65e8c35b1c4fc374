//! What stands in the way of a deletion and is not the stack's: looked for before anything is deleted, so that whoever
//! deletes hears of it with nothing half gone. AWS itself would refuse in the middle, mostly without naming what it is.

mod network;
mod users;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    kind::Context,
    model::{Action, Failure, On, Permission, Plan},
};

/// What the look needs of AWS beside what the kinds need to find what is the stack's.
pub const PERMISSIONS: &[Permission] = &[Permission::delete(
    &[
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpnGateways",
    ],
    On::Any,
)];

/// One thing that is not the stack's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    /// What it is, such as `network interface`.
    pub what: &'static str,
    /// AWS's id or ARN of it.
    pub id: String,
    /// Where it stands or what it holds on to, such as `in subnet.private-a`.
    pub place: String,
    /// What AWS says about it: its description or name, who made it.
    pub about: Vec<String>,
    /// What to do about it.
    pub way_out: String,
}

/// What a look has found.
type Found = Result<Vec<Stranger>, Failure>;

impl Stranger {
    fn new(what: &'static str, id: &str, place: String, about: Vec<String>, way_out: impl Into<String>) -> Self {
        Self { what, id: id.to_owned(), place, about, way_out: way_out.into() }
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.what, self.id, self.place)?;
        if !self.about.is_empty() {
            write!(f, " ({})", self.about.join(", "))?;
        }
        write!(f, ": {}", self.way_out)
    }
}

/// Refuses `plan` if something that is not the stack's holds on to what it deletes. Makes no call if it deletes nothing that
/// others can hold on to.
///
/// # Errors
/// If there is such a thing; all of them are in its details. If AWS fails.
pub async fn refuse(cx: &Context, command: &str, plan: &Plan) -> Result<(), Failure> {
    let going = Going::of(plan);
    let (network, users) =
        futures::try_join!(Box::pin(network::strangers(cx, &going)), Box::pin(users::strangers(cx, &going)))?;
    let found: BTreeSet<Stranger> = network.into_iter().chain(users).collect();
    if found.is_empty() {
        return Ok(());
    }
    let things =
        if found.len() == 1 { "one thing that is".to_owned() } else { format!("{} things that are", found.len()) };
    let message = format!("{things} not of this stack would keep it from being deleted; nothing was deleted");
    let mut failure = Failure::refused(command, message)
        .hint(format!("see to what is named above, then run `stackctl {command}` again"));
    failure.details = found.iter().map(ToString::to_string).collect();
    Err(failure)
}

/// What a plan deletes, and all that the stack owns.
struct Going {
    /// Identifiers and addresses of what goes, by kind.
    going: BTreeMap<String, BTreeMap<String, String>>,
    /// The identifiers of all that the stack owns, whether it goes or not.
    own: BTreeSet<String>,
}

impl Going {
    fn of(plan: &Plan) -> Self {
        let mut going: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut own = BTreeSet::new();
        let of_steps = plan.steps.iter().filter_map(|step| Some((Some(step.action), step.live.as_ref()?)));
        let unchanged = plan.unchanged.iter().map(|live| (None, live));
        for (action, live) in of_steps.chain(unchanged) {
            // A load balancer is known by its name and found by its ARN.
            let id = live.live["arn"].as_str().or(live.live["id"].as_str()).unwrap_or(&live.id).to_owned();
            own.extend([live.id.clone(), id.clone()]);
            if matches!(action, Some(Action::Delete | Action::DeleteReplaced)) {
                going.entry(live.address.kind().to_owned()).or_default().insert(id, live.address.to_string());
            }
        }
        Self { going, own }
    }

    /// The identifiers of what goes of `kind`.
    fn ids(&self, kind: &str) -> Vec<String> {
        self.going.get(kind).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// The address of the resource `id` of `kind`, if that goes.
    fn address(&self, kind: &str, id: &str) -> Option<&str> {
        self.going.get(kind)?.get(id).map(String::as_str)
    }

    fn is_own(&self, id: &str) -> bool {
        self.own.contains(id)
    }
}
