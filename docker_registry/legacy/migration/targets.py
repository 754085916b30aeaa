"""Where a V1 tag goes: the names that today's clients know it by."""

from __future__ import annotations

from docker_registry.errors import NameInvalid, TagInvalid
from docker_registry.legacy.migration.outcome import NotMigrated, Source, Target
from docker_registry.registry.names import Tag


def target_of(source: Source) -> Target:
    """Give the tag of today; see ``RepositoryName.todays`` for its name.

    :raises NotMigrated: the name, or the tag, breaks today's grammar.
    """
    try:
        return Target(source.repository.todays(), Tag.parse(source.tag.name))
    except (NameInvalid, TagInvalid) as error:
        raise NotMigrated(error.message) from error
