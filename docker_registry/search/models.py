"""The tables of the index.

Everything in them can be made again from the storage, but for ``descriptions``. Names and digests
compare byte by byte in every database, as the registry's lists do.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeEngine

from docker_registry.registry.names import MAX_NAME

#: Length of the text of the longest digest: "sha512:" and 128 hex digits.
DIGEST_LENGTH = 135
#: Length of the longest id of an image of V1.
IMAGE_LENGTH = 64
#: Longest tag, in characters.
TAG_LENGTH = 128
#: Longest key, media type or platform field that is kept, in characters.
KEY_LENGTH = 255


def exact(length: int) -> TypeEngine[str]:
    """Give a text type that compares byte by byte."""
    plain = String(length)
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return plain.with_variant(String(length, collation="C"), "postgresql").with_variant(
        binary, "mysql", "mariadb"
    )


def exact_text() -> TypeEngine[str]:
    """Give a type for longer text that compares byte by byte."""
    plain = Text()
    binary = mysql.TEXT(charset="utf8mb4", collation="utf8mb4_bin")
    return plain.with_variant(Text(collation="C"), "postgresql").with_variant(
        binary, "mysql", "mariadb"
    )


def moment() -> TypeEngine[datetime]:
    """Give the type of a time, which MySQL else keeps in whole seconds."""
    return DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def identifier() -> TypeEngine[int]:
    """Give the type of a generated key; SQLite generates only for its own INTEGER."""
    return BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """The tables of the index."""


class Repository(Base):
    """A repository with at least one manifest, or tag of V1.

    :ivar name: see ``listed.py``.
    :ivar leaf: the last component of the name.
    :ivar document: what is searched; see ``document.py``.
    :ivar todays: whether the name is one of today.
    """

    __tablename__ = "repositories"

    id: Mapped[int] = mapped_column(identifier(), primary_key=True)
    name: Mapped[str] = mapped_column(exact(MAX_NAME), unique=True)
    leaf: Mapped[str] = mapped_column(exact(MAX_NAME), index=True)
    title: Mapped[str] = mapped_column(exact_text(), default="")
    description: Mapped[str] = mapped_column(exact_text(), default="")
    document: Mapped[str] = mapped_column(exact_text(), default="")
    todays: Mapped[bool] = mapped_column(default=False)


class Tag(Base):
    """A tag.

    :ivar digest: of the manifest it points to.
    :ivar pushed: when it last was, in UTC.
    """

    __tablename__ = "tags"
    __table_args__ = (Index("ix_tags_newest", "repository_id", "pushed", "name"),)

    repository_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(exact(TAG_LENGTH), primary_key=True)
    digest: Mapped[str] = mapped_column(exact(DIGEST_LENGTH))
    pushed: Mapped[datetime] = mapped_column(moment())


class V1Tag(Base):
    """A tag of V1.

    :ivar image: the id of the image that it points to.
    """

    __tablename__ = "v1_tags"

    repository_id: Mapped[int] = mapped_column(
        ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(exact(TAG_LENGTH), primary_key=True)
    image: Mapped[str] = mapped_column(exact(IMAGE_LENGTH))


class Manifest(Base):
    """A manifest in a repository.

    :ivar media_type: empty when the stored manifest can't be read.
    :ivar size: of config and layers together, in bytes; unknown for an index.
    :ivar created: when the image was made, in UTC, where its config or annotations tell.
    """

    __tablename__ = "manifests"
    __table_args__ = (UniqueConstraint("repository_id", "digest"),)

    id: Mapped[int] = mapped_column(identifier(), primary_key=True)
    repository_id: Mapped[int] = mapped_column(ForeignKey("repositories.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(exact(DIGEST_LENGTH))
    media_type: Mapped[str] = mapped_column(exact(KEY_LENGTH))
    artifact_type: Mapped[str | None] = mapped_column(exact(KEY_LENGTH))
    size: Mapped[int | None] = mapped_column(BigInteger())
    created: Mapped[datetime | None] = mapped_column(moment())
    platforms: Mapped[list[Platform]] = relationship(passive_deletes=True)
    annotations: Mapped[list[Annotation]] = relationship(passive_deletes=True)


class Platform(Base):
    """A platform that an image, or an image of an index, is for (``linux/arm64/v8``)."""

    __tablename__ = "platforms"

    id: Mapped[int] = mapped_column(identifier(), primary_key=True)
    manifest_id: Mapped[int] = mapped_column(
        ForeignKey("manifests.id", ondelete="CASCADE"), index=True
    )
    os: Mapped[str] = mapped_column(exact(KEY_LENGTH))
    architecture: Mapped[str] = mapped_column(exact(KEY_LENGTH))
    variant: Mapped[str] = mapped_column(exact(KEY_LENGTH))


class Annotation(Base):
    """An annotation of a manifest, or a label of an image's config that no annotation replaces."""

    __tablename__ = "annotations"

    manifest_id: Mapped[int] = mapped_column(
        ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(exact(KEY_LENGTH), primary_key=True)
    value: Mapped[str] = mapped_column(exact_text())


class Description(Base):
    """What an operator says of a repository; it stays when the repository goes.

    The descriptions of docker-registry 0.9 are taken over into it.
    """

    __tablename__ = "descriptions"

    name: Mapped[str] = mapped_column(exact(MAX_NAME), primary_key=True)
    description: Mapped[str] = mapped_column(exact_text())


class Progress(Base):
    """How far the index knows the storage: one row.

    :ivar complete: whether all of the storage was indexed once; events keep it so.
    :ivar reached: until then, the last repository of those that were, in byte order.
    """

    __tablename__ = "progress"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    complete: Mapped[bool]
    reached: Mapped[str] = mapped_column(exact(MAX_NAME), default="", server_default="")
