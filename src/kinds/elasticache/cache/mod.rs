//! A cache: one node of ElastiCache for Valkey in private subnets. It is encrypted at rest and in transit and requires
//! a password, unless stack.yaml allows clients without TLS or without a password.
//!
//! It is a replication group without replicas, because only replication groups have a password and an endpoint that
//! outlives their node.
//!
//! <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Replication.html>

#[cfg(test)]
mod sample;

use std::time::Duration;

use aws_sdk_elasticache::types::{CacheCluster, PendingModifiedValues, ReplicationGroup, TransitEncryptionMode};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Charge, Context, Cost, Doc, Kind, State},
    kinds::{elasticache, secretsmanager},
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, fields},
};

/// The maximum length of a replication group name, in characters.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html>
const LONGEST_NAME: usize = 40;

/// The error code for a replication group that does not exist.
const NOT_FOUND: &str = "ReplicationGroupNotFoundFault";

/// The default port of Valkey, which the security group allows.
pub const PORT: u16 = 6379;

/// How long ElastiCache may report `available` before it starts a modification.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// A cache.
pub struct Cache;

/// The cache that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The Valkey version, such as `8.0`. AWS may use a later minor version.
    pub version: String,
    /// The node type, such as `cache.t4g.micro`.
    pub class: String,
    /// The name of the cache subnet group.
    pub subnet_group: Input,
    /// The security groups that allow incoming connections.
    pub security_groups: Vec<Input>,
    /// Whether clients must use TLS.
    pub tls_required: bool,
    /// The ARN of the secret with the password. `None` for a cache without a password.
    pub token: Option<Input>,
}

/// The cache as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its identifier.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// The host name of its endpoint, once there is one.
    pub host: Option<String>,
    /// The port of its endpoint.
    pub port: Option<i32>,
    /// The node type. A type that AWS is about to apply counts as applied.
    pub class: String,
    /// The TLS mode: `required`, `optional` or `off`.
    #[serde(default = "required")]
    pub tls: String,
    /// Whether it requires a password.
    #[serde(default = "yes")]
    pub password: bool,
    /// The properties that only the node has. `None` while AWS shows no node.
    pub node: Option<Node>,
    /// The status that AWS reports, such as `creating`.
    pub status: String,
}

/// The properties that AWS reports for a node but not for its replication group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The full Valkey version. A version that AWS is about to apply counts as applied.
    pub version: String,
    /// The name of the cache subnet group.
    pub subnet_group: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
}

fn required() -> String {
    "required".to_owned()
}

fn yes() -> bool {
    true
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Class = "class",
        Version = "version",
        SecurityGroups = "security_groups",
    }

    /// The fields whose change replaces the cache.
    pub enum Fixed {
        SubnetGroup = "subnet_group",
        Tls = "tls",
        Password = "password",
    }
}

/// Sets one field in the call that creates or modifies a cache.
macro_rules! set {
    ($call:expr, $field:expr, $desired:expr) => {
        match $field {
            Field::Class => $call.cache_node_type(&$desired.class),
            Field::Version => $call.engine_version(&$desired.version),
            Field::SecurityGroups => $call.set_security_group_ids(Some(Input::all(&$desired.security_groups)?)),
        }
    };
}

