//! Eventual consistency: reads that return an earlier state, also back and forth, and new identifiers that are not
//! known everywhere yet.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
//!
//! Before each write, the current responses to all earlier reads of the service are recorded. A read that was never
//! made before has no recorded response and returns the current state.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

use regex::Regex;

use super::dice::share;
use crate::{
    api::{Answer, ApiError, Call},
    s3,
};

/// The services whose reads lag. In S3 it is buckets and their settings; objects are consistent. In Secrets Manager
/// it is the list, not the description of a secret. ACM shows no details of a new certificate for some seconds.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>,
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>,
/// <https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html>
const LAGGING: [&str; 7] = ["acm", "ec2", "elasticloadbalancing", "ecs", IAM, s3::SERVICE, SECRETS];

/// IAM. A call that names a new role or policy may not find it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
const IAM: &str = "iam";

const SECRETS: &str = "secretsmanager";

/// How many different reads are recorded per service.
const READS: usize = 48;

/// Matches an identifier of EC2: a prefix for the type, a hyphen and 8 or 17 hexadecimal digits. The groups of a UUID
/// look similar, but follow a digit or a hyphen.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-resources.html>
static ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9A-Za-z-])((?:[a-z]+-)+(?:[0-9a-f]{17}|[0-9a-f]{8}))(?:[^0-9A-Za-z-]|$)")
        .expect("it is a regular expression")
});

/// The error codes of EC2 for unknown identifiers, by prefix, from "Client error codes for specific actions". An
/// identifier with another prefix is refused too, with an error that asks to add it here.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const NOT_FOUND: &[(&str, &str)] = &[
    ("acl", "InvalidNetworkAclID.NotFound"),
    ("aclassoc", "InvalidAssociationID.NotFound"),
    ("ami", "InvalidAMIID.NotFound"),
    ("dopt", "InvalidDhcpOptionID.NotFound"),
    ("eigw", "InvalidGatewayID.NotFound"),
    ("eipalloc", "InvalidAllocationID.NotFound"),
    ("eipassoc", "InvalidAssociationID.NotFound"),
    ("eni", "InvalidNetworkInterfaceID.NotFound"),
    ("eni-attach", "InvalidAttachmentID.NotFound"),
    ("i", "InvalidInstanceID.NotFound"),
    ("igw", "InvalidInternetGatewayID.NotFound"),
    ("lt", "InvalidLaunchTemplateId.NotFound"),
    ("nat", "NatGatewayNotFound"),
    ("pl", "InvalidPrefixListID.NotFound"),
    ("r", "InvalidReservationID.NotFound"),
    ("rtb", "InvalidRouteTableID.NotFound"),
    ("rtbassoc", "InvalidAssociationID.NotFound"),
    ("sg", "InvalidGroup.NotFound"),
    ("sgr", "InvalidSecurityGroupRuleId.NotFound"),
    ("snap", "InvalidSnapshot.NotFound"),
    ("subnet", "InvalidSubnetID.NotFound"),
    ("vol", "InvalidVolume.NotFound"),
    ("vpc", "InvalidVpcID.NotFound"),
    ("vpc-cidr-assoc", "InvalidVpcCidrBlockAssociationID.NotFound"),
    ("vpce", "InvalidVpcEndpointId.NotFound"),
];

/// Returns EC2's error for an unknown `id`.
fn not_found(call: &Call, id: &str) -> ApiError {
    let prefix = id.rsplit_once('-').map_or(id, |(prefix, _)| prefix);
    // This operation has an error code of its own.
    if prefix == "nat" && call.operation == "CreateRoute" {
        return ApiError::client("InvalidNatGatewayID.NotFound", format!("The NatGateway ID '{id}' does not exist"));
    }
    if let Some((_, code)) = NOT_FOUND.iter().find(|(known, _)| *known == prefix) {
        return ApiError::client(code, format!("The ID '{id}' does not exist"));
    }
    let message =
        format!("{id} is new, and the sandbox does not know what EC2 says then: see NOT_FOUND in faults/lag.rs");
    tracing::error!(call.operation, "{message}");
    ApiError::client("NotImplementedInSandbox", message)
}

/// Returns the identifiers in a text.
fn ids(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(id) = ID.captures_at(text, from).and_then(|captures| captures.get(1)) {
        found.push(id.as_str());
        // The character after one identifier may also come before the next.
        from = id.end();
    }
    found
}

/// The recorded responses, and the identifiers that are new.
#[derive(Default)]
pub(crate) struct Lag {
    reads: Mutex<VecDeque<Read>>,
    new: Mutex<HashMap<String, Instant>>,
    asked: Mutex<u64>,
}

struct Read {
    call: Call,
    /// The responses just before each of the latest writes.
    past: VecDeque<(Instant, Answer)>,
}

