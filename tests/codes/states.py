"""Prints the states at which AWS's own waiters end, as JSON, for the test over all kinds: of each kind the pointer to the state in what
the kind keeps of a resource, the states of success and those of failure."""

import json

from botocore.loaders import Loader

# By kind: the service, the waiter, and the pointer to the state in the kind's data.
WAITERS = {
    "cache": ("elasticache", "ReplicationGroupAvailable", "/status"),
    "db_instance": ("rds", "DBInstanceAvailable", "/status"),
    "instance": ("ec2", "InstanceRunning", "/state"),
    "load_balancer": ("elbv2", "LoadBalancerAvailable", "/state"),
    "nat_gateway": ("ec2", "NatGatewayAvailable", "/state"),
}


def states():
    for kind, (service, name, pointer) in WAITERS.items():
        acceptors = Loader().load_service_model(service, "waiters-2")["waiters"][name]["acceptors"]
        of = {"kind": kind, "pointer": pointer, "success": [], "failure": []}
        for acceptor in acceptors:
            if acceptor["matcher"] in ("pathAll", "pathAny") and acceptor["state"] in of:
                of[acceptor["state"]].append(acceptor["expected"])
        yield of


print(json.dumps(list(states())))
