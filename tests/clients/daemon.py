"""What the Docker daemon 1.x did with a V1 registry: the same calls, in the same order.

Nobody packages such a daemon any more, so this is one of our own: the requests are those of
``registry/session.go`` and ``graph/push.go``, ``graph/pull.go`` of Docker 1.5, those for logging in
of ``registry/auth.go``.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import requests

from tests.images import noise, tar_of

AGENT = "docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.16.0-4-amd64 os/linux arch/amd64"
TIMEOUT = 60
JSON = {"Content-type": "application/json"}


class Refused(Exception):
    """An answer that the daemon would have shown to its user as an error."""

    def __init__(self, response: requests.Response) -> None:
        request = response.request
        super().__init__(
            f"{request.method} {request.url}: {response.status_code} {response.text[:500]}"
        )
        self.status = response.status_code


@dataclass(frozen=True)
class Layer:
    """An image of one layer, on top of others.

    :ivar document: its JSON, as a daemon writes it.
    """

    id: str
    document: bytes
    tar: bytes

    @classmethod
    def make(cls, name: str, parent: str | None = None, size: int = 100_000) -> Layer:
        image = hashlib.sha256(name.encode()).hexdigest()
        document: dict[str, Any] = {
            "id": image,
            **({"parent": parent} if parent else {}),
            "created": "2015-02-10T23:11:35.123456789Z",
            "container_config": {"Cmd": ["/bin/sh", "-c", f"#(nop) ADD {name} in /"]},
            "docker_version": "1.5.0",
            "config": {"Cmd": ["/bin/sh"]},
            "architecture": "amd64",
            "os": "linux",
            "Size": size,
        }
        tar = tar_of({name: noise(name, size)})
        return cls(image, json.dumps(document).encode(), tar)

    @property
    def checksum(self) -> str:
        return "sha256:" + hashlib.sha256(self.document + b"\n" + self.tar).hexdigest()


def chain(*names: str, size: int = 100_000) -> list[Layer]:
    """Make images, each on top of the one before it."""
    layers: list[Layer] = []
    for name in names:
        layers.append(Layer.make(name, layers[-1].id if layers else None, size))
    return layers


@dataclass
class Index:
    """What the index side of a registry said: where to go, and with which token."""

    url: str
    token: str
    images: list[dict[str, str]] = field(default_factory=list)


class Daemon:
    """A daemon and its connection to one registry.

    :param login: user and password; none are what it sends without ``docker login``.
    :param always: whether it sends them with each request, as it does over TLS; else only where it
        wants a token, and then the token.
    :ivar pushed: ids of images that it had to push, since the registry had not got them.
    """

    def __init__(self, url: str, login: tuple[str, str] = ("", ""), always: bool = False) -> None:
        self.url = url
        self.login = login
        self.always = always
        self.pushed: list[str] = []
        self.session = requests.Session()
        self.session.headers["User-Agent"] = AGENT

    def __enter__(self) -> Self:
        ping = self._ask("GET", f"{self.url}/v1/_ping", 200)
        assert ping.headers["X-Docker-Registry-Standalone"].lower() == "true"
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def log_in(self) -> str:
        """``docker login``: give what it says to the user."""
        user, password = self.login
        account = {"username": user, "password": password, "email": "a@example.com"}
        answer = self._send("POST", f"{self.url}/v1/users/", json=account)
        if answer.status_code == 201:
            return "Account created"
        if answer.status_code == 400 and answer.text != '"Username or email already exists"':
            return f"Registration: {answer.text}"
        if answer.status_code not in (400, 401):
            return f"Unexpected status code [{answer.status_code}]"
        known = self._send("GET", f"{self.url}/v1/users/", auth=self.login)
        return {200: "Login Succeeded", 401: "Wrong login/password, please try again"}.get(
            known.status_code, f"Login: {known.text} (Code: {known.status_code})"
        )

    def push(self, repository: str, layers: list[Layer], *tags: str) -> None:
        """``docker push``: what the registry has not got, then the tags of the last image."""
        listed = [{"id": layer.id} for layer in layers]
        listed[-1]["Tag"] = tags[0]
        index = self._index("PUT", f"{repository}/", listed)
        for layer in layers:
            if not self._has(index, layer):
                self._push(index, layer)
        for tag in tags:
            self._tag(index, repository, layers[-1], tag)
        summed = [{"id": layer.id, "checksum": layer.checksum} for layer in layers]
        final = f"{self.url}/v1/repositories/{repository}/images"
        headers = {**JSON, "X-Docker-Token": "true", "X-Docker-Endpoints": index.url}
        self._ask("PUT", final, 204, data=json.dumps(summed), headers=headers, auth=self._auth())

    def pull(self, repository: str, tag: str = "latest") -> list[Layer]:
        """``docker pull``: the images of a tag, the base first."""
        index = self._index("GET", f"{repository}/images")
        tags = self._get(index, f"repositories/{repository}/tags").json()
        ancestry = self._get(index, f"images/{tags[tag]}/ancestry").json()
        assert ancestry[0] == tags[tag]
        return [self._pull(index, image) for image in reversed(ancestry)]

    def begin_layer(self, layer: Layer) -> None:
        """Push the JSON of an image, and no more."""
        index = Index(f"{self.url}/v1", "")
        self._ask("PUT", self._image(index, layer, "json"), 200, data=layer.document)

    def put_tag(self, repository: str, layer: Layer, tag: str) -> None:
        """Point a tag to an image, whatever else was pushed."""
        self._tag(Index(f"{self.url}/v1", ""), repository, layer, tag)

    def _has(self, index: Index, layer: Layer) -> bool:
        address = self._image(index, layer, "json")
        return self._send("GET", address, headers=self._of(index)).status_code == 200

    def _push(self, index: Index, layer: Layer) -> None:
        headers = self._of(index)
        answer = self._send(
            "PUT",
            self._image(index, layer, "json"),
            data=layer.document,
            headers={**headers, "X-Docker-Checksum-Payload": layer.checksum},
        )
        if answer.status_code == 409 and answer.json()["error"] == "Image already exists":
            return
        if answer.status_code != 200:
            raise Refused(answer)
        self._ask(
            "PUT",
            self._image(index, layer, "layer"),
            200,
            # Without a length: it goes out in chunks.
            data=_pieces(layer.tar),
            headers={**headers, "Content-Type": "application/octet-stream"},
        )
        tarsum = "tarsum+sha256:" + "0" * 64  # Docker 1.x sends one, and nobody looks at it.
        sums = {"X-Docker-Checksum": tarsum, "X-Docker-Checksum-Payload": layer.checksum}
        self._ask("PUT", self._image(index, layer, "checksum"), 200, headers={**headers, **sums})
        self.pushed.append(layer.id)

    def _tag(self, index: Index, repository: str, layer: Layer, tag: str) -> None:
        address = f"{index.url}/repositories/{repository}/tags/{tag}"
        self._ask("PUT", address, 200, data=json.dumps(layer.id), headers=self._of(index))

    def _pull(self, index: Index, image: str) -> Layer:
        document = self._get(index, f"images/{image}/json")
        layer = self._get(index, f"images/{image}/layer")
        assert int(document.headers["X-Docker-Size"]) == len(layer.content)
        # A download that breaks off is gone on with.
        assert layer.headers["Accept-Ranges"] == "bytes"
        half = len(layer.content) // 2
        headers = {**self._of(index), "Range": f"bytes={half}-"}
        address = f"{index.url}/images/{image}/layer"
        rest = self._ask("GET", address, 206, headers=headers)
        assert layer.content[half:] == rest.content
        pulled = Layer(image, document.content, layer.content)
        assert document.headers["X-Docker-Checksum-Payload"] == pulled.checksum
        return pulled

    def _index(self, method: str, path: str, body: Any = None) -> Index:
        answer = self._ask(
            method,
            f"{self.url}/v1/repositories/{path}",
            200,
            data=None if body is None else json.dumps(body),
            headers={**JSON, "X-Docker-Token": "true"},
            auth=self._auth(),
        )
        endpoint = answer.headers["X-Docker-Endpoints"].split(",")[0].strip()
        images = answer.json() if method == "GET" else []
        return Index(f"http://{endpoint}/v1", answer.headers["X-Docker-Token"], images)

    def _get(self, index: Index, path: str) -> requests.Response:
        return self._ask("GET", f"{index.url}/{path}", 200, headers=self._of(index))

    def _ask(self, method: str, url: str, status: int, **options: Any) -> requests.Response:
        answer = self._send(method, url, **options)
        if answer.status_code != status:
            # The registry may have left the body unread: no other request can follow it.
            self.session.close()
            raise Refused(answer)
        return answer

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        return self.session.request(method, url, timeout=TIMEOUT, **options)

    def _auth(self) -> tuple[str, str] | None:
        return self.login if self.always or self.login[0] else None

    def _of(self, index: Index) -> dict[str, str]:
        if self.always:
            pair = b64encode(":".join(self.login).encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {"Authorization": index.token}

    def _image(self, index: Index, layer: Layer, what: str) -> str:
        return f"{index.url}/images/{layer.id}/{what}"


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 32_768):
        yield data[start : start + 32_768]
