"""The commonest reads, answered without the framework.

Most of what a registry is asked is a manifest, or whether a blob is there, and what Flask does for
any request at all takes several times as long as finding that. So these are answered from the WSGI
environment alone, where nothing about them is out of the ordinary and nothing goes wrong; all
else is left to the application, which gives the same answer to the same request, header for header.

It is for storage on this machine, whose answers take microseconds: a server may have them made in
a thread that must not wait for a network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from docker_registry.api.content import MAX_AGE, OCTETS
from docker_registry.api.context import Context
from docker_registry.api.headers import of_every_answer
from docker_registry.auth import certificate
from docker_registry.auth.access import Access, OpenAccess
from docker_registry.auth.policy import Action
from docker_registry.errors import RegistryError, StorageError
from docker_registry.registry.manifest import DOCKER_LIST
from docker_registry.registry.names import Digest, RepositoryName, Tag, parse_reference

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

#: What these answers have of their own. If the operator sets one of them for all answers, what
#: becomes of both is for the application to find.
OWN = frozenset(
    {
        *("accept-ranges", "cache-control", "content-length", "content-type", "etag", "vary"),
        *("docker-content-digest", "docker-distribution-api-version"),
    }
)

_OK = f"{HTTPStatus.OK.value} {HTTPStatus.OK.phrase}"
_BEARER = "Bearer "


class Answer(NamedTuple):
    """An answer of status 200.

    :ivar body: empty for HEAD, whatever ``Content-Length`` says.
    """

    headers: Headers
    body: bytes
    status: str = _OK


class Express:
    """WSGI middleware that answers common reads itself, and leaves the rest to the application.

    :ivar application: what answers the rest.
    :ivar context: what is served.
    :param begin: is called before each answer, as the application does before each request.
    """

    def __init__(
        self, application: WSGIApplication, context: Context, begin: Callable[[], object]
    ) -> None:
        self.application = application
        self.context = context
        self._begin = begin
        settings = context.settings
        self._serves = context.registry.driver.is_near and not (
            OWN & {name.lower() for name in settings.response_headers}
        )
        self._path = re.compile(
            rf"{re.escape(settings.url_prefix)}/v2/"
            r"((?P<repository>[^/].*)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+))?"
        )
        self._common = [*of_every_answer(settings.response_headers), _API]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or have the application answer."""
        answer = self.answer(environ)
        if answer is None:
            return self.application(environ, start_response)
        start_response(answer.status, answer.headers)
        return [answer.body] if answer.body else []

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Give the answer to a common read, quickly; ``None`` for all that is for the application.

        That includes whatever ends in an error: to say what is wrong is the application's part.
        """
        if (
            not self._serves
            or environ["REQUEST_METHOD"] not in ("GET", "HEAD")
            or environ.get("QUERY_STRING")
            or environ.get("SCRIPT_NAME")
            or "HTTP_IF_NONE_MATCH" in environ
        ):
            return None
        match = self._path.fullmatch(environ["PATH_INFO"])
        if match is None:
            return None
        self._begin()
        try:
            return self._find(environ, match)
        except (RegistryError, StorageError):
            return None

    def _find(self, environ: WSGIEnvironment, asked: re.Match[str]) -> Answer | None:
        if asked["kind"] is None:
            return self._ping(environ["REQUEST_METHOD"])
        repository = RepositoryName.parse(asked["repository"])
        access = self._access(environ.get("HTTP_AUTHORIZATION"))
        if access is None or not access.may(Action.PULL, repository):
            return None
        find = self._manifest if asked["kind"] == "manifests" else self._blob
        return find(environ["REQUEST_METHOD"], repository, asked["reference"])

    def _ping(self, method: str) -> Answer | None:
        """Say that the API is here, where that doesn't depend on who is asking."""
        if self.context.authority is not None:
            return None
        headers = [("Content-Type", "application/json"), ("Content-Length", "2"), *self._common]
        return Answer(headers, b"{}" if method == "GET" else b"")

    def _access(self, authorization: str | None) -> Access | None:
        """Give what whoever is asking may do, if that is known at once."""
        authority = self.context.authority
        if authority is None:
            return _OPEN
        if authorization is None:
            by_certificate = certificate.METHOD in self.context.settings.auth
            return None if by_certificate else authority.access()
        if not authorization.startswith(_BEARER):
            return None
        return authority.recall_token(authorization.removeprefix(_BEARER))

    def _manifest(self, method: str, repository: RepositoryName, text: str) -> Answer | None:
        reference = parse_reference(text)
        manifest = self.context.registry.manifests.get(repository, reference)
        if isinstance(reference, Tag) and manifest.media_type == DOCKER_LIST:
            # Which image of it is wanted may depend on the client.
            return None
        headers = [
            ("Content-Type", manifest.media_type),
            ("Content-Length", str(len(manifest.content))),
            *_identify(manifest.digest),
            *self._common,
        ]
        if self.context.authority is not None:
            headers += [("Cache-Control", "private, no-cache"), ("Vary", "Authorization")]
        return Answer(headers, manifest.content if method == "GET" else b"")

    def _blob(self, method: str, repository: RepositoryName, text: str) -> Answer | None:
        if method != "HEAD" or self.context.settings.storage_redirect:
            return None
        digest = Digest.parse(text)
        size = self.context.registry.blobs.stat(repository, digest)
        headers = [
            ("Content-Type", OCTETS),
            ("Content-Length", str(size)),
            *_identify(digest),
            ("Accept-Ranges", "bytes"),
            *self._common,
        ]
        if self.context.authority is None:
            headers.append(("Cache-Control", f"max-age={MAX_AGE}"))
        else:
            headers.append(("Cache-Control", f"max-age={MAX_AGE}, private"))
            headers.append(("Vary", "Authorization"))
        return Answer(headers, b"")


_OPEN = OpenAccess()
_API = ("Docker-Distribution-API-Version", "registry/2.0")


def _identify(digest: Digest) -> Headers:
    return [("ETag", f'"{digest}"'), ("Docker-Content-Digest", digest)]
