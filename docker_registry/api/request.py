"""Requests as the views see them."""

from __future__ import annotations

import flask
from werkzeug.datastructures import Authorization


class Request(flask.Request):
    """A request in which ``Authorization`` may hold anything."""

    @property
    def authorization(self) -> Authorization | None:
        """Give the credentials; ``None`` where there are none, or none that can be read."""
        try:
            return super().authorization
        except ValueError:
            # Werkzeug raises it for Basic with what is no ASCII.
            return None
