"""How errors are answered: one table of statuses, one body.

The body is the registry error JSON (OCI distribution specification 1.1, "Error Codes")::

    {"errors": [{"code": "…", "message": "…", "detail": …}]}

V1's clients read ``error``, which answers to V1 have as well::

    {"error": "…", "errors": […]}
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from docker_registry import errors
from docker_registry.api.challenge import challenge
from docker_registry.api.context import context
from docker_registry.legacy import errors as legacy

log = logging.getLogger(__name__)

#: Each registry error and its HTTP status: 404 where what was named is not there (the
#: specification's table for MANIFEST_BLOB_UNKNOWN too), 400 where the request itself is wrong.
STATUS: dict[type[errors.RegistryError], HTTPStatus] = {
    errors.BlobUnknown: HTTPStatus.NOT_FOUND,
    errors.BlobUploadInvalid: HTTPStatus.BAD_REQUEST,
    errors.BlobUploadUnknown: HTTPStatus.NOT_FOUND,
    errors.Denied: HTTPStatus.FORBIDDEN,
    # Clients get another token, and try again (Distribution's token specification).
    errors.InsufficientScope: HTTPStatus.UNAUTHORIZED,
    errors.DigestInvalid: HTTPStatus.BAD_REQUEST,
    errors.IdentityUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ManifestBlobUnknown: HTTPStatus.NOT_FOUND,
    errors.ManifestInvalid: HTTPStatus.BAD_REQUEST,
    errors.ManifestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.ManifestUnknown: HTTPStatus.NOT_FOUND,
    errors.NameInvalid: HTTPStatus.BAD_REQUEST,
    errors.NameUnknown: HTTPStatus.NOT_FOUND,
    errors.PaginationNumberInvalid: HTTPStatus.BAD_REQUEST,
    errors.RangeInvalid: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.SizeInvalid: HTTPStatus.BAD_REQUEST,
    errors.TagInvalid: HTTPStatus.BAD_REQUEST,
    errors.TagWrittenOnce: HTTPStatus.FORBIDDEN,
    errors.TokenInvalid: HTTPStatus.UNAUTHORIZED,
    errors.TokenRequestInvalid: HTTPStatus.BAD_REQUEST,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.Unsupported: HTTPStatus.METHOD_NOT_ALLOWED,
    # What 0.9 said, as far as its clients can go on by it.
    legacy.BodyInvalid: HTTPStatus.BAD_REQUEST,
    legacy.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    legacy.ChecksumInvalid: HTTPStatus.BAD_REQUEST,
    legacy.ChecksumMissing: HTTPStatus.PRECONDITION_FAILED,
    legacy.ImageDamaged: HTTPStatus.CONFLICT,
    legacy.ImageExists: HTTPStatus.CONFLICT,
    legacy.ImageIdInvalid: HTTPStatus.NOT_FOUND,
    legacy.ImageInvalid: HTTPStatus.BAD_REQUEST,
    legacy.ImageTaken: HTTPStatus.CONFLICT,
    legacy.ImageUnfinished: HTTPStatus.BAD_REQUEST,
    legacy.ImageUnknown: HTTPStatus.NOT_FOUND,
    legacy.LayerUnreadable: HTTPStatus.BAD_REQUEST,
    legacy.PushRefused: HTTPStatus.BAD_REQUEST,
    legacy.RepositoryInvalid: HTTPStatus.BAD_REQUEST,
    legacy.RepositoryUnknown: HTTPStatus.NOT_FOUND,
    legacy.TagInvalid: HTTPStatus.BAD_REQUEST,
    legacy.TagUnknown: HTTPStatus.NOT_FOUND,
}

#: Headers of V1's answers that are not to be cached, as 0.9 sent them.
UNCACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}

_V1_PATHS = ("/", "/_ping", "/_status")

#: What a client should wait before it asks again, in seconds, when a backend is down.
RETRY_AFTER = 5


def error_response(error: errors.RegistryError) -> Response:
    """Give the answer to a registry error."""
    response = _answer(STATUS[type(error)], error.entries())
    if isinstance(error, errors.Unauthorized | errors.InsufficientScope):
        response.headers["WWW-Authenticate"] = challenge(error)
    elif isinstance(error, errors.TooManyRequests):
        response.headers["Retry-After"] = str(error.seconds)
    elif isinstance(error, errors.IdentityUnavailable):
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def register(app: Flask) -> None:
    """Answer every error of an application in this way."""
    app.register_error_handler(errors.RegistryError, error_response)
    app.register_error_handler(errors.StorageError, _storage_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _storage_error(error: errors.StorageError) -> Response:
    log.error("storage: %s %s: %r", request.method, request.path, error)
    if isinstance(error, errors.QuotaExceeded):
        return _answer(
            HTTPStatus.INSUFFICIENT_STORAGE,
            [_entry("UNAVAILABLE", "the storage of the registry has no room left")],
        )
    response = _answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        [_entry("UNAVAILABLE", "the storage of the registry can't be used now: try again later")],
    )
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _http_error(error: HTTPException) -> BaseResponse:
    """Answer what the framework refuses: unknown routes, wrong methods, unreadable requests."""
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response(request.environ)
    code = "UNSUPPORTED" if error.code in (404, 405) else "UNKNOWN"
    message = {
        404: "there is no such endpoint",
        405: f"{request.method} is not something this endpoint does",
    }.get(error.code, error.description or error.name)
    response = _answer(HTTPStatus(error.code), [_entry(code, message)])
    for name, value in error.get_headers(request.environ):
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        [_entry("UNKNOWN", "the registry failed: its log says more")],
    )


def _entry(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "detail": None}


def _answer(status: HTTPStatus, entries: list[dict[str, Any]]) -> Response:
    document: dict[str, Any] = {"errors": entries}
    path = request.path.removeprefix(context().settings.url_prefix)
    legacy_client = path.startswith("/v1/") or path in _V1_PATHS
    if legacy_client:
        document["error"] = entries[0]["message"]
    response = Response(json.dumps(document), status=status.value, mimetype="application/json")
    if legacy_client:
        response.headers.update(UNCACHED)
    return response
