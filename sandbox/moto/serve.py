"""moto's server, made stricter where AWS is stricter, with an internal door for the gateway.

Started by the gateway: serve.py SOCKET INTERNAL_SOCKET SUBNET SCALE, the first two being the numbers of two bound sockets that
it has opened. Started as serve.py --warm PATH, it makes a server for each sandbox that asks for one (warm.py).

The patches in strict/ touch moto's internals, so moto is pinned exactly in requirements.txt; each fails loudly at the start
when what it replaces is no longer there.
"""

import socket
import sys
import threading
from http.server import ThreadingHTTPServer

from strict import shortcuts  # Before moto: it also makes its import shorter.

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from waitress import serve

# Each of these patches one part of AWS by being imported.
from strict import (  # noqa: F401
    alarms, balancers, buckets, caches, certificates, clock, databases, files, hosts, network, others, parameters, place, roles,
    scaling, schedules,
)
from strict.door import Door


def run(moto, calls, door, subnet, scale):
    """Serves calls and the gateway's own questions on two bound sockets, for ever."""
    place["subnet"], clock["scale"] = subnet, scale

    def with_raw_path(environ, start_response):
        # The keys of S3 as they were sent.
        environ["RAW_URI"] = environ["REQUEST_URI"]
        return moto(environ, start_response)

    server = ThreadingHTTPServer(door.getsockname(), Door, bind_and_activate=False)
    server.socket.close()
    server.socket = door
    server.server_activate()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # The gateway sends one call at a time, and keeps its connection.
    serve(with_raw_path, sockets=[calls], threads=1, ident=None)


def main():
    moto = DomainDispatcherApplication(create_backend_app)
    if sys.argv[1] == "--warm":
        import warm

        warm.keep(moto, sys.argv[2], run)
    calls, door, subnet, scale = sys.argv[1:]
    shortcuts.freeze()
    run(moto, socket.socket(fileno=int(calls)), socket.socket(fileno=int(door)), subnet, float(scale))


main()
