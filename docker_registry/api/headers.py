"""Headers that the operator wants on every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Flask, Response


def install(app: Flask, headers: Mapping[str, Sequence[str]]) -> None:
    """Add headers to each answer of an application that doesn't have them anyway."""

    def add(response: Response) -> Response:
        for name, values in headers.items():
            if name not in response.headers:
                for value in values:
                    response.headers.add(name, value)
        return response

    if headers:
        app.after_request(add)
