//! Doing one thing to the cloud until it is done or is known to fail: throttling, lost answers and what passes by
//! waiting are tried again, each within a bound.

use std::time::Duration;

use rand::RngExt;
use serde_json::Value;
use tokio::time::Instant;

use super::{apply::Run, settle::LAG};
use crate::{
    kind::AnyKind,
    model::{Address, Cause, Change, Failure, LiveResource},
};

/// How often a write is repeated that was throttled or whose answer was lost. The waits of [`Pause`] come to 16 to 33 s.
const ATTEMPTS: u32 = 8;

/// How long a create or an update waits for what passes: a new IAM role is usable everywhere within this time.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
const PASSING: Duration = Duration::from_secs(60);

/// What AWS says of an identifier that it handed out a moment ago and does not know everywhere yet. Nothing else that a
/// create or an update names can be missing: the plan has seen it, or this run has made it.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
const NOT_YET: &[&str] = &[
    "InvalidVpcID.NotFound",
    "InvalidVpcId.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidSubnetId.NotFound",
    "InvalidInternetGatewayID.NotFound",
    "InvalidInternetGatewayId.NotFound",
    "InvalidGatewayID.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableId.NotFound",
    "InvalidNatGatewayID.NotFound",
    "NatGatewayNotFound",
    "InvalidAllocationID.NotFound",
    "InvalidGroup.NotFound",
    "InvalidSecurityGroupID.NotFound",
    "InvalidSubnet",
    "SubnetNotFound",
    "InvalidSecurityGroup",
    "LoadBalancerNotFound",
    "ListenerNotFound",
    "TargetGroupNotFound",
    "ClusterNotFoundException",
];

/// The longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One write.
#[derive(Clone, Copy)]
pub(super) enum Write<'a> {
    Create { desired: &'a Value, replaces: Option<&'a LiveResource> },
    Update { desired: &'a Value, live: &'a Value, changes: &'a [Change] },
    Delete { live: &'a Value },
}

impl Run {
    /// Carries `write` out; a deletion gives nothing back.
    pub(super) async fn attempt(
        &self,
        kind: &dyn AnyKind,
        address: &Address,
        write: Write<'_>,
    ) -> Result<Option<Value>, Failure> {
        let began = Instant::now();
        let patience = if matches!(write, Write::Delete { .. }) { kind.deadline() } else { PASSING };
        let mut pause = Pause::default();
        let mut repeated = 0;
        let mut lost = false;
        loop {
            let failure = match self.once(kind, address, write).await {
                Ok(live) => return Ok(live),
                Err(failure) => failure,
            };
            match failure.cause {
                Cause::Throttled if repeated < ATTEMPTS => {
                    repeated += 1;
                    self.waiting(address, "AWS to take more calls (throttled)");
                }
                Cause::Ambiguous if repeated < ATTEMPTS => {
                    repeated += 1;
                    lost = true;
                    self.waiting(address, &format!("an answer to {}", failure.operation));
                    // Where another try makes another one, its absence has to be sure.
                    let how_long = if kind.many() { LAG } else { Duration::ZERO };
                    if let Write::Create { desired, replaces } = write
                        && let Some(made) = self.made_already(kind, address, desired, replaces, how_long).await?
                    {
                        return Ok(Some(made));
                    }
                }
                Cause::Refused => {
                    let passing = Self::passing(kind, &failure, write);
                    // The try whose answer was lost may be what stands in the way of this one.
                    if let (true, Write::Create { desired, replaces }) = (lost, write) {
                        let how_long = if passing.is_some() { Duration::ZERO } else { LAG };
                        if let Some(made) = self.made_already(kind, address, desired, replaces, how_long).await? {
                            return Ok(Some(made));
                        }
                    }
                    match passing {
                        Some(what) if began.elapsed() < patience => self.waiting(address, what),
                        Some(what) => return Err(waited_for(failure, what, began.elapsed())),
                        None => return Err(failure),
                    }
                }
                _ => return Err(failure),
            }
            self.pause(pause.next()).await?;
        }
    }

    /// Whether `failure` goes away by waiting, and what is waited for.
    fn passing(kind: &dyn AnyKind, failure: &Failure, write: Write<'_>) -> Option<&'static str> {
        let is_new = !matches!(write, Write::Delete { .. }) && failure.is(NOT_YET);
        kind.passing(failure).or(is_new.then_some("AWS to know everywhere what was just made"))
    }

    async fn once(&self, kind: &dyn AnyKind, address: &Address, write: Write<'_>) -> Result<Option<Value>, Failure> {
        let _turn = self.turn().await;
        match write {
            Write::Create { desired, .. } => kind.create(&self.cx, address, desired).await.map(Some),
            Write::Update { desired, live, changes } => {
                kind.update(&self.cx, address, desired, live, changes).await.map(Some)
            }
            Write::Delete { live } => kind.delete(&self.cx, live).await.map(|()| None),
        }
    }

    /// After a lost answer: whether the create was done all the same, as reads show that lag it by `how_long` at most. What it
    /// left half done is completed.
    async fn made_already(
        &self,
        kind: &dyn AnyKind,
        address: &Address,
        desired: &Value,
        replaces: Option<&LiveResource>,
        how_long: Duration,
    ) -> Result<Option<Value>, Failure> {
        let (began, mut pause) = (Instant::now(), Pause::default());
        let made = loop {
            self.pause(pause.next()).await?;
            let found = kind.list(&self.cx.fresh()).await?;
            let made = found
                .into_iter()
                .find(|live| &live.address == address && replaces.is_none_or(|replaced| replaced.id != live.id));
            match made {
                Some(made) => break made,
                None if began.elapsed() >= how_long => return Ok(None),
                None => {}
            }
        };
        if kind.in_two_steps() {
            return Ok(Some(made.live));
        }
        let changes = kind.diff(desired, &made.live)?;
        if changes.is_empty() {
            return Ok(Some(made.live));
        }
        let write = Write::Update { desired, live: &made.live, changes: &changes };
        // Boxed, because an attempt may look for what is made and this makes an attempt.
        Ok(Box::pin(self.attempt(kind, address, write)).await?.or(Some(made.live)))
    }
}

fn waited_for(failure: Failure, what: &str, how_long: Duration) -> Failure {
    let hint = format!("stackctl waited {} s for {what}; repeat the command to wait on", how_long.as_secs());
    Failure { hint: failure.hint.clone().or(Some(hint)), ..failure }
}

/// Waits that double, with jitter, so that many steps do not come back at the same moment.
#[derive(Default)]
pub(super) struct Pause(u32);

impl Pause {
    pub(super) fn next(&mut self) -> Duration {
        let longest = (Duration::from_millis(200) * 2_u32.saturating_pow(self.0)).min(LONGEST_PAUSE);
        self.0 += 1;
        longest.mul_f64(rand::rng().random_range(0.5..1.0))
    }
}
