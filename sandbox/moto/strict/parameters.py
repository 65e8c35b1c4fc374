"""SSM parameters: the name of one that was deleted is not free at once.

AWS asks for 30 s between the deletion of a parameter and the next one of its name; one with tags is refused until then.
<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html>
"""

import time

from moto.ssm.exceptions import SSMException
from moto.ssm.models import SimpleSystemManagerBackend

from . import later, patch

# In AWS's seconds.
NAME_SETTLES = 30


def settling(backend):
    """Until when the names of deleted parameters are not free."""
    return backend.__dict__.setdefault("_settling", {})


@patch(SimpleSystemManagerBackend, "put_parameter")
def put_parameter(original, self, name, *args, **kwargs):
    if not self._parameters.get(name) and time.time() < settling(self).get(name, 0):
        raise SSMException(
            "TooManyUpdates",
            "Failed to create the parameter: the name was used a moment ago. Retry in a while or choose another name.",
        )
    return original(self, name, *args, **kwargs)


@patch(SimpleSystemManagerBackend, "delete_parameter")
def delete_parameter(original, self, name):
    original(self, name)
    settling(self)[name] = later(NAME_SETTLES)


@patch(SimpleSystemManagerBackend, "delete_parameters")
def delete_parameters(original, self, names):
    deleted = original(self, names)
    settling(self).update({name: later(NAME_SETTLES) for name in deleted})
    return deleted
