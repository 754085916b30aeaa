"""Keystone away, silent, ill, or not what it should be: at the start and for logins."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from docker_registry import auth
from docker_registry.auth import Authority
from docker_registry.auth.method import Password
from docker_registry.config import Settings
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ConfigError, IdentityUnavailable
from tests.conftest import ServerFactory
from tests.proxy import FaultyProxy
from tests.servers import RegistryServer, free_port
from tests.tenants import Tenants, Thing, distinct
from tests.tls_front import TlsFront

TIMEOUT = 2
ERROR = json.dumps({"error": {"code": 404, "message": "x", "title": "Not Found"}}).encode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def tenants() -> Iterator[Tenants]:
    with Tenants() as tenants:
        yield tenants


@pytest.fixture(scope="module")
def alice(tenants: Tenants) -> Thing:
    return tenants.user(distinct("alice"))


@pytest.fixture
def proxy(tenants: Tenants) -> Iterator[FaultyProxy]:
    url = urlsplit(tenants.url)
    with FaultyProxy(url.hostname or "", url.port or 0) as proxy:
        yield proxy


def through(proxy: FaultyProxy) -> str:
    return f"http://127.0.0.1:{proxy.port}/v3"


def authority(url: str, **more: Any) -> Authority:
    settings = Settings(
        storage="memory",
        auth=["keystone"],
        auth_keystone={"auth_url": url, "timeout": TIMEOUT, "cache_seconds": 0},
        **more,
    )
    made = auth.create(settings, MemoryDriver())
    assert made is not None
    return made


# Logins

FAULTS: dict[str, Callable[[FaultyProxy], None]] = {
    "refused": lambda proxy: proxy.refuse(),
    "lost": lambda proxy: proxy.lose_answer(),
    "cut": lambda proxy: proxy.end_after(500),
    "500": lambda proxy: proxy.respond(500),
    "503": lambda proxy: proxy.respond(503, headers={"Retry-After": "3600"}),
    "429": lambda proxy: proxy.respond(429, headers={"Retry-After": "3600"}),
    "page": lambda proxy: proxy.respond(200, b"<html>", {"Content-Type": "text/html"}),
    "empty": lambda proxy: proxy.respond(201),
    "other JSON": lambda proxy: proxy.respond(201, b'{"access": {}}', JSON),
    "JSON list": lambda proxy: proxy.respond(201, b"[]", JSON),
    "no header": lambda proxy: proxy.respond(201, b'{"token": {}}', JSON),
    "empty token": lambda proxy: proxy.respond(
        201, b'{"token": {}}', {**JSON, "X-Subject-Token": "x"}
    ),
    # Something between says it, not Keystone.
    "401": lambda proxy: proxy.respond(401, b"<html>", {"Content-Type": "text/html"}),
    "403": lambda proxy: proxy.respond(403),
    "404": lambda proxy: proxy.respond(404, b"[]", JSON),
}


@pytest.mark.parametrize("user", ["alice", "token"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_trouble_is_never_taken_for_a_wrong_password_nor_for_a_right_one(
    tenants: Tenants,
    alice: Thing,
    proxy: FaultyProxy,
    fault: Callable[[FaultyProxy], None],
    user: str,
) -> None:
    door = authority(through(proxy))
    if user == "token":
        password = Password("token", tenants.token(alice))
    else:
        password = Password(alice.name, alice.secret)
    fault(proxy)
    begun = time.monotonic()
    with pytest.raises(IdentityUnavailable) as caught:
        door.log_in(password)
    assert password.secret not in str(caught.value)
    # Nobody sleeps for as long as an answer says.
    assert time.monotonic() - begun < 30
    proxy.pass_through()
    # Once is enough: a single failure stops nobody.
    assert door.log_in(password) is not None


def test_what_keystone_says_is_a_refusal(alice: Thing, proxy: FaultyProxy) -> None:
    door = authority(through(proxy))
    proxy.respond(404, ERROR, JSON)
    assert door.log_in(Password(alice.name, alice.secret)) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_password_goes_nowhere_else(alice: Thing, proxy: FaultyProxy, status: int) -> None:
    with FaultyProxy("127.0.0.1", 9) as elsewhere:
        proxy.respond(status, headers={"Location": f"{through(elsewhere)}/auth/tokens"})
        door = authority(through(proxy))
        for user in (alice.name, "token"):
            with pytest.raises(IdentityUnavailable):
                door.log_in(Password(user, alice.secret))
        assert elsewhere.connections == 0


def test_a_silent_keystone_is_waited_for_once(alice: Thing, proxy: FaultyProxy) -> None:
    door = authority(through(proxy))
    password = Password(alice.name, alice.secret)
    proxy.hang()
    for _ in range(20):
        with pytest.raises(IdentityUnavailable):
            door.log_in(password)
    assert proxy.connections == 1
    proxy.pass_through()
    assert eventually(lambda: _logs_in(door, password))


def _logs_in(door: Authority, password: Password) -> bool:
    try:
        return door.log_in(password) is not None
    except IdentityUnavailable:
        return False


def eventually(holds: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    return False


# A whole registry


def serve(start_registry: ServerFactory, proxy: FaultyProxy) -> RegistryServer:
    return start_registry(
        AUTH="keystone",
        AUTH_KEYSTONE_AUTH_URL=through(proxy),
        AUTH_KEYSTONE_TIMEOUT=str(TIMEOUT),
        AUTH_KEYSTONE_CACHE_SECONDS="600",
        TOKENS_ENABLED="false",
        GUNICORN_WORKERS="1",
    )


def test_who_is_remembered_goes_on_while_keystone_is_away(
    start_registry: ServerFactory, tenants: Tenants, proxy: FaultyProxy, alice: Thing
) -> None:
    registry = serve(start_registry, proxy)
    bob = tenants.user(distinct("bob"))

    def ping(user: Thing) -> requests.Response:
        return requests.get(
            f"{registry.url}/v2/", auth=(user.name, user.secret), timeout=4 * TIMEOUT + 30
        )

    assert ping(alice).status_code == 200
    proxy.refuse()
    away = ping(bob)
    assert away.status_code == 503
    assert int(away.headers["Retry-After"]) > 0
    assert away.json()["errors"][0]["code"] == "UNAVAILABLE"
    assert bob.secret not in away.text
    assert ping(alice).status_code == 200

    proxy.pass_through()
    assert ping(bob).status_code == 200
    carol = tenants.user(distinct("carol"))
    proxy.hang()
    statuses: list[int] = []
    waiting = [
        threading.Thread(target=lambda: statuses.append(ping(carol).status_code)) for _ in range(8)
    ]
    for thread in waiting:
        thread.start()
    assert ping(alice).status_code == 200
    for thread in waiting:
        thread.join()
    assert set(statuses) == {503}
    assert len(statuses) == len(waiting)
    log = registry.log.read_text()
    assert carol.secret not in log and alice.secret not in log
    assert "Keystone can't be asked" in log
    proxy.pass_through()
    assert eventually(lambda: ping(carol).status_code == 200)


def test_a_registry_starts_while_keystone_is_away(
    start_registry: ServerFactory, proxy: FaultyProxy, alice: Thing
) -> None:
    proxy.refuse()
    registry = serve(start_registry, proxy)
    assert "Keystone can't be asked now" in registry.log.read_text()
    proxy.pass_through()
    answer = requests.get(f"{registry.url}/v2/", auth=(alice.name, alice.secret), timeout=30)
    assert answer.status_code == 200


@pytest.mark.parametrize("fault", ["500", "503", "429", "refused"])
def test_what_may_be_over_soon_stops_no_start(proxy: FaultyProxy, fault: str) -> None:
    FAULTS[fault](proxy)
    authority(through(proxy)).check()


def test_a_silent_keystone_stops_no_start(proxy: FaultyProxy) -> None:
    proxy.hang()
    authority(through(proxy)).check()


@pytest.mark.parametrize(
    "fault", ["404", "401", "page", "other JSON", "JSON list", "empty", "no header"]
)
def test_what_is_no_keystone_stops_the_start(proxy: FaultyProxy, fault: str) -> None:
    FAULTS[fault](proxy)
    with pytest.raises(ConfigError, match="AUTH_KEYSTONE_AUTH_URL") as caught:
        authority(through(proxy)).check()
    assert "\n" not in str(caught.value)


def test_a_redirection_stops_the_start(proxy: FaultyProxy) -> None:
    proxy.respond(302, headers={"Location": "https://login.example.org/"})
    with pytest.raises(ConfigError, match="AUTH_KEYSTONE_AUTH_URL"):
        authority(through(proxy)).check()


@pytest.mark.parametrize("path", ["/v2.0", "/identity", "/v3/auth"])
def test_a_wrong_path_stops_the_start(tenants: Tenants, path: str) -> None:
    with pytest.raises(ConfigError, match="AUTH_KEYSTONE_AUTH_URL"):
        authority(f"{tenants.url.removesuffix('/v3')}{path}").check()


def test_a_wrong_url_stops_the_server_with_one_line(tmp_path: Path, tenants: Tenants) -> None:
    server = RegistryServer(
        tmp_path / "registry",
        {"AUTH": "keystone", "AUTH_KEYSTONE_AUTH_URL": f"{tenants.url}/wrong"},
    )
    done = subprocess.run(
        server.command(), env=server.environment(), capture_output=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert b"AUTH_KEYSTONE_AUTH_URL" in done.stdout + done.stderr
    assert b"Traceback" not in done.stdout + done.stderr


# A private CA


@pytest.fixture
def front(tenants: Tenants, tmp_path: Path) -> Iterator[TlsFront]:
    url = urlsplit(tenants.url)
    with TlsFront(url.hostname or "", url.port or 0, tmp_path) as front:
        yield front


def test_a_private_ca(front: TlsFront, alice: Thing) -> None:
    door = authority(f"https://127.0.0.1:{front.port}/v3", swift_cacert=str(front.certificate))
    door.check()
    assert door.log_in(Password(alice.name, alice.secret)) is not None


def test_a_ca_that_is_not_known(front: TlsFront, alice: Thing) -> None:
    door = authority(f"https://127.0.0.1:{front.port}/v3")
    with pytest.raises(ConfigError, match="OS_CACERT"):
        door.check()
    with pytest.raises(IdentityUnavailable):
        door.log_in(Password(alice.name, alice.secret))


def test_a_ca_file_that_is_not_there(front: TlsFront, tmp_path: Path) -> None:
    door = f"https://127.0.0.1:{front.port}/v3"
    with pytest.raises(ConfigError, match="OS_CACERT"):
        authority(door, swift_cacert=str(tmp_path / "none.pem")).check()


def test_no_tls_where_some_was_expected(tenants: Tenants) -> None:
    with pytest.raises(ConfigError, match="AUTH_KEYSTONE_AUTH_URL"):
        authority(tenants.url.replace("http://", "https://")).check()


def test_nothing_listens() -> None:
    door = authority(f"http://127.0.0.1:{free_port()}/v3")
    door.check()
    with pytest.raises(IdentityUnavailable):
        door.log_in(Password("alice", "x"))
