"""Images of one registry, and the requests for them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from glanceclient import Client, exc

from docker_registry.drivers.glance.errors import glance_errors, status_error
from docker_registry.drivers.glance.naming import UPLOAD_TAG
from docker_registry.drivers.openstack import Cloud
from docker_registry.errors import PathNotFound, Unavailable

#: Properties that our images have: which registry's they are, what lies at which path, since when.
STORE, PATH, DIGEST, STAMP = (
    "docker_registry_store",
    "docker_registry_path",
    "docker_registry_digest",
    "docker_registry_stamp",
)
#: What Glance is told that an image is; 0.9 told it the same.
CONTAINER_FORMAT, DISK_FORMAT = "docker", "raw"

#: Changed to renew an image's modified time.
TOUCHED = "docker_registry_touched"

Image = Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Where a driver keeps its objects.

    :ivar name: of the registry, by which its images are told from those of others.
    :ivar url: of Glance, where the catalog's isn't the right one.
    :ivar backend: which of Glance's stores keeps the data.
    """

    cloud: Cloud
    name: str
    url: str | None = None
    visibility: str = "private"
    owner: str | None = None
    backend: str | None = None


class Images:
    """The images of a store. Safe for many threads; nothing is asked before it is needed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._client: tuple[int, Client] | None = None

    @property
    def client(self) -> Client:
        """The client of this process."""
        pid = os.getpid()
        if self._client is None or self._client[0] != pid:
            session = self.store.cloud.session
            self._client = (
                pid,
                Client(
                    "2",
                    session=session,
                    endpoint_override=self._endpoint(),
                    status_code_retries=self.store.cloud.patience.attempts - 1,
                    # Two changes of one image at a time: its database refuses one, as a 500.
                    retriable_status_codes=[500, 502, 503, 504],
                ),
            )
        return self._client[1]

    def at(self, path: str) -> list[Image]:
        """Give the whole images at a path, the one that counts first."""
        active = self._list({PATH: path, "status": "active"})
        found = [image for image in active if image[PATH] == path]
        return sorted(found, key=lambda image: str(image.get(STAMP, "")), reverse=True)

    def below(self, tag: str | None) -> Iterator[Image]:
        """Give the whole images that have a tag, or all."""
        filters: dict[str, Any] = {"status": "active"}
        if tag is not None:
            filters["tag"] = [tag]
        return (image for image in self._list(filters) if PATH in image)

    def unfinished(self) -> Iterator[Image]:
        """Give the images that are at no path, or not whole."""
        for image in self._list({}):
            if PATH not in image or image["status"] in ("queued", "saving", "uploading"):
                yield image

    def of_project(self) -> list[Image]:
        """Give the images of Docker that are our project's, whichever registry's they are."""
        return self._list_all({"container_format": CONTAINER_FORMAT, "disk_format": DISK_FORMAT})

    def get(self, image_id: str) -> Image:
        """Give an image by its id."""
        with glance_errors(f"image {image_id}"):
            found: Image = self.client.images.get(image_id)
            return found

    def create(self, name: str, tags: list[str], **properties: str) -> str:
        """Make an image without data, and give its id."""
        owner = {"owner": self.store.owner} if self.store.owner else {}
        with glance_errors(f"image {name}"):
            image = self.client.images.create(
                name=name,
                container_format=CONTAINER_FORMAT,
                disk_format=DISK_FORMAT,
                visibility=self.store.visibility,
                tags=tags or [UPLOAD_TAG],
                **{STORE: self.store.name, **properties, **owner},
            )
        return str(image["id"])

    def update(self, image_id: str, **changes: Any) -> None:
        """Change properties of an image."""
        with glance_errors(f"image {image_id}"):
            self.client.images.update(image_id, **changes)

    def delete(self, image_id: str) -> None:
        """Delete an image; it may be gone already."""
        with glance_errors(f"image {image_id}"):
            try:
                self.client.images.delete(image_id)
            except exc.HTTPException as error:
                # Of two deletes at once Glance answers one with 400: "from deleted to deleted".
                if error.code not in (404, 410) and "from deleted" not in str(error):
                    raise

    def upload(self, image_id: str, chunks: Iterable[bytes]) -> int:
        """Give an image its data, and the number of bytes.

        Glance's MD5 is compared, which it computes anyway and costs less than its SHA-512.
        """
        body = _Body(chunks)
        headers = {"Content-Type": "application/octet-stream"}
        if self.store.backend:
            headers["X-Image-Meta-Store"] = self.store.backend
        # Neither a new connection nor a new login may send what is left of the bytes as if it
        # were all: a login that is about to expire is renewed here.
        try:
            with glance_errors(f"data of image {image_id}"):
                self.store.cloud.session.get_token()
                answer = self._request(
                    "PUT", image_id, headers=headers, data=body, connect_retries=0
                )
        except Exception:
            body.complain()
            raise
        body.complain()
        if answer.status_code != 204:
            raise status_error(f"data of image {image_id}", answer.status_code, answer.text)
        stored = self.get(image_id)
        if stored["size"] != body.size or stored.get("checksum") not in (None, body.md5):
            raise Unavailable(f"image {image_id}: Glance has stored other bytes than it was sent")
        return body.size

    def open(self, image_id: str, first: int, last: int | None) -> requests.Response:
        """Ask for the data of an image, or a range of it, as a stream."""
        headers = {} if first == 0 and last is None else {"Range": f"bytes={first}-{last or ''}"}
        with glance_errors(f"data of image {image_id}"):
            answer = self._request("GET", image_id, headers=headers, stream=True)
        if answer.status_code in (200, 206):
            return answer
        text = answer.text
        answer.close()
        if answer.status_code == 400 and headers:
            # Glance over Swift knows no ranges: all of it comes, and the reader skips.
            return self.open(image_id, 0, None)
        if answer.status_code == 204:
            raise PathNotFound(f"image {image_id} has no data")
        raise status_error(f"data of image {image_id}", answer.status_code, text)

    def _request(self, method: str, image_id: str, **options: Any) -> requests.Response:
        answer: requests.Response = self.store.cloud.session.request(
            f"{self._endpoint()}/v2/images/{image_id}/file",
            method,
            raise_exc=False,
            authenticated=True,
            **options,
        )
        return answer

    def _list(self, filters: dict[str, Any]) -> list[Image]:
        # MySQL takes values for the same that differ in case, or in blanks at their end.
        found = self._list_all({STORE: self.store.name, **filters})
        return [image for image in found if image[STORE] == self.store.name]

    def _list_all(self, filters: dict[str, Any]) -> list[Image]:
        where = f"images of {self.store.name}"
        try:
            with glance_errors(where):
                # Another project may make an image public that looks like one of ours.
                owner = self.store.owner or self.store.cloud.session.get_project_id()
                return list(self.client.images.list(filters={"owner": owner, **filters}))
        except PathNotFound as error:
            raise Unavailable(f"{where}: no Glance there, check OS_GLANCE_URL: {error}") from error

    def _endpoint(self) -> str:
        return self.store.cloud.endpoint("image", self.store.url).removesuffix("/v2")


class _Body:
    """Bytes on their way, once: counted, hashed, and with what their source raised."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.size = 0
        self._chunks: Iterable[bytes] | None = chunks
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        chunks, self._chunks = self._chunks, None
        if chunks is None:
            raise Unavailable("the bytes can't be sent a second time")
        try:
            for chunk in chunks:
                # An empty chunk would end the transfer.
                if chunk:
                    self._md5.update(chunk)
                    self.size += len(chunk)
                    yield chunk
        except Exception as error:
            self._failure = error
            raise

    @property
    def md5(self) -> str:
        """Of all bytes so far."""
        return self._md5.hexdigest()

    def complain(self) -> None:
        """Raise what the source raised, as it was."""
        if self._failure is not None:
            raise self._failure


def modified(image: Image) -> float:
    """Give when an image was last changed, in seconds since the epoch."""
    return _seconds(image["updated_at"])


def stamp() -> str:
    """Give a text that is greater than every earlier one."""
    return f"{time.time_ns():020}"


def stamp_of(image: Image) -> str:
    """Give the stamp of when an image was made, whoever made it."""
    return f"{int(_seconds(image['created_at'])) * 1_000_000_000:020}"


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).astimezone(UTC).timestamp()
