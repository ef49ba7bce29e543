"""The site with all its patience cut to half a second: `python -m tests.server.impatient PORT TRACE`."""

from fleet.server import bodies, bridge, connection, listener, serve, sockets
from tests.server.site import main

bodies.QUIET_SECONDS = bridge.STALLED_SECONDS = sockets.STALLED_SECONDS = serve.REQUESTS_SECONDS = 0.5
connection.HEAD_SECONDS = connection.LINGER_SECONDS = sockets.PING_SECONDS = 0.5
connection.IDLE_SECONDS = listener.IDLE_SECONDS = 1
connection.WHOLE_SECONDS = 2
listener.TICK_SECONDS = 0.1

main()
