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
    wanted = of_every_answer(headers)

    def add(response: Response) -> Response:
        there = {name for name, _ in wanted if name in response.headers}
        for name, value in wanted:
            if name not in there:
                response.headers.add(name, value)
        return response

    app.after_request(add)


def of_every_answer(headers: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Give the headers of an answer that has none of them of its own.

    :param headers: the operator's; they replace those of ``SAFE``.
    """
    given = {name.lower() for name in headers}
    safe = {name: values for name, values in SAFE.items() if name.lower() not in given}
    return [(name, value) for name, values in {**headers, **safe}.items() for value in values]