fn same(one: &Call, other: &Call) -> bool {
    let what = |call: &Call| (call.service.clone(), call.operation.clone(), call.path_and_query.clone());
    what(one) == what(other) && one.region == other.region && one.body == other.body
}

/// Returns whether a call of S3 is about a bucket and not about its objects.
fn is_about_buckets(call: &Call) -> bool {
    let target = s3::Target::of(&call.path_and_query);
    target.key.is_empty() && !call.operation.contains("Objects") && !call.operation.contains("Uploads")
}

/// Returns whether the response to `call` may be stale, or `call` makes other responses stale.
fn lags(call: &Call) -> bool {
    match call.service.as_str() {
        s3::SERVICE => is_about_buckets(call),
        SECRETS => call.is_mutating() || call.operation == "ListSecrets",
        service => LAGGING.contains(&service),
    }
}

fn bucket(call: &Call) -> String {
    s3::Target::of(&call.path_and_query).bucket
}

/// Returns the names of the role or policy that `call` created.
fn made_by_iam(call: &Call, answer: &Answer) -> Vec<String> {
    let given = String::from_utf8_lossy(&answer.body);
    let arn =
        || given.split_once("<Arn>").and_then(|(_, rest)| rest.split_once("</Arn>")).map(|(arn, _)| arn.to_owned());
    match call.operation.as_str() {
        "CreateRole" => call.params().remove("RoleName").into_iter().collect(),
        "CreatePolicy" => arn().into_iter().collect(),
        _ => Vec::new(),
    }
}

impl Lag {
    /// Runs `call` with `carry_out`. Its response is at most `most` seconds old.
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
        if most <= 0.0 || !lags(call) {
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
        // The state before the first write after that moment was still true at that moment.
        let earlier = read.past.iter().find(|(kept, _)| then.is_some_and(|then| *kept >= then));
        Ok(earlier.map_or(now, |(_, answer)| answer.clone()))
    }

    fn dice(&self, seed: u64) -> f64 {
        let mut asked = self.asked.lock().expect("nobody panics while holding this");
        *asked += 1;
        share(seed, "lag", *asked)
    }

    /// Refuses a write that names a resource not known everywhere yet. Deletions find new resources; filters match
    /// nothing.
    fn refuse_new(&self, call: &Call, lag: Duration) -> Result<(), ApiError> {
        if !call.is_mutating() || call.operation.starts_with("Delete") {
            return Ok(());
        }
        let new = self.new.lock().expect("nobody panics while holding this");
        let is_new = |name: &str| new.get(name).is_some_and(|since| since.elapsed() < lag);
        match call.service.as_str() {
            "ec2" => {
                let body = String::from_utf8_lossy(&call.body);
                ids(&body).into_iter().find(|id| is_new(id)).map_or(Ok(()), |id| Err(not_found(call, id)))
            }
            s3::SERVICE if call.operation != "CreateBucket" && is_new(&bucket(call)) => {
                let message = "The specified bucket does not exist";
                Err(ApiError { status: 404, ..ApiError::client("NoSuchBucket", message) })
            }
            IAM => {
                let params = call.params();
                let named = ["RoleName", "PolicyArn"].into_iter().filter_map(|key| params.get(key));
                let new = named.into_iter().find(|name| is_new(name));
                new.map_or(Ok(()), |name| {
                    let message = format!("{name} cannot be found.");
                    Err(ApiError { status: 404, ..ApiError::client("NoSuchEntity", message) })
                })
            }
            _ => Ok(()),
        }
    }

    /// Records what a write created: the identifiers in its response that the request did not name, and the name of a
    /// bucket.
    fn hand_out(&self, call: &Call, answer: &Answer) {
        if answer.error.is_some() {
            return;
        }
        let made = match call.service.as_str() {
            "ec2" => {
                let (asked, given) = (String::from_utf8_lossy(&call.body), String::from_utf8_lossy(&answer.body));
                ids(&given).into_iter().filter(|id| !asked.contains(id)).map(str::to_owned).collect()
            }
            s3::SERVICE if call.operation == "CreateBucket" => vec![bucket(call)],
            IAM => made_by_iam(call, answer),
            _ => Vec::new(),
        };
        let mut new = self.new.lock().expect("nobody panics while holding this");
        for name in made {
            new.entry(name).or_insert_with(Instant::now);
        }
    }

    /// Records the current response to each read of this service before `call`, and drops records that are too old.
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

