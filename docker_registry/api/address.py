"""Where a request comes from, by what trusted proxies say (see ``proxies``)."""

from __future__ import annotations

from flask import request

from docker_registry.api.proxies import BY_PROXY


def client_address() -> str:
    """Give the IP address of the client; empty if all that is known is a socket of this machine."""
    return request.remote_addr or ""


def is_by_proxy() -> bool:
    """Tell whether a trusted proxy has sent the request, so that its headers can be believed."""
    return BY_PROXY in request.environ
