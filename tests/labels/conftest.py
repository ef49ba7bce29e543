"""The same session as in the tests of hosts."""

from tests.hosts.conftest import session as session
