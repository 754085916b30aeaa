"""What the index says of a repository itself, which follows from its manifests and tags."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from docker_registry.search import models
from docker_registry.search.document import document, storable

#: Tags of a repository that are searched: the ones pushed last, then those of V1.
SEARCHED_TAGS = 200
#: Longest title or description of a repository that is shown, in characters.
MAX_TEXT = 1000

# OCI image specification 1.1, annotations.md.
TITLE = "org.opencontainers.image.title"
DESCRIPTION = "org.opencontainers.image.description"


class Summary(NamedTuple):
    """The fields of a repository's row of these names."""

    title: str
    description: str
    document: str


def settle(session: Session, row: models.Repository) -> None:
    """Bring what is said of a repository up to date, or let it go if it is empty."""
    if _is_empty(session, row):
        session.execute(delete(models.Repository).filter_by(id=row.id))
        return
    row.title, row.description, row.document = _summary(session, row)


def differs(session: Session, row: models.Repository) -> bool:
    """Tell whether ``settle`` would change anything."""
    return _is_empty(session, row) or _summary(session, row) != (
        row.title,
        row.description,
        row.document,
    )


def _summary(session: Session, row: models.Repository) -> Summary:
    newest = (
        select(models.Tag.name, models.Tag.digest)
        .filter_by(repository_id=row.id)
        .order_by(models.Tag.pushed.desc(), models.Tag.name.desc())
    )
    tags = session.execute(newest.limit(SEARCHED_TAGS)).all()
    latest = session.get(models.Tag, (row.id, "latest"))
    speaking = latest.digest if latest else tags[0].digest if tags else None
    texts = _texts(session, row, speaking)
    title = storable(texts.get(TITLE, ""), MAX_TEXT)
    description = storable(texts.get(DESCRIPTION, ""), MAX_TEXT)
    v1 = select(models.V1Tag.name).filter_by(repository_id=row.id).order_by(models.V1Tag.name)
    searched = [*(tag.name for tag in tags), *session.scalars(v1.limit(SEARCHED_TAGS))]
    return Summary(title, description, document(row.name, title, description, searched))


def _is_empty(session: Session, row: models.Repository) -> bool:
    return not any(
        session.scalar(select(exists().where(table.repository_id == row.id)))
        for table in (models.Manifest, models.V1Tag)
    )


def _texts(session: Session, repository: models.Repository, digest: str | None) -> dict[str, str]:
    """Give title and description: what the operator says, else the manifest that tags lead to."""
    query = (
        select(models.Annotation.key, models.Annotation.value)
        .join(models.Manifest, models.Manifest.id == models.Annotation.manifest_id)
        .where(models.Manifest.repository_id == repository.id, models.Manifest.digest == digest)
        .where(models.Annotation.key.in_([TITLE, DESCRIPTION]))
    )
    texts = {row.key: row.value for row in session.execute(query)}
    said = session.get(models.Description, repository.name)
    if said is not None:
        texts[DESCRIPTION] = said.description
    return texts
