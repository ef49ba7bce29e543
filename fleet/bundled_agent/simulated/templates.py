"""The kinds of computers in a simulated fleet, and how many there are of each."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model of hardware."""

    vendor: str
    name: str
    cpu: str
    cores: int
    memory_gib: int
    disk_gb: int
    laptop: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """An operating system as its hosts report it, with the hardware that it runs on."""

    key: str
    share: int
    platform: str
    os_version: Mapping[str, str | int]
    kernel: str
    models: tuple[Model, ...]
    cpu_type: str = "x86_64"
    packages: str = ""
    dist: str = "el9"

    @property
    def is_server(self) -> bool:
        """Servers have no person in front of them."""
        return self.platform == "linux" and self.key != "ubuntu-laptop"


MACBOOKS = (
    Model("Apple Inc.", "Mac14,9", "Apple M2 Pro", 10, 16, 512, laptop=True),
    Model("Apple Inc.", "MacBookPro18,3", "Apple M1 Pro", 8, 16, 512, laptop=True),
    Model("Apple Inc.", "Mac15,12", "Apple M3", 8, 16, 256, laptop=True),
    Model("Apple Inc.", "Mac14,2", "Apple M2", 8, 8, 256, laptop=True),
)
LAPTOPS = (
    Model("Dell Inc.", "Latitude 7440", "13th Gen Intel(R) Core(TM) i7-1365U", 10, 16, 512, laptop=True),
    Model("LENOVO", "21HM002EUS", "13th Gen Intel(R) Core(TM) i5-1345U", 10, 16, 512, laptop=True),
    Model("HP", "HP EliteBook 840 14 inch G10", "13th Gen Intel(R) Core(TM) i7-1355U", 10, 32, 1024, True),
)
DESKTOPS = (
    Model("Dell Inc.", "OptiPlex 7090", "Intel(R) Core(TM) i5-11500 CPU @ 2.70GHz", 6, 16, 512),
    Model("HP", "HP EliteDesk 800 G6 Desktop Mini PC", "Intel(R) Core(TM) i5-10500T CPU @ 2.30GHz", 6, 8, 256),
)
SERVERS = (
    Model("VMware, Inc.", "VMware Virtual Platform", "Intel(R) Xeon(R) Gold 6248R CPU @ 3.00GHz", 4, 16, 100),
    Model("QEMU", "Standard PC (Q35 + ICH9, 2009)", "AMD EPYC 7443P 24-Core Processor", 8, 32, 200),
    Model("Dell Inc.", "PowerEdge R650", "Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz", 32, 128, 1920),
)
CLOUD = (
    Model("Amazon EC2", "t3.medium", "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 1, 4, 50),
    Model("Amazon EC2", "m6i.large", "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", 1, 8, 80),
)
CHROMEBOOKS = (Model("Google", "Pixelbook Go", "Intel(R) Core(TM) m3-8100Y CPU @ 1.10GHz", 2, 8, 64, laptop=True),)


def _os(
    name: str, version: str, numbers: tuple[int, int, int], platform: str, like: str, **more: str
) -> Mapping[str, str | int]:
    major, minor, patch = numbers
    row: dict[str, str | int] = {
        "name": name, "version": version, "major": major, "minor": minor, "patch": patch, "build": "",
        "platform": platform, "platform_like": like, "codename": "", "arch": "x86_64", "extra": "",
    }  # fmt: skip
    return row | more


TEMPLATES = (
    Template(
        "macos-14", 22, "darwin",
        _os("macOS", "14.6.1", (14, 6, 1), "darwin", "darwin", build="23G93", arch="arm64"),
        "23.6.0", MACBOOKS, cpu_type="arm64e",
    ),
    Template(
        "macos-13", 8, "darwin",
        _os("macOS", "13.6.9", (13, 6, 9), "darwin", "darwin", build="22G830", arch="arm64"),
        "22.6.0", MACBOOKS[:2], cpu_type="arm64e",
    ),
    Template(
        "windows-11", 20, "windows",
        _os("Microsoft Windows 11 Enterprise", "10.0.22631.4037", (10, 0, 0), "windows", "windows",
            build="22631", arch="64-bit", codename="Microsoft Windows 11 Enterprise"),
        "10.0.22631.4037", LAPTOPS,
    ),
    Template(
        "windows-10", 12, "windows",
        _os("Microsoft Windows 10 Pro", "10.0.19045.4780", (10, 0, 0), "windows", "windows",
            build="19045", arch="64-bit", codename="Microsoft Windows 10 Pro"),
        "10.0.19045.4780", DESKTOPS + LAPTOPS[:1],
    ),
    Template(
        "ubuntu-22.04", 12, "linux",
        _os("Ubuntu", "22.04.4 LTS (Jammy Jellyfish)", (22, 4, 0), "ubuntu", "debian", codename="jammy"),
        "5.15.0-119-generic", SERVERS, packages="ubuntu",
    ),
    Template(
        "ubuntu-laptop", 5, "linux",
        _os("Ubuntu", "22.04.4 LTS (Jammy Jellyfish)", (22, 4, 0), "ubuntu", "debian", codename="jammy"),
        "6.5.0-44-generic", LAPTOPS, packages="ubuntu",
    ),
    Template(
        "debian-12", 6, "linux",
        _os("Debian GNU/Linux", "12 (bookworm)", (12, 0, 0), "debian", "debian", codename="bookworm"),
        "6.1.0-23-amd64", SERVERS[:2], packages="debian",
    ),
    Template(
        "rhel-9", 5, "linux",
        _os("Red Hat Enterprise Linux", "9.4 (Plow)", (9, 4, 0), "rhel", "rhel", codename="Plow"),
        "5.14.0-427.13.1.el9_4.x86_64", SERVERS, packages="rpm",
    ),
    Template(
        "centos-stream-9", 2, "linux",
        _os("CentOS Stream", "9", (9, 0, 0), "rhel", "rhel"),
        "5.14.0-480.el9.x86_64", SERVERS[:1], packages="rpm",
    ),
    Template(
        "rocky-9", 3, "linux",
        _os("Rocky Linux", "9.4 (Blue Onyx)", (9, 4, 0), "rhel", "rhel", codename="Blue Onyx"),
        "5.14.0-427.13.1.el9_4.x86_64", SERVERS[:2], packages="rpm",
    ),
    Template(
        "amazon-2023", 3, "linux",
        _os("Amazon Linux", "2023", (2023, 0, 0), "amzn", "fedora"),
        "6.1.102-108.177.amzn2023.x86_64", CLOUD, packages="rpm", dist="amzn2023",
    ),
    Template(
        "chromeos", 2, "chrome",
        _os("Chrome OS", "128.0.6613.137", (128, 0, 6613), "chrome", "chrome", build="137", codename="Chrome OS"),
        "6.6.46", CHROMEBOOKS,
    ),
)  # fmt: skip

TOTAL_SHARE = sum(template.share for template in TEMPLATES)


def template_of(index: int) -> Template:
    """The template of the index-th host: shares hold in every hundred, and kinds alternate."""
    # 37 has no factor in common with the total, so a step of it visits every place once.
    place = index * 37 % TOTAL_SHARE
    for template in TEMPLATES:
        place -= template.share
        if place < 0:
            return template
    raise AssertionError("shares add up to the total")
