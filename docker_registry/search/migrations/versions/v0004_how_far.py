"""How far the first reading of the storage has come, so that it goes on from there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from docker_registry.search.models import exact

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the column."""
    columns = sa.inspect(op.get_bind()).get_columns("progress")
    if "reached" not in {column["name"] for column in columns}:
        column = sa.Column("reached", exact(255), nullable=False, server_default="")
        op.add_column("progress", column)
