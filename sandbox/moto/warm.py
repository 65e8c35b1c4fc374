"""One process that has moto imported, and forks for each sandbox that connects: for the tests, which start a hundred sandboxes.

To import moto and to read AWS's models takes most of the time that a short-lived sandbox spends in Python. A connection is one
moto: it asks with one line of JSON, is answered with another one, and when it is closed, its moto ends.
"""

import ctypes
import json
import os
import signal
import socket
import threading

from moto.core.utils import get_service_model
from moto.moto_api._internal import mock_random
from strict import shortcuts

# What stackctl and the tests call, by the host that moto tells the service from.
HOSTS = [
    "acm", "application-autoscaling", "ec2", "elasticache", "elasticloadbalancing", "events", "iam", "logs", "monitoring", "rds",
    "route53", "s3", "scheduler", "secretsmanager", "sns", "ssm", "sts",
]

# Those of them whose model moto asks for, by their names in boto3.
MODELS = [
    "acm", "application-autoscaling", "cloudwatch", "ec2", "elasticache", "elbv2", "iam", "logs", "rds", "route53", "s3",
    "scheduler", "secretsmanager", "sns", "ssm", "sts",
]

# prctl(2)
PR_SET_PDEATHSIG = 1


def prepare(moto):
    """Does now what every sandbox would do at its first calls."""
    for host in HOSTS:
        backend = moto.get_backend_for_host(f"{host}.eu-west-1.amazonaws.com")
        if backend not in moto.app_instances:
            moto.app_instances[backend] = moto.create_app(backend)
    for name in MODELS:
        get_service_model(name)


def keep(moto, path, run):
    """Forks for each connection to the socket at `path`, for ever. The socket is there once this is ready."""
    prepare(moto)
    shortcuts.freeze()
    # Nobody waits for a moto that has ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    library = ctypes.CDLL(None, use_errno=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(64)
    os.rename(f"{path}.new", path)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            # It ends with its sandbox, and also with this process.
            library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setpgid(0, 0)
            serve_one(moto, connection, run)
        connection.close()


def serve_one(moto, connection, run):
    """Is the moto of the sandbox at the other end of `connection`."""
    asked = json.loads(connection.makefile().readline())
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    # Otherwise all sandboxes would have the same ids.
    mock_random.seed()
    calls, door = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    threading.Thread(target=end_with, args=(connection,), daemon=True).start()
    connection.sendall(json.dumps({"calls": calls.getsockname()[1], "door": door.getsockname()[1]}).encode() + b"\n")
    run(moto, calls, door, asked["subnet"], asked["scale"])


def end_with(connection):
    """Ends this process at once when the sandbox closes its connection, or is no more."""
    try:
        connection.recv(1)
    finally:
        os._exit(0)
