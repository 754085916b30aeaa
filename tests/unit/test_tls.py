"""Renewed certificates, and clients that have one: a real server."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from gunicorn.sock import ssl_context

from docker_registry import server
from docker_registry.config import Settings, load_runner
from docker_registry.errors import ConfigError
from docker_registry.tls import FollowingContext
from tests import images
from tests.pki import Authority, Pair, TlsServer

SECONDS = 20
#: Enough connections that both workers have had some.
MANY = 30


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


Start = Callable[..., TlsServer]


@pytest.fixture
def start(tmp_path: Path, authority: Authority) -> Iterator[Start]:
    started: list[TlsServer] = []

    def start_with(**settings: str) -> TlsServer:
        started.append(TlsServer(tmp_path / f"registry-{len(started)}", authority, settings))
        return started[-1].start()

    yield start_with
    for one in started:
        one.remove()


class TestFollowingContext:
    @pytest.fixture
    def pair(self, tmp_path: Path, authority: Authority) -> Pair:
        pair = Pair(tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
        pair.replace(authority.server("first"))
        return pair

    @staticmethod
    def make(pair: Pair) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair.both)
        return context

    def test_made_once_while_nothing_changes(self, pair: Pair) -> None:
        following = FollowingContext()
        made = {id(following.get(pair.both, lambda: self.make(pair))) for _ in range(3)}
        assert len(made) == 1

    def test_half_a_renewal_is_not_served(
        self, pair: Pair, authority: Authority, caplog: pytest.LogCaptureFixture
    ) -> None:
        following = FollowingContext()
        newer = authority.server("newer")

        def get() -> ssl.SSLContext:
            return following.get(pair.both, lambda: self.make(pair))

        first = get()
        pair.replace(Pair(newer.certificate, authority.directory / "first.key"))
        assert get() is get() is first
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        pair.replace(newer)
        assert get() is not first

    def test_goes_on_when_the_cause_is_not_in_the_files(self, pair: Pair) -> None:
        following = FollowingContext()
        first = following.get(pair.both, lambda: self.make(pair))
        os.utime(pair.certificate)

        def fail() -> ssl.SSLContext:
            raise OSError("no file descriptors left")

        assert following.get(pair.both, fail) is first
        assert following.get(pair.both, lambda: self.make(pair)) is not first

    def test_the_first_must_do(self, pair: Pair) -> None:
        pair.key.unlink()
        with pytest.raises(OSError, match="No such file"):
            FollowingContext().get(pair.both, lambda: self.make(pair))


@contextmanager
def asked_again_and_again(registry: TlsServer) -> Iterator[list[int | str]]:
    """Ask all the time, by a new connection each time; give the answers."""
    answers: list[int | str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                answers.append(get(registry))
            except requests.RequestException as error:
                answers.append(str(error))

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield answers
    finally:
        stop.set()
        client.join()


def get(registry: TlsServer, pair: Pair | None = None, session: Any = requests) -> int:
    return session.get(
        f"{registry.url}/v2/",
        verify=str(registry.authority.pem),
        cert=pair and pair.both,
        timeout=SECONDS,
    ).status_code


def test_renewal(start: Start, authority: Authority) -> None:
    registry = start()
    first, newer = registry.pair.serial, authority.server("newer")
    assert {registry.served() for _ in range(MANY)} == {first}
    with asked_again_and_again(registry) as answers, requests.Session() as kept:
        assert get(registry, session=kept) == 200

        half = Pair(newer.certificate, authority.directory / "server.key")
        registry.pair.replace(half)
        assert {registry.served() for _ in range(MANY)} == {first}
        registry.pair.replace(newer)

        assert {registry.served() for _ in range(MANY)} == {newer.serial}
        assert get(registry, session=kept) == 200
    assert set(answers) == {200}
    log = registry.log_tail()
    assert "REGISTRY_TLS_KEY" in log
    assert "the certificate of before is served on" in log
    assert "The TLS certificate has changed" in log
    assert "Traceback" not in log


def test_broken_renewals(start: Start, authority: Authority) -> None:
    registry = start()
    certificate = registry.pair.certificate
    serial = registry.served()
    for content in (b"", b"-----BEGIN CERTIFICATE-----\nx", None):
        certificate.unlink(missing_ok=True)
        if content is not None:
            certificate.write_bytes(content)
        assert {registry.served() for _ in range(MANY)} == {serial}
    assert "the certificate of before is served on" in registry.log_tail()
    newer = authority.server("newer")
    registry.pair.replace(newer)
    assert {registry.served() for _ in range(MANY)} == {newer.serial}


def test_key_that_only_root_can_read(tmp_path: Path, authority: Authority) -> None:
    """It is read before each fork, so by root; workers that can't read it serve what root read."""
    pair = Pair(tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    pair.replace(authority.server())
    environ = {
        "REGISTRY_TLS_CERTIFICATE": str(pair.certificate),
        "REGISTRY_TLS_KEY": str(pair.key),
    }
    cfg = server.Server(Settings(), load_runner(environ)).cfg
    arbiter = SimpleNamespace(cfg=cfg)
    cfg.pre_fork(arbiter, None)
    pair.key.unlink()
    first = ssl_context(cfg)
    assert ssl_context(cfg) is first
    pair.replace(authority.server("newer"))
    cfg.pre_fork(arbiter, None)  # as SIGHUP does
    pair.key.unlink()
    assert ssl_context(cfg) is not first


def test_ciphers_without_forward_secrecy_are_refused(start: Start, authority: Authority) -> None:
    registry = start()
    context = ssl.create_default_context(cafile=str(authority.pem))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES128-GCM-SHA256")
    with (
        socket.create_connection(("127.0.0.1", registry.port), SECONDS) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)handshake"),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


class TestClientCertificates:
    @pytest.fixture
    def alice(self, authority: Authority) -> Pair:
        return authority.client("CN=alice,OU=team")

    @pytest.fixture
    def stranger(self, tmp_path: Path) -> Pair:
        return Authority(tmp_path / "other", "Other CA").client("CN=alice,OU=team")

    def push(self, registry: TlsServer, pair: Pair, repository: str) -> int:
        data = repository.encode()
        return requests.post(
            f"{registry.url}/v2/{repository}/blobs/uploads/",
            params={"digest": images.digest_of(data)},
            data=data,
            verify=str(registry.authority.pem),
            cert=pair.both,
            timeout=SECONDS,
        ).status_code

    def test_the_only_way_in(
        self, start: Start, authority: Authority, alice: Pair, stranger: Pair
    ) -> None:
        registry = start(
            AUTH="certificate",
            REGISTRY_TLS_CLIENT_CA=str(authority.pem),
            POLICY="[{who: ['group:team'], repositories: 'team/**', may: [push]},"
            " {who: ['user:bob'], repositories: '{user}/**', may: [pull]}]",
        )
        assert get(registry, alice) == 200
        assert self.push(registry, alice, "team/app") == 201
        assert self.push(registry, alice, "other/app") == 403
        bob = authority.client("CN=bob")
        assert self.push(registry, bob, "bob/app") == 403
        for nobody in (None, stranger):
            with pytest.raises(requests.ConnectionError):
                get(registry, nobody)

    def test_beside_another_way(
        self, start: Start, authority: Authority, alice: Pair, stranger: Pair
    ) -> None:
        registry = start(
            AUTH="token,certificate",
            REGISTRY_TLS_CLIENT_CA=str(authority.pem),
            AUTH_TOKEN_NAME="issuer",
            AUTH_TOKEN_SERVICE="registry",
            AUTH_TOKEN_REALM="https://auth.example/token",
            # Any certificate will do: no token is sent.
            AUTH_TOKEN_CERTIFICATES=str(authority.pem),
        )
        assert get(registry, alice) == 200
        assert get(registry) == 401
        with pytest.raises(requests.ConnectionError):
            get(registry, stranger)

    def test_who_has_none_may_be_anonymous(
        self, start: Start, authority: Authority, alice: Pair
    ) -> None:
        registry = start(
            AUTH="certificate",
            REGISTRY_TLS_CLIENT_CA=str(authority.pem),
            REGISTRY_TLS_CLIENT_AUTH="optional",
        )
        assert (get(registry, alice), get(registry)) == (200, 401)

    def test_somebody_must_check_them(self) -> None:
        with pytest.raises(ConfigError, match="REGISTRY_TLS_CLIENT_CA, or auth_certificate"):
            server.options(Settings(auth=["certificate"]), load_runner({}))
