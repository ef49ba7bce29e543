"""The HTML door of hosts, which its pages share."""

from fleet.web import doors

pages = doors.pages("hosts", __name__)
