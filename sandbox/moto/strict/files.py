"""EFS: what is made takes its time, and so does what goes; a file system that is busy takes no changes.

creating, available; deleting, and gone. Of a file system moto knows neither how it is changed nor when.
"""

import json
import re
import time

from moto.core.exceptions import JsonRESTError
from moto.efs.exceptions import AccessPointNotFound, FileSystemInUse, FileSystemNotFound, MountTargetNotFound
from moto.efs.models import AccessPoint, EFSBackend, FileSystem, MountTarget, efs_backends
from moto.efs.responses import EFSResponse

from . import all_of, backends_of, later, patch

# AWS's usual times, in seconds.
FILE_SYSTEM, MOUNT_TARGET, ACCESS_POINT, GOES = 5, 90, 5, 30

# How long EFS keeps a throughput mode before it takes another one.
# <https://docs.aws.amazon.com/efs/latest/ug/performance.html#throughput-modes>
MODE_STAYS = 24 * 3600

MODES = ("bursting", "elastic", "provisioned")


class EFSRefusal(JsonRESTError):
    def __init__(self, code, message, status=400):
        self.code = status
        super().__init__(code, message)


def state(thing):
    if "_gone_at" in thing.__dict__:
        return "deleting"
    return "creating" if time.time() < thing.__dict__.get("_ready_at", 0) else "available"


def is_over(thing):
    return thing.__dict__.get("_gone_at", time.time() + 1) <= time.time()


def purge(backend):
    """Forgets what has gone."""
    for id, target in list(backend.mount_targets_by_id.items()):
        if is_over(target):
            backend.ec2_backend.enis.pop(target.network_interface_id, None)
            del backend.mount_targets_by_id[id]
            target.clean_up()
    for id, point in list(backend.access_points.items()):
        if is_over(point):
            del backend.access_points[id]
    for id, system in list(backend.file_systems_by_id.items()):
        if is_over(system):
            del backend.file_systems_by_id[id]
            backend.creation_tokens.discard(system.creation_token)
            for point in [p for p, known in backend.access_points.items() if known.file_system_id == id]:
                del backend.access_points[point]


def found(backend, file_system_id):
    purge(backend)
    if file_system_id not in backend.file_systems_by_id:
        raise FileSystemNotFound(file_system_id)
    return backend.file_systems_by_id[file_system_id]


def available(backend, file_system_id):
    system = found(backend, file_system_id)
    if state(system) != "available":
        message = f"The file system is in the life cycle state '{state(system)}'."
        raise EFSRefusal("IncorrectFileSystemLifeCycleState", message, 409)
    return system


# --- What they say of themselves -------------------------------------------------------------------------------------


@patch(FileSystem, "info_json")
def of_file_system(original, self):
    info = {**original(self), "LifeCycleState": state(self)}
    # What is smaller than this is metered as much.
    # <https://docs.aws.amazon.com/efs/latest/ug/metered-sizes.html>
    info["SizeInBytes"]["Value"] = max(info["SizeInBytes"]["Value"], 6144)
    return info


@patch(MountTarget, "info_json")
def of_mount_target(original, self):
    return {**original(self), "LifeCycleState": state(self)}


@patch(AccessPoint, "info_json")
def of_access_point(original, self):
    return {**original(self), "LifeCycleState": state(self)}


# --- File systems ----------------------------------------------------------------------------------------------------


@patch(EFSBackend, "create_file_system")
def create_file_system(original, self, **asked):
    purge(self)
    if (asked["throughput_mode"] or "bursting") not in MODES:
        raise EFSRefusal("BadRequest", f"invalid throughput mode {asked['throughput_mode']}")
    system = original(self, **asked)
    system._ready_at = later(FILE_SYSTEM)
    return system


@patch(EFSBackend, "describe_file_systems")
def describe_file_systems(original, self, *args, **kwargs):
    purge(self)
    return original(self, *args, **kwargs)


