"""What moto works out again for every request although it never changes is worked out once, and what it reads at the start
although nobody here asks for it is not read.
"""

import functools
import gc

import boto3

# Several modules make a session each, and ask it for the regions: each time botocore's data of all endpoints is read anew.
boto3.Session = functools.cache(boto3.Session)

from moto import backends  # noqa: E402
from moto.core import responses  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication  # noqa: E402

# It lists its own folder for every call,
_modules = tuple(backends.list_of_moto_modules())
backends.list_of_moto_modules = lambda: _modules
# inspects the class that answers it,
responses.method_names_from_class = functools.cache(responses.method_names_from_class)
# and tries the patterns of all services on its host.
_backend_for_host = DomainDispatcherApplication.get_backend_for_host
_hosts = {}


def _known_backend_for_host(self, host):
    if host not in _hosts:
        _hosts[host] = _backend_for_host(self, host)
    return _hosts[host]


DomainDispatcherApplication.get_backend_for_host = _known_backend_for_host


def freeze():
    """What is imported stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
