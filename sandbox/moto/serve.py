"""moto's server, made stricter where AWS is stricter, with an internal door for the gateway.

Started by the gateway: serve.py SOCKET INTERNAL_SOCKET, the numbers of two bound sockets that it has opened. The patches
in strict/ touch moto's internals, so moto is pinned exactly in requirements.txt; each fails loudly at the start when what
it replaces is no longer there.
"""

import socket
import sys
import threading
from http.server import ThreadingHTTPServer

from strict import shortcuts  # noqa: F401  Before moto: it also makes its import shorter.

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from waitress import serve

# Each of these patches one part of AWS by being imported.
from strict import (  # noqa: F401
    alarms, balancers, buckets, caches, certificates, databases, hosts, network, others, parameters, roles, scaling,
    schedules,
)
from strict.door import Door


def application():
    moto = DomainDispatcherApplication(create_backend_app)

    def with_raw_path(environ, start_response):
        # The keys of S3 as they were sent.
        environ["RAW_URI"] = environ["REQUEST_URI"]
        return moto(environ, start_response)

    return with_raw_path


def main():
    calls, door = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    server = ThreadingHTTPServer(door.getsockname(), Door, bind_and_activate=False)
    server.socket.close()
    server.socket = door
    server.server_activate()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shortcuts.freeze()
    # The gateway sends one call at a time, and keeps its connection.
    serve(application(), sockets=[calls], threads=1, ident=None)


main()
