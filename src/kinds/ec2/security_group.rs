//! A security group with its ingress rules. The group allows all outgoing traffic, which is the AWS default.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>

use std::{fmt, time::Duration};

use aws_sdk_ec2::types::{IpPermission, IpRange, ResourceType, UserIdGroupPair};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Blocker, Context, Cost, Doc, Kind, Owned},
    kinds::ec2,
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, Shown, fields},
};

/// The maximum length of a group name, in characters.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
const LONGEST_NAME: usize = 255;

/// All IPv4 addresses.
const EVERYWHERE: &str = "0.0.0.0/0";

/// A security group.
pub struct SecurityGroup;

/// The security group that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The VPC of the group.
    pub vpc: Input,
    /// The purpose of the group. AWS cannot change it.
    pub description: String,
    /// The ingress rules, all for TCP.
    pub ingress: Vec<Ingress>,
}

/// An ingress rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ingress {
    /// The TCP port.
    pub port: u16,
    /// The allowed source.
    pub from: Source,
}

/// The source of incoming connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An address range.
    Cidr(String),
    /// All resources in a security group, by the group's id.
    Group(Input),
}

/// An ingress rule as AWS reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// `tcp`, or another protocol if somebody else created the rule.
    pub protocol: String,
    /// The first port, or -1 for all ports.
    pub from_port: i32,
    /// The last port.
    pub to_port: i32,
    /// An address range, a security group id or a prefix list id.
    pub source: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, from_port, to_port, source } = self;
        match (protocol.as_str(), from_port == to_port) {
            ("-1", _) => write!(f, "everything from {source}"),
            (protocol, true) => write!(f, "{protocol} {from_port} from {source}"),
            (protocol, false) => write!(f, "{protocol} {from_port}-{to_port} from {source}"),
        }
    }
}

/// The security group as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `sg-…`.
    pub id: String,
    /// The VPC of the group.
    pub vpc: String,
    /// The purpose of the group.
    pub description: String,
    /// The ingress rules, sorted.
    pub ingress: Vec<Rule>,
    /// Whether all outgoing IPv4 traffic is allowed. AWS adds this rule to each new group.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/default-custom-security-groups.html>
    #[serde(default = "is_open")]
    pub egress_open: bool,
}

/// Returns the AWS default for new groups.
fn is_open() -> bool {
    true
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Ingress = "ingress",
        Egress = "egress",
    }

    /// The fields whose change replaces the group.
    pub enum Fixed {
        Vpc = "vpc",
        Description = "description",
    }
}

