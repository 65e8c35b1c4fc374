"""Computes once what never changes and moto computes again for each call."""

import functools
import gc

import boto3

# Several modules make a session while they are imported, and each session reads botocore's data of all endpoints.
boto3.Session = functools.cache(boto3.Session)

from moto.core import responses  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication  # noqa: E402

# moto lists its own folder and tries the patterns of all services for the host of each call, and inspects the class that
# answers it.
DomainDispatcherApplication.get_backend_for_host = functools.cache(DomainDispatcherApplication.get_backend_for_host)
responses.method_names_from_class = functools.cache(responses.method_names_from_class)


def freeze():
    """What is imported stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
