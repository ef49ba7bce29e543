"""The Flask extensions, before they know the application."""

from flask_sock import Sock
from flask_sqlalchemy import SQLAlchemy

from fleet.db.base import Base

db = SQLAlchemy(model_class=Base, disable_autonaming=True)
sock = Sock()
