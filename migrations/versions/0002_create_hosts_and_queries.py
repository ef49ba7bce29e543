"""Create what hosts are made of and asked: hosts, memberships, queries, packs and campaigns."""

import sqlalchemy as sa
from alembic import op

import fleet.db.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "packs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("platform", sa.String(length=255), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packs")),
        sa.UniqueConstraint("name_key", name=op.f("uq_packs_name_key")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "hosts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("osquery_host_id", sa.String(length=255), nullable=True),
        sa.Column("node_key_digest", sa.String(length=64), nullable=True),
        sa.Column("orbit_node_key_digest", sa.String(length=64), nullable=True),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("detail_updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("label_updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("policy_updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("last_enrolled_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("refetch_requested", sa.Boolean(), nullable=False),
        sa.Column("refetch_critical_queries_until", fleet.db.types.UtcDateTime(), nullable=True),
        sa.Column("hostname", sa.String(length=255), nullable=False),
        sa.Column("computer_name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("uuid", sa.String(length=255), nullable=False),
        sa.Column("platform", sa.String(length=255), nullable=False),
        sa.Column("platform_like", sa.String(length=255), nullable=False),
        sa.Column("code_name", sa.String(length=255), nullable=False),
        sa.Column("os_version", sa.String(length=255), nullable=False),
        sa.Column("build", sa.String(length=255), nullable=False),
        sa.Column("osquery_version", sa.String(length=255), nullable=False),
        sa.Column("uptime", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("memory", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cpu_type", sa.String(length=255), nullable=False),
        sa.Column("cpu_subtype", sa.String(length=255), nullable=False),
        sa.Column("cpu_brand", sa.String(length=255), nullable=False),
        sa.Column("cpu_physical_cores", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cpu_logical_cores", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hardware_vendor", sa.String(length=255), nullable=False),
        sa.Column("hardware_model", sa.String(length=255), nullable=False),
        sa.Column("hardware_version", sa.String(length=255), nullable=False),
        sa.Column("hardware_serial", sa.String(length=255), nullable=False),
        sa.Column("public_ip", sa.String(length=45), nullable=False),
        sa.Column("primary_ip", sa.String(length=45), nullable=False),
        sa.Column("primary_mac", sa.String(length=17), nullable=False),
        sa.Column("distributed_interval", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("config_tls_refresh", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("logger_tls_period", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_hosts_team_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosts")),
        sa.UniqueConstraint("node_key_digest", name=op.f("uq_hosts_node_key_digest")),
        sa.UniqueConstraint("orbit_node_key_digest", name=op.f("uq_hosts_orbit_node_key_digest")),
        sa.UniqueConstraint("osquery_host_id", name=op.f("uq_hosts_osquery_host_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("hosts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hosts_display_name"), ["display_name"], unique=False)
        batch_op.create_index(batch_op.f("ix_hosts_hardware_serial"), ["hardware_serial"], unique=False)
        batch_op.create_index(batch_op.f("ix_hosts_hostname"), ["hostname"], unique=False)
        batch_op.create_index(batch_op.f("ix_hosts_platform"), ["platform"], unique=False)
        batch_op.create_index(batch_op.f("ix_hosts_team_id"), ["team_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hosts_uuid"), ["uuid"], unique=False)

    op.create_table(
        "pack_targets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pack_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["pack_id"], ["packs.id"], name=op.f("fk_pack_targets_pack_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pack_targets")),
        sa.UniqueConstraint("pack_id", "type", "target_id", name=op.f("uq_pack_targets_pack_id_type_target_id")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "queries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("team_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("saved", sa.Boolean(), nullable=False),
        sa.Column("observer_can_run", sa.Boolean(), nullable=False),
        sa.Column("platform", sa.String(length=255), nullable=False),
        sa.Column("min_osquery_version", sa.String(length=255), nullable=False),
        sa.Column("interval", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("automations_enabled", sa.Boolean(), nullable=False),
        sa.Column("logging", sa.String(length=255), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_queries_author_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_queries_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queries")),
        sa.UniqueConstraint("team_key", "name_key", name=op.f("uq_queries_team_key_name_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("queries", schema=None) as batch_op:
        batch_op.create_index("ix_queries_scheduled", ["team_id", "saved", "automations_enabled"], unique=False)

    op.create_table(
        "distributed_query_campaigns",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("query_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["query_id"],
            ["queries.id"],
            name=op.f("fk_distributed_query_campaigns_query_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_distributed_query_campaigns_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distributed_query_campaigns")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("distributed_query_campaigns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_distributed_query_campaigns_query_id"), ["query_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_distributed_query_campaigns_user_id"), ["user_id"], unique=False)

    op.create_table(
        "host_additional",
        sa.Column("host_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("additional", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_host_additional_host_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("host_id", name=op.f("pk_host_additional")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "host_disks",
        sa.Column("host_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gigs_disk_space_available", sa.Double(), nullable=False),
        sa.Column("percent_disk_space_available", sa.Double(), nullable=False),
        sa.Column("encrypted", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_host_disks_host_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("host_id", name=op.f("pk_host_disks")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "host_seen_times",
        sa.Column("host_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seen_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_host_seen_times_host_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("host_id", name=op.f("pk_host_seen_times")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("host_seen_times", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_host_seen_times_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "label_membership",
        sa.Column("host_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("label_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["host_id"], ["hosts.id"], name=op.f("fk_label_membership_host_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["label_id"], ["labels.id"], name=op.f("fk_label_membership_label_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("host_id", "label_id", name=op.f("pk_label_membership")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("label_membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_label_membership_label_id"), ["label_id"], unique=False)

    op.create_table(
        "scheduled_queries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pack_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("query_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("interval", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("snapshot", sa.Boolean(), nullable=True),
        sa.Column("removed", sa.Boolean(), nullable=True),
        sa.Column("platform", sa.String(length=255), nullable=True),
        sa.Column("version", sa.String(length=255), nullable=True),
        sa.Column("shard", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("denylist", sa.Boolean(), nullable=True),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pack_id"], ["packs.id"], name=op.f("fk_scheduled_queries_pack_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["query_id"], ["queries.id"], name=op.f("fk_scheduled_queries_query_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_queries")),
        sa.UniqueConstraint("pack_id", "name_key", name=op.f("uq_scheduled_queries_pack_id_name_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("scheduled_queries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_scheduled_queries_query_id"), ["query_id"], unique=False)

    op.create_table(
        "distributed_query_campaign_targets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["distributed_query_campaigns.id"],
            name=op.f("fk_distributed_query_campaign_targets_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distributed_query_campaign_targets")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("distributed_query_campaign_targets", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_distributed_query_campaign_targets_campaign_id"), ["campaign_id"], unique=False
        )
