"""A stub of Google Cloud Storage that is as strict as the service where its emulator is not.

It gives listings in pages, answers 416, keeps generations, limits compositions, takes the chunks of
a resumable upload in order only, and checks V4 signatures. Objects are in memory.

https://cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import logging
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import google_crc32c
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

COMPOSE = 32
GRANULE = 256 * 1024


@dataclass
class StoredObject:
    data: bytes
    generation: int
    updated: float
    metadata: dict[str, str] = field(default_factory=dict)


class GcsStub:
    """The state of the stub.

    :ivar url: its endpoint.
    :ivar page: names that one page of a listing has at most.
    :ivar calls: method and path of each request so far.
    :ivar signer: whose signatures are taken.
    """

    def __init__(self) -> None:
        self.url = ""
        self.page = 1000
        self.signer: RSAPublicKey | None = None
        self.buckets: dict[str, dict[str, StoredObject]] = {}
        self.calls: list[str] = []
        self.sessions: dict[str, tuple[str, str, bytearray]] = {}
        self.lock = threading.Lock()
        self.app = Flask("gcs-stub")
        self._generations = itertools.count(1)
        self._route()

    def store(self, bucket: str, name: str, data: bytes) -> Response:
        item = StoredObject(data, next(self._generations), time.time())
        self.buckets[bucket][name] = item
        return self.describe(bucket, name)

    def describe(self, bucket: str, name: str) -> Response:
        item = self.buckets[bucket][name]
        crc = google_crc32c.value(item.data).to_bytes(4)
        return jsonify(
            kind="storage#object",
            name=name,
            bucket=bucket,
            size=str(len(item.data)),
            generation=str(item.generation),
            metadata=item.metadata,
            crc32c=base64.b64encode(crc).decode(),
            updated=datetime.fromtimestamp(item.updated, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )

    def _route(self) -> None:
        rule = self.app.add_url_rule
        objects = "/storage/v1/b/<bucket>/o"
        rule("/storage/v1/b", view_func=self.make_bucket, methods=["POST"])
        rule("/storage/v1/b/<bucket>", view_func=self.bucket, methods=["GET", "DELETE"])
        rule(objects, view_func=self.list)
        rule(f"{objects}/<path:name>", view_func=self.metadata, methods=["GET", "PATCH", "DELETE"])
        rule(f"{objects}/<path:name>/compose", view_func=self.compose, methods=["POST"])
        rule(
            f"{objects}/<path:source>/rewriteTo/b/<target>/o/<path:name>",
            view_func=self.rewrite,
            methods=["POST"],
        )
        rule(f"/upload{objects}", view_func=self.upload, methods=["POST"])
        rule(f"/upload{objects}", "chunk", view_func=self.chunk, methods=["PUT"])
        rule(f"/download{objects}/<path:name>", view_func=self.download)
        rule("/<bucket>/<path:name>", view_func=self.signed)
        self.app.before_request(self._count)

    def _count(self) -> None:
        self.calls.append(f"{request.method} {request.path}")

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request at a time."""
        with self.lock:
            return self.app(environ, start_response)

    def make_bucket(self) -> Response:
        self.buckets[request.get_json()["name"]] = {}
        return jsonify(kind="storage#bucket", name=request.get_json()["name"])

    def bucket(self, bucket: str) -> Response:
        """Remove the bucket, or tell the SDK, which asks once of its own accord, where it is."""
        if bucket not in self.buckets:
            return no_bucket()
        if request.method == "DELETE":
            del self.buckets[bucket]
            return Response(status=204)
        return jsonify(kind="storage#bucket", name=bucket, projectNumber="1", location="US")

    def list(self, bucket: str) -> Response:
        if bucket not in self.buckets:
            return no_bucket()
        query = request.args
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        begin = max(query.get("startOffset", ""), query.get("pageToken", ""))
        entries: dict[str, None] = {}
        for name in sorted(self.buckets[bucket], key=str.encode):
            if name.startswith(prefix) and name >= begin:
                cut = name.find(delimiter, len(prefix)) if delimiter else -1
                entries[name if cut < 0 else name[: cut + 1]] = None
        limit = min(self.page, int(query.get("maxResults", 1000)))
        names = list(entries)
        page, rest = names[:limit], names[limit:]
        answer: dict[str, object] = {
            "items": [{"name": name} for name in page if not (delimiter and name.endswith("/"))],
            "prefixes": [name for name in page if delimiter and name.endswith("/")],
        }
        if rest:
            answer["nextPageToken"] = rest[0]
        return jsonify(answer)

    def metadata(self, bucket: str, name: str) -> Response:
        if (problem := self.missing(bucket, name)) is not None:
            return problem
        if request.method == "DELETE":
            del self.buckets[bucket][name]
            return Response(status=204)
        if request.method == "PATCH":
            self.buckets[bucket][name].metadata = request.get_json()["metadata"]
            self.buckets[bucket][name].updated = time.time()
        return self.describe(bucket, name)

    def compose(self, bucket: str, name: str) -> Response:
        sources = [item["name"] for item in request.get_json()["sourceObjects"]]
        if len(sources) > COMPOSE:
            return refusal(400, f"The number of source components exceeds {COMPOSE}.")
        for source in sources:
            if (problem := self.missing(bucket, source)) is not None:
                return problem
        data = b"".join(self.buckets[bucket][source].data for source in sources)
        return self.store(bucket, name, data)

    def rewrite(self, bucket: str, source: str, target: str, name: str) -> Response:
        if (problem := self.missing(bucket, source)) is not None:
            return problem
        resource = self.store(target, name, self.buckets[bucket][source].data).get_json()
        size = resource["size"]
        return jsonify(done=True, totalBytesRewritten=size, objectSize=size, resource=resource)

    def upload(self, bucket: str) -> Response:
        if bucket not in self.buckets:
            return no_bucket()
        if request.args["uploadType"] == "resumable":
            session = uuid.uuid4().hex
            self.sessions[session] = (bucket, request.get_json()["name"], bytearray())
            url = f"{request.host_url}upload/storage/v1/b/{bucket}/o?upload_id={session}"
            return Response(headers={"Location": url})
        boundary = request.headers["Content-Type"].partition("boundary=")[2].strip("\"'").encode()
        _, first, second, _ = request.get_data().split(b"--" + boundary)
        resource, data = (
            part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in (first, second)
        )
        return self.store(bucket, json.loads(resource)["name"], data)

    def chunk(self, bucket: str) -> Response:
        session = request.args["upload_id"]
        if session not in self.sessions:
            return refusal(404, "No such upload.")
        bucket, name, received = self.sessions[session]
        span, _, total = request.headers["Content-Range"].removeprefix("bytes ").partition("/")
        body = request.get_data()
        if span != "*":
            again = len(received) - int(span.partition("-")[0])
            if again < 0:
                return refusal(400, "The chunk begins behind the end of the last one.")
            if total == "*" and len(body) % GRANULE:
                return refusal(400, "Only the last chunk may have any size.")
            # Bytes that came before are ignored, as by the service.
            received += body[again:]
        if total != "*" and int(total) == len(received):
            return self.store(bucket, name, bytes(received))
        headers = {"Range": f"bytes=0-{len(received) - 1}"} if received else {}
        return Response(status=308, headers=headers)

    def download(self, bucket: str, name: str) -> Response:
        if (problem := self.missing(bucket, name)) is not None:
            return problem
        item = self.buckets[bucket][name]
        if request.args.get("generation", str(item.generation)) != str(item.generation):
            return refusal(404, f"No such object: {bucket}/{name}#{request.args['generation']}")
        size = len(item.data)
        headers = {"x-goog-generation": str(item.generation)}
        if "Range" not in request.headers:
            return Response(item.data, headers=headers)
        first, _, last = request.headers["Range"].removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or size), size - 1)
        if begin >= size:
            return Response(status=416, headers={"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {begin}-{end}/{size}"
        return Response(item.data[begin : end + 1], 206, headers)

    def signed(self, bucket: str, name: str) -> Response:
        """Answer a signed URL as the XML API does: V4, with ``host`` as the only signed header."""
        query = request.args
        begin = datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if time.time() > begin.timestamp() + int(query["X-Goog-Expires"]):
            return refusal(400, "The signed URL has expired.")
        others = sorted((key, value) for key, value in query.items() if key != "X-Goog-Signature")
        canonical = "\n".join(
            [
                request.method,
                quote(f"/{bucket}/{name}", safe="/~"),
                "&".join(
                    f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in others
                ),
                f"host:{request.headers['Host']}",
                "",
                query["X-Goog-SignedHeaders"],
                "UNSIGNED-PAYLOAD",
            ]
        )
        scope = unquote(query["X-Goog-Credential"]).partition("/")[2]
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(["GOOG4-RSA-SHA256", query["X-Goog-Date"], scope, digest])
        signature = bytes.fromhex(query["X-Goog-Signature"])
        assert self.signer is not None
        try:
            self.signer.verify(signature, text.encode(), PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return refusal(403, "SignatureDoesNotMatch")
        return Response(self.buckets[bucket][name].data)

    def missing(self, bucket: str, name: str) -> Response | None:
        if bucket not in self.buckets:
            return no_bucket()
        if name not in self.buckets[bucket]:
            return refusal(404, f"No such object: {bucket}/{name}")
        return None


def no_bucket() -> Response:
    return refusal(404, "The specified bucket does not exist.")


def refusal(status: int, message: str) -> Response:
    answer = jsonify(error={"code": status, "message": message, "errors": [{"message": message}]})
    answer.status_code = status
    return answer


@contextmanager
def gcs_stub() -> Iterator[GcsStub]:
    stub = GcsStub()
    server = make_server("127.0.0.1", 0, stub.wsgi, threaded=True)
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def main() -> None:
    """Serve in a process of its own, whose memory is no matter of the driver's; say where."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with gcs_stub() as stub:
        stub.page = 3
        print(stub.url, flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    main()
