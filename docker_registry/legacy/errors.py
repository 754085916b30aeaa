"""What a V1 request can't be answered with, in 0.9's words where clients know them.

::

    LegacyError                  a RegistryError, with 0.9's text as its message
    ├── BodyInvalid              BODY_INVALID
    ├── BodyTooLarge             SIZE_INVALID
    ├── ChecksumInvalid          CHECKSUM_INVALID
    ├── ChecksumMissing          CHECKSUM_INVALID, as 412
    ├── ImageDamaged             IMAGE_DAMAGED
    ├── ImageExists              IMAGE_EXISTS
    ├── ImageIdInvalid           IMAGE_ID_INVALID
    ├── ImageInvalid             IMAGE_INVALID
    ├── ImageTaken               IMAGE_TAKEN
    ├── ImageUnfinished          IMAGE_UNFINISHED
    ├── ImageUnknown             IMAGE_UNKNOWN
    ├── LayerUnreadable          LAYER_UNREADABLE
    ├── PushRefused              DENIED
    ├── RepositoryInvalid        NAME_INVALID
    ├── RepositoryUnknown        NAME_UNKNOWN
    ├── TagInvalid               TAG_INVALID
    └── TagUnknown               TAG_UNKNOWN

What would be right, where the text doesn't say it, is in ``detail``.
"""

from __future__ import annotations

from docker_registry.errors import RegistryError


class LegacyError(RegistryError):
    """A V1 request that can't be answered as asked."""


class BodyInvalid(LegacyError):
    """A body that is not the JSON it should be."""

    code = "BODY_INVALID"


class BodyTooLarge(LegacyError):
    """A body longer than the limit."""

    code = "SIZE_INVALID"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body may have {limit} bytes", {"limit": limit})


class ChecksumInvalid(LegacyError):
    """The checksum that a client sends is not that of what it sent before."""

    code = "CHECKSUM_INVALID"


class ChecksumMissing(ChecksumInvalid):
    """A client sends no checksum at all."""

    def __init__(self) -> None:
        super().__init__(
            "X-Docker-Checksum-Payload not set.  If you are using the Docker daemon, you should "
            "upgrade to version 0.10 or later"
        )


class ImageDamaged(LegacyError):
    """What is stored of an image contradicts itself; only who wrote it can have done so."""

    code = "IMAGE_DAMAGED"


class ImageExists(LegacyError):
    """The image is complete, and so can't be changed any more."""

    code = "IMAGE_EXISTS"

    def __init__(self, message: str = "Image already exists") -> None:
        super().__init__(message)


class ImageIdInvalid(LegacyError):
    """An image id that breaks the grammar."""

    code = "IMAGE_ID_INVALID"


class ImageInvalid(LegacyError):
    """The JSON of an image that can't be taken."""

    code = "IMAGE_INVALID"


class ImageTaken(LegacyError):
    """The image is somebody else's: what is sent is not what is there, or on its way."""

    code = "IMAGE_TAKEN"

    def __init__(self) -> None:
        super().__init__(
            "Image is somebody else's: he is pushing it now, or has pushed another one by this id"
        )


class ImageUnfinished(LegacyError):
    """The image is on its way here, and not whole yet."""

    code = "IMAGE_UNFINISHED"

    def __init__(self) -> None:
        super().__init__("Image is being uploaded, retry later")


class ImageUnknown(LegacyError):
    """No such image."""

    code = "IMAGE_UNKNOWN"

    def __init__(self, message: str = "Image not found") -> None:
        super().__init__(message)


class LayerUnreadable(LegacyError):
    """A layer that is no tar in any compression that we know."""

    code = "LAYER_UNREADABLE"


class PushRefused(LegacyError):
    """An extension doesn't let the image in."""

    code = "DENIED"


class RepositoryInvalid(LegacyError):
    """A V1 repository name that can't be stored."""

    code = "NAME_INVALID"


class RepositoryUnknown(LegacyError):
    """No such repository."""

    code = "NAME_UNKNOWN"

    def __init__(self, message: str = "Repository not found") -> None:
        super().__init__(message)


class TagInvalid(LegacyError):
    """A tag that breaks the grammar."""

    code = "TAG_INVALID"


class TagUnknown(LegacyError):
    """No such tag in the repository."""

    code = "TAG_UNKNOWN"

    def __init__(self, message: str = "Tag not found") -> None:
        super().__init__(message)
