"""The rail of the pages: what is where, and for whom."""

from fleet.authz.check import Thing
from fleet.hosts.models import Host
from fleet.labels.models import Label
from fleet.packs.models import Pack
from fleet.web.pages import Navigation, NavItem

NAVIGATION: Navigation = (
    ("", (NavItem("Overview", "dashboard.index", "layout-dashboard", "list", Host),
          NavItem("Hosts", "hosts.index", "monitor", "list", Host))),
    ("Ask", (NavItem("Queries", "queries.index", "terminal", "read", Thing("query"), also=("live",)),
             NavItem("Packs", "packs.index", "package", "read", Pack))),
    ("Manage", (NavItem("Labels", "labels.index", "tags", "read", Label),)),
)  # fmt: skip
