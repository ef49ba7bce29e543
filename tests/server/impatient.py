"""The site on granian with all its patience cut to half a second: `python -m tests.server.impatient PORT TRACE`."""

from fleet.server import bodies, bridge, serve, sockets
from tests.server.site import main

bodies.QUIET_SECONDS = bridge.STALLED_SECONDS = sockets.STALLED_SECONDS = serve.REQUESTS_SECONDS = 0.5

main()
