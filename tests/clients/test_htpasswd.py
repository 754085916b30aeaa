"""Users of a file, without tokens: clients send the password with each request."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import images, passwords
from tests.clients.engine import files_in, import_image
from tests.conftest import ServerFactory
from tests.redis_server import RedisServer
from tests.servers import RegistryServer
from tests.tools import Tool

#: As much as people use.
COST = 10


def alone(users: Path, **more: str) -> dict[str, str]:
    """Give the settings of a registry with users, and without tokens."""
    return {
        "AUTH": "htpasswd",
        "AUTH_HTPASSWD_PATH": str(users),
        "TOKENS_ENABLED": "false",
        **more,
    }


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("users") / "users"
    return passwords.write(path, passwords.line("alice", "right", COST))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, users: Path) -> Iterator[RegistryServer]:
    server = RegistryServer(tmp_path_factory.mktemp("registry"), alone(users))
    server.start()
    yield server
    server.remove()


def ping(server: RegistryServer, user: str, password: str) -> requests.Response:
    # A connection of its own: any worker may take it.
    return requests.get(f"{server.url}/v2/", auth=(user, password), timeout=30)


def test_docker(docker: Tool, registry: RegistryServer) -> None:
    address, name = registry.address, f"{registry.address}/team/docker"
    files = {f"layer-{number}": images.noise(str(number), 50_000) for number in range(3)}
    import_image(docker, name, files)
    refused = docker.run("push", name)
    assert refused.returncode != 0
    assert b"no basic auth credentials" in refused.stderr
    wrong = docker.run("login", "--username", "alice", "--password-stdin", address, stdin=b"wrong")
    assert wrong.returncode != 0
    assert b"401 Unauthorized" in wrong.stderr or b"unauthorized" in wrong.stderr

    docker("login", "--username", "alice", "--password-stdin", address, stdin=b"right")
    docker("push", name)
    docker("image", "remove", name)
    docker("pull", name)

    assert files_in(docker, name) == files
    docker("logout", address)
    docker("image", "remove", name)
    assert docker.run("pull", name).returncode != 0


def test_crane(registry: RegistryServer, tmp_path: Path) -> None:
    crane = Tool("crane", tmp_path / "home")
    tar = tmp_path / "layer.tar"
    tar.write_bytes(images.tar_of({"a": images.noise("a", 100_000)}))
    name = f"{registry.address}/team/crane:v1"
    push = ("append", "--new_layer", tar, "--new_tag", name)
    assert crane.run(*push).returncode != 0
    crane("auth", "login", registry.address, "-u", "alice", "-p", "right")
    crane(*push)
    assert images.files_of(crane.output("export", name, "-")) == {"a": images.noise("a", 100_000)}
    assert "team/crane" in crane("catalog", registry.address).splitlines()


def test_skopeo(registry: RegistryServer, tmp_path: Path) -> None:
    skopeo = Tool("skopeo", tmp_path / "home")
    layout = images.Layout(tmp_path / "layout")
    image = layout.add_image([images.tar_of({"a": images.noise("a", 100_000)})])
    layout.tag("v1", image)
    name = f"docker://{registry.address}/team/skopeo:v1"
    target = ("copy", "--dest-tls-verify=false", f"oci:{layout.path}:v1", name)
    assert skopeo.run(*target).returncode != 0
    assert skopeo.run(*target, "--dest-creds", "alice:wrong").returncode != 0
    skopeo(*target, "--dest-creds", "alice:right")
    skopeo(
        *("copy", "--src-tls-verify=false", "--src-creds", "alice:right"),
        *(name, f"oci:{tmp_path}/pulled:v1"),
    )
    assert image["digest"] in images.checked_blobs(tmp_path / "pulled")


def test_a_user_changed_while_it_runs(registry: RegistryServer, users: Path) -> None:
    def command(*arguments: str, stdin: bytes = b"") -> None:
        program, _serve = registry.command()
        subprocess.run(
            [program, "user", *arguments], env=registry.environment(), input=stdin, check=True
        )

    before = users.read_text()
    assert {ping(registry, "bob", "first").status_code for _ in range(3)} == {401}
    command("add", "bob", "--password-stdin", stdin=b"first\n")
    # Both workers have seen the password, and remember it.
    assert {ping(registry, "bob", "first").status_code for _ in range(10)} == {200}
    command("add", "bob", "--password-stdin", stdin=b"second\n")
    assert {ping(registry, "bob", "first").status_code for _ in range(3)} == {401}
    assert {ping(registry, "bob", "second").status_code for _ in range(10)} == {200}
    command("remove", "bob")
    assert {ping(registry, "bob", "second").status_code for _ in range(3)} == {401}
    assert ping(registry, "alice", "right").status_code == 200
    assert users.read_text() == before


def test_workers_and_nodes_count_failures_together(
    start_registry: ServerFactory, users: Path, tmp_path: Path
) -> None:
    with RedisServer(tmp_path) as redis:
        settings = alone(
            users,
            CACHE_REDIS_HOST="127.0.0.1",
            CACHE_REDIS_PORT=str(redis.port),
            CACHE_REDIS_PASSWORD=redis.password,
            AUTH_LIMITS_PER_USER="6",
        )
        first, second = (start_registry(**settings) for _ in range(2))
        tries = [ping(server, "alice", "wrong").status_code for server in (first, second) * 5]
        assert tries == [401] * 6 + [429] * 4
        answer = ping(second, "alice", "right")
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 300
        assert ping(first, "carla", "wrong").status_code == 401
        assert redis.password not in first.log_tail()


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    server = RegistryServer(tmp_path, alone(tmp_path / "missing"))
    with pytest.raises(RuntimeError, match=r"AUTH_HTPASSWD_PATH.*docker-registry user add"):
        server.start()
