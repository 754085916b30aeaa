"""The name of a repository in the listing, where images of V1 and of today meet."""

from __future__ import annotations

from docker_registry.errors import NameInvalid
from docker_registry.legacy.errors import RepositoryInvalid
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.registry.names import RepositoryName


class ListedName(str):
    """A name of today, or of V1 one that today's grammar has no place for (``Team/App``)."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ListedName:
        """Read a name; ``NameInvalid`` if no repository can be listed under it."""
        name = cls(text)
        # MySQL takes names that differ only in spaces at the end for the same one.
        if text.endswith(" ") or (name.todays is None and name.v1 is None):
            raise NameInvalid("no repository is listed under this name", {"name": text[:255]})
        return name

    @classmethod
    def of_v1(cls, namespace: str, repository: str) -> ListedName | None:
        """Give the name under which a repository of V1 is listed, if it is.

        :param repository: what comes behind the first slash of its name.
        """
        try:
            return cls.parse(V1Name.parse(f"{namespace}/{repository}").listed)
        except (NameInvalid, RepositoryInvalid):
            return None

    @property
    def todays(self) -> RepositoryName | None:
        """The name of today, if it is one."""
        try:
            return RepositoryName.parse(self)
        except NameInvalid:
            return None

    @property
    def v1(self) -> V1Name | None:
        """V1's name for what is listed here, if V1 can have it."""
        return V1Name.of_listed(self)
