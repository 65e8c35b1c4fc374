//! `network` of a workload, and the manifest of an environment.

use super::{
    context::{Context, Scene},
    image::Target,
    meaning::Meaning,
};
use crate::convert::{
    page::{Map, Value},
    source::{Entry, Item},
};

/// Whether `text` is an id of EC2's, or a variable that holds one.
fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    text.contains("${")
        || matches!(digits.len(), 8 | 17) && digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// Writes `network` of a workload.
pub(super) fn of_workload(context: &mut Context, scene: &Scene, network: &Entry, target: &mut Target) {
    let key = target.key.to_owned();
    for entry in network.item.entries() {
        match entry.key.as_str() {
            "connect" => {
                let others = context.peers.len() > 1 && entry.item.truth() != Some(false);
                if others {
                    let how = "a service reaches only the services in its `calls`, under their names in the stack's \
                     network. If no variable names a service that it calls, add it to `calls`";
                    context.nearly(entry, &format!("{key}.calls"), how);
                } else {
                    context.itself(entry, "this service calls no other service");
                }
            }
            "vpc" => {
                for entry in entry.item.entries() {
                    match entry.key.as_str() {
                        "placement" if entry.item.text().is_some() => context.carried(entry, "network.nat"),
                        "placement" => context.nearly(
                            entry,
                            "network.private_subnets",
                            "all tasks of a stack run in the same subnets",
                        ),
                        "security_groups" => groups(context, scene, entry, target),
                        _ => context.unknown(entry, &["placement", "security_groups"]),
                    }
                }
                if entry.item.entries().is_empty() {
                    context.left_out(entry, "the value is empty");
                }
            }
            _ => context.unknown(entry, &["connect", "vpc"]),
        }
    }
}

fn groups(context: &mut Context, scene: &Scene, all: &Entry, target: &mut Target) {
    let to = format!("{}.security_groups", target.key);
    let list = all.item.entry("groups").map_or(&all.item, |groups| &groups.item);
    let mut ids: Vec<String> = Vec::new();
    let mut wanted: Vec<String> = Vec::new();
    for item in list.items() {
        if let Some(text) = item.text() {
            let id = context.fixed(scene, text).text;
            if is_id(&id, "sg-") { ids.push(id) } else { wanted.push(id) }
        } else if let Some(export) = item.at(&["from_cfn"]).and_then(Item::text) {
            let name = context.named(scene, export);
            // The stack's own database admits its tasks.
            if !matches!(scene.exports.get(&name), Some(Meaning::Group)) {
                wanted.push(format!("the CloudFormation export {export}"));
            }
        }
    }
    ids.truncate(4);
    let question = "the IDs of security groups in `network.vpc`";
    if scene.has_vpc && wanted.is_empty() {
        if !ids.is_empty() {
            target.map.set("security_groups", Value::texts(ids));
        }
        context.carried(all, to);
    } else {
        let list = wanted.iter().chain(&ids).cloned().collect::<Vec<_>>().join(", ");
        if scene.has_vpc && !ids.is_empty() {
            target.map.set("security_groups", Value::texts(ids));
        }
        let answer = context.open.ask(&scene.key(&to), question, None).filter(|_| scene.has_vpc);
        match answer {
            Some(answer) => drop(target.map.set("security_groups", Value::texts(answer.split(',').map(str::trim)))),
            None => target.map.comment(
                "cpu",
                format!(
                    "Decide: `security_groups` with {list}, if something outside this file allows traffic from \
                 them."
                ),
            ),
        }
        let how = "a security group needs its ID and `network.vpc`. The stack's own database and cache allow its tasks \
             without one";
        context.nearly(all, &to, how);
    }
    for entry in all.item.entries().iter().filter(|entry| entry.key != "groups") {
        match entry.key.as_str() {
            "deny_default" => context.itself(entry, "without `calls`, services do not accept traffic from each other"),
            _ => context.unknown(entry, &["groups", "deny_default", "from_cfn"]),
        }
    }
}

