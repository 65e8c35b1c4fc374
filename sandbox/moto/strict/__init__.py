"""What every patch of moto shares: how one is made, how time passes here, and what the data plane says.

The patches themselves are in the modules beside this one, one a part of AWS.
"""

import time

# Share of AWS's usual times that things take here; the control endpoint changes it while we run.
clock = {"scale": 0.01}

# Which sandbox this is: `subnet` is the first three parts of its addresses.
place = {"subnet": None}

# What the data plane says: databases and caches by identifier, and the subnets and security groups of running tasks.
reported_databases = {}
reported_caches = {}
reported_interfaces = {"subnets": [], "groups": []}


def later(seconds):
    """When `seconds` of AWS's time will have passed here."""
    return time.time() + seconds * clock["scale"]


def patch(owner, name):
    """Replaces `owner.name` by the decorated function, which gets the original as its first argument.

    A moto in which it has another name fails here, at the start, and not in the middle of a test.
    """
    original = getattr(owner, name)

    def replace(function):
        def patched(self, *args, **kwargs):
            return function(original, self, *args, **kwargs)

        setattr(owner, name, patched)
        return function

    return replace


def backends_of(backends):
    """The backends of a service, whatever their account and region."""
    for account in list(backends.values()):
        yield from list(account.values())


def all_of(backends, attribute):
    """All resources in a dictionary that every backend of a service has."""
    for backend in backends_of(backends):
        yield from list(getattr(backend, attribute).values())


def text(value):
    return value.decode() if isinstance(value, bytes) else value
