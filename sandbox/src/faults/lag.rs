//! Reads that lag writes: an answer of an earlier moment, which also goes back and forth, and an identifier that was
//! handed out a moment ago and is not known everywhere yet.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
//!
//! Before a write, what each read of that service asked before would answer is kept. A read that nobody asked before
//! has no earlier answer, and gives today's.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use regex::Regex;

use super::dice::share;
use crate::api::{Answer, ApiError, Call};

/// The services whose reads lag.
const LAGGING: [&str; 4] = ["ec2", "elasticloadbalancing", "ecs", "iam"];

/// How many different reads of one service are kept.
const READS: usize = 48;

/// The identifiers that EC2 hands out, by what stands before the hyphen.
static ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(vpc|subnet|igw|rtb|sg|eipalloc|nat)-[0-9a-f]{8,17}\b").expect("it is a regular expression")
});

/// What was true a moment ago.
#[derive(Default)]
pub(crate) struct Lag {
    reads: Mutex<VecDeque<Read>>,
    new: Mutex<HashMap<String, Instant>>,
    asked: Mutex<u64>,
}

struct Read {
    call: Call,
    /// What it would have answered, just before each of the latest writes.
    past: VecDeque<(Instant, Answer)>,
}

fn same(one: &Call, other: &Call) -> bool {
    let what = |call: &Call| (call.service.clone(), call.operation.clone(), call.path_and_query.clone());
    what(one) == what(other) && one.region == other.region && one.body == other.body
}

impl Lag {
    /// Carries `call` out by `carry_out`, `most` seconds late at most.
    pub(crate) async fn through<F, A>(
        &self,
        call: &Call,
        seed: u64,
        most: f64,
        carry_out: F,
    ) -> Result<Answer, ApiError>
    where
        F: Fn(Call) -> A,
        A: Future<Output = Result<Answer, ApiError>>,
    {
        if most <= 0.0 || !LAGGING.contains(&call.service.as_str()) {
            return carry_out(call.clone()).await;
        }
        let longest = Duration::from_secs_f64(most);
        let lag = longest.mul_f64(self.dice(seed));
        self.refuse_new(call, lag)?;
        if call.is_mutating() {
            self.keep(call, longest, &carry_out).await;
            let answer = carry_out(call.clone()).await?;
            self.hand_out(call, &answer);
            return Ok(answer);
        }
        let now = carry_out(call.clone()).await?;
        let then = Instant::now().checked_sub(lag);
        let mut reads = self.reads.lock().expect("nobody panics while holding this");
        let Some(read) = reads.iter().find(|read| same(&read.call, call)) else {
            reads.push_back(Read { call: call.clone(), past: VecDeque::new() });
            while reads.len() > READS * LAGGING.len() {
                reads.pop_front();
            }
            return Ok(now);
        };
        // What was kept before the first write after that moment was still true then.
        let earlier = read.past.iter().find(|(kept, _)| then.is_some_and(|then| *kept >= then));
        Ok(earlier.map_or(now, |(_, answer)| answer.clone()))
    }

    fn dice(&self, seed: u64) -> f64 {
        let mut asked = self.asked.lock().expect("nobody panics while holding this");
        *asked += 1;
        share(seed, "lag", *asked)
    }

    /// Refuses what names an identifier that is not known everywhere yet.
    fn refuse_new(&self, call: &Call, lag: Duration) -> Result<(), ApiError> {
        if call.service != "ec2" {
            return Ok(());
        }
        let new = self.new.lock().expect("nobody panics while holding this");
        let body = String::from_utf8_lossy(&call.body);
        for id in ID.find_iter(&body).map(|found| found.as_str()) {
            if new.get(id).is_some_and(|since| since.elapsed() < lag) {
                let code = match id.split('-').next().unwrap_or_default() {
                    "vpc" => "InvalidVpcID.NotFound",
                    "subnet" => "InvalidSubnetID.NotFound",
                    "igw" => "InvalidInternetGatewayID.NotFound",
                    "rtb" => "InvalidRouteTableID.NotFound",
                    "sg" => "InvalidGroup.NotFound",
                    "eipalloc" => "InvalidAllocationID.NotFound",
                    _ if call.operation == "CreateRoute" => "InvalidNatGatewayID.NotFound",
                    _ => "NatGatewayNotFound",
                };
                // A filter matches nothing, and is not refused.
                let refused = call.is_mutating() && !call.operation.starts_with("Delete");
                if refused {
                    return Err(ApiError::client(code, format!("The ID '{id}' does not exist")));
                }
            }
        }
        Ok(())
    }

