//! The keys of `network`.

use super::{Absence, Empty, Foreign, Key, Kind, Literal, Section, texts, words};
use crate::spec::stack::Nat;

/// The words of `nat`.
pub(in crate::spec) static NAT: [(&str, Nat); 3] =
    [("none", Nat::None), ("single", Nat::Single), ("per-zone", Nat::PerZone)];

static NAT_WORDS: [&str; 3] = words(&NAT);

pub(in crate::spec) static NETWORK: Section = Section {
    name: "network",
    doc: "The VPC, its subnets and internet access.",
    keys: &[
        Key {
            name: "cidr",
            kind: Kind::Text(&texts::NETWORK_RANGE),
            absence: Absence::Default(Literal::Text("10.20.0.0/16")),
            doc: "The private IPv4 range of the VPC, from /16 to /20. The address must be the first \
                  one of the range. You cannot change it while a stack uses it, because this would replace the VPC.",
        },
        Key {
            name: "zones",
            kind: Kind::Number { least: 2, most: 4, unit: "" },
            absence: Absence::Default(Literal::Number(2)),
            doc: "The number of Availability Zones. stackctl uses them in the order of their zone IDs, so the same \
                  file always gives the same layout. You can add a zone without changing the others. You can remove \
                  the last one if [the database is not in \
                  it](../guides/troubleshooting/database.md#the-database-is-in-the-removed-zone).",
        },
        Key {
            name: "nat",
            kind: Kind::Choice(&NAT_WORDS),
            absence: Absence::Default(Literal::Text("single")),
            doc: "How tasks reach the internet. `none`: tasks run in public subnets with public addresses, without the \
                  cost of a NAT gateway. `single`: tasks run in private subnets and share one NAT gateway, so all of \
                  them depend on its zone. `per-zone`: one NAT gateway in each zone.",
        },
        Key {
            name: "vpc",
            kind: Kind::Text(&texts::VPC_ID),
            absence: Absence::Means("a network that stackctl creates"),
            doc: "The VPC of an existing network. stackctl uses it and never changes it. See \
                  [below](#a-network-that-is-there-already).",
        },
        Key {
            name: "public_subnets",
            kind: Kind::List(&texts::SUBNET_ID, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "With `vpc`: the subnets that have a route to an internet gateway.",
        },
        Key {
            name: "private_subnets",
            kind: Kind::List(&texts::SUBNET_ID, Empty::Allowed),
            absence: Absence::Means("none"),
            doc: "With `vpc`: the subnets that reach the internet through a NAT gateway.",
        },
    ],
    foreign: &[
        Foreign { words: &["cidr_block", "range"], help: "use `cidr`, such as 10.20.0.0/16" },
        Foreign { words: &["availability_zones", "azs"], help: "use `zones` for the number of availability zones" },
        Foreign {
            words: &["nat_gateway", "nat_gateways", "enable_nat_gateway", "placement"],
            help: "use `nat`: none, single or per-zone",
        },
        Foreign { words: &["vpc_id", "id"], help: "use `vpc` for the ID of an existing VPC" },
        Foreign {
            words: &["subnets", "subnet_ids"],
            help: "use `public_subnets` and `private_subnets` for the IDs of existing subnets",
        },
        Foreign { words: &["connect"], help: "use `calls` in the service that calls, such as `calls: [api]`" },
    ],
};