@patch(EFSBackend, "delete_file_system")
def delete_file_system(original, self, file_system_id):
    system = found(self, file_system_id)
    if system.number_of_mount_targets > 0:
        raise FileSystemInUse("Must delete all mount targets before deleting file system.")
    system._gone_at = later(GOES)


@patch(EFSBackend, "describe_backup_policy")
def describe_backup_policy(original, self, file_system_id):
    system = found(self, file_system_id)
    return system.__dict__.get("_backup_policy") or original(self, file_system_id)


@patch(EFSBackend, "describe_file_system_policy")
def describe_file_system_policy(original, self, file_system_id):
    found(self, file_system_id)
    return original(self, file_system_id)


@patch(EFSBackend, "put_file_system_policy")
def put_file_system_policy(original, self, file_system_id, policy, bypass_policy_lockout_safety_check):
    available(self, file_system_id)
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError):
        raise EFSRefusal("InvalidPolicyException", "The policy is no policy.")
    if any("Resource" not in statement or "Principal" not in statement for statement in statements):
        raise EFSRefusal("InvalidPolicyException", "A statement has no resource or no principal.")
    return original(self, file_system_id, policy, bypass_policy_lockout_safety_check)


def update_file_system(self):
    """Ours: moto changes no file system."""
    system = available(self.efs_backend, self._get_param("FileSystemId"))
    mode = self._get_param("ThroughputMode") or system.throughput_mode
    if mode not in MODES:
        raise EFSRefusal("BadRequest", f"invalid throughput mode {mode}")
    if mode != system.throughput_mode:
        if time.time() < system.__dict__.get("_mode_until", 0):
            raise EFSRefusal("TooManyRequests", "The throughput mode was changed in the last 24 hours.", 429)
        system._mode_until = later(MODE_STAYS)
    system.throughput_mode = mode
    return json.dumps(system.info_json()), {"status": 202, "Content-Type": "application/json"}


def put_backup_policy(self):
    """Ours: moto knows only the one that a file system is made with."""
    system = available(self.efs_backend, self._get_param("FileSystemId"))
    status = (self._get_param("BackupPolicy") or {}).get("Status")
    if status not in ("ENABLED", "DISABLED"):
        raise EFSRefusal("ValidationException", f"invalid status {status}")
    system._backup_policy = {"Status": status}
    return json.dumps({"BackupPolicy": system._backup_policy}), {"Content-Type": "application/json"}


for supplied in (update_file_system, put_backup_policy):
    # A moto that has learned it is to be looked at before ours stays.
    assert not hasattr(EFSResponse, supplied.__name__)
    setattr(EFSResponse, supplied.__name__, supplied)


@patch(EFSResponse, "delete_file_system")
def deleted_file_system(original, self):
    original(self)
    return "", {"status": 204}


@patch(EFSResponse, "delete_mount_target")
def deleted_mount_target(original, self):
    original(self)
    return "", {"status": 204}


# --- Mount targets ---------------------------------------------------------------------------------------------------


@patch(EFSBackend, "create_mount_target")
def create_mount_target(original, self, file_system_id, subnet_id, *args, **kwargs):
    available(self, file_system_id)
    target = original(self, file_system_id, subnet_id, *args, **kwargs)
    target._ready_at = later(MOUNT_TARGET)
    interface = self.ec2_backend.enis[target.network_interface_id]
    interface.description = f"Mount target {target.mount_target_id} for file system {file_system_id}"
    interface.requester_managed = True
    return target


@patch(EFSBackend, "describe_mount_targets")
def describe_mount_targets(original, self, *args, **kwargs):
    purge(self)
    return original(self, *args, **kwargs)


def mount_target(backend, id):
    purge(backend)
    if id not in backend.mount_targets_by_id:
        raise MountTargetNotFound(id)
    return backend.mount_targets_by_id[id]


