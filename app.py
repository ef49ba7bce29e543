"""The application for development: `flask run`, `flask db ...`; it also shows all components at `/_/components`."""

from fleet.application import create_app
from fleet.web import components

app = create_app(background=False)
app.register_blueprint(components.pages)