/// The manifest of an environment. Gives the ARN of its certificate.
pub(super) fn of_environment(
    context: &mut Context,
    scene: &mut Scene,
    manifest: &Item,
    root: &mut Map,
) -> Option<String> {
    const KEYS: [&str; 7] = ["name", "type", "network", "cdn", "http", "observability", "tags"];
    let mut certificate = None;
    for entry in manifest.entries() {
        match entry.key.as_str() {
            "name" | "type" => context.carried(entry, format!("environments.{}", scene.name)),
            "network" => network(context, scene, entry, root),
            "http" => http(context, scene, entry, &mut certificate),
            "cdn" if entry.item.truth() == Some(false) => context.itself(entry, "stackctl creates no CDN"),
            "cdn" => context.impossible(
                entry,
                "stackctl creates no CDN: put CloudFront in front of the load balancer with \
                 another tool",
            ),
            "observability" => {
                for entry in entry.item.entries() {
                    match entry.key.as_str() {
                        "container_insights" if entry.item.truth() != Some(true) => {
                            context.itself(entry, "this is the default");
                        }
                        "container_insights" => {
                            context.left_out(
                                entry,
                                "stackctl does not enable Container Insights; `alarms` monitors \
                             the services",
                            );
                        }
                        _ => context.left_out(entry, "stackctl does not run X-Ray next to the tasks"),
                    }
                }
            }
            "tags" => context.left_out(entry, "stackctl sets its own tags and no others"),
            _ => context.unknown(entry, &KEYS),
        }
    }
    certificate
}

fn network(context: &mut Context, scene: &mut Scene, all: &Entry, root: &mut Map) {
    let Some(vpc) = all.item.entry("vpc") else {
        all.item.entries().iter().for_each(|entry| context.unknown(entry, &["vpc"]));
        return;
    };
    for entry in all.item.entries().iter().filter(|entry| entry.key != "vpc") {
        context.unknown(entry, &["vpc"]);
    }
    let id =
        vpc.item.entry("id").and_then(|entry| entry.item.text().map(|text| (entry, context.fixed(scene, text).text)));
    let mut is_given = false;
    if let Some((entry, id)) = id {
        if is_id(&id, "vpc-") {
            root.map("network").set("vpc", Value::live(id));
            is_given = true;
            context.carried(entry, "network.vpc");
        } else {
            context.open.ask(&scene.key("network.vpc"), "The ID of the VPC", None);
            root.comment("services", format!("Decide: `network.vpc` and its subnets: `{id}` is not a VPC ID."));
            context.nearly(entry, "network.vpc", "this is not a VPC ID: write the ID and the subnets");
        }
    }
    scene.has_vpc = is_given;
    if vpc.item.entries().is_empty() {
        context.itself(vpc, "it sets nothing");
    }
    for entry in vpc.item.entries() {
        match entry.key.as_str() {
            "id" => {}
            "cidr" => range(context, scene, entry, root),
            "subnets" => subnets(context, scene, entry, is_given, root),
            "flow_logs" => context.left_out(entry, "stackctl creates no VPC flow logs"),
            "security_group" => {
                context.left_out(
                    entry,
                    "tasks accept traffic only from the load balancer and from the services \
                 that call them",
                );
            }
            _ => context.unknown(entry, &["id", "cidr", "subnets", "flow_logs", "security_group"]),
        }
    }
}

fn range(context: &mut Context, scene: &Scene, entry: &Entry, root: &mut Map) {
    let text = entry.item.text().map(|text| context.fixed(scene, text).text).unwrap_or_default();
    let parsed = text.split_once('/').and_then(|(address, prefix)| {
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok()?;
        let is_whole = (16..=20).contains(&prefix) && u32::from(address).trailing_zeros() >= 32 - prefix;
        (is_whole && address.is_private()).then_some(())
    });
    if parsed.is_some() {
        root.map("network").set("cidr", Value::text(text));
        context.carried(entry, "network.cidr");
    } else {
        context.left_out(entry, "the stack's own network needs a private range from /16 to /20");
    }
}

