"""Whether a name is one of today, so that queries can tell names that only V1 has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from docker_registry.errors import NameInvalid
from docker_registry.registry.names import RepositoryName

revision = "0003"
down_revision = "0002"

#: Rows that one statement changes.
BATCH = 500


def upgrade() -> None:
    """Make the column, and fill it. Until it is filled, no name counts as one of today."""
    bind = op.get_bind()
    if "todays" not in {column["name"] for column in sa.inspect(bind).get_columns("repositories")}:
        op.add_column(
            "repositories",
            sa.Column("todays", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    repositories = sa.table("repositories", sa.column("id"), sa.column("name"), sa.column("todays"))
    names = bind.execute(sa.select(repositories.c.id, repositories.c.name))
    odd = [number for number, name in names if not _is_todays(name)]
    op.execute(repositories.update().values(todays=sa.true()))
    for at in range(0, len(odd), BATCH):
        some = repositories.c.id.in_(odd[at : at + BATCH])
        op.execute(repositories.update().where(some).values(todays=sa.false()))


def _is_todays(name: str) -> bool:
    try:
        RepositoryName.parse(name)
    except NameInvalid:
        return False
    return True
