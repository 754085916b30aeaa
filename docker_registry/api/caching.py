"""Who may keep an answer: where there is authentication, nobody but the one who asked.

A cache on the way, or one that several users share, would give what was pulled by one to all
(RFC 9111, sections 3.5 and 5.2.2.7): also to those whose requests never come here.
"""

from __future__ import annotations

from flask import Flask, Response, request

from docker_registry.api.context import context
from docker_registry.api.requirements import REQUIREMENTS, Open


def install(app: Flask) -> None:
    """Have an application's answers kept by nobody else, if it has authentication."""
    app.after_request(_keep_private)


def _keep_private(response: Response) -> Response:
    needed = REQUIREMENTS.get(request.endpoint or "")
    if context().authority is None or isinstance(needed, Open):
        return response
    rule = response.cache_control
    rule.public = False
    rule.private = True
    if rule.max_age is None and not rule.no_store:
        # Else an answer may be kept that doesn't say how long, such as a 404 (section 4.2.2).
        rule.no_cache = True
    response.vary.add("Authorization")
    return response
