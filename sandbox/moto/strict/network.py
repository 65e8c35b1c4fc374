"""EC2: what is in use cannot be deleted, and NAT gateways take their time."""

import time

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.route_tables import RouteBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend

from . import later, patch
from .interfaces import public_users_of, users_of

# AWS's usual times, in seconds; a deleted gateway stays listed for about an hour.
NAT_CREATES, NAT_DELETES, NAT_LISTED = 90, 45, 3600

# moto does not say it, and callers choose zones by it.
Zone.opt_in_status = "opt-in-not-required"


@patch(SubnetBackend, "delete_subnet")
def delete_subnet(original, self, subnet_id):
    if users_of(subnet=subnet_id):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return original(self, subnet_id)


# moto looks for subnets, VPN gateways and route tables.
# <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html>
@patch(VPCBackend, "delete_vpc")
def delete_vpc(original, self, vpc_id):
    groups = [group for group in list(self.groups.get(vpc_id, {}).values()) if group.name != "default"]
    gateways = [gateway for gateway in list(self.internet_gateways.values()) if gateway.vpc and gateway.vpc.id == vpc_id]
    if groups or gateways:
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    return original(self, vpc_id)


@patch(SecurityGroupBackend, "delete_security_group")
def delete_security_group(original, self, name=None, group_id=None):
    if group_id:
        referenced = False
        # Copies: another call may delete one meanwhile.
        for groups in list(self.groups.values()):
            for other in list(groups.values()):
                for rule in list(other.ingress_rules) + list(other.egress_rules):
                    source = rule.source_group or {}
                    referenced |= other.id != group_id and source.get("GroupId") == group_id
        if referenced or users_of(group=group_id):
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
    return original(self, name, group_id)


@patch(InternetGatewayBackend, "detach_internet_gateway")
def detach_internet_gateway(original, self, internet_gateway_id, vpc_id):
    subnets = [s.id for zone in list(self.subnets.values()) for s in list(zone.values()) if s.vpc_id == vpc_id]
    if public_users_of(vpc_id, subnets):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
            "detaching the gateway."
        )
    return original(self, internet_gateway_id, vpc_id)


@patch(ElasticAddressBackend, "release_address")
def release_address(original, self, address=None, allocation_id=None):
    for gateway in self.nat_gateways.values():
        if all(a.get("allocationId") != allocation_id for a in gateway.address_set):
            continue
        if gateway.state != "deleted":
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {allocation_id} is in use.")
        if not getattr(gateway, "has_let_go", False):
            # The interface of a deleted gateway lingers for a moment, and belongs to AWS.
            gateway.has_let_go = True
            raise EC2ClientError("AuthFailure", "You do not have permission to access the specified resource.")
    return original(self, address=address, allocation_id=allocation_id)


@patch(RouteBackend, "associate_route_table")
def associate_route_table(original, self, route_table_id, gateway_id=None, subnet_id=None):
    for table in self.describe_route_tables(filters={"association.subnet-id": [subnet_id]}) if subnet_id else []:
        if table.id != route_table_id:
            raise EC2ClientError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {route_table_id} conflicts with an existing association",
            )
    return original(self, route_table_id, gateway_id, subnet_id)


# --- NAT gateways: pending, available, deleting, deleted -------------------------------------------------------------


def nat_state(self):
    now = time.time()
    if "_deleted_at" in self.__dict__:
        return "deleted" if now > self._deleted_at else "deleting"
    return "available" if now > self.__dict__.setdefault("_ready_at", later(NAT_CREATES)) else "pending"


# moto writes the state that it has in mind, which counts for nothing here.
NatGateway.state = property(nat_state, lambda self, value: None)


@patch(NatGatewayBackend, "create_nat_gateway")
def create_nat_gateway(original, self, subnet_id, allocation_id, tags=None, connectivity_type="public"):
    self.get_subnet(subnet_id)
    for gateway in self.nat_gateways.values():
        if gateway.state == "deleted" or not any(a.get("allocationId") == allocation_id for a in gateway.address_set):
            continue
        # moto hides the client token from us. stackctl's derives from subnet and address, so those say the same.
        if gateway.state in ("pending", "available") and gateway.subnet_id == subnet_id:
            return gateway
        raise EC2ClientError("Resource.AlreadyAssociated", f"Elastic IP address [{allocation_id}] is already associated.")
    gateway = original(self, subnet_id, allocation_id, tags, connectivity_type)
    gateway._ready_at = later(NAT_CREATES)
    gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
    gateway._eni.interface_type = "nat_gateway"
    gateway._eni.requester_managed = True
    gateway._eni._group_set = []
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


@patch(NetworkInterfaceBackend, "get_all_network_interfaces")
def get_all_network_interfaces(original, self, eni_ids=None, filters=None):
    """The interface of a NAT gateway or an instance goes with it; moto keeps it."""
    for gateway in self.nat_gateways.values():
        if gateway.state == "deleted":
            self.enis.pop(gateway._eni.id, None)
    for interface in list(self.enis.values()):
        if interface.instance is not None and interface.instance._state.name == "terminated":
            self.enis.pop(interface.id, None)
    return original(self, eni_ids, filters)


@patch(VPCBackend, "create_vpc_endpoint")
def create_vpc_endpoint(original, self, *args, **kwargs):
    """moto's interfaces of an endpoint look like those that a person makes."""
    endpoint = original(self, *args, **kwargs)
    for eni in endpoint.network_interface_ids or []:
        interface = self.enis[eni]
        interface.description = f"VPC Endpoint Interface {endpoint.id}"
        interface.interface_type = "vpc_endpoint"
        interface.requester_managed = True
    return endpoint


@patch(VPCBackend, "modify_vpc_endpoint")
def modify_vpc_endpoint(original, self, vpc_id, remove_subnets, **kwargs):
    """The interface in a subnet that is taken out goes; moto keeps it."""
    original(self, vpc_id=vpc_id, remove_subnets=remove_subnets, **kwargs)
    endpoint = self.vpc_end_points[vpc_id]
    for eni in list(endpoint.network_interface_ids or []):
        if self.enis[eni].subnet.id in (remove_subnets or []):
            endpoint.network_interface_ids.remove(eni)
            self.enis.pop(eni)


@patch(NatGatewayBackend, "describe_nat_gateways")
def describe_nat_gateways(original, self, filters, nat_gateway_ids):
    forgotten = time.time() - NAT_LISTED
    for gateway in list(self.nat_gateways.values()):
        if gateway.__dict__.get("_deleted_at", time.time()) < forgotten:
            self.nat_gateways.pop(gateway.id, None)
    found = original(self, filters, nat_gateway_ids)
    for name, values in (filters or {}).items():
        if name.startswith("tag:"):
            key = name[4:]
            found = [g for g in found if any(t["key"] == key and t["value"] in values for t in g.get_tags())]
    return found
