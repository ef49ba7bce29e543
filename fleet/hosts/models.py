"""Hosts: managed devices, and what they report of themselves."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet import clock
from fleet.db.base import Base, Timestamps


class Host(Timestamps, Base):
    """A managed device."""

    __tablename__ = "hosts"
    authz_kind = "host"

    id: Mapped[int] = mapped_column(primary_key=True)
    osquery_host_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    node_key_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    orbit_node_key_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"), index=True)

    detail_updated_at: Mapped[datetime] = mapped_column(default=clock.NEVER)
    label_updated_at: Mapped[datetime] = mapped_column(default=clock.NEVER)
    policy_updated_at: Mapped[datetime] = mapped_column(default=clock.NEVER)
    last_enrolled_at: Mapped[datetime] = mapped_column(default=clock.now)
    refetch_requested: Mapped[bool] = mapped_column(default=True)
    refetch_critical_queries_until: Mapped[datetime | None]

    hostname: Mapped[str] = mapped_column(String(255), default="", index=True)
    computer_name: Mapped[str] = mapped_column(String(255), default="")
    display_name: Mapped[str] = mapped_column(String(255), default="", index=True)
    uuid: Mapped[str] = mapped_column(String(255), default="", index=True)
    platform: Mapped[str] = mapped_column(String(255), default="", index=True)
    platform_like: Mapped[str] = mapped_column(String(255), default="")
    code_name: Mapped[str] = mapped_column(String(255), default="")
    os_version: Mapped[str] = mapped_column(String(255), default="")
    build: Mapped[str] = mapped_column(String(255), default="")
    osquery_version: Mapped[str] = mapped_column(String(255), default="")
    uptime: Mapped[int] = mapped_column(default=0)  # nanoseconds
    memory: Mapped[int] = mapped_column(default=0)  # bytes
    cpu_type: Mapped[str] = mapped_column(String(255), default="")
    cpu_subtype: Mapped[str] = mapped_column(String(255), default="")
    cpu_brand: Mapped[str] = mapped_column(String(255), default="")
    cpu_physical_cores: Mapped[int] = mapped_column(default=0)
    cpu_logical_cores: Mapped[int] = mapped_column(default=0)
    hardware_vendor: Mapped[str] = mapped_column(String(255), default="")
    hardware_model: Mapped[str] = mapped_column(String(255), default="")
    hardware_version: Mapped[str] = mapped_column(String(255), default="")
    hardware_serial: Mapped[str] = mapped_column(String(255), default="", index=True)
    public_ip: Mapped[str] = mapped_column(String(45), default="")
    primary_ip: Mapped[str] = mapped_column(String(45), default="")
    primary_mac: Mapped[str] = mapped_column(String(17), default="")
    distributed_interval: Mapped[int] = mapped_column(default=0)  # seconds, as the next two
    config_tls_refresh: Mapped[int] = mapped_column(default=0)
    logger_tls_period: Mapped[int] = mapped_column(default=0)


class HostSeen(Base):
    """When a host last called; its own narrow table, because every poll moves it."""

    __tablename__ = "host_seen_times"

    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id", ondelete="CASCADE"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(index=True)


class HostDisk(Base):
    """How much room is left on a host, and whether the disk is encrypted (unknown: none)."""

    __tablename__ = "host_disks"

    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id", ondelete="CASCADE"), primary_key=True)
    gigs_disk_space_available: Mapped[float] = mapped_column(default=0.0)
    percent_disk_space_available: Mapped[float] = mapped_column(default=0.0)
    encrypted: Mapped[bool | None]


class HostAdditional(Base):
    """What a host last answered to the additional queries of the app config: name -> rows."""

    __tablename__ = "host_additional"

    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id", ondelete="CASCADE"), primary_key=True)
    additional: Mapped[str]  # JSON text, shown as it stands
