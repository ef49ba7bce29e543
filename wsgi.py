"""The app for any WSGI server, `gunicorn wsgi:app`: the agents' plane as middleware before Flask."""

import atexit

from fleet.application import create_app
from fleet.server.middleware import AgentsFirst

flask_app = create_app()
atexit.register(flask_app.extensions["fleet"].close)  # what waits to be written is written when the worker ends
app = AgentsFirst(flask_app, flask_app.extensions["fleet"].plane)
