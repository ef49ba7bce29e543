"""Who a simulated host is: everything follows from the seed and its number."""

import random
import uuid
from dataclasses import dataclass

from .templates import Model, Template

PEOPLE = (
    "anna", "ben", "carla", "david", "elena", "farid", "grace", "hiro", "ines", "jonas", "kavya", "liam",
    "maria", "noah", "olga", "pedro", "quinn", "rosa", "samir", "tess", "uma", "viktor", "wendy", "yusuf", "zoe",
)  # fmt: skip
SURNAMES = (
    "adler", "brown", "chen", "diaz", "eriksen", "fischer", "garcia", "haddad", "ito", "jensen", "khan",
    "larsen", "moreau", "novak", "okafor", "patel", "rossi", "silva", "tanaka", "weber",
)  # fmt: skip
ROLES = ("web", "db", "app", "cache", "build", "monitor", "mail", "queue", "proxy", "backup")
SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
DOMAIN = "example.com"
BOOT_PERIOD = 45 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change about a host."""

    uuid: str
    hostname: str
    computer_name: str
    serial: str
    address: str
    gateway: str
    mac: str
    user: str
    full_name: str
    model: Model
    patched: bool
    encrypted: bool
    managed: bool
    booted: int
    free_percent: int

    @property
    def email(self) -> str:
        """The person's account."""
        return f"{self.user}@{DOMAIN}"


def identity(seed: str, index: int, template: Template) -> Identity:
    """The index-th host of a seed."""
    chance = random.Random(f"{seed}/{index}")
    hardware = uuid.UUID(int=chance.getrandbits(128), version=4)
    first, last = chance.choice(PEOPLE), chance.choice(SURNAMES)
    model = chance.choice(template.models)
    serial = "".join(chance.choices(SERIAL_LETTERS, k=10 if template.platform == "darwin" else 7))
    computer_name, hostname = _names(template, index, first, chance.choice(ROLES), serial)
    site, number = divmod(index, 60_000)
    network, station = divmod(number, 240)
    mac = "02:" + ":".join(f"{octet:02x}" for octet in (index + 1).to_bytes(5, "big"))
    return Identity(
        uuid=str(hardware).upper(), hostname=hostname, computer_name=computer_name, serial=serial,
        address=f"10.{20 + site}.{network}.{station + 10}", gateway=f"10.{20 + site}.{network}.1", mac=mac,
        user=f"{first}.{last}", full_name=f"{first} {last}".title(), model=model,
        patched=chance.random() < 0.7, encrypted=chance.random() < 0.85, managed=chance.random() < 0.9,
        booted=chance.randrange(BOOT_PERIOD), free_percent=chance.randrange(4, 90),
    )  # fmt: skip


def _names(template: Template, index: int, first: str, role: str, serial: str) -> tuple[str, str]:
    """Computer name and hostname, each of them unique by the number in it."""
    if template.platform == "darwin":
        name = f"{first.title()}'s MacBook {index}"
        return name, f"{first.title()}s-MacBook-{index}.local"
    if template.platform == "windows":
        return (name := f"LT-{serial}-{index}"), name
    if template.platform == "chrome":
        return (name := f"Chromebook {index}"), f"chromebook-{index}"
    name = f"{role}-{index:04}" if template.is_server else f"{first}-laptop-{index}"
    return name, f"{name}.{DOMAIN}"
