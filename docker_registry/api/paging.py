"""Pages of names: ``n``, ``last`` and the ``Link`` header.

OCI distribution specification 1.1, "Listing Tags"; RFC 8288 for ``Link``.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

from docker_registry.errors import PaginationNumberInvalid


def page_size(most: int) -> int:
    """Give how many entries the client wants, at most ``most``, which is also the default.

    :raises PaginationNumberInvalid: ``n`` is not a number of entries.
    """
    text = request.args.get("n")
    if text is None or text == "":
        return most
    if not (text.isascii() and text.isdigit()):
        raise PaginationNumberInvalid(
            f"n is how many entries to give, from 0 to {most}", {"n": text[:64]}
        )
    # A number of more digits than this is more than any page; int() would refuse 4,300 digits.
    return min(int(text[:19]), most)


def next_page(last: str, size: int) -> str:
    """Give the ``Link`` header that leads to the page behind ``last``.

    Other parameters of the request are kept. The address is relative to the server, so that it
    is right behind any proxy.
    """
    kept = [
        (key, value) for key, value in request.args.items(multi=True) if key not in ("n", "last")
    ]
    query = urlencode([*kept, ("last", last), ("n", str(size))])
    return f'<{request.path}?{query}>; rel="next"'
