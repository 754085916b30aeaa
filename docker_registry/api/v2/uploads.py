"""Blob uploads: in one request, in two, in chunks, by mounting; their status and their end.

OCI distribution specification 1.1, "Pushing blobs" (end-4, end-5, end-6, end-11, end-13) and the
upload cancel of its main branch (end-14).
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus

from flask import Blueprint, Response, request

from docker_registry.api.access import access
from docker_registry.api.body import body_chunks
from docker_registry.api.context import context
from docker_registry.api.errors import error_response
from docker_registry.api.responses import EmptyResponse
from docker_registry.api.v2.urls import blob_url, upload_url
from docker_registry.auth.policy import Action
from docker_registry.errors import (
    BlobUploadInvalid,
    DigestInvalid,
    RangeInvalid,
    SizeInvalid,
    Unavailable,
)
from docker_registry.registry.names import (
    CANONICAL,
    Digest,
    RepositoryName,
    UploadId,
    parse_algorithm,
)
from docker_registry.registry.upload_session import UploadSession

log = logging.getLogger(__name__)

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,19})-(\d{1,19})(?:/(?:\d{1,19}|\*))?")


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    start = "/<path:repository>/blobs/uploads/"
    blueprint.add_url_rule(start, view_func=start_upload, methods=["POST"])
    session = f"{start}<upload>"
    blueprint.add_url_rule(session, view_func=get_upload)
    blueprint.add_url_rule(session, view_func=append_to_upload, methods=["PATCH"])
    blueprint.add_url_rule(session, view_func=finish_upload, methods=["PUT"])
    blueprint.add_url_rule(session, view_func=cancel_upload, methods=["DELETE"])


def start_upload(repository: RepositoryName) -> Response:
    """Mount a blob, take one whole, or begin a session."""
    registry = context().registry
    if "mount" in request.args:
        digest = Digest.parse(request.args["mount"])
        source = request.args.get("from")
        if _mount(RepositoryName.parse(source) if source else None, repository, digest):
            return _created(repository, digest)
    elif "digest" in request.args:
        digest = Digest.parse(request.args["digest"])
        registry.uploads.push(repository, digest, body_chunks())
        return _created(repository, digest)
    algorithm = parse_algorithm(request.args.get("digest-algorithm", CANONICAL))
    session = registry.uploads.start(repository, algorithm, access().identity.key)
    return _progress(session, HTTPStatus.ACCEPTED)


def get_upload(repository: RepositoryName, upload: UploadId) -> Response:
    """Say how far a session has come."""
    return _progress(_session(repository, upload), HTTPStatus.NO_CONTENT)


def append_to_upload(repository: RepositoryName, upload: UploadId) -> Response:
    """Add the body to a session."""
    uploads = context().registry.uploads
    session = _session(repository, upload)
    try:
        grown = uploads.append(session, body_chunks(), _offset())
    except RangeInvalid as error:
        return _wrong_offset(error, session)
    return _progress(grown, HTTPStatus.ACCEPTED)


def finish_upload(repository: RepositoryName, upload: UploadId) -> Response:
    """Add the body, which may be empty, and make the session a blob."""
    if "digest" not in request.args:
        raise DigestInvalid("the parameter 'digest' is missing: it names what was uploaded")
    digest = Digest.parse(request.args["digest"])
    uploads = context().registry.uploads
    session = _session(repository, upload)
    try:
        uploads.finish(session, digest, body_chunks(), _offset())
    except RangeInvalid as error:
        return _wrong_offset(error, session)
    return _created(repository, digest)


def cancel_upload(repository: RepositoryName, upload: UploadId) -> Response:
    """Drop a session."""
    context().registry.uploads.cancel(_session(repository, upload))
    return EmptyResponse(status=HTTPStatus.NO_CONTENT)


def _session(repository: RepositoryName, upload: UploadId) -> UploadSession:
    owner = access().identity.key
    return context().registry.uploads.get_own(repository, upload, owner)


def _mount(source: RepositoryName | None, target: RepositoryName, digest: Digest) -> bool:
    if not _may_pull(source):
        # As if there were no such blob. The store isn't asked, so time tells nothing either.
        return False
    try:
        return context().registry.blobs.mount(source, target, digest)
    except Unavailable as error:
        # The blob may be where nobody can be asked now: the client can still upload it.
        log.warning("%s is not mounted: %s", digest, error)
        return False


def _may_pull(source: RepositoryName | None) -> bool:
    if source is None:
        # A token that is for lists is not for what is listed.
        return access().may_everywhere(Action.PULL)
    return access().may(Action.PULL, source)


def _offset() -> int | None:
    """Give where the client means the body to begin, or ``None`` when it doesn't say.

    The specification writes ``Content-Range: <start>-<end>``; the unit and the total of RFC 9110
    are understood as well, since some clients send them.
    """
    header = request.headers.get("Content-Range")
    if header is None:
        return None
    match = _CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        raise BlobUploadInvalid(
            "Content-Range must be <first byte>-<last byte> of the upload",
            {"Content-Range": header[:64]},
        )
    first, last = int(match[1]), int(match[2])
    length = request.content_length
    if length and length != last - first + 1:
        raise SizeInvalid(
            "Content-Range and Content-Length do not agree",
            {"Content-Range": header[:64], "Content-Length": length},
        )
    return first


def _created(repository: RepositoryName, digest: Digest) -> Response:
    headers = {"Location": blob_url(repository, digest), "Docker-Content-Digest": digest}
    return EmptyResponse(status=HTTPStatus.CREATED, headers=headers)


def _progress(session: UploadSession, status: HTTPStatus) -> Response:
    return _locate(EmptyResponse(status=status.value), session)


def _wrong_offset(error: RangeInvalid, session: UploadSession) -> Response:
    return _locate(error_response(error), session)


def _locate(response: Response, session: UploadSession) -> Response:
    response.headers["Location"] = upload_url(session.repository, session.id)
    # Of no bytes at all it says 0-0, as Distribution does and clients expect.
    response.headers["Range"] = f"0-{max(session.offset - 1, 0)}"
    response.headers["Docker-Upload-UUID"] = session.id
    return response
