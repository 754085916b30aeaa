"""Tags of V1. The index then reads the storage anew, since it has none of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from docker_registry.search.models import exact, identifier

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table, and take back that all of the storage is indexed."""
    op.create_table(
        "v1_tags",
        sa.Column(
            "repository_id",
            identifier(),
            sa.ForeignKey("repositories.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("name", exact(128), primary_key=True),
        sa.Column("image", exact(64), nullable=False),
        if_not_exists=True,
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    progress = sa.table("progress", sa.column("complete"))
    op.execute(progress.update().values(complete=sa.false()))
