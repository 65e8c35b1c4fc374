"""moto's server, made stricter where AWS is stricter, with an internal door for the gateway.

Started by the gateway: serve.py PORT INTERNAL_PORT. The patches touch moto's internals, so moto is pinned exactly in
requirements.txt; each `patch` below fails loudly when what it replaces is no longer there.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from moto.acm.models import AWSCertificateManagerBackend, acm_backends
from moto.core.exceptions import JsonRESTError
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer, elbv2_backends
from moto.iam.models import iam_backends
from moto.logs.models import LogsBackend
from moto.rds.exceptions import RDSClientError
from moto.rds.models import DBInstance, RDSBackend, rds_backends

SCALE = float(os.environ.get("SANDBOX_PROVISION_SCALE", "0.01"))
SUBNET = os.environ["SANDBOX_SUBNET"]

# AWS's usual times, in seconds.
NAT_CREATES, NAT_DELETES, NAT_LISTED = 90, 45, 3600
ALB_CREATES, ALB_LINGERS = 120, 60
DB_DELETES = 150

# What the data plane says: databases by identifier, and the subnets and security groups of running tasks.
databases = {}
interfaces = {"subnets": [], "groups": []}
# Interfaces that outlive what they belonged to: (until, subnets, groups).
lingering = []


def patch(owner, name):
    """Replaces `owner.name` by the decorated function, which gets the original as its first argument."""
    original = getattr(owner, name)

    def replace(function):
        def patched(self, *args, **kwargs):
            return function(original, self, *args, **kwargs)

        setattr(owner, name, patched)
        return function

    return replace


def later(seconds):
    return time.time() + seconds * SCALE


def all_of(backends, attribute):
    for account in list(backends.values()):
        for backend in list(account.values()):
            yield from list(getattr(backend, attribute).values())


# --- who uses what ---------------------------------------------------------------------------------------------------


def users_of(subnet=None, group=None):
    """Names of what uses a subnet or a security group, as its network interfaces would show it."""
    found = []
    for gateway in all_of(ec2_backends, "nat_gateways"):
        if gateway.state != "deleted" and gateway.subnet_id == subnet:
            found.append(gateway.id)
    for balancer in all_of(elbv2_backends, "load_balancers"):
        if any(s.id == subnet for s in balancer.subnets) or group in balancer.security_groups:
            found.append(balancer.arn)
    for database in all_of(rds_backends, "databases"):
        if group in database.vpc_security_group_ids:
            found.append(database.db_instance_identifier)
        if subnet and getattr(database, "db_subnet_group", None) and subnet in [s.id for s in database.db_subnet_group._subnets]:
            found.append(database.db_instance_identifier)
    if subnet in interfaces["subnets"] or group in interfaces["groups"]:
        found.append("the interface of a task")
    now = time.time()
    for until, subnets, groups in lingering:
        if until > now and (subnet in subnets or group in groups):
            found.append("an interface that lingers")
    return found


@patch(SubnetBackend, "delete_subnet")
def delete_subnet(original, self, subnet_id):
    if users_of(subnet=subnet_id):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return original(self, subnet_id)


@patch(SecurityGroupBackend, "delete_security_group")
def delete_security_group(original, self, name=None, group_id=None):
    if group_id:
        referenced = False
        for groups in self.groups.values():
            for other in groups.values():
                for rule in list(other.ingress_rules) + list(other.egress_rules):
                    source = rule.source_group or {}
                    referenced |= other.id != group_id and source.get("GroupId") == group_id
        if referenced or users_of(group=group_id):
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
    return original(self, name, group_id)


@patch(InternetGatewayBackend, "detach_internet_gateway")
def detach_internet_gateway(original, self, internet_gateway_id, vpc_id):
    subnets = [s.id for zone in self.subnets.values() for s in zone.values() if s.vpc_id == vpc_id]
    for gateway in self.nat_gateways.values():
        if gateway.vpc_id == vpc_id and gateway.state != "deleted":
            raise DependencyViolationError(f"Network {vpc_id} has some mapped public address(es).")
    for balancer in all_of(elbv2_backends, "load_balancers"):
        if balancer.vpc_id == vpc_id:
            raise DependencyViolationError(f"Network {vpc_id} has some mapped public address(es).")
    now = time.time()
    if any(until > now and set(used) & set(subnets) for until, used, _ in lingering):
        raise DependencyViolationError(f"Network {vpc_id} has some mapped public address(es).")
    return original(self, internet_gateway_id, vpc_id)


@patch(ElasticAddressBackend, "release_address")
def release_address(original, self, address=None, allocation_id=None):
    for gateway in self.nat_gateways.values():
        if gateway.state != "deleted" and any(a.get("allocationId") == allocation_id for a in gateway.address_set):
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {allocation_id} is in use.")
    return original(self, address=address, allocation_id=allocation_id)


# --- NAT gateways: pending, available, deleting, deleted -------------------------------------------------------------


def nat_state(self):
    now = time.time()
    if "_deleted_at" in self.__dict__:
        return "deleted" if now > self._deleted_at else "deleting"
    return "available" if now > self.__dict__.setdefault("_ready_at", later(NAT_CREATES)) else "pending"


NatGateway.state = property(nat_state, lambda self, value: None)


@patch(NatGatewayBackend, "create_nat_gateway")
def create_nat_gateway(original, self, subnet_id, allocation_id, tags=None, connectivity_type="public"):
    for gateway in self.nat_gateways.values():
        # The same address is the same request repeated: the client token of stackctl derives from both.
        if gateway.state in ("pending", "available") and gateway.subnet_id == subnet_id:
            if any(a.get("allocationId") == allocation_id for a in gateway.address_set):
                return gateway
    gateway = original(self, subnet_id, allocation_id, tags, connectivity_type)
    gateway._ready_at = later(NAT_CREATES)
    return gateway


@patch(NatGatewayBackend, "delete_nat_gateway")
def delete_nat_gateway(original, self, nat_gateway_id):
    gateway = self.nat_gateways.get(nat_gateway_id)
    if gateway is None or gateway.state == "deleted":
        raise EC2ClientError("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
    gateway.__dict__.setdefault("_deleted_at", later(NAT_DELETES))
    for address in gateway.address_set:
        association = address.get("associationId")
        if association:
            try:
                self.disassociate_address(association_id=association)
            except EC2ClientError:
                pass
    return gateway


@patch(NatGatewayBackend, "describe_nat_gateways")
def describe_nat_gateways(original, self, filters, nat_gateway_ids):
    found = original(self, filters, nat_gateway_ids)
    for name, values in (filters or {}).items():
        if name.startswith("tag:"):
            key = name[4:]
            found = [g for g in found if any(t["key"] == key and t["value"] in values for t in g.get_tags())]
    return found


# --- databases -------------------------------------------------------------------------------------------------------

CLASSES = ("db.t3.", "db.t4g.", "db.m5.", "db.m6g.", "db.m6i.", "db.m7g.", "db.m7i.", "db.r5.", "db.r6g.", "db.r6i.", "db.r7g.")


def database_status(self):
    if "_deleted_at" in self.__dict__:
        return "deleting"
    return databases.get(self.__dict__.get("_db_instance_identifier"), {}).get("status", "creating")


def database_endpoint(self):
    truth = databases.get(self.db_instance_identifier, {})
    if not truth.get("address"):
        return None
    return {"Address": truth["address"], "Port": truth["port"], "HostedZoneId": "Z29XKXDKYMONMX"}


assert isinstance(DBInstance.endpoint, property)
DBInstance.status = property(database_status, lambda self, value: None)
DBInstance.endpoint = property(database_endpoint)


def purge_databases(backend):
    for name, database in list(backend.databases.items()):
        if database.__dict__.get("_deleted_at", time.time() + 1) <= time.time():
            backend.databases.pop(name, None)
            databases.pop(name, None)


@patch(RDSBackend, "describe_db_instances")
def describe_db_instances(original, self, *args, **kwargs):
    purge_databases(self)
    return original(self, *args, **kwargs)


@patch(RDSBackend, "create_db_instance")
def create_db_instance(original, self, db_kwargs):
    purge_databases(self)
    if not db_kwargs.get("master_user_password") and not db_kwargs.get("manage_master_user_password"):
        raise RDSClientError("InvalidParameterValue", "The parameter MasterUserPassword must be provided.")
    if not str(db_kwargs.get("db_instance_class", "")).startswith(CLASSES):
        raise RDSClientError("InvalidParameterValue", f"Invalid DB Instance class: {db_kwargs.get('db_instance_class')}")
    version = str(db_kwargs.get("engine_version") or "16")
    if version.split(".")[0] not in ("13", "14", "15", "16", "17", "18"):
        raise RDSClientError("InvalidParameterCombination", f"Cannot find version {version} for postgres")
    db_kwargs["engine_version"] = version if "." in version else f"{version}.4"
    return original(self, db_kwargs)


@patch(RDSBackend, "delete_db_instance")
def delete_db_instance(original, self, db_instance_identifier, *args, **kwargs):
    purge_databases(self)
    database = self.databases.get(db_instance_identifier)
    if database is not None and "_deleted_at" in database.__dict__:
        raise RDSClientError("InvalidDBInstanceState", f"Instance {db_instance_identifier} is already being deleted.")
    deleted = original(self, db_instance_identifier, *args, **kwargs)
    deleted._deleted_at = later(DB_DELETES)
    self.databases[db_instance_identifier] = deleted
    return deleted


@patch(RDSBackend, "create_subnet_group")
def create_db_subnet_group(original, self, subnet_name, description, subnets, tags):
    if subnet_name in self.subnet_groups:
        raise RDSClientError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{subnet_name}' already exists.")
    if len({s.availability_zone for s in subnets}) < 2:
        raise RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            "Add subnets to cover at least 2 AZs.",
        )
    return original(self, subnet_name, description, subnets, tags)


@patch(RDSBackend, "delete_subnet_group")
def delete_db_subnet_group(original, self, subnet_name):
    purge_databases(self)
    if any(database._db_subnet_group_name == subnet_name for database in self.databases.values()):
        raise RDSClientError(
            "InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{subnet_name}' because it is in use."
        )
    return original(self, subnet_name)


# --- load balancers --------------------------------------------------------------------------------------------------


def balancer_state(self):
    ready = self.__dict__.setdefault("_ready_at", later(ALB_CREATES))
    return {"Code": "active" if time.time() > ready else "provisioning"}


FakeLoadBalancer.load_balancer_state = property(balancer_state)
addresses = iter(range(10, 250))


def check_name(name, what):
    good = 0 < len(name) <= 32 and not name.startswith(("-", "internal-")) and not name.endswith("-")
    if not good or not all(c.isalnum() or c == "-" for c in name):
        raise ELBClientError("ValidationError", f"The {what} name '{name}' is not valid")


@patch(ELBv2Backend, "create_load_balancer")
def create_load_balancer(original, self, name, security_groups, subnet_ids, *args, **kwargs):
    check_name(name, "load balancer")
    for balancer in self.load_balancers.values():
        if balancer.name == name:
            if {s.id for s in balancer.subnets} == set(subnet_ids) and balancer.security_groups == security_groups:
                return balancer
            raise ELBClientError("DuplicateLoadBalancerName", f"A load balancer with the name '{name}' already exists")
    zones = {self.ec2_backend.get_subnet(subnet).availability_zone for subnet in subnet_ids}
    if len(zones) < 2:
        raise ELBClientError("InvalidConfigurationRequest", "At least two subnets in two different Availability Zones must be specified")
    balancer = original(self, name, security_groups, subnet_ids, *args, **kwargs)
    balancer.dns_name = f"{SUBNET}.{next(addresses)}"
    balancer._ready_at = later(ALB_CREATES)
    return balancer


@patch(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(original, self, arn):
    balancer = self.load_balancers.get(arn)
    if balancer is not None:
        if balancer.attrs.get("deletion_protection.enabled") == "true":
            raise ELBClientError("OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled")
        subnets = [s.id for s in balancer.subnets]
        lingering.append((later(ALB_LINGERS), subnets, list(balancer.security_groups)))
    return original(self, arn)


@patch(ELBv2Backend, "create_target_group")
def create_target_group(original, self, name, *args, **kwargs):
    check_name(name, "target group")
    return original(self, name, *args, **kwargs)


@patch(ELBv2Backend, "create_listener")
def create_listener(original, self, load_balancer_arn, protocol, port, ssl_policy, certificate, *args, **kwargs):
    if protocol == "HTTPS" and not certificate:
        raise ELBClientError("CertificateNotFound", "A certificate must be specified for HTTPS listeners")
    return original(self, load_balancer_arn, protocol, port, ssl_policy, certificate, *args, **kwargs)


@patch(AWSCertificateManagerBackend, "delete_certificate")
def delete_certificate(original, self, arn):
    for balancer in all_of(elbv2_backends, "load_balancers"):
        for listener in balancer.listeners.values():
            if arn in [c if isinstance(c, str) else getattr(c, "arn", c) for c in listener.certificates]:
                raise JsonRESTError("ResourceInUseException", f"Certificate {arn} in account is in use.")
    if arn not in self._certificates:
        raise JsonRESTError("ResourceNotFoundException", f"Could not find certificate {arn}.")
    return original(self, arn)


# --- logs ------------------------------------------------------------------------------------------------------------

RETENTION = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}


@patch(LogsBackend, "put_retention_policy")
def put_retention_policy(original, self, log_group_name, retention_in_days):
    if int(retention_in_days) not in RETENTION:
        raise JsonRESTError("InvalidParameterException", f"{retention_in_days} is no retention period")
    return original(self, log_group_name, retention_in_days)


# --- the internal door -----------------------------------------------------------------------------------------------


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def snapshot():
    """All load balancing, for the data plane."""
    certificates = {}
    for account in list(acm_backends.values()):
        for backend in list(account.values()):
            for arn, bundle in list(backend._certificates.items()):
                if bundle.key:
                    certificates[arn] = {"certificate": text(bundle.cert), "key": text(bundle.key)}
    balancers, groups = [], []
    for balancer in all_of(elbv2_backends, "load_balancers"):
        listeners = []
        for listener in list(balancer.listeners.values()):
            rules = []
            for rule in list(listener.rules.values()):
                rules.append({
                    "priority": None if rule.is_default else int(rule.priority),
                    "conditions": rule.conditions,
                    "actions": [action.data for action in (listener.default_actions if rule.is_default else rule.actions)],
                })
            certificate = listener.certificate or (listener.certificates[0] if listener.certificates else None)
            listeners.append({
                "arn": listener.arn, "port": int(listener.port), "protocol": listener.protocol,
                "certificate": certificates.get(certificate), "rules": rules,
            })
        balancers.append({"arn": balancer.arn, "address": balancer.dns_name, "listeners": listeners,
                          "attributes": balancer.attrs})
    for group in all_of(elbv2_backends, "target_groups"):
        groups.append({
            "arn": group.arn, "port": int(group.port), "path": group.health_check_path or "/",
            "interval": int(group.health_check_interval_seconds), "timeout": int(group.health_check_timeout_seconds),
            "healthy": int(group.healthy_threshold_count), "unhealthy": int(group.unhealthy_threshold_count),
            "matcher": (group.matcher or {}).get("HttpCode", "200"), "attributes": dict(group.attributes),
        })
    return {"load_balancers": balancers, "target_groups": groups}


def roles():
    """The inline policies of every role, by ARN."""
    found = {}
    for account in list(iam_backends.values()):
        for backend in list(account.values()):
            for role in list(backend.roles.values()):
                documents = [json.loads(text(d)) if not isinstance(d, dict) else d for d in role.policies.values()]
                found[role.arn] = {"policies": documents, "age": time.time() - role.create_date.timestamp()}
    return found


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, document):
        body = json.dumps(document, default=str).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(snapshot() if self.path == "/elbv2" else roles())

    def do_PUT(self):
        global SCALE
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/interfaces":
            interfaces.update(document)
        elif self.path == "/settings":
            SCALE = float(document["provision_scale"])
        else:
            databases[self.path.rsplit("/", 1)[1]] = document
        self.answer({})

    def log_message(self, *args):
        pass


def main():
    port, door = int(sys.argv[1]), int(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", door), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    from moto.server import main as serve

    serve(["-H", "127.0.0.1", "-p", str(port)])


main()
