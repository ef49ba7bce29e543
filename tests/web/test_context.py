"""Whose address counts: the socket's, or what trusted proxies say."""

import pytest

from fleet.settings import Settings
from fleet.web.context import forwarded_address, network_of

CONFIG = Settings.load({"FLEET_SERVER_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1, 2001:db8::/32"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 192.0.2.1,10.9.9.9", "198.51.100.1"),
        ("2001:db8::1", "2001:db9::1", "2001:db9::1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db9::1]:4711", "2001:db9::1"),
        ("10.0.0.1", "[2001:db9::1]", "2001:db9::1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, <script>", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, 10.0.0.2, " + "9" * 5000, "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4,", "10.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_a_header_counts_as_far_as_trusted_proxies_wrote_it(peer: str, forwarded: str, address: str) -> None:
    assert forwarded_address(peer, forwarded, CONFIG) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("nobody", "unknown"),
    ],
)
def test_a_limit_counts_for_a_network(address: str, network: str) -> None:
    assert network_of(address) == network