impl Kind for SecurityGroup {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "security_group";
    const HEADLINE: &'static [&'static str] = &["description"];
    const DOC: Doc = Doc {
        summary: "Controls who can connect to the load balancer, a service, the database, the cache or the bastion.",
        page: "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html",
    };
    const USES: &'static [&'static str] = &["vpc"];
    const ADOPTABLE: bool = true;
    const IN_TWO_STEPS: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a security group");
    const NOT_YET: &'static [&'static str] = ec2::NOT_YET;
    const DEADLINE: Duration = ec2::INTERFACES_LINGER;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ec2:DescribeSecurityGroups"]),
        Permission::make(&["ec2:CreateSecurityGroup"], On::Tagged),
        Permission::make(
            &["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateSecurityGroup"],
            On::Owned,
        ),
        ec2::TAGGING,
        Permission::delete(&["ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupIngress"], On::Owned),
        ec2::blockers::LOOKING,
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages =
            cx.aws.ec2.describe_security_groups().set_filters(Some(ec2::wanted(cx, "group-id"))).into_paginator();
        let groups = pages.items().send().try_collect().await.during("DescribeSecurityGroups")?;
        Ok(groups
            .into_iter()
            .filter_map(|group| {
                let address = cx.address_of(group.tags())?;
                let mut ingress: Vec<Rule> = group.ip_permissions().iter().flat_map(rules).collect();
                ingress.sort();
                let outgoing: Vec<Rule> = group.ip_permissions_egress().iter().flat_map(rules).collect();
                let live = Live {
                    id: group.group_id?,
                    vpc: group.vpc_id.unwrap_or_default(),
                    description: group.description.unwrap_or_default(),
                    ingress,
                    egress_open: outgoing.contains(&everything()),
                };
                Some(Found { address, id: live.id.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::Vpc, &live.vpc, &desired.vpc);
        diff.fixed(Fixed::Description, &live.description, &desired.description);
        let known: Vec<Rule> = desired.ingress.iter().filter_map(wanted).collect();
        let unknown = desired.ingress.len() - known.len();
        if unknown == 0 {
            diff.set(Field::Ingress, &live.ingress, &known);
        } else {
            // The source group does not exist yet, so the rules to keep and the rules to remove cannot be told apart.
            known.iter().filter(|rule| !live.ingress.contains(rule)).for_each(|rule| {
                diff.push(Field::Ingress, Shown::Absent, Shown::value(rule));
            });
            diff.push(Field::Ingress, Shown::Absent, Shown::KnownAfterApply);
        }
        if !live.egress_open {
            diff.push(Field::Egress, Shown::Absent, Shown::value(format!("everything to {EVERYWHERE}")));
        }
        diff.finish()
    }

    /// Keeps the rules for other groups of the stack while resources in them still run, such as a service that is
    /// deleted or moves to another group.
    fn wider(desired: &Desired, live: &Live) -> Option<Desired> {
        let known: Vec<Rule> = desired.ingress.iter().filter_map(wanted).collect();
        let surplus = live.ingress.iter().filter(|rule| !known.contains(rule));
        let kept: Vec<Ingress> = surplus.filter_map(of_group).collect();
        let ingress = || desired.ingress.iter().cloned().chain(kept.clone()).collect();
        (!kept.is_empty()).then(|| Desired { ingress: ingress(), ..desired.clone() })
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let vpc = desired.vpc.get()?;
        let call = cx
            .aws
            .ec2
            .create_security_group()
            .group_name(aws::derived(&cx.id, address, LONGEST_NAME))
            .description(&desired.description)
            .vpc_id(vpc)
            .tag_specifications(ec2::tagged(&cx.id, address, ResourceType::SecurityGroup));
        let answer = call.customize().once().send().await.during("CreateSecurityGroup")?;
        let id = given(answer.group_id, "CreateSecurityGroup", "groupId")?;
        let (vpc, description) = (vpc.to_owned(), desired.description.clone());
        Ok(Live { id, vpc, description, ingress: Vec::new(), egress_open: true })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            live = match field {
                Field::Ingress => set_ingress(cx, desired, live).await?,
                Field::Egress => open_egress(cx, live).await?,
            };
        }
        Ok(live)
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        ec2::adopt(cx, address, &live.id).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // A rule that refers to another group would block the deletion of that group.
        revoke(cx, &live.id, &live.ingress).await?;
        let call = cx.aws.ec2.delete_security_group().group_id(&live.id).customize().once();
        call.send().await.or_absent("DeleteSecurityGroup", &["InvalidGroup.NotFound"]).map(drop)
    }

    async fn blockers(cx: &Context, going: &[Found<Live>], owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        let ids = |groups: &[&Found<Live>]| groups.iter().map(|group| group.id.clone()).collect::<Vec<String>>();
        let all = ids(&going.iter().collect::<Vec<_>>());
        // If the network is deleted too, it reports everything inside it.
        let alone = ids(&going.iter().filter(|group| owned.going(&group.live.vpc).is_none()).collect::<Vec<_>>());
        let (interfaces, incoming, outgoing) = futures::try_join!(
            ec2::blockers::interfaces(cx, owned, "group-id", &alone),
            ec2::blockers::rules(cx, owned, "ip-permission.group-id", &all),
            ec2::blockers::rules(cx, owned, "egress.ip-permission.group-id", &all),
        )?;
        Ok([interfaces, incoming, outgoing].into_iter().flatten().collect())
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(ec2::IN_USE).then_some("the network interfaces and rules that use it to be deleted")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let base = || Desired {
            vpc: "vpc-given".into(),
            description: "what the sample is for".into(),
            ingress: vec![
                Ingress { port: 443, from: Source::Cidr("0.0.0.0/0".into()) },
                Ingress { port: 3000, from: Source::Group("sg-given".into()) },
            ],
        };
        let other = vec![
            Ingress { port: 443, from: Source::Cidr("192.0.2.0/24".into()) },
            Ingress { port: 3000, from: Source::Group("sg-given".into()) },
        ];
        crate::kind::Sample::new(ec2::model::cloud, base())
            .variant(&["vpc"], Desired { vpc: "vpc-other".into(), ..base() })
            .variant(&["description"], Desired { description: "what another is for".into(), ..base() })
            .variant(&["ingress"], Desired { ingress: other, ..base() })
            .variant(&["ingress"], Desired { ingress: Vec::new(), ..base() })
            .drift(&["egress"], |cloud| cloud.with(ec2::model::Ec2::close_groups))
            .delay("network interfaces linger", |cloud| cloud.with(ec2::model::Ec2::linger))
    }
}

/// Returns the rules of one permission. AWS groups sources by port.
fn rules(permission: &IpPermission) -> Vec<Rule> {
    let sources = permission
        .ip_ranges()
        .iter()
        .filter_map(IpRange::cidr_ip)
        .chain(permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6()))
        .chain(permission.user_id_group_pairs().iter().filter_map(UserIdGroupPair::group_id))
        .chain(permission.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id()));
    let rule = |source: &str| Rule {
        protocol: permission.ip_protocol().unwrap_or_default().to_owned(),
        from_port: permission.from_port().unwrap_or(-1),
        to_port: permission.to_port().unwrap_or(-1),
        source: source.to_owned(),
    };
    sources.map(rule).collect()
}

