"""Who may have an image of V1, whose route says of no repository to which it belongs.

Whoever may pull every repository may have every image, and nothing is asked of the storage. Of
somebody else's rights a repository is needed that has the image, or that he has sent it himself a
short while ago.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from docker_registry.api.context import Context
from docker_registry.auth.access import Access, TokenAccess
from docker_registry.auth.policy import Action
from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import NameInvalid
from docker_registry.legacy.errors import LegacyError
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.owned_pushes import OwnedPushes, Pusher
from docker_registry.legacy.pushes import Pushes
from docker_registry.registry.names import RepositoryName


class ImageAccess:
    """What somebody may do with images."""

    def __init__(self, context: Context, access: Access) -> None:
        self._legacy = context.legacy
        self._is_open = context.authority is None
        self._access = access

    @property
    def has_all(self) -> bool:
        """Whether he may have every image: he may pull every repository, and has no mere token."""
        return not self._access.is_limited and self._access.visible().is_everything

    def may_pull(self, image: ImageId) -> bool:
        """Tell whether he may have an image.

        That he has sent an image gives him only that: he needs what it is built on, too. And it is
        for those who go on pushing.
        """
        if self.has_all or self._is_member(image):
            return True
        if not self._access.may_somewhere(Action.PUSH) or not self._was_sent(image):
            return False
        with suppress(LegacyError):
            below = self._legacy.images.ancestry(image)[1:]
            return all(side_by_side(self._legacy.driver, self._has_or_sent, below))
        return False

    def pushes(self) -> Pushes | OwnedPushes:
        """Give what he can push by."""
        if self._is_open:
            return self._legacy.pushes
        return self._legacy.pushes_of(Pusher(self._key, self.may_pull))

    def enrol(self, name: V1Name, tagged: Iterable[ImageId]) -> None:
        """Let whoever may pull a repository have what its tags point to, after one was read."""
        if not self.has_all:
            self._legacy.enrolment.enrol(name, tagged)

    def may_with(self, action: Action, name: V1Name) -> bool:
        """Tell whether he may do something with a repository.

        Rules are about names of today. One that breaks their grammar is for those who may do it
        with every repository.
        """
        try:
            return self._access.may(action, name.todays())
        except NameInvalid:
            return self._access.may_everywhere(action)

    @property
    def _key(self) -> str:
        """What tells who sends an image from others.

        With a token it is he, and the repositories that it is for: who comes by it may be somebody
        else, and must get at nothing that was sent to others.
        """
        repositories = self._access.repositories() if isinstance(self._access, TokenAccess) else ()
        return "\n".join([self._access.identity.key, *sorted(repositories)])

    def _has_or_sent(self, image: ImageId) -> bool:
        return self._was_sent(image) or self._is_member(image)

    def _was_sent(self, image: ImageId) -> bool:
        return self._legacy.members.was_sent_by(image, self._key)

    def _is_member(self, image: ImageId) -> bool:
        return any(
            self._access.may(Action.PULL, repository) for repository in self._repositories(image)
        )

    def _repositories(self, image: ImageId) -> Iterable[RepositoryName]:
        """Give the repositories that have an image, of those that he may pull."""
        members = self._legacy.members
        if isinstance(self._access, TokenAccess):
            return (one for one in self._access.repositories() if members.has(one, image))
        return members.repositories(image, self._access.visible())
