"""moto's server, made stricter where AWS is stricter, with an internal door for the gateway.

Started by the gateway: serve.py PORT INTERNAL_PORT. The patches in strict/ touch moto's internals, so moto is pinned exactly
in requirements.txt; each fails loudly at the start when what it replaces is no longer there.
"""

import sys
import threading
from http.server import ThreadingHTTPServer

from moto.server import main as serve

# Each of these patches one part of AWS by being imported.
from strict import (  # noqa: F401
    alarms, balancers, buckets, caches, certificates, databases, hosts, network, others, parameters, scaling, schedules,
)
from strict.door import Door


def main():
    port, door = int(sys.argv[1]), int(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", door), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    serve(["-H", "127.0.0.1", "-p", str(port)])


main()
