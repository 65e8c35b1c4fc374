"""Network interfaces: what uses a subnet or a security group, also for a while after it is gone.

On AWS the interfaces of a load balancer, a database or a task outlive it by a minute or more, and what they stand in cannot
be deleted until then.
"""

import time

from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends
from moto.elbv2.models import elbv2_backends
from moto.rds.models import rds_backends

from . import all_of, backends_of, later, reported_interfaces

# AWS's usual time until the interfaces of something deleted are gone, in seconds.
LINGERS = 60

# Interfaces that outlive what they belonged to: (until, subnets, groups, whether they have a public address).
lingering = []


def linger(seconds, subnets, groups, public):
    """Keeps interfaces for `seconds` of AWS's time."""
    now = time.time()
    lingering[:] = [entry for entry in lingering if entry[0] > now]
    lingering.append((later(seconds), set(subnets), set(groups), public))


def still_there():
    now = time.time()
    return [entry for entry in list(lingering) if entry[0] > now]


def users_of(subnet=None, group=None):
    """Names of what uses a subnet or a security group."""
    found = []
    for gateway in all_of(ec2_backends, "nat_gateways"):
        if subnet and gateway.state != "deleted" and gateway.subnet_id == subnet:
            found.append(gateway.id)
    for balancer in all_of(elbv2_backends, "load_balancers"):
        if any(s.id == subnet for s in balancer.subnets) or group in balancer.security_groups:
            found.append(balancer.arn)
    for database in all_of(rds_backends, "databases"):
        if group in database.vpc_security_group_ids or subnet in subnets_of(database):
            found.append(database.db_instance_identifier)
    for backend in backends_of(elasticache_backends):
        for cache in list(backend.replication_groups.values()):
            stands_in = backend.cache_subnet_groups[cache.cache_subnet_group_name].subnets
            if group in (cache.security_group_ids or []) or subnet in [s["subnet_identifier"] for s in stands_in]:
                found.append(cache.replication_group_id)
    for instance in instances():
        for interface in instance.nics.values():
            if interface.subnet.id == subnet or group in [g.id for g in interface.group_set]:
                found.append(instance.id)
    for backend in backends_of(ec2_backends):
        for interface in list(backend.enis.values()):
            # Those of instances and NAT gateways were counted with them.
            alone = interface.instance is None and interface.interface_type in ("interface", "vpc_endpoint")
            if alone and (interface.subnet.id == subnet or group in [g.id for g in interface.group_set]):
                found.append(interface.id)
    if subnet in reported_interfaces["subnets"] or group in reported_interfaces["groups"]:
        found.append("the interface of a task")
    for _, subnets, groups, _ in still_there():
        if subnet in subnets or group in groups:
            found.append("an interface that lingers")
    return found


def instances():
    """The EC2 instances that still have their interfaces."""
    for reservation in all_of(ec2_backends, "reservations"):
        for instance in reservation.instances:
            if instance._state.name != "terminated":
                yield instance


def subnets_of(database):
    """The subnets that a database may stand in."""
    group = getattr(database, "db_subnet_group", None)
    return [s.id for s in group._subnets] if group else []


def public_users_of(vpc_id, subnets):
    """What in a VPC has a public address mapped to it."""
    found = [g.id for g in all_of(ec2_backends, "nat_gateways") if g.vpc_id == vpc_id and g.state != "deleted"]
    found += [b.arn for b in all_of(elbv2_backends, "load_balancers") if b.vpc_id == vpc_id and b.scheme != "internal"]
    found += [i.id for i in instances() if i.vpc_id == vpc_id]
    found += ["an interface that lingers" for _, used, _, public in still_there() if public and used & set(subnets)]
    return found
