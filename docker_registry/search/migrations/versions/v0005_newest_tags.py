"""An index that has a repository's newest tags in one order, though all were pushed at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the index, and remove the one whose place it takes."""
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("tags")}
    if "ix_tags_newest" not in known:
        op.create_index("ix_tags_newest", "tags", ["repository_id", "pushed", "name"])
    if "ix_tags_pushed" in known:
        op.drop_index("ix_tags_pushed", "tags")