/// Returns the rule as AWS will report it, or `None` until the source group exists.
fn wanted(ingress: &Ingress) -> Option<Rule> {
    let source = match &ingress.from {
        Source::Cidr(range) => range.as_str(),
        Source::Group(group) => group.known()?,
    };
    let port = i32::from(ingress.port);
    Some(Rule { protocol: "tcp".to_owned(), from_port: port, to_port: port, source: source.to_owned() })
}

/// Returns the rule as an [`Ingress`], if it has the form that stackctl creates for a security group.
fn of_group(rule: &Rule) -> Option<Ingress> {
    let port = u16::try_from(rule.from_port).ok()?;
    let from = Source::Group(rule.source.as_str().into());
    let ingress = Ingress { port, from };
    (rule.source.starts_with("sg-") && wanted(&ingress).as_ref() == Some(rule)).then_some(ingress)
}

async fn set_ingress(cx: &Context, desired: &Desired, live: Live) -> Result<Live, Failure> {
    let mut rules: Vec<Rule> = desired.ingress.iter().filter_map(wanted).collect();
    rules.sort();
    rules.dedup();
    let missing: Vec<Rule> = rules.iter().filter(|rule| !live.ingress.contains(rule)).cloned().collect();
    let surplus: Vec<Rule> = live.ingress.iter().filter(|rule| !rules.contains(rule)).cloned().collect();
    if !missing.is_empty() {
        let permissions = missing.iter().map(permission).collect();
        let call = cx.aws.ec2.authorize_security_group_ingress().group_id(&live.id);
        let call = call.set_ip_permissions(Some(permissions)).customize().once();
        call.send().await.or_absent("AuthorizeSecurityGroupIngress", &["InvalidPermission.Duplicate"])?;
    }
    revoke(cx, &live.id, &surplus).await?;
    Ok(Live { ingress: rules, ..live })
}

/// Returns the egress rule that tasks need to pull their image, read their secrets and reach their database.
fn everything() -> Rule {
    Rule { protocol: "-1".to_owned(), from_port: -1, to_port: -1, source: EVERYWHERE.to_owned() }
}

