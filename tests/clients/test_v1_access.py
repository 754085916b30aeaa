"""Clients of V1 that have to say who they are: the Docker daemon 1.x, the engine of today."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from tests import images, passwords
from tests.clients.daemon import Daemon, Refused, chain
from tests.clients.engine import import_image
from tests.conftest import ServerFactory
from tests.images import MIB
from tests.servers import RegistryServer
from tests.tools import Tool, missing

ALICE, BOB, ROOT = (("alice", "a-secret"), ("bob", "b-secret"), ("root", "r-secret"))
RULES = [
    {"who": "user:root", "repositories": "**", "may": "admin"},
    {"who": "user:alice", "repositories": "team-a/**", "may": "push, delete"},
    {"who": "user:bob", "repositories": "team-b/**", "may": "push, delete"},
    {"who": "anonymous", "repositories": "open/**", "may": "pull"},
]
#: Over TLS the daemon sends the password always, else V1's token.
BY = pytest.mark.parametrize("always", [True, False], ids=["basic", "token"])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    users = tmp_path_factory.mktemp("users") / "users"
    passwords.write(users, *(passwords.line(*login) for login in (ALICE, BOB, ROOT)))
    return {
        "AUTH": "htpasswd",
        "AUTH_HTPASSWD_PATH": str(users),
        "POLICY": json.dumps(RULES),
    }


@pytest.fixture(scope="module")
def registry(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]
) -> Iterator[RegistryServer]:
    server = RegistryServer(tmp_path_factory.mktemp("registry"), settings)
    server.start()
    yield server
    server.remove()


def test_logging_in(registry: RegistryServer) -> None:
    assert Daemon(registry.url, ALICE).log_in() == "Login Succeeded"
    wrong = Daemon(registry.url, ("alice", "wrong"))
    assert wrong.log_in() == "Wrong login/password, please try again"
    assert "try again" in Daemon(registry.url, ("nobody", "x")).log_in()


@BY
def test_push_and_pull(registry: RegistryServer, always: bool) -> None:
    name = f"app-{int(always)}"
    layers = chain(f"{name}-base", f"{name}-middle", f"{name}-top", size=2 * MIB)
    with Daemon(registry.url, ALICE, always) as daemon:
        daemon.push(f"team-a/{name}", layers[:2], "latest")
        daemon.push(f"team-a/{name}", layers, "latest", "1.0")
        # What its team has, it has not to send again.
        assert daemon.pushed == [layer.id for layer in layers]
        assert daemon.pull(f"team-a/{name}", "1.0") == layers
    with Daemon(registry.url, ROOT, always) as root:
        assert root.pull(f"team-a/{name}") == layers
        root.push(f"open/{name}", layers, "latest")
    with Daemon(registry.url, always=always) as anonymous:
        assert anonymous.pull(f"open/{name}") == layers
        with pytest.raises(Refused) as refused:
            anonymous.pull(f"team-a/{name}")
        assert refused.value.status == 401
        with pytest.raises(Refused) as refused:
            anonymous.push(f"open/{name}", layers, "latest")
        assert refused.value.status == 401
    with Daemon(registry.url, BOB, always) as bob:
        for attempt in (
            lambda: bob.pull(f"team-a/{name}"),
            lambda: bob.push(f"team-a/{name}", layers, "evil"),
        ):
            with pytest.raises(Refused) as refused:
                attempt()
            assert refused.value.status == 403


@BY
def test_two_teams_that_build_on_the_same_base(registry: RegistryServer, always: bool) -> None:
    """Neither sees what the other has, and each can push all of its own."""
    base = f"shared-{int(always)}"
    ours = chain(base, f"a-{always}", size=MIB)
    theirs = [ours[0], chain(base, f"b-{always}", size=MIB)[1]]
    with Daemon(registry.url, ALICE, always) as alice:
        alice.push(f"team-a/{base}", ours, "latest")
    with Daemon(registry.url, BOB, always) as bob:
        bob.push(f"team-b/{base}", theirs, "latest")
        # It had to show that it has the base.
        assert bob.pushed == [layer.id for layer in theirs]
        assert bob.pull(f"team-b/{base}") == theirs
        with pytest.raises(Refused) as refused:
            bob.put_tag(f"team-b/{base}", ours[1], "stolen")
        assert refused.value.status == (404 if always else 401)
    with Daemon(registry.url, ALICE, always) as alice:
        assert alice.pull(f"team-a/{base}") == ours


def test_a_store_that_was_open(start_registry: ServerFactory, settings: dict[str, str]) -> None:
    before = start_registry()
    layers = chain("open-base", "open-top")
    with Daemon(before.url) as daemon:
        daemon.push("team-a/old", layers, "latest")
    after = start_registry(**settings, STORAGE_PATH=str(before.store))
    for always in (True, False):
        with Daemon(after.url, ALICE, always) as alice:
            assert alice.pull("team-a/old") == layers
        with Daemon(after.url, BOB, always) as bob, pytest.raises(Refused):
            bob.pull("team-a/old")
    image = f"{after.url}/v1/images/{layers[0].id}/layer"
    assert requests.get(image, auth=BOB, timeout=30).status_code == 404
    assert requests.get(image, timeout=30).status_code == 401


@pytest.mark.filterwarnings("ignore")
def test_docker_registry_client(registry: RegistryServer) -> None:
    try:
        from docker_registry_client import DockerRegistryClient
    except ImportError:
        missing("docker-registry-client", "pip install -e '.[test]'")
    layers = chain("pypi-base", "pypi-top")
    with Daemon(registry.url, ALICE) as daemon:
        daemon.push("team-a/pypi", layers, "latest")

    def client(login: tuple[str, str]) -> DockerRegistryClient:
        return DockerRegistryClient(
            registry.url, api_version=1, username=login[0], password=login[1]
        )

    calls = client(ALICE)._base_client
    image = calls.get_image_id("team-a", "pypi", "latest")
    assert calls.get_image_ancestry(image) == [layer.id for layer in reversed(layers)]
    assert client(ALICE).repository("team-a/pypi").tag("2.0", image) is True
    for attempt in (
        lambda: client(BOB)._base_client.get_image_id("team-a", "pypi", "latest"),
        lambda: client(BOB)._base_client.get_image_ancestry(image),
        lambda: client(("alice", "wrong"))._base_client.get_image_ancestry(image),
        lambda: client(BOB).repository("team-b/pypi").tag("stolen", image),
    ):
        with pytest.raises(requests.HTTPError):
            attempt()
    assert calls.delete_repository("team-a", "pypi") is True


@pytest.mark.parametrize("tokens", ["true", "false"], ids=["tokens", "passwords"])
def test_docker_search(
    docker: Tool, start_registry: ServerFactory, settings: dict[str, str], tokens: str
) -> None:
    """With tokens the engine keeps one, and gets another one for searching by it."""
    # Of alice's alone: by what she may pull results are chosen elsewhere.
    rules = json.dumps([{"who": "user:alice", "repositories": "**", "may": "push"}])
    server = start_registry(**{**settings, "POLICY": rules}, TOKENS_ENABLED=tokens)
    name = f"{server.address}/team/found"
    import_image(docker, name, {"file": images.noise("file", 1000)})
    assert docker.run("search", f"{server.address}/found").returncode != 0
    user, password = ALICE
    login = ("login", "--username", user, "--password-stdin", server.address)
    docker(*login, stdin=password.encode())
    docker("push", name)
    kept = json.loads((docker.home / ".docker/config.json").read_text())["auths"]
    assert ("identitytoken" in kept[server.address]) == (tokens == "true")
    found = docker("search", "--no-trunc", f"{server.address}/found")
    assert "team/found" in found
    docker("logout", server.address)
    assert docker.run("search", f"{server.address}/found").returncode != 0
    docker("image", "remove", name)
