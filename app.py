"""The application for development: `flask run`, `flask db ...`."""

from fleet.application import create_app

app = create_app(background=False)
