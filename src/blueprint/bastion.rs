//! Draws the bastion: a small host in the public subnet, set up by cloud-init, from which the database can be reached.

use serde_json::{Value, json};

use super::network::Network;
use crate::{
    kinds::ec2::{instance, security_group},
    model::{Address, Graph, Input},
    spec::{Bastion, Stack},
};

/// Debian 13 for ARM, which Debian publishes in every region.
const IMAGE: &str = "/aws/service/debian/release/13/latest/arm64";

/// The root device of Debian's images.
const ROOT_DEVICE: &str = "/dev/xvda";

const SSH: u16 = 22;

/// Draws the security group of the bastion, if stack.yaml has one. The groups of its targets are drawn later, because
/// they refer to it.
pub(super) fn security_group(graph: &mut Graph, stack: &Stack, network: &Network) -> Option<Address> {
    let bastion = stack.bastion.as_ref()?;
    let ingress = bastion
        .allow
        .iter()
        .map(|range| security_group::Ingress { port: SSH, from: security_group::Source::Cidr(range.to_string()) });
    let desired = security_group::Desired {
        vpc: network.vpc.clone(),
        description: "The bastion, reached by SSH from where stack.yaml allows it".to_owned(),
        ingress: ingress.collect(),
    };
    Some(graph.add(Address::new("security_group", "bastion"), &desired))
}

pub(super) fn draw(graph: &mut Graph, stack: &Stack, network: &Network, group: Option<&Address>) {
    let (Some(bastion), Some(group), Some(subnet)) = (&stack.bastion, group, network.public.first()) else { return };
    let host = graph.add(
        Address::new("instance", "bastion"),
        &instance::Desired {
            image_parameter: IMAGE.to_owned(),
            root_device: ROOT_DEVICE.to_owned(),
            class: bastion.class.clone(),
            disk: instance::DISK,
            subnet: subnet.clone(),
            security_group: Input::output(group, "id"),
            user_data: cloud_config(bastion),
        },
    );
    // It downloads packages at its first start.
    network.routes.iter().take(1).for_each(|route| graph.need(&host, route));
}

/// Returns the cloud-init configuration for the first start. JSON is valid YAML and needs no extra quoting.
/// <https://cloudinit.readthedocs.io/en/latest/reference/modules.html>
fn cloud_config(bastion: &Bastion) -> String {
    let users: Vec<Value> = bastion
        .users
        .iter()
        .map(|(name, user)| {
            let mut entry = json!({
                "name": name,
                "shell": "/bin/bash",
                "lock_passwd": true,
                "ssh_authorized_keys": user.ssh_keys,
            });
            if user.sudo {
                entry["sudo"] = json!("ALL=(ALL) NOPASSWD:ALL");
            }
            entry
        })
        .collect();
    let mut config = json!({
        // Without `default`, this list also prevents the image's default user.
        "users": users,
        "disable_root": true,
        "ssh_pwauth": false,
        "package_update": true,
        "package_upgrade": true,
    });
    if !bastion.packages.is_empty() {
        config["packages"] = json!(bastion.packages);
    }
    format!("#cloud-config\n{config:#}\n")
}
