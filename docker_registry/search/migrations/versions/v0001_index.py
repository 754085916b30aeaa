"""The first schema; descriptions of docker-registry 0.9 are taken over.

Every step looks whether it is done: MySQL can't take back half a migration.
"""

from __future__ import annotations

from urllib.parse import unquote

import sqlalchemy as sa
from alembic import op

from docker_registry.search.models import exact, exact_text, identifier, moment

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _repositories()
    _manifests()
    _state()
    _index("ix_repositories_leaf", "repositories", "leaf")
    _index("ix_tags_pushed", "tags", "repository_id", "pushed")
    _index("ix_platforms_manifest_id", "platforms", "manifest_id")
    _full_text()
    _take_over_descriptions()


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *parts,
        if_not_exists=True,
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def _repositories() -> None:
    _table(
        "repositories",
        sa.Column("id", identifier(), primary_key=True),
        sa.Column("name", exact(255), nullable=False, unique=True),
        sa.Column("leaf", exact(255), nullable=False),
        sa.Column("title", exact_text(), nullable=False),
        sa.Column("description", exact_text(), nullable=False),
        sa.Column("document", exact_text(), nullable=False),
    )
    _table(
        "tags",
        _parent("repository_id", "repositories", primary_key=True),
        sa.Column("name", exact(128), primary_key=True),
        sa.Column("digest", exact(135), nullable=False),
        sa.Column("pushed", moment(), nullable=False),
    )


def _manifests() -> None:
    _table(
        "manifests",
        sa.Column("id", identifier(), primary_key=True),
        _parent("repository_id", "repositories"),
        sa.Column("digest", exact(135), nullable=False),
        sa.Column("media_type", exact(255), nullable=False),
        sa.Column("artifact_type", exact(255)),
        sa.Column("size", sa.BigInteger()),
        sa.Column("created", moment()),
        sa.UniqueConstraint("repository_id", "digest"),
    )
    _table(
        "platforms",
        sa.Column("id", identifier(), primary_key=True),
        _parent("manifest_id", "manifests"),
        sa.Column("os", exact(255), nullable=False),
        sa.Column("architecture", exact(255), nullable=False),
        sa.Column("variant", exact(255), nullable=False),
    )
    _table(
        "annotations",
        _parent("manifest_id", "manifests", primary_key=True),
        sa.Column("key", exact(255), primary_key=True),
        sa.Column("value", exact_text(), nullable=False),
    )


def _state() -> None:
    _table(
        "descriptions",
        sa.Column("name", exact(255), primary_key=True),
        sa.Column("description", exact_text(), nullable=False),
    )
    _table(
        "progress",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
    )
    progress = sa.table("progress", sa.column("id"), sa.column("complete"))
    if not op.get_bind().scalar(sa.select(sa.func.count()).select_from(progress)):
        op.execute(progress.insert().values(id=1, complete=sa.false()))


def _parent(name: str, table: str, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(
        name,
        identifier(),
        sa.ForeignKey(f"{table}.id", ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


def _index(name: str, table: str, *columns: str) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, [*columns])


def _full_text() -> None:
    """Make searching for parts of words an indexed query where the database has the means."""
    bind = op.get_bind()
    try:
        with bind.begin_nested():
            for statement in _FULL_TEXT.get(bind.dialect.name, ()):
                bind.exec_driver_sql(statement)
    except sa.exc.DBAPIError:
        # An SQLite without FTS5 or its trigram tokenizer, or no right to add the extension:
        # the same queries run without an index.
        return


# https://www.sqlite.org/fts5.html, "External Content Tables" and "The Trigram Tokenizer";
# https://www.postgresql.org/docs/current/pgtrgm.html
_FULL_TEXT = {
    "sqlite": (
        """
        CREATE VIRTUAL TABLE repositories_text USING fts5(
            document, content='repositories', content_rowid='id',
            tokenize='trigram case_sensitive 1')
        """,
        """
        CREATE TRIGGER repositories_text_insert AFTER INSERT ON repositories BEGIN
            INSERT INTO repositories_text(rowid, document) VALUES (new.id, new.document);
        END
        """,
        """
        CREATE TRIGGER repositories_text_delete AFTER DELETE ON repositories BEGIN
            INSERT INTO repositories_text(repositories_text, rowid, document)
                VALUES ('delete', old.id, old.document);
        END
        """,
        """
        CREATE TRIGGER repositories_text_update AFTER UPDATE OF document ON repositories BEGIN
            INSERT INTO repositories_text(repositories_text, rowid, document)
                VALUES ('delete', old.id, old.document);
            INSERT INTO repositories_text(rowid, document) VALUES (new.id, new.document);
        END
        """,
    ),
    "postgresql": (
        "CREATE EXTENSION IF NOT EXISTS pg_trgm",
        """
        CREATE INDEX ix_repositories_document ON repositories
            USING gin (document gin_trgm_ops)
        """,
    ),
}


def _take_over_descriptions() -> None:
    bind = op.get_bind()
    tables = sa.inspect(bind).get_table_names()
    if not {"version", "repository"} <= set(tables):
        return
    legacy = sa.table("repository", sa.column("name"), sa.column("description"))
    descriptions = sa.table("descriptions", sa.column("name"), sa.column("description"))
    known = set(bind.scalars(sa.select(descriptions.c.name)))
    for name, description in bind.execute(sa.select(legacy.c.name, legacy.c.description)):
        # 0.9 quoted what follows the first slash, and put names without one into "library".
        today = unquote(name).removeprefix("library/")
        if description and today not in known:
            known.add(today)
            bind.execute(descriptions.insert().values(name=today, description=description))
