"""A client that pushes in every way, and checks of what a registry shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Self

import requests

from tests.images import CONFIG, LAYER, MANIFEST, digest_of

#: How long any answer may take, in seconds: a test that waits longer has found a hang.
TIMEOUT = 30

OCTETS = {"Content-Type": "application/octet-stream"}


class Client:
    """A client of one repository, with a connection of its own: one for each thread.

    What it does gives the last response, whatever its status: the final one, or the first that
    is not what the next step needs.
    """

    def __init__(self, url: str, repository: str = "team/app") -> None:
        self.url = url
        self.repository = repository
        self.session = requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request; a path without a slash at its start lies in the repository."""
        if not path.startswith(("/", "http:")):
            path = f"/v2/{self.repository}/{path}"
        url = path if path.startswith("http:") else self.url + path
        return self.session.request(method, url, timeout=TIMEOUT, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def delete(self, path: str) -> requests.Response:
        return self.request("DELETE", path)

    def start(self) -> requests.Response:
        """Begin an upload session."""
        return self.request("POST", "blobs/uploads/")

    def patch(self, location: str, data: bytes, offset: int | None = None) -> requests.Response:
        """Add bytes to a session, at ``offset`` if it is given."""
        headers = dict(OCTETS)
        if offset is not None and data:
            headers["Content-Range"] = f"{offset}-{offset + len(data) - 1}"
        return self.request("PATCH", location, data=data, headers=headers)

    def finish(self, location: str, digest: str, data: bytes = b"") -> requests.Response:
        """Add the last bytes to a session, and make it a blob."""
        return self.request("PUT", location, params={"digest": digest}, data=data, headers=OCTETS)

    def post(self, data: bytes) -> requests.Response:
        """Push a blob in one request."""
        return self.request(
            "POST", "blobs/uploads/", params={"digest": digest_of(data)}, data=data, headers=OCTETS
        )

    def post_put(self, data: bytes) -> requests.Response:
        """Push a blob in two requests."""
        started = self.start()
        if started.status_code != 202:
            return started
        return self.finish(started.headers["Location"], digest_of(data), data)

    def stream(self, data: bytes) -> requests.Response:
        """Push a blob as docker does: one PATCH whose length isn't announced, and a PUT."""
        started = self.start()
        if started.status_code != 202:
            return started
        grown = self.request(
            "PATCH", started.headers["Location"], data=pieces(data, 16_384), headers=OCTETS
        )
        if grown.status_code != 202:
            return grown
        return self.finish(grown.headers["Location"], digest_of(data))

    def chunks(self, data: bytes) -> requests.Response:
        """Push a blob in three chunks with their offsets, the last one in the PUT."""
        third = max(len(data) // 3, 1)
        answer = self.start()
        for offset in (0, third):
            if answer.status_code != 202:
                return answer
            part = data[offset : offset + third]
            answer = self.patch(answer.headers["Location"], part, offset)
        if answer.status_code != 202:
            return answer
        return self.finish(answer.headers["Location"], digest_of(data), data[2 * third :])

    def ways(self) -> tuple[Callable[[bytes], requests.Response], ...]:
        """Give every way to push a blob."""
        return (self.post, self.post_put, self.stream, self.chunks)

    def mount(self, digest: str, source: str) -> requests.Response:
        """Ask for a blob of another repository."""
        return self.request("POST", "blobs/uploads/", params={"mount": digest, "from": source})

    def put_manifest(self, content: bytes, reference: str | None = None) -> requests.Response:
        """Push a manifest by tag, or by its digest."""
        return self.request(
            "PUT",
            f"manifests/{reference or digest_of(content)}",
            data=content,
            headers={"Content-Type": MANIFEST},
        )

    def push_image(self, layer: bytes, tag: str) -> requests.Response:
        """Push an image of one layer, all of it."""
        for blob in (b"{}", layer):
            pushed = self.post(blob)
            if pushed.status_code != 201:
                return pushed
        return self.put_manifest(manifest_of(layer), tag)

    def tags(self) -> list[str]:
        """Give the tags; none when there is no such repository."""
        answer = self.get("tags/list")
        assert answer.status_code in (200, 404), answer.text
        return answer.json()["tags"] if answer.status_code == 200 else []

    def digest_at(self, path: str) -> str | None:
        """Give the digest of what is at a path of the repository, from its bytes; or ``None``.

        Whatever is there must be whole: HEAD and GET agree, and the content is what the header
        says.
        """
        described = self.request("HEAD", path)
        answer = self.get(path)
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        promised = answer.headers["Docker-Content-Digest"]
        assert digest_of(answer.content) == promised, path
        if described.status_code == 200 and described.headers["Docker-Content-Digest"] == promised:
            assert int(described.headers["Content-Length"]) == len(answer.content), path
        return promised


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Give bytes in pieces, which makes requests send them chunked."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def manifest_of(layer: bytes, name: str = "") -> bytes:
    """Give the manifest of an image of one layer; a name makes it another one."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(b"{}"), "size": 2},
        "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": len(layer)}],
        "annotations": {"name": name},
    }
    return json.dumps(document).encode()


def error_codes(answer: requests.Response) -> list[str]:
    """Give the codes of a registry error body, which must be one."""
    assert answer.headers["Content-Type"] == "application/json", answer.text
    errors = answer.json()["errors"]
    assert errors
    assert all(error["code"] and error["message"] for error in errors)
    return [error["code"] for error in errors]


def check_repository(client: Client) -> dict[str, str]:
    """Check that each listed tag leads to a whole image; give the digests by tag."""
    found = {}
    for tag in client.tags():
        digest = client.digest_at(f"manifests/{tag}")
        assert digest is not None, f"{client.repository}:{tag} is listed, but not there"
        assert client.digest_at(f"manifests/{digest}") == digest
        document = client.get(f"manifests/{digest}").json()
        for blob in (document["config"], *document["layers"]):
            assert client.digest_at(f"blobs/{blob['digest']}") == blob["digest"], (tag, blob)
        found[tag] = digest
    return found


def check_registry(url: str) -> dict[str, dict[str, str]]:
    """Check every repository of the catalog; give the digests by repository and tag."""
    found = {}
    with Client(url) as client:
        names = client.get("/v2/_catalog").json()["repositories"]
        for name in names:
            client.repository = name
            assert client.get("tags/list").status_code == 200, f"{name} is listed, but not there"
            found[name] = check_repository(client)
    return found


def files_below(directory: Any) -> Iterator[Any]:
    """Give all files below a directory."""
    return (path for path in directory.rglob("*") if path.is_file())


def check_store(store: Any) -> None:
    """Check the files of a store that no one changes: each blob is whole, each link is one."""
    root = store / "docker/registry/v2"
    for path in files_below(root):
        inside = path.relative_to(root)
        if inside.parts[0] == "blobs":
            algorithm, digest = inside.parts[1], inside.parts[3]
            assert inside.name == "data", inside
            assert hashlib.new(algorithm, path.read_bytes()).hexdigest() == digest, inside
        elif "_uploads" not in inside.parts:
            algorithm, _, digest = path.read_text().partition(":")
            assert len(digest) == {"sha256": 64, "sha512": 128}[algorithm], inside
            blob = root / "blobs" / algorithm / digest[:2] / digest / "data"
            assert blob.is_file(), f"{inside} leads nowhere"


def together(*jobs: Callable[[], Any]) -> list[Any]:
    """Run jobs at the same time; give what they return, or raise what one of them raises."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        start.wait(TIMEOUT)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]