async fn open_egress(cx: &Context, live: Live) -> Result<Live, Failure> {
    let call = cx.aws.ec2.authorize_security_group_egress().group_id(&live.id);
    let answer = call.ip_permissions(permission(&everything())).customize().once().send().await;
    answer.or_absent("AuthorizeSecurityGroupEgress", &["InvalidPermission.Duplicate"])?;
    Ok(Live { egress_open: true, ..live })
}

async fn revoke(cx: &Context, id: &str, rules: &[Rule]) -> Result<(), Failure> {
    if rules.is_empty() {
        return Ok(());
    }
    let permissions = rules.iter().map(permission).collect();
    let call = cx.aws.ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(permissions));
    let answer = call.customize().once().send().await;
    answer.or_absent("RevokeSecurityGroupIngress", &["InvalidPermission.NotFound", "InvalidGroup.NotFound"]).map(drop)
}

fn permission(rule: &Rule) -> IpPermission {
    let base = IpPermission::builder().ip_protocol(&rule.protocol);
    let base = if rule.protocol == "-1" { base } else { base.from_port(rule.from_port).to_port(rule.to_port) };
    let source = &rule.source;
    if source.starts_with("sg-") {
        base.user_id_group_pairs(UserIdGroupPair::builder().group_id(source).build()).build()
    } else if source.starts_with("pl-") {
        base.prefix_list_ids(aws_sdk_ec2::types::PrefixListId::builder().prefix_list_id(source).build()).build()
    } else if source.contains(':') {
        base.ipv6_ranges(aws_sdk_ec2::types::Ipv6Range::builder().cidr_ipv6(source).build()).build()
    } else {
        base.ip_ranges(IpRange::builder().cidr_ip(source).build()).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(port: i32, source: &str) -> Rule {
        Rule { protocol: "tcp".into(), from_port: port, to_port: port, source: source.into() }
    }

    fn desired(from: Source) -> Desired {
        let ingress = vec![Ingress { port: 3000, from }];
        Desired { vpc: "vpc-1".into(), description: "d".into(), ingress }
    }

    fn live(ingress: Vec<Rule>) -> Live {
        Live { id: "sg-1".into(), vpc: "vpc-1".into(), description: "d".into(), ingress, egress_open: true }
    }

    #[test]
    fn missing_egress_rule_is_a_change() {
        let closed = Live { egress_open: false, ..live(vec![rule(3000, "sg-2")]) };
        let changes = SecurityGroup::diff(&desired(Source::Group("sg-2".into())), &closed);
        let shown: Vec<(&str, &Shown)> = changes.iter().map(|change| (change.field.as_str(), &change.to)).collect();
        assert_eq!(shown, [("egress", &Shown::value("everything to 0.0.0.0/0"))]);
    }

    #[test]
    fn each_missing_or_unexpected_rule_is_a_separate_change() {
        let desired = desired(Source::Group("sg-2".into()));
        assert_eq!(SecurityGroup::diff(&desired, &live(vec![rule(3000, "sg-2")])), []);
        let changes = SecurityGroup::diff(&desired, &live(vec![rule(22, "0.0.0.0/0")]));
        let shown: Vec<(Shown, Shown)> = changes.into_iter().map(|change| (change.from, change.to)).collect();
        assert_eq!(
            shown,
            [
                (Shown::value("tcp 22 from 0.0.0.0/0"), Shown::Absent),
                (Shown::Absent, Shown::value("tcp 3000 from sg-2")),
            ]
        );
    }

    #[test]
    fn permission_with_two_sources_becomes_two_rules() {
        let ranges = ["10.0.0.0/8", "0.0.0.0/0"].map(|range| IpRange::builder().cidr_ip(range).build());
        let permission = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(443)
            .set_ip_ranges(Some(ranges.to_vec()))
            .build();
        assert_eq!(rules(&permission), [rule(443, "10.0.0.0/8"), rule(443, "0.0.0.0/0")]);
    }
}
