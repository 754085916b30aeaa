"""The V1 store as a whole."""

from __future__ import annotations

import math

from docker_registry.drivers.base import Driver
from docker_registry.legacy.enrolment import Enrolment
from docker_registry.legacy.events import Events
from docker_registry.legacy.images import Images
from docker_registry.legacy.index import Index
from docker_registry.legacy.listings import Listings
from docker_registry.legacy.members import Members
from docker_registry.legacy.owned_pushes import OwnedPushes, Pusher
from docker_registry.legacy.pushes import Pushes
from docker_registry.legacy.repositories import Repositories
from docker_registry.legacy.tags import Tags
from docker_registry.registry.write_once import WriteOnce


class LegacyStore:
    """All resources of V1 over one store.

    :param max_age: seconds after which the push of an image that is not complete has come to
        nothing; by default none ever has.
    :param write_once: the tags that can't be moved; by default all can.
    """

    def __init__(
        self, driver: Driver, max_age: float = math.inf, write_once: WriteOnce | None = None
    ) -> None:
        self.driver = driver
        self.events = Events()
        self.images = Images(driver, max_age)
        self.pushes = Pushes(driver, self.images, self.events, max_age)
        self.repositories = Repositories(driver, self.events)
        self.tags = Tags(
            driver, self.repositories, self.images, self.events, write_once or WriteOnce()
        )
        self.members = Members(driver)
        self.enrolment = Enrolment(driver, self.images, self.repositories, self.members)
        self.index = Index(driver, self.events)
        self.listings = Listings(driver, self.images)

    def pushes_of(self, pusher: Pusher) -> OwnedPushes:
        """Give the pushes of somebody, where not everybody may have every image."""
        return OwnedPushes(self.driver, self.images, self.pushes, self.members, pusher)
