"""The application for development: `flask run`, `flask db ...`; it also shows all components at `/_/components`."""

from flask_migrate import Migrate

from fleet.application import ROOT, create_app
from fleet.extensions import db
from fleet.web import components

app = create_app(background=False)
app.register_blueprint(components.pages)
# Here alone: the server brings its database up to date without the commands of Flask-Migrate, and starts faster.
Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
