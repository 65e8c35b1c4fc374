"""Computes once what never changes and moto computes again for each call, and reads late what few sandboxes need."""

import functools
import gc
import os

# The images of others, which moto would read for each region: nobody here asks for them.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

# An import makes no garbage worth looking for.
gc.disable()

import boto3  # noqa: E402

from moto.utilities import utils  # noqa: E402

# Several modules make a session while they are imported, and each session reads botocore's data of all endpoints.
boto3.Session = functools.cache(boto3.Session)

OFFERINGS = "ec2/resources/instance_type_offerings/"

regions_of = boto3.session.Session.get_available_regions
load_resource = utils.load_resource


def regions_without_model(session, service, partition_name="aws", allow_non_regional=False):
    """The regions of a service. botocore would read the whole model of EC2 to learn that its endpoints are called `ec2`."""
    if service != "ec2":
        return regions_of(session, service, partition_name, allow_non_regional)
    resolver = session._session.get_component("endpoint_resolver")
    return resolver.get_available_endpoints(service, partition_name, allow_non_regional)


class Offerings(dict):
    """The instance types that each region offers, read when a region is asked for. moto reads all regions at its start."""

    def __init__(self, location_type):
        self.location_type = location_type

    def __missing__(self, region):
        offered = load_resource(f"{OFFERINGS}{self.location_type}/{region}.json")
        self[region] = [{**one, "LocationType": self.location_type} for one in offered]
        return self[region]

    def get(self, region, default=None):
        try:
            return self[region]
        except FileNotFoundError:
            return default


boto3.session.Session.get_available_regions = regions_without_model
utils.load_resource = lambda path: [] if path.startswith(OFFERINGS) else load_resource(path)

from moto.ec2.models import instance_types  # noqa: E402

utils.load_resource = load_resource
for location_type in instance_types.INSTANCE_TYPE_OFFERINGS:
    instance_types.INSTANCE_TYPE_OFFERINGS[location_type] = Offerings(location_type)

from moto.core import responses  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication  # noqa: E402

# moto lists its own folder and tries the patterns of all services for the host of each call, and inspects the class that
# answers it.
DomainDispatcherApplication.get_backend_for_host = functools.cache(DomainDispatcherApplication.get_backend_for_host)
responses.method_names_from_class = functools.cache(responses.method_names_from_class)


def freeze():
    """What is imported stays: the collector need not look at it again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
