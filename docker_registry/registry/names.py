"""Names from outside, read once at the edge: repositories, tags, digests, upload ids.

Each type is a ``str`` whose value is known to keep the grammar, so everything below the edge
can build paths from it without looking again. Grammars: OCI distribution specification 1.1,
"Pulling manifests" (names, tags); OCI image specification 1.1, "Digests".
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING

from docker_registry.errors import (
    BlobUploadUnknown,
    DigestInvalid,
    NameInvalid,
    TagInvalid,
)

if TYPE_CHECKING:
    from hashlib import _Hash

#: Longest repository name, in characters: the limit of Docker's reference grammar.
MAX_NAME = 255

#: One component of a name, as a regular expression.
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX = re.compile(r"[0-9a-f]+")

#: Algorithm name to length of its hex text: the registered ones that we compute.
ALGORITHMS = {"sha256": 64, "sha512": 128}

#: The algorithm of a manifest pushed by tag, and of an upload that names none.
CANONICAL = "sha256"


class RepositoryName(str):
    """A repository's name, such as ``team/app``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> RepositoryName:
        """Read a name from outside; ``NameInvalid`` says what would be right."""
        if len(text) > MAX_NAME:
            raise NameInvalid(
                f"the repository name has {len(text)} characters: at most {MAX_NAME} are allowed",
                {"name": text[:MAX_NAME]},
            )
        if not _NAME.fullmatch(text):
            raise NameInvalid(
                "a repository name is lower-case letters and digits, with single '.', '_', '__' "
                "or '-' between them, in components separated by '/'",
                {"name": text},
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
                "a tag is 1 to 128 letters, digits, '_', '.' or '-', and begins with none of "
                "'.' and '-'",
                {"tag": text[:256]},
            )
        return cls(text)


class Digest(str):
    """A digest, such as ``sha256:…``, of an algorithm that we compute."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read a digest from outside; ``DigestInvalid`` says what would be right."""
        algorithm, _, value = text.partition(":")
        length = ALGORITHMS.get(algorithm)
        if length is None:
            raise DigestInvalid(
                f"the digest must be of one of the algorithms {', '.join(ALGORITHMS)}",
                {"digest": text[:256]},
            )
        if len(value) != length or not _HEX.fullmatch(value):
            raise DigestInvalid(
                f"a {algorithm} digest is '{algorithm}:' and {length} lower-case hex digits",
                {"digest": text[:256]},
            )
        return cls(text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = CANONICAL) -> Digest:
        """Compute the digest of bytes in memory."""
        return cls.of_hash(hashlib.new(algorithm, data))

    @classmethod
    def of_hash(cls, running: _Hash) -> Digest:
        """Give the digest of the bytes that a running hash has seen."""
        return cls(f"{running.name}:{running.hexdigest()}")

    @property
    def algorithm(self) -> str:
        """Give the algorithm: ``sha256`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """Give the hex digits."""
        return self.partition(":")[2]


class UploadId(str):
    """The id of an upload session: a random UUID."""

    __slots__ = ()

    @classmethod
    def new(cls) -> UploadId:
        """Make an id that can't be guessed (RFC 9562, version 4)."""
        return cls(uuid.uuid4())

    @classmethod
    def parse(cls, text: str) -> UploadId:
        """Read an id from outside; one that we can't have made is ``BlobUploadUnknown``."""
        if not _UUID.fullmatch(text):
            raise BlobUploadUnknown("no such upload session", {"upload": text[:64]})
        return cls(text)


def parse_algorithm(text: str) -> str:
    """Read the name of a digest algorithm; ``DigestInvalid`` lists those that we compute."""
    if text not in ALGORITHMS:
        raise DigestInvalid(
            f"digest-algorithm must be one of {', '.join(ALGORITHMS)}",
            {"digest-algorithm": text[:64]},
        )
    return text


def parse_reference(text: str) -> Tag | Digest:
    """Read a manifest reference.

    What has a colon can't be a tag, so it is a digest or an error: falling back to a tag would
    hide a mistyped digest.
    """
    if ":" in text:
        return Digest.parse(text)
    return Tag.parse(text)
