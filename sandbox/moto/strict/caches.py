"""ElastiCache: a cache is what its server is, takes its time, and is checked as AWS checks it.

creating, available; a while later modifying, and available again; deleting, and gone. Of a replication group moto knows neither
the nodes nor how it is changed, and of a subnet group not how it goes.
"""

import re
import time

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends
from moto.elasticache.exceptions import CacheSubnetGroupNotFound, ElastiCacheException, ReplicationGroupNotFound
from moto.elasticache.models import CacheSubnetGroup, ElastiCacheBackend, ReplicationGroup
from moto.elasticache.responses import ElastiCacheResponse

from . import later, patch, reported_caches
from .interfaces import LINGERS, linger

# AWS's usual times, in seconds. How long one is created, the data plane says.
CACHE_MODIFIES, CACHE_DELETES = 240, 180

# How long a cache goes on being available before a change of it begins.
CACHE_HESITATES = 30

CLASS = re.compile(r"cache\.(t2|t3|t4g|m4|m5|m6g|m7g|r4|r5|r6g|r6gd|r7g|c7gn)\.(micro|small|medium|large|(2|4|8|12|16|24)?xlarge)")

# The minor versions of Valkey that ElastiCache has, and the patch that it takes for each.
PATCHES = {"7.2": 6, "8.0": 1, "8.1": 0, "8.2": 0, "9.0": 0, "9.1": 0}


def wrong(message, code="InvalidParameterValue"):
    return ElastiCacheException(code, message)


def not_available(group):
    return wrong(f"Replication group must be in available state: {group.status}.", "InvalidReplicationGroupState")


# --- What a replication group and its node say of themselves ---------------------------------------------------------


def cache_status(self):
    if "_deleted_at" in self.__dict__:
        return "deleting"
    status = reported_caches.get(self.replication_group_id, {}).get("status", "creating")
    return "modifying" if status == "available" and is_busy(self) and not hesitates(self) else status


def is_due(group):
    return time.time() >= group.__dict__.get("_busy_until", 0)


def hesitates(group):
    return time.time() < group.__dict__.get("_begins_at", 0)


def is_busy(group):
    # Until it is done, and not only until it is due: nothing is available with what it was before.
    return "_asked" in group.__dict__ or not is_due(group)


def node_groups(self):
    """Where it answers; nothing until it does. While moto makes one, the list that it fills."""
    listed = self.__dict__.setdefault("_node_groups", [])
    if "_made" not in self.__dict__:
        return listed
    truth = reported_caches.get(self.replication_group_id, {})
    if not truth.get("address"):
        return []
    endpoint = {"address": truth["address"], "port": truth["port"]}
    return [{**part, "primary_endpoint": endpoint, "reader_endpoint": endpoint} for part in listed]


# moto writes the state that it has in mind, which counts for nothing here.
ReplicationGroup.status = property(cache_status, lambda self, value: None)
ReplicationGroup.node_groups = property(node_groups, lambda self, value: self.__dict__.update(_node_groups=value))


class Node:
    """The one node of a replication group, which DescribeCacheClusters lists."""

    def __init__(self, group):
        self.group = group

    def __getattr__(self, name):
        # What the group was made with, its node has as well.
        return getattr(self.group, name)

    @property
    def cache_cluster_id(self):
        return f"{self.group.replication_group_id}-001"

    @property
    def arn(self):
        return self.group.arn.replace(":replicationgroup:", ":cluster:") + "-001"

    @property
    def cache_cluster_status(self):
        return self.group.status

    @property
    def security_groups(self):
        return [{"security_group_id": group, "status": "active"} for group in self.group.security_group_ids or []]

    @property
    def pending_modified_values(self):
        return self.group.__dict__.get("_asked", {}) if is_busy(self.group) else {}

    @property
    def num_cache_nodes(self):
        return 1


def purge(backend):
    """Does what was asked for once its time has come, and forgets the caches whose deletion has come to its end."""
    for name, group in list(backend.replication_groups.items()):
        if is_due(group):
            for key, value in group.__dict__.pop("_asked", {}).items():
                setattr(group, key, value)
        if group.__dict__.get("_deleted_at", time.time() + 1) <= time.time():
            backend.replication_groups.pop(name, None)
            backend.cache_clusters.pop(f"{name}-001", None)
            reported_caches.pop(name, None)


