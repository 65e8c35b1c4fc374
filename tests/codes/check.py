"""Compares the error codes and states that the product knows with those of botocore's models.

check.py SOURCE: the folder of the product's source. Prints each code that nobody knows, and ends with 1 if there is one.
"""

import functools
import sys

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.retries.standard import ThrottledRetryableChecker

import documented
import scan

# The services that the product calls, by their folder below src/kinds, or by botocore's name if they have no folder.
FOLDERS = {
    "acm": "acm", "autoscaling": "application-autoscaling", "cloudwatch": "cloudwatch", "ec2": "ec2", "ecr": "ecr", "ecs": "ecs", "efs": "efs",
    "elasticache": "elasticache", "elb": "elbv2", "eventbridge": "events", "iam": "iam", "logs": "logs", "rds": "rds", "route53": "route53", "s3": "s3",
    "scheduler": "scheduler", "secretsmanager": "secretsmanager",
    "servicediscovery": "servicediscovery", "sns": "sns",
}
SERVICES = [*FOLDERS.values(), "ssm", "sts"]
# The codes that SDKs treat as throttling for every service.
# <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
THROTTLED = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
loader = Loader()


@functools.cache
def model(service):
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@functools.cache
def waiters(service):
    """The waiters of a service; S3, for one, has some, and SNS has none."""
    return loader.load_service_model(service, "waiters-2")["waiters"] if service in with_waiters() else {}


@functools.cache
def with_waiters():
    return set(loader.list_available_services("waiters-2"))


def sent(service, shapes):
    """The codes by which a service sends these errors. The Query protocols have codes, the JSON protocols the names of shapes."""
    metadata = model(service).metadata
    codes = set()
    for shape in shapes:
        code = shape.metadata.get("error", {}).get("code", shape.name)
        if metadata["protocol"] in ("query", "ec2", "rest-xml"):
            codes.add(code)
        else:
            codes.add(shape.name)
            # <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>
            codes.update({code} if "awsQueryCompatible" in metadata else ())
    return codes


@functools.cache
def of_operation(service, operation):
    return sent(service, model(service).operation_model(operation).error_shapes)


@functools.cache
def of_service(service):
    """All codes of a service: of its error shapes, and those that its waiters wait for."""
    found = sent(service, model(service).error_shapes)
    for waiter in waiters(service).values():
        found.update(a["expected"] for a in waiter["acceptors"] if a["matcher"] == "error" and isinstance(a["expected"], str))
    return found


def services_of(use):
    """The services that a code can be from."""
    parts = use.file.split("/")
    own = [FOLDERS[parts[1]]] if parts[0] == "kinds" and parts[1] in FOLDERS else []
    if use.operation:
        having = [service for service in SERVICES if use.operation in model(service).operation_names]
        return [service for service in having if service in own] or having
    return own or SERVICES


def is_known(use, listed):
    """Whether AWS's models or pages have a code; notes the entries of the list that are needed for it."""
    services = services_of(use)
    if use.code in documented.OUR_OWN or (not use.operation and use.code in THROTTLED):
        return True
    if (use.operation, use.code) in documented.ALSO and use.code in set().union(*map(of_service, services)):
        listed.add((use.operation, use.code))
        return True
    for service in services:
        if use.code in (of_operation(service, use.operation) if use.operation else of_service(service)):
            return True
    for service in [*services, "*"]:
        if use.code in documented.CODES.get(service, {}):
            listed.add((service, use.code))
            return True
    return False


def words_of(service, word):
    """The enumerations and waiters of a service that have a state."""
    of_shapes = any(word in getattr(model(service).shape_for(name), "enum", ()) for name in model(service).shape_names)
    return of_shapes or any(a["expected"] == word for w in waiters(service).values() for a in w["acceptors"])


def is_state(service, word):
    listed = documented.STATES.get(service, {})
    if word.endswith("-"):
        return any(state.startswith(word) for state in listed)
    return word in listed or words_of(service, word)


def main(root):
    source, faults, listed = scan.Source(root), [], set()
    uses = list(source.uses())
    for use in sorted(set(uses), key=str):
        if not is_known(use, listed):
            of = f"{use.operation} of " if use.operation else ""
            faults.append(f"{use.file}:{use.line}: {use.code} is no code of {of}{', '.join(services_of(use))}")
    states = sorted(set(source.states()))
    for file, word in states:
        service = FOLDERS[file.split("/")[1]]
        if not is_state(service, word):
            faults.append(f"{file}: {word} is no state of {service}")
    for service, codes in documented.CODES.items():
        faults += [f"tests/codes/documented.py: {code} of {service} is not needed" for code in codes if (service, code) not in listed]
    faults += [f"tests/codes/documented.py: {code} of {operation} is not needed" for operation, code in documented.ALSO - listed]
    faults += source.faults
    print(f"{len({use.code for use in uses})} codes in {len(uses)} places, {len(states)} states")
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