impl Kind for Cache {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "cache";
    const HEADLINE: &'static [&'static str] = &["class", "version"];
    const DOC: Doc = Doc {
        summary: "The cache: one ElastiCache node that runs Valkey.",
        page: "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Replication.html",
    };
    const USES: &'static [&'static str] = &["cache_subnet_group", "security_group", "subnet"];
    // Tasks read and write as long as they run.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> =
        Cost::Counted { prices: &["cache * hour"], charge: |_, state, _| Ok(Some(charge(state))) };
    const NOT_YET: &'static [&'static str] = elasticache::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["elasticache:DescribeCacheClusters", "elasticache:DescribeReplicationGroups"]),
        // IAM also checks the parameter group, which belongs to AWS.
        Permission::make(
            &[
                "elasticache:AddTagsToResource",
                "elasticache:CreateReplicationGroup",
                "elasticache:ModifyReplicationGroup",
            ],
            On::Named(&[elasticache::ARNS, "elasticache:{region}:{account}:parametergroup:*"]),
        ),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("elasticache.amazonaws.com")),
        Permission::delete(&["elasticache:DeleteReplicationGroup"], On::Named(&[elasticache::ARNS])),
        elasticache::INTERFACES,
    ];
    const USUAL: Duration = Duration::from_secs(360);
    const DEADLINE: Duration = Duration::from_secs(3600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        // ElastiCache does not delete a subnet group that still contains a cache, so without a group there is no cache.
        if elasticache::subnet_group(cx).await?.is_none() {
            return Ok(Vec::new());
        }
        Self::look(cx, Vec::new()).await
    }

    async fn look(cx: &Context, _waited_for: Vec<(Address, Live)>) -> Result<Vec<Found<Live>>, Failure> {
        let name = name(cx, &Address::new(Self::NAME, elasticache::MAIN));
        let call = cx.aws.cache.describe_replication_groups().replication_group_id(name).send().await;
        let answer = call.or_absent("DescribeReplicationGroups", &[NOT_FOUND])?;
        let group = answer.and_then(|answer| answer.replication_groups?.into_iter().next());
        let Some(group) = group else { return Ok(Vec::new()) };
        let address = elasticache::address_of(&cx.id, group.description().unwrap_or_default());
        let Some(address) = address else { return Ok(Vec::new()) };
        let node = node(cx, &group).await?;
        let live = live(&group, node.as_ref());
        Ok(vec![Found { address, id: live.identifier.clone(), live }])
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.field(Field::Class, &live.class, &desired.class);
        // ElastiCache would need several changes for this, each with another effect on clients. A cache can be
        // recreated instead.
        diff.fixed(Fixed::Tls, &live.tls.as_str(), &if desired.tls_required { "required" } else { "optional" });
        diff.fixed(Fixed::Password, &live.password, &desired.token.is_some());
        let Some(node) = &live.node else { return diff.finish() };
        if !serves(&node.version, &desired.version) {
            diff.field(Field::Version, &node.version, &desired.version);
        }
        // A group that is being replaced keeps its name. This is no reason to replace the cache.
        if let Some(group) = desired.subnet_group.known() {
            diff.fixed(Fixed::SubnetGroup, &node.subnet_group.as_str(), &group);
        }
        diff.inputs(Field::SecurityGroups, &node.security_groups, &desired.security_groups);
        diff.finish()
    }

    /// Returns the phase for a status of ElastiCache.
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html>
    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        let word = live.status.clone();
        match live.status.as_str() {
            "available" | "snapshotting" if live.host.is_some() && live.node.is_some() => Phase::Ready,
            "deleting" => Phase::Deleting(word),
            "create-failed" => Phase::Failed(word),
            _ => Phase::Pending(word),
        }
    }

    /// Like RDS, ElastiCache may report `available` for a while after it accepted a change.
    fn begins_within(changes: &Changed<Field>) -> Duration {
        let works = [Field::Class, Field::Version].into_iter().any(|field| changes.contains(field));
        if works { BEGINS_WITHIN } else { Duration::ZERO }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new()
            .with("id", &live.identifier)
            .with("arn", &live.arn)
            .with_some("host", live.host.as_deref())
            .with_some("port", live.port.map(|port| port.to_string()))
    }

    /// A modification keeps the endpoints of a replication group.
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html>
    fn outputs_hold(live: &Live) -> bool {
        live.status == "modifying" && live.host.is_some()
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let token = match &desired.token {
            Some(token) => Some(secretsmanager::value(cx, token.get()?).await?),
            None => None,
        };
        let mode =
            if desired.tls_required { TransitEncryptionMode::Required } else { TransitEncryptionMode::Preferred };
        let mut call = cx
            .aws
            .cache
            .create_replication_group()
            .replication_group_id(name(cx, address))
            .replication_group_description(elasticache::description(&cx.id, address))
            .engine("valkey")
            .num_cache_clusters(1)
            .automatic_failover_enabled(false)
            .port(i32::from(PORT))
            .at_rest_encryption_enabled(true)
            // ElastiCache allows a password only with encryption in transit.
            .transit_encryption_enabled(true)
            .transit_encryption_mode(mode)
            .set_auth_token(token.map(|token| token.expose().to_owned()))
            .auto_minor_version_upgrade(true)
            .cache_subnet_group_name(desired.subnet_group.get()?)
            .set_tags(Some(aws::tags(&cx.id, address)));
        for field in Field::ALL {
            call = set!(call, field, desired);
        }
        let answer = call.customize().once().send().await;
        let group = answer.during("CreateReplicationGroup")?.replication_group;
        Ok(live(&given(group, "CreateReplicationGroup", "ReplicationGroup")?, None))
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut call = cx
            .aws
            .cache
            .modify_replication_group()
            .replication_group_id(&live.identifier)
            // Otherwise AWS waits for the maintenance window, and the plan would show the change for days.
            .apply_immediately(true);
        for field in changes {
            call = set!(call, field, desired);
        }
        let answer = call.customize().once().send().await;
        let group = answer.during("ModifyReplicationGroup")?.replication_group;
        let group = given(group, "ModifyReplicationGroup", "ReplicationGroup")?;
        // The response does not describe the node, but the next read does. Without a node, the change would seem to
        // have started.
        Ok(Live { node: live.node.clone(), ..self::live(&group, None) })
    }

    fn by_hand(_address: &Address, desired: &Desired, live: Option<&Live>) -> Option<String> {
        let has = live?.node.as_ref().map(|node| node.version.as_str()).unwrap_or_default();
        (version(has) > version(&desired.version)).then(|| older(has, &desired.version))
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        if live.status == "deleting" {
            return Ok(());
        }
        let call = cx.aws.cache.delete_replication_group().replication_group_id(&live.identifier);
        let answer = call.customize().once().send().await;
        answer.or_absent("DeleteReplicationGroup", &[NOT_FOUND]).map(drop)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure
            .is(&["InvalidReplicationGroupState", "InvalidCacheClusterState"])
            .then_some("the cache to finish another operation")
    }

    /// Warns that a new node type or version closes the connections.
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.html>
    fn consequence(_desired: &Desired, _live: &Live, changes: &Changed<Field>) -> Option<String> {
        let moves = [Field::Class, Field::Version].iter().any(|field| changes.contains(*field));
        moves.then(|| "closes its connections: the application must reconnect".to_owned())
    }

    fn loss(_address: &Address) -> Option<&'static str> {
        Some("is deleted with its contents")
    }

    fn caution(desired: &Desired) -> Option<String> {
        let what = match (desired.tls_required, &desired.token) {
            (true, Some(_)) => return None,
            (true, None) => "requires no password",
            (false, _) => "requires no password, and clients without TLS send their data in plain text",
        };
        Some(format!("{what}: only its security group restricts access within the network"))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

/// Returns the name of the replication group at `address`.
fn name(cx: &Context, address: &Address) -> String {
    aws::derived(&cx.id, address, LONGEST_NAME)
}

/// Returns the only node of a replication group. Skipped if the run deletes everything, because then nothing is
/// compared.
async fn node(cx: &Context, group: &ReplicationGroup) -> Result<Option<CacheCluster>, Failure> {
    let Some(member) = group.member_clusters().first().filter(|_| !cx.deletes_all()) else { return Ok(None) };
    let call = cx.aws.cache.describe_cache_clusters().cache_cluster_id(member).send().await;
    let answer = call.or_absent("DescribeCacheClusters", &["CacheClusterNotFound"])?;
    Ok(answer.and_then(|answer| answer.cache_clusters?.into_iter().next()))
}

fn charge(state: &State<Desired, Live>) -> Charge {
    let class = match state {
        State::Desired(desired) => &desired.class,
        State::Live(live) => &live.class,
    };
    Charge::new(class).plus(format!("cache {class} hour"), 1)
}

/// Returns the major and minor version. `None`, for text that is no version, sorts before every version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// Whether the version `full`, such as `8.1.2`, satisfies `asked`, such as `8.0`. AWS upgrades minor versions
/// automatically and allows no downgrade.
fn serves(full: &str, asked: &str) -> bool {
    match (version(full), version(asked)) {
        (Some((major, minor)), Some((wanted, least))) => major == wanted && minor >= least,
        _ => full == asked,
    }
}

fn older(has: &str, wanted: &str) -> String {
    let (major, minor) = version(has).unwrap_or_default();
    format!(
        "cannot be downgraded from Valkey {has} to {wanted}: set `cache.version` to \"{major}.{minor}\"; to create \
         an empty older one, remove `cache`, run `stackctl up`, and add `cache` again"
    )
}

fn live(group: &ReplicationGroup, node: Option<&CacheCluster>) -> Live {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let endpoint = group.node_groups().first().and_then(|part| part.primary_endpoint());
    let pending = node.and_then(CacheCluster::pending_modified_values);
    let class = pending.and_then(PendingModifiedValues::cache_node_type).or(group.cache_node_type());
    Live {
        identifier: owned(group.replication_group_id()),
        arn: owned(group.arn()),
        host: endpoint.and_then(|endpoint| endpoint.address()).map(str::to_owned),
        port: endpoint.and_then(aws_sdk_elasticache::types::Endpoint::port),
        class: owned(class),
        tls: tls(group).to_owned(),
        password: group.auth_token_enabled().unwrap_or_default(),
        node: node.map(|node| Node {
            version: owned(pending.and_then(PendingModifiedValues::engine_version).or(node.engine_version())),
            subnet_group: owned(node.cache_subnet_group_name()),
            security_groups: node.security_groups().iter().map(|group| owned(group.security_group_id())).collect(),
        }),
        status: owned(group.status()),
    }
}

/// Returns the TLS mode: `required`, `optional` or `off`.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption-enable.html>
fn tls(group: &ReplicationGroup) -> &'static str {
    match (group.transit_encryption_enabled(), group.transit_encryption_mode()) {
        (Some(true), Some(TransitEncryptionMode::Preferred)) => "optional",
        (Some(true), _) => "required",
        _ => "off",
    }
}

#[cfg(test)]
mod tests;
