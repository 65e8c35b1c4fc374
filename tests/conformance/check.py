"""Compares the requests that sandboxes have recorded with botocore's models, which AWS writes, and the policies in them with
AWS's service authorization reference.

check.py FOLDER [--whole]: the folder has a file for each sandbox. Prints each fault once, with the test whose request has it,
and ends with 1 if there is one. --whole says that the requests are of all tests: then every protocol must be among them.
"""

import collections
import functools
import json
import pathlib
import sys

from botocore.loaders import Loader
from botocore.model import ServiceModel

import bodies
import operations
import rules

sys.path.append(str(pathlib.Path(__file__).parent.parent / "policies"))
import lint  # noqa: E402

# The botocore names of services, where they differ from the signing names.
NAMES = {
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
}
# The protocols that a full run must contain, so that a missing part is noticed.
PROTOCOLS = {"ec2", "query", "json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"}
# How many tests are named for each fault; the others are only counted.
NAMED = 3

loader = Loader()


@functools.cache
def model(service):
    """The model of a service; none if there is no such service."""
    name = NAMES.get(service, service)
    try:
        return ServiceModel(loader.load_service_model(name, "service-2"), name)
    except Exception as error:  # botocore's own kinds of error do not matter here.
        print(f"botocore has no model for {service}: {error}", file=sys.stderr)
        return None


@functools.cache
def of_policy(text):
    """What is wrong with the policy of a role."""
    return lint.lint(json.loads(text))


class Faults:
    """What is wrong, each fault with the tests whose requests have it."""

    def __init__(self):
        self.tests = collections.defaultdict(collections.Counter)

    def add(self, test, operation, fault):
        self.tests[operation, fault][test] += 1

    def lines(self):
        for (operation, fault), tests in sorted(self.tests.items()):
            names = ", ".join(list(tests)[:NAMED])
            more = f" and {len(tests) - NAMED} more" if len(tests) > NAMED else ""
            yield f"{operation}: {fault}\n    requested by {names}{more}"


def check(request, complain):
    """Checks one request; gives its operation and its protocol."""
    service = model(request["service"])
    if service is None:
        complain(request["service"], "botocore knows no such service")
        return None, None
    found = operations.of(service, request)
    if isinstance(found, str):
        complain(service.service_name, found)
        return None, None
    operation, protocol, uri = found
    name = f"{service.service_name}:{operation.name}"
    faults = []
    try:
        value = bodies.decoded(service, operation, protocol, request, uri, faults)
        if operation.input_shape is not None:
            rules.check(operation.input_shape, value, "", faults)
        if name in ("iam:PutRolePolicy", "iam:CreatePolicy"):
            faults += (f"its policy: {fault}" for fault in of_policy(value["PolicyDocument"]))
    except Exception as error:
        # Anything that cannot be read is a fault, either of the request or of this check.
        faults.append(f"it cannot be read: {error!r}")
    for fault in faults:
        complain(name, fault)
    return name, protocol


def main(folder, whole):
    faults, seen, protocols, requests, tests = Faults(), set(), set(), 0, set()
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        lines = file.read_text().splitlines()
        test = json.loads(lines[0])["test"] or "a sandbox outside of a test"
        tests.add(test)
        for line in lines[1:]:
            requests += 1
            operation, protocol = check(json.loads(line), functools.partial(faults.add, test))
            seen.add(operation)
            protocols.add(protocol)
    print(f"conformance: {requests} distinct requests of {len(tests)} tests, {len(seen - {None})} operations")
    found = list(faults.lines())
    missing = PROTOCOLS - protocols if whole else set()
    if missing:
        found.append(f"no test sent a request in {', '.join(sorted(missing))}: is the record complete?")
    if found:
        print(f"{len(found)} faults against AWS's models:", *found, sep="\n  ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], "--whole" in sys.argv[2:]))