    /// A fake cloud that has only a number of VPCs.
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
    async fn read_sometimes_returns_the_state_before_a_recent_write() {
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
    async fn new_identifier_is_not_known_everywhere() {
        let cloud = Cloud { vpcs: AtomicUsize::new(0), lag: Lag::default() };
        cloud.ask(call("CreateVpc", ""), 1000.0).await.expect("it is made");
        let named = call("CreateSubnet", "VpcId=vpc-0123456789abcdef0");
        assert_eq!(cloud.ask(named.clone(), 1000.0).await, Err("InvalidVpcID.NotFound".to_owned()));
        assert!(cloud.ask(named, 0.0).await.is_ok());
    }

    #[tokio::test]
    async fn new_role_and_policy_are_not_found_by_name() {
        let lag = Lag::default();
        let ask = async |operation: &str, body: &str, most: f64| {
            let call = Call::example(IAM, operation, body);
            let answer = lag.through(&call, 1, most, |_| async {
                Ok(Answer::xml("CreatePolicy", "<Arn>arn:aws:iam::123456789012:policy/p</Arn>"))
            });
            answer.await.map(|_| ()).map_err(|error| error.code)
        };
        ask("CreateRole", "RoleName=r", 1000.0).await.expect("it is made");
        ask("CreatePolicy", "PolicyName=p", 1000.0).await.expect("it is made");
        let absent = Err("NoSuchEntity".to_owned());
        let policy = "PolicyArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Apolicy%2Fp";
        assert_eq!(ask("UpdateRole", "RoleName=r", 1000.0).await, absent);
        assert_eq!(ask("AttachRolePolicy", &format!("RoleName=old&{policy}"), 1000.0).await, absent);
        assert_eq!(ask("AttachRolePolicy", &format!("RoleName=old&{policy}"), 0.0).await, Ok(()));
        assert_eq!(ask("DeletePolicy", policy, 1000.0).await, Ok(()), "a deletion finds it");
    }

    #[tokio::test]
    async fn secret_list_lags_but_a_description_does_not() {
        let (lag, secrets) = (Lag::default(), AtomicUsize::new(0));
        let ask = async |operation: &str| {
            let call = Call::example(SECRETS, operation, "");
            let answer = lag.through(&call, 1, 1000.0, |call| {
                let count = secrets.fetch_add(usize::from(call.is_mutating()), Ordering::SeqCst);
                async move { Ok(Answer::json(&count)) }
            });
            String::from_utf8_lossy(&answer.await.expect("it answers").body).into_owned()
        };
        for read in ["ListSecrets", "DescribeSecret"] {
            assert_eq!(ask(read).await, "0");
        }
        ask("CreateSecret").await;
        let mut listed = Vec::new();
        for _ in 0..20 {
            listed.push(ask("ListSecrets").await);
            assert_eq!(ask("DescribeSecret").await, "1");
        }
        assert!(listed.contains(&"0".to_owned()), "{listed:?}");
    }

    #[test]
    fn finds_identifiers_of_any_prefix_but_not_in_uuids() {
        let text = "<vpcId>vpc-0123456789abcdef0</vpcId><id>i-01234567</id>,tgw-attach-0123456789abcdef0 \
                    <requestId>7a62c49f-abcd-abcd-abcd-6e8e12345678</requestId><zone>eu-west-1a</zone>";
        assert_eq!(ids(text), ["vpc-0123456789abcdef0", "i-01234567", "tgw-attach-0123456789abcdef0"]);
        assert_eq!(ids("A=vpc-01234567&B=sg-01234567,sg-89abcdef"), ["vpc-01234567", "sg-01234567", "sg-89abcdef"]);
    }

    #[test]
    fn not_found_code_follows_the_prefix() {
        let code = |operation: &str, id: &str| not_found(&call(operation, ""), id).code;
        assert_eq!(code("CreateSubnet", "vpc-01234567"), "InvalidVpcID.NotFound");
        assert_eq!(code("CreateRoute", "nat-01234567"), "InvalidNatGatewayID.NotFound");
        assert_eq!(code("AssociateAddress", "eni-attach-01234567"), "InvalidAttachmentID.NotFound");
        assert_eq!(code("CreateSubnet", "odd-01234567"), "NotImplementedInSandbox");
    }

    #[tokio::test]
    async fn new_bucket_is_missing_only_for_its_settings() {
        let lag = Lag::default();
        let ask = async |operation: &str, path: &str, most: f64| {
            let call = Call { path_and_query: path.into(), ..Call::example("s3", operation, "") };
            let done = lag.through(&call, 1, most, |_| async { Ok(Answer::json(&())) }).await;
            done.map(drop).map_err(|error| error.code)
        };
        assert_eq!(ask("CreateBucket", "/uploads", 1000.0).await, Ok(()));
        let missing = Err("NoSuchBucket".to_owned());
        assert_eq!(ask("PutBucketVersioning", "/uploads?versioning", 1000.0).await, missing);
        assert_eq!(ask("PutObject", "/uploads/a", 1000.0).await, Ok(()));
        assert_eq!(ask("PutBucketVersioning", "/other?versioning", 1000.0).await, Ok(()));
        assert_eq!(ask("PutBucketVersioning", "/uploads?versioning", 0.0).await, Ok(()));
    }
}
