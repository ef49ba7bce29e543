"""The site with little room: `python -m tests.server.small PORT TRACE`."""

from fleet.server import agents, bridge, connection, sockets
from tests.server.site import KB, main

agents.THREADS = agents.LOG_THREADS = agents.WAITING = bridge.THREADS = bridge.WAITING = sockets.MOST_SOCKETS = 1
agents.MOST_HELD = 1024 * KB
connection.MOST_CONNECTIONS = 20

main()
