//! Draws the volumes that are kept: a file system, a mount target in each zone for the tasks that mount it, and an
//! access point for the folder. A volume of one task is only in its task definition.

use std::collections::BTreeMap;

use super::network::Network;
use crate::{
    kinds::{
        ec2::security_group,
        ecs::task_definition,
        efs::{access_point, file_system, mount_target},
        iam::role,
    },
    model::{Address, Graph, Input},
    spec::{Kept, Mount, Service, Stack, Volume},
};

/// The port of NFS. <https://docs.aws.amazon.com/efs/latest/ug/network-access.html>
const NFS: u16 = 2049;

/// The action that a role needs to mount a volume.
/// <https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html#efs-client-authorization>
const READ: &str = "elasticfilesystem:ClientMount";

/// The additional action to write.
const WRITE: &str = "elasticfilesystem:ClientWrite";

/// The additional action to have root's rights in the volume.
const ROOT: &str = "elasticfilesystem:ClientRootAccess";

/// The volumes of a stack that are kept, by name.
pub(super) struct Volumes {
    kept: BTreeMap<String, Drawn>,
}

struct Drawn {
    file_system: Address,
    access_point: Address,
    mount_targets: Vec<Address>,
}

/// Draws the volumes. `groups` are the security groups of the services.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, network: &Network, groups: &BTreeMap<String, Address>) -> Volumes {
    let kept = stack.volumes.iter().filter_map(|(name, volume)| match volume {
        Volume::Stack(kept) => Some((name.clone(), one(graph, stack, network, groups, (name, kept)))),
        Volume::Task => None,
    });
    Volumes { kept: kept.collect() }
}

fn one(
    graph: &mut Graph,
    stack: &Stack,
    network: &Network,
    groups: &BTreeMap<String, Address>,
    (name, kept): (&str, &Kept),
) -> Drawn {
    let desired = file_system::Desired {
        backups: kept.backups,
        throughput: kept.throughput.word().to_owned(),
        protect: kept.protect,
    };
    let file_system = graph.add(Address::new("file_system", name), &desired);
    let having = stack.programs().filter(|(_, service)| mounted(service).any(|(volume, _)| volume == name));
    let ingress = having.filter_map(|(service, _)| {
        let from = security_group::Source::Group(Input::output(groups.get(service)?, "id"));
        Some(security_group::Ingress { port: NFS, from })
    });
    let desired = security_group::Desired {
        vpc: network.vpc.clone(),
        description: format!("The files of the volume {name}, reached from the tasks that have it"),
        ingress: ingress.collect(),
    };
    let group = graph.add(Address::new("security_group", format!("volume-{name}")), &desired);
    let mut mount_targets: Vec<Address> = Vec::new();
    for (subnet, zone) in &network.files {
        let address = Address::new("mount_target", mount_target::name(name, zone));
        // A file system has at most one mount target per zone.
        if mount_targets.contains(&address) {
            continue;
        }
        let desired = mount_target::Desired {
            file_system: Input::output(&file_system, "id"),
            subnet: subnet.clone(),
            security_group: Input::output(&group, "id"),
        };
        mount_targets.push(graph.add(address, &desired));
    }
    let desired = access_point::Desired {
        file_system: Input::output(&file_system, "id"),
        path: format!("/{name}"),
        owner: kept.owner.clone(),
        mode: kept.mode.clone(),
    };
    let access_point = graph.add(Address::new("access_point", name), &desired);
    Drawn { file_system, access_point, mount_targets }
}

/// Returns the mounts of all containers of a service, with the volumes' names.
fn mounted(service: &Service) -> impl Iterator<Item = (&str, &Mount)> {
    let sidecars = service.sidecars.values().flat_map(|sidecar| &sidecar.volumes);
    service.volumes.iter().chain(sidecars).map(|(volume, mount)| (volume.as_str(), mount))
}

/// Converts the mounts of a container to those of its task definition.
pub(super) fn mounts(mounts: &BTreeMap<String, Mount>) -> BTreeMap<String, task_definition::Mount> {
    let mount = |mount: &Mount| task_definition::Mount { path: mount.path.clone(), read_only: mount.read_only };
    mounts.iter().map(|(name, one)| (name.clone(), mount(one))).collect()
}

impl Volumes {
    /// Returns the volumes for the task definition of `service`.
    pub(super) fn of(&self, stack: &Stack, service: &Service) -> BTreeMap<String, task_definition::Volume> {
        let volumes = mounted(service).filter(|(name, _)| stack.volumes.contains_key(*name)).map(|(name, _)| {
            let volume = self.kept.get(name).map_or(task_definition::Volume::Task, |drawn| {
                let id = |of| Input::output(of, "id");
                let (file_system, access_point) = (id(&drawn.file_system), id(&drawn.access_point));
                task_definition::Volume::Efs { file_system, access_point }
            });
            (name.to_owned(), volume)
        });
        volumes.collect()
    }

    /// Returns the statements that the task role of `service` needs for its volumes.
    pub(super) fn statements(&self, stack: &Stack, service: &Service) -> Vec<role::Statement> {
        let mut by_actions: BTreeMap<Vec<&str>, Vec<Input>> = BTreeMap::new();
        for (name, drawn) in &self.kept {
            let mut mounts = mounted(service).filter(|(volume, _)| volume == name).peekable();
            let Some(Volume::Stack(kept)) = stack.volumes.get(name).filter(|_| mounts.peek().is_some()) else {
                continue;
            };
            let writes = mounts.any(|(_, mount)| !mount.read_only);
            // With an owner, even root in a container acts as the owner of the files.
            let is_root = kept.owner.as_ref().is_none_or(|owner| owner.starts_with("0:"));
            let actions = [Some(READ), writes.then_some(WRITE), is_root.then_some(ROOT)];
            let actions = actions.into_iter().flatten().collect();
            by_actions.entry(actions).or_default().push(Input::output(&drawn.file_system, "arn"));
        }
        by_actions.into_iter().map(|(actions, arns)| role::Statement::new(&actions, arns)).collect()
    }

    /// Returns the mount targets that must exist before a task of `service` can reach its volumes.
    pub(super) fn reached_by(&self, service: &Service) -> impl Iterator<Item = &Address> {
        let having = |name: &str| mounted(service).any(|(volume, _)| volume == name);
        self.kept.iter().filter(move |(name, _)| having(name)).flat_map(|(_, drawn)| &drawn.mount_targets)
    }
}
