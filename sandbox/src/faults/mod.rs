//! Fault injection for tests: throttling, server errors, broken connections, lost responses, expired credentials and
//! stale reads. Everything follows from a seed, so that a failure can be reproduced.

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

/// Which faults happen, and how often. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plan {
    /// The seed of the pseudo-random numbers.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Whether AWS's request limits apply: a call is throttled when its token bucket is empty.
    #[arg(long)]
    pub(crate) limits: bool,
    /// The share of calls that are throttled, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    throttled: f64,
    /// The share of calls that AWS fails (5xx) before they have an effect.
    #[arg(long, default_value_t = 0.0)]
    failed: f64,
    /// The share of calls whose connection is reset before they have an effect.
    #[arg(long, default_value_t = 0.0)]
    reset: f64,
    /// The share of calls whose connection is reset after they took effect, so that the response is lost.
    #[arg(long, default_value_t = 0.0)]
    lost: f64,
    /// The most seconds that reads lag behind writes: those of ACM, EC2, ELB, ECS and IAM, of the buckets of S3, and the
    /// list of secrets.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) lag: f64,
    /// How many seconds the name of a deleted bucket cannot be used again.
    #[arg(skip)]
    bucket_busy: f64,
    /// How many seconds after the registration of a task definition another revision of its family is refused.
    #[arg(skip)]
    pub(crate) revision_pause: f64,
    /// How many of the first one-off tasks with an execution role fail to start, because the role is not known
    /// everywhere yet.
    #[arg(skip)]
    pub(crate) unprepared: usize,
    /// The number of calls after which the credentials expire, or `None` for never.
    #[arg(long)]
    expire_after: Option<u64>,
    /// The operations that faults apply to. If empty, they apply to all.
    #[arg(skip)]
    operations: Vec<String>,
}

/// The outcome of one call.
#[derive(Debug)]
pub(crate) enum Fate {
    /// The call succeeds.
    Done,
    /// The call is refused and has no effect.
    Refused(ApiError),
    /// The connection is reset and the call has no effect.
    Reset,
    /// The call takes effect, then the connection is reset.
    Lost,
}

/// Decides which calls fail.
pub(crate) struct Faults {
    plan: Mutex<Plan>,
    /// The remaining tokens of AWS's request limits. They refill at AWS's rates whatever the time scale, because
    /// calls are not faster here than on AWS.
    buckets: Mutex<Buckets>,
    /// How often each operation was called. The numbers are drawn per operation, so that concurrent calls do not
    /// change them.
    thrown: Mutex<HashMap<String, u64>>,
    calls: AtomicU64,
    /// The time of deletion of each bucket.
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

    /// Starts another plan from its first number, with full token buckets.
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

    /// Records the result of a call that later calls depend on.
    pub(crate) fn note(&self, call: &Call, answer: &Answer) {
        if call.service == s3::SERVICE && call.operation == "DeleteBucket" && answer.status < 300 {
            let bucket = s3::Target::of(&call.path_and_query).bucket;
            self.deleted.lock().expect("nobody panics while holding this").insert(bucket, Instant::now());
        }
    }

    /// Returns whether S3 still blocks the name of a deleted bucket.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
    fn is_busy(&self, call: &Call, seconds: f64) -> bool {
        if call.service != s3::SERVICE || call.operation != "CreateBucket" {
            return false;
        }
        let bucket = s3::Target::of(&call.path_and_query).bucket;
        let deleted = self.deleted.lock().expect("nobody panics while holding this");
        deleted.get(&bucket).is_some_and(|since| since.elapsed().as_secs_f64() < seconds)
    }

    /// Decides the outcome of `call`.
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

/// Returns the throttling error of the service.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>, "Common errors" of each other API, and the
/// pages of the request limits in `limits/src/table.rs`: ELB and RDS use the same code as the services that speak
/// JSON.
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

/// Returns the internal error of the service.
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
    fn faults_follow_from_the_seed() {
        let plan = Plan { seed: 7, throttled: 0.3, failed: 0.05, reset: 0.05, lost: 0.05, ..Plan::default() };
        assert_eq!(fates(&plan), fates(&plan));
        assert_ne!(fates(&plan), fates(&Plan { seed: 8, ..plan }));
    }

    #[test]
    fn each_fault_occurs_about_as_often_as_its_share() {
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
    fn credentials_expire_by_count_and_faults_hit_named_calls() {
        let faults = Faults::new(Plan { expire_after: Some(1), ..Plan::default() });
        assert!(matches!(faults.fate(&call("ec2", "DescribeVpcs")), Fate::Done));
        let Fate::Refused(error) = faults.fate(&call("ec2", "DescribeVpcs")) else { panic!("they have expired") };
        assert_eq!((error.status, error.code.as_str()), (403, "RequestExpired"));
        let faults = Faults::new(Plan { throttled: 1.0, operations: vec!["CreateVpc".into()], ..Plan::default() });
        assert!(matches!(faults.fate(&call("ec2", "DescribeVpcs")), Fate::Done));
        assert!(matches!(faults.fate(&call("ec2", "CreateVpc")), Fate::Refused(_)));
    }
}
