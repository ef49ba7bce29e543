"""Create what an organization is made of: users, teams, settings, labels, and what the clock keeps."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import fleet.db.types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BUILTIN_LABELS = (
    (6, "All Hosts", "All hosts which have enrolled in Fleet", "select 1;"),
    (7, "macOS", "All macOS hosts", "select 1 from os_version where platform = 'darwin';"),
    (8, "Ubuntu Linux", "All Ubuntu hosts", "select 1 from os_version where platform = 'ubuntu';"),
    (
        9,
        "CentOS Linux",
        "All CentOS hosts",
        "select 1 from os_version where platform = 'centos' or name like '%centos%'",
    ),
    (10, "MS Windows", "All Windows hosts", "select 1 from os_version where platform = 'windows';"),
    (
        11,
        "Red Hat Linux",
        "All Red Hat Enterprise Linux hosts",
        "SELECT 1 FROM os_version WHERE name LIKE '%red hat%'",
    ),
    (
        12,
        "All Linux",
        "All Linux distributions",
        "SELECT 1 FROM osquery_info WHERE build_platform LIKE '%ubuntu%' OR build_distro LIKE '%centos%';",
    ),
    (13, "chrome", "All Chrome hosts", "select 1 from os_version where platform = 'chrome';"),
)
"""Id, name, description and SQL: clients know these ids; the first label of a user gets 14."""


def upgrade() -> None:
    op.create_table(
        "app_config",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_config")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_changes_created_at"), ["created_at"], unique=False)

    op.create_table(
        "cron_jobs",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("last_slot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cron_jobs")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "cron_stats",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("stats_type", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=255), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cron_stats")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("cron_stats", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cron_stats_name"), ["name"], unique=False)

    op.create_table(
        "labels",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("platform", sa.String(length=255), nullable=False),
        sa.Column("label_type", sa.SmallInteger(), nullable=False),
        sa.Column("label_membership_type", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint("name_key", name=op.f("uq_labels_name_key")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "teams",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=1023), nullable=False),
        sa.Column("agent_options", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("name_key", name=op.f("uq_teams_name_key")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("position", sa.String(length=255), nullable=False),
        sa.Column("gravatar_url", sa.String(length=255), nullable=False),
        sa.Column("sso_enabled", sa.Boolean(), nullable=False),
        sa.Column("api_only", sa.Boolean(), nullable=False),
        sa.Column("force_password_reset", sa.Boolean(), nullable=False),
        sa.Column("global_role", sa.String(length=64), nullable=True),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "activities",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("user_name", sa.String(length=255), nullable=True),
        sa.Column("activity_type", sa.String(length=255), nullable=False),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_activities_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("activities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_activities_activity_type"), ["activity_type"], unique=False)
        batch_op.create_index(batch_op.f("ix_activities_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_activities_user_id"), ["user_id"], unique=False)

    op.create_table(
        "enroll_secrets",
        sa.Column("secret", sa.String(length=255), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_enroll_secrets_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("secret", name=op.f("pk_enroll_secrets")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("enroll_secrets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enroll_secrets_team_id"), ["team_id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("created_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.Column("accessed_at", fleet.db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_sessions_key_digest")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "user_teams",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_user_teams_team_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_teams_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "team_id", name=op.f("pk_user_teams")),
        sqlite_autoincrement=True,
    )

    labels = sa.table(
        "labels",
        *(sa.column(name) for name in ("id", "name", "name_key", "description", "query", "platform")),
        *(sa.column(name) for name in ("label_type", "label_membership_type")),
        *(sa.column(name, fleet.db.types.UtcDateTime()) for name in ("created_at", "updated_at")),
    )
    now = datetime.now(UTC)
    op.bulk_insert(
        labels,
        [
            {
                "id": number,
                "name": name,
                "name_key": name.casefold(),
                "description": description,
                "query": query,
                "platform": "",
                "label_type": 1,
                "label_membership_type": 0,
                "created_at": now,
                "updated_at": now,
            }
            for number, name, description, query in BUILTIN_LABELS
        ],
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('labels', 'id'), 13)")
