"""What happened in the registry, for whoever listens: search, notifications, metrics.

Signals are sent after the storage has been changed, in the thread of the request. The sender is
the ``Registry``; the arguments are given as keywords. A listener that fails is logged and
changes nothing for the client: the storage is the truth.

======================  ============================================================
signal                  arguments
======================  ============================================================
``manifest_pushed``     ``repository``, ``manifest`` (a ``Manifest``)
``manifest_deleted``    ``repository``, ``digest``
``tag_pushed``          ``repository``, ``tag``, ``manifest`` (a ``Manifest``)
``tag_deleted``         ``repository``, ``tag``
``repository_deleted``  ``repository``
======================  ============================================================

A manifest pushed by tag sends ``manifest_pushed``, then ``tag_pushed``; deleting a manifest that
tags point to sends ``tag_deleted`` for each, then ``manifest_deleted``.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import Namespace, NamedSignal

log = logging.getLogger(__name__)

_signals = Namespace()

manifest_pushed = _signals.signal("manifest-pushed")
manifest_deleted = _signals.signal("manifest-deleted")
tag_pushed = _signals.signal("tag-pushed")
tag_deleted = _signals.signal("tag-deleted")
repository_deleted = _signals.signal("repository-deleted")


def announce(signal: NamedSignal, sender: object, **what: Any) -> None:
    """Send a signal to each listener, whatever the others do."""
    for receiver in list(signal.receivers_for(sender)):
        try:
            receiver(sender, **what)
        except Exception:
            log.exception("a listener of %s failed for %s", signal.name, what.get("repository"))
