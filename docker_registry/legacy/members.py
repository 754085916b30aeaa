"""Which repositories have an image, and who has sent it: what V1 itself doesn't say.

Images of V1 are of all repositories, and their routes name none. So who may pull some repositories
only is asked for one of them that has the image.

A repository has what one of its tags was ever pointed to, and all that this is built on, until the
repository is deleted: as a blob of today stays in a repository without the manifest that needed it.
Nothing is recorded before somebody asks who may not pull everything. Until then it can be told from
the tags, and there is nothing to be wrong or to be kept in step.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile

from docker_registry.drivers.base import Driver
from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import NameInvalid, PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.ranges import NameRange
from docker_registry.registry.selection import Selection

#: How long somebody may have an image for that he has sent it, in seconds: he goes on to push what
#: is built on it, and to tag that.
SENT_SECONDS = 24 * 3600

#: What is recorded of an image after everything that it is built on is.
_LINE = b"line"
_ALONE = b""


class Members:
    """What is recorded of all images."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def has(self, repository: RepositoryName, image: ImageId) -> bool:
        """Whether a repository is known to have an image."""
        return self._is_there(layout.content(repository, image))

    def has_line(self, repository: RepositoryName, image: ImageId) -> bool:
        """Whether a repository is known to have an image and all that it is built on."""
        try:
            return self._driver.get_content(layout.content(repository, image)) == _LINE
        except PathNotFound:
            return False

    def repositories(self, image: ImageId, among: Selection) -> Iterator[RepositoryName]:
        """Give the chosen repositories that are known to have an image.

        What others have costs nothing, however many they are, except where a pattern leaves open
        how a name begins.
        """
        for part in among.ranges:
            for text in self._holders(image, part):
                name = RepositoryName(text)
                if text in among and self.has(name, image):
                    yield name

    def add(self, repository: RepositoryName, line: Sequence[ImageId]) -> None:
        """Record that a repository has an image and those that it is built on.

        :param line: the image first.
        """
        known = side_by_side(self._driver, lambda image: self.has(repository, image), line)
        new = [image for image, is_known in zip(line, known, strict=True) if not is_known]
        # A holder is only where to look, so it may be one too many.
        self._put(layout.holder(image, repository) for image in new)
        self._put(layout.content(repository, image) for image in new)
        self._driver.put_content(layout.content(repository, line[0]), _LINE)

    def forget_repository(self, name: V1Name) -> None:
        """Record that a repository has no images."""
        # Of a name that is none today nothing was recorded.
        with suppress(NameInvalid):
            self._remove(layout.contents(name.todays()))

    def forget_image(self, image: ImageId) -> None:
        """Record that nobody has an image, and nobody has sent it."""
        for holder in self._driver.iterate(layout.holders(image)):
            self._remove(layout.content(RepositoryName(layout.name_of(holder)), image))
        self._remove(layout.holders(image))
        self._remove(layout.pushers(image))

    def add_pusher(self, image: ImageId, key: str) -> None:
        """Record that somebody has sent an image, as it is."""
        self._driver.put_content(layout.pusher(image, key), b"")

    def was_sent_by(self, image: ImageId, key: str) -> bool:
        """Whether somebody has sent an image, as it is, not longer than ``SENT_SECONDS`` ago."""
        try:
            sent = self._driver.stat(layout.pusher(image, key)).modified
        except PathNotFound:
            return False
        return sent > time.time() - SENT_SECONDS

    def _holders(self, image: ImageId, part: NameRange) -> Iterator[str]:
        """Give the names in a range of repositories that may have an image."""
        if part.is_one_name:
            yield part.low
            return
        # What is listed is in another order than names are, but what begins alike is together.
        beginning = layout.component(part.directory)
        behind = self._driver.iterate(layout.holders(image), beginning)
        for holder in takewhile(lambda holder: holder.startswith(beginning), behind):
            text = layout.name_of(holder)
            if text in part:
                yield text

    def _is_there(self, path: str) -> bool:
        try:
            self._driver.stat(path)
        except PathNotFound:
            return False
        return True

    def _put(self, paths: Iterable[str]) -> None:
        def put(path: str) -> None:
            self._driver.put_content(path, _ALONE)

        list(side_by_side(self._driver, put, paths))

    def _remove(self, path: str) -> None:
        with suppress(PathNotFound):
            self._driver.delete(path)