def ready(backend, id):
    target = mount_target(backend, id)
    if state(target) != "available":
        message = f"The mount target is in the life cycle state '{state(target)}'."
        raise EFSRefusal("IncorrectMountTargetState", message, 409)
    return target


@patch(EFSBackend, "describe_mount_target_security_groups")
def describe_mount_target_security_groups(original, self, mount_target_id):
    ready(self, mount_target_id)
    return original(self, mount_target_id)


@patch(EFSBackend, "modify_mount_target_security_groups")
def modify_mount_target_security_groups(original, self, mount_target_id, security_groups):
    ready(self, mount_target_id)
    return original(self, mount_target_id, security_groups)


@patch(EFSBackend, "delete_mount_target")
def delete_mount_target(original, self, mount_target_id):
    """Its network interface stays as long as it does."""
    mount_target(self, mount_target_id)._gone_at = later(GOES)


# --- Access points ---------------------------------------------------------------------------------------------------


@patch(EFSBackend, "create_access_point")
def create_access_point(original, self, client_token, tags, file_system_id, posix_user, root_directory):
    available(self, file_system_id)
    if any(known.client_token == client_token for known in self.access_points.values()):
        raise EFSRefusal("AccessPointAlreadyExists", f"There is an access point with the token {client_token}.", 409)
    made = (root_directory or {}).get("CreationInfo") or {}
    if made and not re.fullmatch(r"[0-7]{3,4}", made.get("Permissions", "")):
        raise EFSRefusal("BadRequest", f"invalid permissions {made.get('Permissions')}")
    point = original(self, client_token, tags, file_system_id, posix_user, root_directory)
    point._ready_at = later(ACCESS_POINT)
    return point


@patch(EFSBackend, "describe_access_points")
def describe_access_points(original, self, access_point_id, file_system_id):
    purge(self)
    if file_system_id and file_system_id not in self.file_systems_by_id:
        raise FileSystemNotFound(file_system_id)
    return original(self, access_point_id, file_system_id)


@patch(EFSBackend, "delete_access_point")
def delete_access_point(original, self, access_point_id):
    purge(self)
    if access_point_id not in self.access_points:
        raise AccessPointNotFound(access_point_id)
    self.access_points[access_point_id]._gone_at = later(ACCESS_POINT)


# --- What the data plane asks ----------------------------------------------------------------------------------------


def volumes():
    """What can be mounted now: file systems with whom their mount targets admit in which zone, and access points."""
    systems, zones = {}, {}
    for backend in backends_of(efs_backends):
        for id, system in list(backend.file_systems_by_id.items()):
            if state(system) != "available":
                continue
            targets = {}
            for target in list(system.iter_mount_targets()):
                if state(target) == "available":
                    targets[target.availability_zone_name] = admitted(backend.ec2_backend, target.security_groups or [])
            systems[id] = {"arn": system.file_system_arn, "targets": targets}
        for subnets in list(backend.ec2_backend.subnets.values()):
            zones.update({id: subnet.availability_zone for id, subnet in list(subnets.items())})
    points = {
        id: {"file_system": point.file_system_id, "path": point.root_directory.get("Path", "/")}
        for id, point in all_points()
        if state(point) == "available"
    }
    return {"file_systems": systems, "access_points": points, "zones": zones}


def all_points():
    return [(point.access_point_id, point) for point in all_of(efs_backends, "access_points")]


def admitted(ec2, groups):
    """The security groups and ranges that these groups admit at the port of NFS."""
    sources = []
    for group in (ec2.get_security_group_from_id(id) for id in groups):
        for rule in list(group.ingress_rules) if group else []:
            everything = str(rule.ip_protocol) == "-1"
            if everything or int(rule.from_port) <= 2049 <= int(rule.to_port):
                sources += [rule.source_group.get("GroupId"), rule.ip_range.get("CidrIp")]
    return [source for source in sources if source]
