//! A bad cloud, for tests: calls that are throttled or fail, connections that break, answers that are lost, credentials
//! that expire, reads that lag. All of it follows from a seed, so that a bad day can be had again.

mod dice;
mod lag;

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use serde::{Deserialize, Serialize};
use stackctl_limits::Buckets;

use crate::{
    api::{Answer, ApiError, Call},
    s3,
};

use dice::share;
pub(crate) use lag::Lag;

/// What goes wrong, and how often; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plan {
    /// What the dice are thrown with.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Whether AWS's request limits apply: a call is throttled where its token bucket is empty.
    #[arg(long)]
    pub(crate) limits: bool,
    /// The share of calls that are throttled, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    throttled: f64,
    /// The share of calls that fail inside of AWS (5xx) before they have done anything.
    #[arg(long, default_value_t = 0.0)]
    failed: f64,
    /// The share of calls whose connection is reset before they have done anything.
    #[arg(long, default_value_t = 0.0)]
    reset: f64,
    /// The share of calls whose connection is reset once the work is done: the answer is lost.
    #[arg(long, default_value_t = 0.0)]
    lost: f64,
    /// By how many seconds reads of EC2, ELB, ECS and IAM, and the list of secrets, lag writes, at most.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) lag: f64,
    /// For how many seconds the name of a bucket that was deleted cannot be used again.
    #[arg(skip)]
    bucket_busy: f64,
    /// For how many seconds after a revision of a task definition was registered another one of its family is refused.
    #[arg(skip)]
    pub(crate) revision_pause: f64,
    /// How many of the first one-off tasks with an execution role ECS cannot prepare, because IAM does not show the role
    /// everywhere.
    #[arg(skip)]
    pub(crate) unprepared: usize,
    /// After how many calls the credentials expire; none for never.
    #[arg(long)]
    expire_after: Option<u64>,
    /// The operations that this is about; all of them if there is none.
    #[arg(skip)]
    operations: Vec<String>,
}

/// What becomes of one call.
#[derive(Debug)]
pub(crate) enum Fate {
    /// What it asks for.
    Done,
    /// A refusal, and nothing is done.
    Refused(ApiError),
    /// The connection breaks, and nothing is done.
    Reset,
    /// It is done, and the connection breaks.
    Lost,
}

/// The dice.
pub(crate) struct Faults {
    plan: Mutex<Plan>,
    /// The tokens that are left of AWS's request limits. They come at AWS's rates, however fast other things go here: calls
    /// are not faster than on AWS.
    buckets: Mutex<Buckets>,
    /// How often each operation was called: the dice are thrown by operation, so that what runs beside it does not count.
    thrown: Mutex<HashMap<String, u64>>,
    calls: AtomicU64,
    /// When each bucket was deleted.
    deleted: Mutex<HashMap<String, Instant>>,
}

impl Faults {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan: Mutex::new(plan),
            buckets: Mutex::new(Buckets::of_aws()),
            thrown: Mutex::default(),
            calls: AtomicU64::default(),
            deleted: Mutex::default(),
        }
    }

    /// Begins another plan from its first throw, with full buckets.
    pub(crate) fn set(&self, plan: Plan) {
        *self.buckets() = Buckets::of_aws();
        self.thrown.lock().expect("nobody panics while holding this").clear();
        self.calls.store(0, Ordering::SeqCst);
        *self.plan.lock().expect("nobody panics while holding this") = plan;
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().expect("nobody panics while holding this")
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan.lock().expect("nobody panics while holding this").clone()
    }

    /// Notes what has become of a call, for the calls after it.
    pub(crate) fn note(&self, call: &Call, answer: &Answer) {
        if call.service == s3::SERVICE && call.operation == "DeleteBucket" && answer.status < 300 {
            let bucket = s3::Target::of(&call.path_and_query).bucket;
            self.deleted.lock().expect("nobody panics while holding this").insert(bucket, Instant::now());
        }
    }

    /// S3 needs a while until a bucket's name can be used again.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
    fn is_busy(&self, call: &Call, seconds: f64) -> bool {
        if call.service != s3::SERVICE || call.operation != "CreateBucket" {
            return false;
        }
        let bucket = s3::Target::of(&call.path_and_query).bucket;
        let deleted = self.deleted.lock().expect("nobody panics while holding this");
        deleted.get(&bucket).is_some_and(|since| since.elapsed().as_secs_f64() < seconds)
    }

    /// What becomes of `call`.
    pub(crate) fn fate(&self, call: &Call) -> Fate {
        let plan = self.plan();
        if plan.limits && !self.buckets().try_take(&call.region, &call.service, &call.operation) {
            return Fate::Refused(throttled(call));
        }
        if self.is_busy(call, plan.bucket_busy) {
            let message =
                "A conflicting conditional operation is currently in progress against this resource. Please try again.";
            return Fate::Refused(ApiError { status: 409, ..ApiError::client("OperationAborted", message) });
        }
        if !plan.operations.is_empty() && !plan.operations.contains(&call.operation) {
            return Fate::Done;
        }
        if plan.expire_after.is_some_and(|after| self.calls.fetch_add(1, Ordering::SeqCst) >= after) {
            return Fate::Refused(ApiError::expired(call));
        }
        let operation = format!("{} {}", call.service, call.operation);
        let nth = {
            let mut thrown = self.thrown.lock().expect("nobody panics while holding this");
            let nth = thrown.entry(operation.clone()).or_default();
            *nth += 1;
            *nth
        };
        let mut dice = share(plan.seed, &operation, nth);
        for (odds, fate) in [
            (plan.throttled, Fate::Refused(throttled(call))),
            (plan.failed, Fate::Refused(failed(call))),
            (plan.reset, Fate::Reset),
            (plan.lost, Fate::Lost),
        ] {
            if dice < odds {
                return fate;
            }
            dice -= odds;
        }
        Fate::Done
    }
}

