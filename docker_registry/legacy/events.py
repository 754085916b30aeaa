"""What happens in the V1 store, for whoever listens or has a say in it: 0.9's signals."""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace

from docker_registry.legacy.errors import PushRefused

log = logging.getLogger(__name__)


class Events:
    """The signals of one V1 store, by the names and with the arguments of 0.9.

    They are sent in the thread of the request; the sender is the ``Events`` itself and the
    arguments are given as keywords:

    =========================  ====================================================
    signal                     arguments
    =========================  ====================================================
    ``repository_created``     ``namespace``, ``repository``, ``value`` (list of images)
    ``repository_updated``     ``namespace``, ``repository``, ``value`` (list of images)
    ``repository_deleted``     ``namespace``, ``repository``
    ``tag_created``            ``namespace``, ``repository``, ``tag``, ``value`` (image id)
    ``tag_deleted``            ``namespace``, ``repository``, ``tag``, ``image`` (its id)
    ``before_put_image_json``  ``image_json`` (the object that the client sent)
    =========================  ====================================================

    ``repository`` is what comes behind the first slash of the name, unquoted. All but the last are
    sent after the storage has been changed. ``tag_created`` is sent for tags that move, too.
    """

    def __init__(self) -> None:
        signals = Namespace()
        self.repository_created = signals.signal("repository-created")
        self.repository_updated = signals.signal("repository-updated")
        self.repository_deleted = signals.signal("repository-deleted")
        self.tag_created = signals.signal("tag-created")
        self.tag_deleted = signals.signal("tag-deleted")
        self.before_put_image_json = signals.signal("before-put-image-json")

    def announce(self, signal: NamedSignal, **what: Any) -> None:
        """Send a signal to each listener, whatever the others do.

        A listener that fails is logged and changes nothing for the client, whose request is done.
        """
        for receiver in list(signal.receivers_for(self)):
            try:
                receiver(self, **what)
            except Exception:
                log.exception("a listener of %s failed for %s", signal.name, what)

    def ask_before_push(self, image_json: dict[str, Any]) -> None:
        """Let listeners veto an image: what one gives other than ``None`` is the reason.

        :raises PushRefused: one of them did, or failed: then nobody knows what it would have said.
        """
        for receiver in list(self.before_put_image_json.receivers_for(self)):
            try:
                reason = receiver(self, image_json=image_json)
            except Exception:
                log.exception("an extension failed when asked about %s", image_json.get("id"))
                reason = "An extension failed: the log of the registry says more"
            if reason is not None:
                raise PushRefused(str(reason))
