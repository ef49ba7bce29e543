"""The pages of hosts, gathered from the files that hold them."""

from fleet.hosts import add_pages, delete_pages, detail_pages, list_pages
from fleet.hosts.door import pages

PARTS = (list_pages, detail_pages, delete_pages, add_pages)
"""Their routes are mounted once they are imported."""

__all__ = ["pages"]