/// How each service asks to slow down.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>, "Common errors" of each other API, and the pages of
/// the request limits in `limits/src/table.rs`: ELB and RDS have the code of the services that speak JSON.
fn throttled(call: &Call) -> ApiError {
    let (status, code, message) = match call.service.as_str() {
        "ec2" => (503, "RequestLimitExceeded", "Request limit exceeded."),
        "s3" => (503, "SlowDown", "Please reduce your request rate."),
        "scheduler" => (429, "ThrottlingException", "Rate exceeded"),
        "sns" => (429, "Throttled", "Rate exceeded"),
        "elasticloadbalancing" | "rds" => (400, "ThrottlingException", "Rate exceeded"),
        _ if call.is_json() => (400, "ThrottlingException", "Rate exceeded"),
        _ => (400, "Throttling", "Rate exceeded"),
    };
    ApiError { status, ..ApiError::client(code, message) }
}

/// How each service says that it failed itself.
fn failed(call: &Call) -> ApiError {
    let (status, code) = match call.service.as_str() {
        "ec2" | "s3" => (500, "InternalError"),
        "ecs" | "ecr" => (500, "ServerException"),
        "ssm" => (500, "InternalServerError"),
        "secretsmanager" => (500, "InternalServiceError"),
        "logs" => (503, "ServiceUnavailableException"),
        "iam" => (500, "ServiceFailure"),
        "scheduler" => (500, "InternalServerException"),
        _ => (500, "InternalFailure"),
    };
    ApiError { status, ..ApiError::client(code, "We encountered an internal error. Please try again.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(service: &str, operation: &str) -> Call {
        Call::example(service, operation, "")
    }

    fn fates(plan: &Plan) -> Vec<String> {
        let faults = Faults::new(plan.clone());
        (0..1000).map(|_| format!("{:?}", faults.fate(&call("ec2", "DescribeVpcs")))).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_day_and_another_seed_another() {
        let plan = Plan { seed: 7, throttled: 0.3, failed: 0.05, reset: 0.05, lost: 0.05, ..Plan::default() };
        assert_eq!(fates(&plan), fates(&plan));
        assert_ne!(fates(&plan), fates(&Plan { seed: 8, ..plan }));
    }

    #[test]
    fn each_fault_has_about_its_share() {
        let plan = Plan { seed: 7, throttled: 0.3, failed: 0.1, reset: 0.1, lost: 0.1, ..Plan::default() };
        let fates = fates(&plan);
        let count = |what: &str| fates.iter().filter(|fate| fate.contains(what)).count();
        for (what, share) in [("RequestLimitExceeded", 300), ("InternalError", 100), ("Reset", 100), ("Lost", 100)] {
            assert!(count(what).abs_diff(share) < 50, "{what}: {}", count(what));
        }
        assert!(count("Done") > 300);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_beyond_the_request_limits_are_throttled() {
        let faults = Faults::new(Plan { limits: true, operations: vec!["CreateVpc".into()], ..Plan::default() });
        for (service, operation, burst, status, code) in [
            ("ecs", "RegisterTaskDefinition", 20, 400, "ThrottlingException"),
            ("ec2", "CreateSubnet", 50, 503, "RequestLimitExceeded"),
            ("elasticloadbalancing", "CreateRule", 20, 400, "ThrottlingException"),
            ("iam", "CreateRole", 15, 400, "Throttling"),
            ("rds", "DescribeDBInstances", 300, 400, "ThrottlingException"),
            ("ssm", "PutParameter", 3, 400, "ThrottlingException"),
        ] {
            let mut call = call(service, operation);
            if matches!(service, "ecs" | "ssm") {
                call.headers.insert("x-amz-target", "a.target".parse().expect("it is a header"));
            }
            for nth in 1..=burst {
                assert!(matches!(faults.fate(&call), Fate::Done), "{operation} {nth}");
            }
            let Fate::Refused(error) = faults.fate(&call) else { panic!("{operation} has no tokens left") };
            assert_eq!((error.status, error.code.as_str()), (status, code), "{operation}");
        }
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!(matches!(faults.fate(&call("ecs", "RegisterTaskDefinition")), Fate::Done), "a token came back");
        let off = Faults::new(Plan::default());
        assert!((0..1000).all(|_| matches!(off.fate(&call("ecs", "RegisterTaskDefinition")), Fate::Done)));
    }

    #[test]
    fn credentials_expire_by_count_and_faults_hit_only_named_calls() {
        let faults = Faults::new(Plan { expire_after: Some(1), ..Plan::default() });
        assert!(matches!(faults.fate(&call("ec2", "DescribeVpcs")), Fate::Done));
        let Fate::Refused(error) = faults.fate(&call("ec2", "DescribeVpcs")) else { panic!("they have expired") };
        assert_eq!((error.status, error.code.as_str()), (403, "RequestExpired"));
        let faults = Faults::new(Plan { throttled: 1.0, operations: vec!["CreateVpc".into()], ..Plan::default() });
        assert!(matches!(faults.fate(&call("ec2", "DescribeVpcs")), Fate::Done));
        assert!(matches!(faults.fate(&call("ec2", "CreateVpc")), Fate::Refused(_)));
    }
}
