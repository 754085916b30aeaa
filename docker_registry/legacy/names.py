"""Names of V1 from outside, read once at the edge: images, repositories, tags.

0.9 took nearly anything for a name and quoted it, twice, to make a path. Its stores are read as
they are; from clients only names are taken that such a path holds and brings back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus

from docker_registry.errors import NameInvalid
from docker_registry.legacy.errors import ImageIdInvalid, RepositoryInvalid, TagInvalid
from docker_registry.registry.names import RepositoryName as TodaysName

#: The namespace of a name that has none: ``ubuntu`` is ``library/ubuntu``.
DEFAULT_NAMESPACE = "library"

#: Longest repository name, in characters, and longest component of its path, in bytes (that of
#: most file systems).
MAX_NAME, MAX_COMPONENT = 255, 255

#: What a slash behind the first one is in the path.
QUOTED_SLASH = quote_plus(quote_plus("/"))

_IMAGE_ID = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{48})?")
_PRINTABLE = re.compile(r"[ -~]+")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


class ImageId(str):
    """An image's id: 64 hex digits, or 16 where old clients made it."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ImageId:
        """Read an id from outside; ``ImageIdInvalid`` says what would be right."""
        if not _IMAGE_ID.fullmatch(text):
            raise ImageIdInvalid(
                "Invalid image ID",
                {"image": text[:128], "expected": "64, or 16, lower-case hexadecimal digits"},
            )
        return cls(text)


class Tag(str):
    """A tag, such as ``latest``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Tag:
        """Read a tag from outside; ``TagInvalid`` says what would be right."""
        if not _TAG.fullmatch(text):
            raise TagInvalid(
                r"Invalid tag name (must match ^[\w][\w.-]{0,127}$)", {"tag": text[:256]}
            )
        return cls(text)


@dataclass(frozen=True, slots=True, order=True)
class RepositoryName:
    """A repository's name, such as ``team/app``; as text it has both parts.

    :ivar namespace: what comes before the first slash.
    :ivar repository: all that comes behind it, which may have slashes too.
    :ivar directory: where the repository is stored, below ``repositories/``.
    """

    namespace: str
    repository: str
    directory: str

    @classmethod
    def parse(cls, text: str) -> RepositoryName:
        """Read a name from outside; ``RepositoryInvalid`` says what would be right."""
        namespace, slash, repository = text.rstrip("/").partition("/")
        if not slash:
            namespace, repository = DEFAULT_NAMESPACE, namespace
        components = [namespace, *repository.split("/")]
        if any(not part or part.startswith(".") for part in components):
            raise _invalid(text, "no component may be empty, or begin with a dot")
        if len(text) > MAX_NAME or not all(map(_PRINTABLE.fullmatch, components)):
            raise _invalid(text, f"a name is at most {MAX_NAME} printable ASCII characters")
        stored = (_quote(namespace), _quote(_quote(repository)))
        if any(len(component) > MAX_COMPONENT for component in stored):
            raise _invalid(text, "with its special characters quoted, the name is too long")
        return cls(namespace, repository, "/".join(stored))

    @classmethod
    def of_directory(cls, namespace: str, repository: str) -> RepositoryName:
        """Give the name of what is stored in a directory of two components.

        Versions before 0.8.1 quoted the second one once, later ones twice; of the versions' names
        neither has a percent sign in it, so that unquoting it twice is right for both. The name
        may be one that no client can ask for.
        """
        return cls(
            unquote_plus(namespace),
            unquote_plus(unquote_plus(repository)),
            f"{namespace}/{repository}",
        )

    @classmethod
    def of_listed(cls, text: str) -> RepositoryName | None:
        """Give the name that is listed as ``text``; ``None`` if V1 has none that is."""
        try:
            name = cls.parse(text)
        except RepositoryInvalid:
            return None
        return name if name.listed == text else None

    def todays(self) -> TodaysName:
        """Give the name that ``docker pull`` asks for today by the same words as it did in V1.

        ``docker pull HOST/ubuntu`` was about ``library/ubuntu`` then, and is about ``ubuntu`` now.

        :raises NameInvalid: the name breaks today's grammar.
        """
        bare = self.namespace == DEFAULT_NAMESPACE and "/" not in self.repository
        return TodaysName.parse(self.repository if bare else str(self))

    @property
    def listed(self) -> str:
        """The name under which it is listed: today's, or the whole one where there is none."""
        try:
            return self.todays()
        except NameInvalid:
            return str(self)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.repository}"


def _quote(text: str) -> str:
    # Python 2 quoted the tilde as well.
    return quote_plus(text).replace("~", "%7E")


def _invalid(text: str, expected: str) -> RepositoryInvalid:
    return RepositoryInvalid(
        f"Invalid repository name: {expected}", {"name": text[:MAX_NAME], "expected": expected}
    )
