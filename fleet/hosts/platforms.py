"""Platforms: which values of `hosts.platform` are which operating system."""

LINUX = frozenset({
    "linux", "ubuntu", "debian", "rhel", "centos", "sles", "kali", "gentoo", "amzn", "pop", "arch", "linuxmint",
    "void", "nixos", "endeavouros", "manjaro", "opensuse-leap", "opensuse-tumbleweed",
})  # fmt: skip
"""Every distribution that agents name."""

GENERIC = {"darwin": "darwin", "windows": "windows", "chrome": "chrome", "CrOS": "CrOS"}

NAMES = {"darwin": "macOS", "windows": "Windows", "chrome": "ChromeOS", "CrOS": "ChromeOS", "linux": "Linux"}
"""What people call a generic platform."""


def generic(platform: str) -> str:
    """The platform that schedules and policies name: `linux` for every distribution; empty when unknown."""
    return "linux" if platform in LINUX else GENERIC.get(platform, "")


def readable(platform: str) -> str:
    """A platform as people call it."""
    return NAMES.get(generic(platform), platform)
