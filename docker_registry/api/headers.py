"""Headers of every answer: those that the operator wants, and those that keep browsers from harm.

Clients of a registry don't look at the latter. But whoever may push chooses what is in a blob, and
somebody may open its address in a browser that is logged in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Flask, Response

#: Nothing is guessed to be a page; and what is shown as one may load, run and send nothing, and
#: isn't shown within another (Content Security Policy 3).
SAFE = {
    "X-Content-Type-Options": ["nosniff"],
    "Content-Security-Policy": ["default-src 'none'; frame-ancestors 'none'; sandbox"],
}


def install(app: Flask, headers: Mapping[str, Sequence[str]]) -> None:
    """Add headers to each answer of an application that doesn't have them anyway.

    :param headers: the operator's; they replace those of ``SAFE``.
    """
    given = {name.lower() for name in headers}
    wanted = {name: values for name, values in SAFE.items() if name.lower() not in given}

    def add(response: Response) -> Response:
        for name, values in (*headers.items(), *wanted.items()):
            if name not in response.headers:
                for value in values:
                    response.headers.add(name, value)
        return response

    app.after_request(add)