fn subnets(context: &mut Context, scene: &Scene, all: &Entry, is_given: bool, root: &mut Map) {
    for entry in all.item.entries() {
        let key = match entry.key.as_str() {
            "public" => "public_subnets",
            "private" => "private_subnets",
            _ => {
                context.unknown(entry, &["public", "private"]);
                continue;
            }
        };
        let ids: Vec<String> = entry
            .item
            .items()
            .iter()
            .filter_map(|item| item.at(&["id"]).and_then(Item::text))
            .map(|id| context.fixed(scene, id).text)
            .collect();
        if !ids.is_empty() && is_given && ids.iter().all(|id| is_id(id, "subnet-")) {
            root.map("network").set(key, Value::List(ids.into_iter().map(Value::live).collect()));
            context.carried(entry, format!("network.{key}"));
        } else if !ids.is_empty() {
            context.nearly(entry, &format!("network.{key}"), "these are not subnet IDs: write the IDs");
        } else {
            let zones = entry.item.items().len().clamp(2, 4);
            if zones > 2 && !is_given {
                root.map("network").set("zones", Value::number(zones));
            }
            context.nearly(
                entry,
                "network.zones",
                "stackctl uses the zones in order and chooses the range of each subnet",
            );
        }
    }
}

fn http(context: &mut Context, scene: &Scene, all: &Entry, certificate: &mut Option<String>) {
    for (side, entry) in
        all.item.entries().iter().flat_map(|side| side.item.entries().iter().map(move |entry| (side, entry)))
    {
        match (side.key.as_str(), entry.key.as_str()) {
            ("public", "certificates") => {
                let arns: Vec<String> = entry
                    .item
                    .items()
                    .iter()
                    .filter_map(Item::text)
                    .map(|arn| context.fixed(scene, arn).text)
                    .collect();
                match arns.as_slice() {
                    [arn, rest @ ..] if region(arn).is_some() => {
                        *certificate = Some(arn.clone());
                        if rest.is_empty() {
                            context.carried(entry, "load_balancer.tls");
                        } else {
                            context.nearly(
                                entry,
                                "load_balancer.tls",
                                "only the first certificate is used: it must cover all names",
                            );
                        }
                    }
                    _ => context.nearly(entry, "load_balancer.tls", "this is not a certificate ARN: write one"),
                }
            }
            ("private", "certificates") => context.left_out(entry, "the internal load balancer uses HTTP"),
            (_, "access_logs") => context.left_out(entry, "stackctl does not enable access logs of the load balancer"),
            (_, "ssl_policy") => context.left_out(entry, "the load balancer uses the TLS policy that AWS recommends"),
            ("private", "ingress" | "security_groups") => {
                context.itself(entry, "the internal load balancer accepts traffic from private addresses");
            }
            ("private", "subnets") => {
                context.nearly(
                    entry,
                    "network.private_subnets",
                    "the internal load balancer uses all of these \
                 subnets",
                );
            }
            ("public", "ingress" | "security_groups") => {
                let is_closed = entry.item.at(&["cdn"]).is_some_and(|cdn| cdn.truth() == Some(true))
                    || entry.item.entry("restrict_to").is_some();
                if let Some(ips) = entry.item.entry("source_ips") {
                    context.nearly(ips, "services.NAME.allow", "add these ranges to `allow` of each service");
                } else if is_closed {
                    context.impossible(
                        entry,
                        "stackctl creates no CDN, and its load balancer accepts traffic from \
                     everywhere: let the program check a header that the CDN adds",
                    );
                } else {
                    context.itself(entry, "this is the default");
                }
            }
            _ => context.unknown(entry, &["certificates", "access_logs", "ssl_policy", "ingress", "subnets"]),
        }
    }
    for side in all.item.entries().iter().filter(|side| side.item.entries().is_empty()) {
        if ["public", "private"].contains(&side.key.as_str()) {
            context.itself(side, "it sets nothing");
        } else {
            context.unknown(side, &["public", "private"]);
        }
    }
}

/// The region of a certificate's ARN.
pub(super) fn region(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "acm", region, account, id]
            if partition.starts_with("aws")
                && account.len() == 12
                && id.starts_with("certificate/")
                && region.contains('-')
                && !region.contains('_') =>
        {
            Some(region)
        }
        _ => None,
    }
}
