"""What happened in the registry, for whoever listens: search, notifications, metrics."""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace

log = logging.getLogger(__name__)


class Events:
    """The signals of one registry.

    They are sent after the storage has been changed, in the thread of the request; the sender is
    the ``Events`` itself and the arguments are given as keywords:

    ======================  ====================================================
    signal                  arguments
    ======================  ====================================================
    ``manifest_pushed``     ``repository``, ``manifest`` (a ``Manifest``), ``tags``
    ``manifest_deleted``    ``repository``, ``digest``
    ``tag_pushed``          ``repository``, ``tag``, ``manifest`` (a ``Manifest``)
    ``tag_deleted``         ``repository``, ``tag``
    ``repository_deleted``  ``repository``
    ======================  ====================================================

    A manifest pushed by tag sends ``manifest_pushed``, then ``tag_pushed`` for each of its
    ``tags``. Deleting a manifest that tags point to sends ``tag_deleted`` for each, then
    ``manifest_deleted``. Deleting a repository sends ``repository_deleted`` alone.
    """

    def __init__(self) -> None:
        signals = Namespace()
        self.manifest_pushed = signals.signal("manifest-pushed")
        self.manifest_deleted = signals.signal("manifest-deleted")
        self.tag_pushed = signals.signal("tag-pushed")
        self.tag_deleted = signals.signal("tag-deleted")
        self.repository_deleted = signals.signal("repository-deleted")

    def announce(self, signal: NamedSignal, **what: Any) -> None:
        """Send a signal to each listener, whatever the others do.

        A listener that fails is logged and changes nothing for the client, whose request is
        done: the storage is the truth.
        """
        for receiver in list(signal.receivers_for(self)):
            try:
                receiver(self, **what)
            except Exception:
                log.exception("a listener of %s failed for %s", signal.name, what)
