"""Recording which images a repository has, when somebody sees its tags."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from docker_registry.drivers.base import Driver
from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import NameInvalid, StorageError
from docker_registry.legacy.errors import LegacyError
from docker_registry.legacy.images import Images
from docker_registry.legacy.members import Members
from docker_registry.legacy.names import ImageId, RepositoryName
from docker_registry.legacy.repositories import Repositories
from docker_registry.registry.names import RepositoryName as TodaysName

log = logging.getLogger(__name__)


class Enrolment:
    """Makes members of the images that tags point to, and of those that they are built on.

    Each pull begins with the tags, so that a store that has no such records, for instance one of
    0.9, gets them where they are needed.
    """

    def __init__(
        self, driver: Driver, images: Images, repositories: Repositories, members: Members
    ) -> None:
        self._driver = driver
        self._images = images
        self._repositories = repositories
        self._members = members

    def enrol(self, name: RepositoryName, tagged: Iterable[ImageId]) -> None:
        """Record that a repository has the images that its tags point to.

        What can't be recorded now is recorded another time: that is no reason not to show tags.
        Of a name that is none today nothing is recorded.
        """
        try:
            repository = name.todays()
        except NameInvalid:
            return
        images = list(dict.fromkeys(tagged))
        try:
            known = side_by_side(
                self._driver, lambda image: self._members.has_line(repository, image), images
            )
            new = [image for image, is_known in zip(images, known, strict=True) if not is_known]
            for image in new:
                self._add(repository, image)
            # Who deletes the repository forgets its images after it.
            if new and not self._repositories.exists(name):
                self._members.forget_repository(name)
        except StorageError as error:
            log.warning("the images of %s were not recorded: %r", name, error)

    def _add(self, repository: TodaysName, image: ImageId) -> None:
        try:
            self._images.check_not_in_progress(image)
            line = self._images.ancestry(image)
        except LegacyError as error:
            log.info("%s has a tag for %s, which nobody can pull: %s", repository, image, error)
            return
        self._members.add(repository, line)