    /// Notes the identifiers of an answer that the call did not name.
    fn hand_out(&self, call: &Call, answer: &Answer) {
        if call.service != "ec2" || answer.error.is_some() {
            return;
        }
        let (asked, given) = (String::from_utf8_lossy(&call.body), String::from_utf8_lossy(&answer.body));
        let mut new = self.new.lock().expect("nobody panics while holding this");
        for id in ID.find_iter(&given).map(|found| found.as_str()).filter(|id| !asked.contains(id)) {
            new.entry(id.to_owned()).or_insert_with(Instant::now);
        }
    }

    /// Keeps what each read of this service would answer before `call`, and forgets what is too old to be told.
    async fn keep<F, A>(&self, call: &Call, longest: Duration, carry_out: &F)
    where
        F: Fn(Call) -> A,
        A: Future<Output = Result<Answer, ApiError>>,
    {
        let known: Vec<Call> = {
            let reads = self.reads.lock().expect("nobody panics while holding this");
            let of_service = reads.iter().filter(|read| read.call.service == call.service);
            of_service.map(|read| read.call.clone()).collect()
        };
        for read in known {
            let at = Instant::now();
            let Ok(answer) = carry_out(read.clone()).await else { continue };
            let mut reads = self.reads.lock().expect("nobody panics while holding this");
            if let Some(kept) = reads.iter_mut().find(|kept| same(&kept.call, &read)) {
                kept.past.retain(|(at, _)| at.elapsed() <= longest);
                kept.past.push_back((at, answer));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn call(operation: &str, body: &str) -> Call {
        Call::example("ec2", operation, body)
    }

    /// A cloud of one number of VPCs.
    struct Cloud {
        vpcs: AtomicUsize,
        lag: Lag,
    }

    impl Cloud {
        async fn ask(&self, call: Call, most: f64) -> Result<String, String> {
            let answer = self
                .lag
                .through(&call, 1, most, |call| async move {
                    if call.is_mutating() {
                        self.vpcs.fetch_add(1, Ordering::SeqCst);
                        return Ok(Answer::xml("CreateVpc", "<vpcId>vpc-0123456789abcdef0</vpcId>"));
                    }
                    Ok(Answer::json(&self.vpcs.load(Ordering::SeqCst)))
                })
                .await;
            answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).map_err(|error| error.code)
        }
    }

    #[tokio::test]
    async fn a_read_gives_now_and_then_what_was_before_the_write_until_that_is_too_old() {
        let cloud = Cloud { vpcs: AtomicUsize::new(0), lag: Lag::default() };
        let most = 0.5;
        assert_eq!(cloud.ask(call("DescribeVpcs", ""), most).await.as_deref(), Ok("0"));
        cloud.ask(call("CreateVpc", ""), most).await.expect("it is made");
        let mut seen = Vec::new();
        for _ in 0..20 {
            seen.push(cloud.ask(call("DescribeVpcs", ""), most).await.expect("it answers"));
        }
        assert!(seen.contains(&"0".to_owned()), "{seen:?}");
        tokio::time::sleep(Duration::from_millis(600)).await;
        for _ in 0..20 {
            assert_eq!(cloud.ask(call("DescribeVpcs", ""), most).await.as_deref(), Ok("1"));
        }
        assert_eq!(cloud.ask(call("DescribeVpcs", ""), 0.0).await.as_deref(), Ok("1"));
    }

    #[tokio::test]
    async fn an_identifier_that_is_new_is_not_known_everywhere() {
        let cloud = Cloud { vpcs: AtomicUsize::new(0), lag: Lag::default() };
        cloud.ask(call("CreateVpc", ""), 1000.0).await.expect("it is made");
        let named = call("CreateSubnet", "VpcId=vpc-0123456789abcdef0");
        assert_eq!(cloud.ask(named.clone(), 1000.0).await, Err("InvalidVpcID.NotFound".to_owned()));
        assert!(cloud.ask(named, 0.0).await.is_ok());
    }
}
