"""Where the bucket is, and the SDK's client for it."""

from __future__ import annotations

import base64
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.utils import parse_timestamp

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from types_boto3_s3 import S3Client

MIB = 1024 * 1024
#: Threads that upload or copy parts, for all uploads of a process.
WORKERS = 8
#: Connections that are kept open: for those threads, and for the threads that serve requests.
CONNECTIONS = 64
#: What registry:2 stores, too.
CONTENT_TYPE = "application/octet-stream"
#: Signed for where nothing says otherwise: RGW takes any region, and Amazon's first is this one.
REGION = "us-east-1"


@dataclass(frozen=True)
class Store:
    """How a bucket is reached.

    :ivar prefix: what all keys begin with: nothing, or a path with a slash at its end.
    :ivar endpoint: URL of the store; ``None`` for Amazon's.
    :ivar public: URL of the store for clients of the registry, where that is another one.
    :ivar access_key: with ``secret_key``; without, the SDK looks where it always does.
    :ivar style: how the bucket is addressed: ``path``, ``virtual`` (in the host name) or ``auto``.
    :ivar signature: ``s3v4``, or ``s3`` for version 2.
    :ivar ca_bundle: path of the CA certificates; ``None`` for those that the SDK knows.
    :ivar proxy: URL of a proxy on the way; ``None`` for what ``HTTPS_PROXY`` says.
    :ivar encryption: arguments of every request that stores an object.
    :ivar placement: the same: where the store keeps it, and who may read it.
    :ivar copy_limit: bytes up to which CopyObject copies an object; see ``copies``.
    :ivar connect_timeout: in seconds, as ``read_timeout``.
    :ivar attempts: how often a request is tried.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    public: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    style: Literal["path", "virtual", "auto"] = "auto"
    signature: str = "s3v4"
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    encryption: dict[str, str] = field(default_factory=dict)
    placement: dict[str, str] = field(default_factory=dict)
    copy_limit: int = 4 * MIB
    connect_timeout: float = 5
    read_timeout: float = 30
    attempts: int = 3

    def config(self) -> Config:
        """Give the SDK's configuration."""
        encrypted = self.endpoint is None or self.endpoint.startswith("https:")
        return Config(
            signature_version=self.signature,
            s3={
                "addressing_style": self.style,
                # Without TLS a signature over the bytes is what keeps them from being changed.
                "payload_signing_enabled": not encrypted,
            },
            # The newer checksums come as a trailer of the body, which RGW before 18 and others
            # refuse: MissingContentLength.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            retries={"total_max_attempts": self.attempts, "mode": "standard"},
            max_pool_connections=CONNECTIONS,
            proxies={"http": self.proxy, "https": self.proxy} if self.proxy else None,
            tcp_keepalive=True,
        )


class Connection:
    """A bucket, and who speaks with it. Safe for many threads; nothing is opened before it is used.

    :ivar bucket: name of the bucket.
    :ivar attempts: how often a request is tried.
    :ivar storing: arguments of every request that stores an object.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.bucket = store.bucket
        self.attempts = store.attempts
        self.storing: dict[str, Any] = {
            "ContentType": CONTENT_TYPE,
            **store.encryption,
            **store.placement,
        }
        self._lock = threading.Lock()
        self._client: S3Client | None = None
        self._signer: S3Client | None = None
        self._workers: ThreadPoolExecutor | None = None

    @property
    def client(self) -> S3Client:
        """The SDK's client. To look for credentials it may ask the network, so it is made late."""
        if self._client is None:
            with self._lock:
                self._client = self._client or self._make(self.store.endpoint)
        return self._client

    @property
    def signer(self) -> S3Client:
        """The client that signs URLs for the registry's clients."""
        if self.store.public is None:
            return self.client
        if self._signer is None:
            with self._lock:
                self._signer = self._signer or self._make(self.store.public)
        return self._signer

    @property
    def workers(self) -> ThreadPoolExecutor:
        """The threads that upload or copy parts."""
        if self._workers is None:
            with self._lock:
                self._workers = self._workers or ThreadPoolExecutor(WORKERS, "s3-part")
        return self._workers

    def where(self, key: str) -> str:
        """Name an object in messages."""
        return f"s3://{self.bucket}/{key}"

    def _make(self, endpoint: str | None) -> S3Client:
        # The default session of the module isn't safe for threads.
        session = boto3.session.Session(botocore_session=_session())
        client = session.client(
            "s3",
            endpoint_url=endpoint,
            region_name=self.store.region or session.region_name or REGION,
            aws_access_key_id=self.store.access_key,
            aws_secret_access_key=self.store.secret_key,
            verify=self.store.ca_bundle,
            config=self.store.config(),
        )
        events = client.meta.events
        events.register_last("before-call.s3", _send_at_once)
        events.register_last("before-call.s3.DeleteObjects", _add_md5)
        events.register("before-sign.s3", _sign_path)
        if endpoint is not None:
            events.register_last("before-call.s3", _stay_here)
        return client


def _session() -> botocore.session.Session:
    session = botocore.session.Session()
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_moment)
    return session


def _moment(text: Any) -> datetime:
    """Read a time. What the SDK has for it takes any form, and most of the time of a listing."""
    with suppress(TypeError, ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    return parse_timestamp(text)


def _send_at_once(params: dict[str, Any], **_: Any) -> None:
    """Send bodies without asking first: a proxy that doesn't answer `Expect` costs a second."""
    params["headers"].pop("Expect", None)


def _stay_here(context: dict[str, Any], **_: Any) -> None:
    """Take a redirection for the error that it is: only Amazon's name the region to go on to.

    The SDK would ask for the region, be redirected again, and so on.
    """
    context.setdefault("s3_redirect", {})["redirected"] = True


def _sign_path(request: AWSRequest, signature_version: str, **_: Any) -> None:
    """Sign the path that is sent, in version 2: RGW minds a slash behind the bucket."""
    path = urlsplit(str(request.url)).path
    if signature_version == "s3" and request.auth_path == f"{path}/":
        request.auth_path = path


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    """Add the checksum that this request must have where newer ones are unknown."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