# --- Checks ----------------------------------------------------------------------------------------------------------


def check_name(name):
    good = re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,39}", name or "") and not name.endswith("-") and "--" not in name
    if not good:
        raise wrong(
            "The parameter ReplicationGroupIdentifier is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )


def check_class(name):
    if not CLASS.fullmatch(str(name)):
        raise wrong(f"The CacheNodeType {name} is not valid.")


def full_version(version):
    """`8.0` is a certain 8.0.x."""
    minor = ".".join(str(version).split(".")[:2])
    if minor not in PATCHES:
        raise wrong(f"Cannot find version {version} for valkey", "InvalidParameterCombination")
    return f"{minor}.{PATCHES[minor]}"


def check_token(token, encrypted, mode):
    if not encrypted or mode == "preferred":
        raise wrong("In-Transit encryption is required to be enabled to use AUTH token.", "InvalidParameterCombination")
    if not re.fullmatch(r"[A-Za-z0-9!&#$^<>-]{16,128}", token):
        raise wrong("Invalid AuthToken provided.")


def check_groups(backend, groups):
    known = ec2_backends[backend.account_id][backend.region_name].groups
    existing = {group for groups_of_vpc in known.values() for group in groups_of_vpc}
    missing = set(groups or []) - existing
    if missing:
        raise wrong(f"Some security groups could not be found: {', '.join(sorted(missing))}")


# --- Replication groups ----------------------------------------------------------------------------------------------


@patch(ElastiCacheBackend, "describe_replication_groups")
def describe_replication_groups(original, self, *args, **kwargs):
    purge(self)
    return original(self, *args, **kwargs)


@patch(ElastiCacheBackend, "describe_cache_clusters")
def describe_cache_clusters(original, self, *args, **kwargs):
    purge(self)
    return original(self, *args, **kwargs)


@patch(ElastiCacheBackend, "create_replication_group")
def create_replication_group(original, self, **asked):
    purge(self)
    check_name(asked["replication_group_id"])
    if not asked["replication_group_description"]:
        raise wrong("The parameter ReplicationGroupDescription must be provided and must not be blank.")
    if asked["engine"] != "valkey":
        raise wrong(f"The sandbox has no caches of {asked['engine'] or 'redis'}: it takes valkey.")
    if (asked["num_cache_clusters"] or 1) != 1 or asked["num_node_groups"] or asked["replicas_per_node_group"]:
        raise wrong("The sandbox has caches of one node.")
    if asked["automatic_failover_enabled"] or asked["multi_az_enabled"]:
        raise wrong("Automatic failover needs a replica.", "InvalidParameterCombination")
    check_class(asked["cache_node_type"])
    asked["engine_version"] = full_version(asked["engine_version"] or "8.0")
    if asked["auth_token"]:
        check_token(asked["auth_token"], asked["transit_encryption_enabled"], asked["transit_encryption_mode"])
    if asked["transit_encryption_enabled"]:
        asked["transit_encryption_mode"] = asked["transit_encryption_mode"] or "required"
    if asked["cache_subnet_group_name"] not in self.cache_subnet_groups:
        raise CacheSubnetGroupNotFound(asked["cache_subnet_group_name"])
    check_groups(self, asked["security_group_ids"])
    group = original(self, **asked)
    group._made = True
    group.preferred_availability_zone = zone_of(self.cache_subnet_groups[group.cache_subnet_group_name])
    self.cache_clusters[f"{group.replication_group_id}-001"] = Node(group)
    return group


def zone_of(group):
    return next((s.get("subnet_availability_zone") for s in group.subnets), None)


def modify_replication_group(self):
    """Ours: moto's changes the description, the node type and what has to do with replicas."""
    backend = self.elasticache_backend
    purge(backend)
    group = backend.replication_groups.get(self._get_param("ReplicationGroupId"))
    if group is None:
        raise ReplicationGroupNotFound(self._get_param("ReplicationGroupId"))
    if group.status != "available":
        raise not_available(group)
    if self._get_param("ReplicationGroupDescription"):
        group.description = self._get_param("ReplicationGroupDescription")
    groups = self._get_param("SecurityGroupIds", [])
    if groups:
        check_groups(backend, groups)
        group.security_group_ids = groups
    asked = {}
    if self._get_param("CacheNodeType"):
        check_class(self._get_param("CacheNodeType"))
        asked["cache_node_type"] = self._get_param("CacheNodeType")
    if self._get_param("EngineVersion"):
        version = full_version(self._get_param("EngineVersion"))
        if [int(n) for n in version.split(".")] < [int(n) for n in group.engine_version.split(".")]:
            raise wrong(f"Cannot downgrade valkey from {group.engine_version} to {version}", "InvalidParameterCombination")
        asked["engine_version"] = version
    asked = {key: value for key, value in asked.items() if getattr(group, key) != value}
    if asked:
        if str(self._get_param("ApplyImmediately")).lower() != "true":
            raise wrong("The sandbox has no maintenance windows: it takes changes with ApplyImmediately.")
        group._asked = {**group.__dict__.get("_asked", {}), **asked}
        group._begins_at = later(CACHE_HESITATES)
        group._busy_until = later(CACHE_HESITATES + CACHE_MODIFIES)
    return ActionResult({"ReplicationGroup": group})


@patch(ElastiCacheBackend, "delete_replication_group")
def delete_replication_group(original, self, replication_group_id, retain_primary_cluster):
    purge(self)
    group = self.replication_groups.get(replication_group_id)
    if group is None:
        raise ReplicationGroupNotFound(replication_group_id)
    if group.status not in ("available", "create-failed"):
        raise not_available(group)
    group._deleted_at = later(CACHE_DELETES)
    subnets = [s["subnet_identifier"] for s in self.cache_subnet_groups[group.cache_subnet_group_name].subnets]
    linger(CACHE_DELETES + LINGERS, subnets, group.security_group_ids or [], public=False)
    return group


# --- Tags, which nobody sees or changes while a cache is busy --------------------------------------------------------


def check_taggable(backend, arn):
    purge(backend)
    for group in backend.replication_groups.values():
        if group.arn == arn and group.status != "available":
            raise wrong("Cluster not in available state to perform tagging operations.", "InvalidReplicationGroupState")


@patch(ElastiCacheBackend, "list_tags_for_resource")
def list_tags_for_resource(original, self, arn):
    check_taggable(self, arn)
    return original(self, arn)


@patch(ElastiCacheBackend, "add_tags_to_resource")
def add_tags_to_resource(original, self, arn, tags):
    check_taggable(self, arn)
    return original(self, arn, tags)


# --- Subnet groups ---------------------------------------------------------------------------------------------------


def modify_cache_subnet_group(self):
    backend = self.elasticache_backend
    group = found_subnet_group(self)
    description = self._get_param("CacheSubnetGroupDescription") or group.cache_subnet_group_description
    subnets = self._get_param("SubnetIds", []) or group.subnet_ids
    changed = CacheSubnetGroup(
        backend.account_id, backend.region_name, group.cache_subnet_group_name, description, subnets, group.tags
    )
    backend.cache_subnet_groups[group.cache_subnet_group_name] = changed
    return ActionResult({"CacheSubnetGroup": changed})


def delete_cache_subnet_group(self):
    backend = self.elasticache_backend
    purge(backend)
    name = found_subnet_group(self).cache_subnet_group_name
    if any(group.cache_subnet_group_name == name for group in backend.replication_groups.values()):
        raise wrong(f"Cache subnet group {name} is currently in use by a cache cluster.", "CacheSubnetGroupInUse")
    backend.cache_subnet_groups.pop(name)
    return EmptyResult()


def found_subnet_group(response):
    name = response._get_param("CacheSubnetGroupName")
    group = response.elasticache_backend.cache_subnet_groups.get(name)
    if group is None:
        raise CacheSubnetGroupNotFound(name)
    return group


assert hasattr(ElastiCacheResponse, "modify_replication_group")
ElastiCacheResponse.modify_replication_group = modify_replication_group
for supplied in (modify_cache_subnet_group, delete_cache_subnet_group):
    # A moto that has learned it is to be looked at before ours stays.
    assert not hasattr(ElastiCacheResponse, supplied.__name__)
    setattr(ElastiCacheResponse, supplied.__name__, supplied)
