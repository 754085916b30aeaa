"""Where a V1 tag goes: the names that today's clients know it by."""

from __future__ import annotations

from docker_registry.errors import NameInvalid, TagInvalid
from docker_registry.legacy.migration.outcome import NotMigrated, Source, Target
from docker_registry.legacy.names import DEFAULT_NAMESPACE
from docker_registry.registry.names import RepositoryName, Tag


def target_of(source: Source) -> Target:
    """Give the tag that ``docker pull`` asks for by the same words as it did in V1.

    ``docker pull HOST/ubuntu`` was about ``library/ubuntu`` then, and is about ``ubuntu`` now.

    :raises NotMigrated: the name, or the tag, breaks today's grammar.
    """
    name = source.repository
    text = name.repository if name.namespace == DEFAULT_NAMESPACE else str(name)
    try:
        return Target(RepositoryName.parse(text), Tag.parse(source.tag.name))
    except (NameInvalid, TagInvalid) as error:
        raise NotMigrated(error.message) from error
