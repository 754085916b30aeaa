"""Real clients, and tokens: two nodes with two workers each take turns behind one address."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import bcrypt
import pytest
import requests

from tests import images
from tests.clients.containers import storage_of
from tests.clients.engine import import_image
from tests.relay import Relay, join
from tests.servers import RegistryServer
from tests.tools import Tool

USER, PASSWORD = "alice", "wonderland"
POLICY = (
    "[{who: [anonymous], repositories: 'public/**', may: [pull]},"
    " {who: ['user:alice'], repositories: '**', may: [pull, push, delete]}]"
)
FILES = {"bin/noise": images.noise("tokens", 200_000)}


class Turns(Relay):
    """Passes each connection on to the next of some servers: no two in a row to the same."""

    def __init__(self, servers: list[RegistryServer]) -> None:
        self._next = itertools.cycle(server.port for server in servers)
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", next(self._next))) as server:
            join(client, server)


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("users") / "users"
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
    path.write_text(f"{USER}:{hashed}\n")
    return path


@pytest.fixture(scope="module")
def address(users: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("nodes")
    settings = {
        "AUTH": "htpasswd",
        "AUTH_HTPASSWD_PATH": str(users),
        "POLICY": POLICY,
        "STORAGE_PATH": str(directory / "store"),
        "SQLALCHEMY_INDEX_DATABASE": f"sqlite:///{directory}/index.db",
    }
    with (
        RegistryServer(directory / "one", settings) as one,
        RegistryServer(directory / "other", settings) as other,
        Turns([one, other]) as turns,
    ):
        yield turns.address
    one.remove()


def identity_token(docker: Tool, address: str) -> str:
    config = json.loads((docker.home / ".docker/config.json").read_text())
    return str(config["auths"][address]["identitytoken"])


def test_docker(docker: Tool, address: str, users: Path) -> None:
    public, private = f"{address}/public/app", f"{address}/private/app"
    for name in (public, private):
        import_image(docker, name, FILES)
    refused = docker.run("push", public)
    assert refused.returncode and b"denied" in refused.stderr
    wrong = docker.run("login", "-u", USER, "--password-stdin", address, stdin=b"wrong")
    assert wrong.returncode and b"user name or password is wrong" in wrong.stderr

    docker("login", "-u", USER, "--password-stdin", address, stdin=PASSWORD.encode())
    # What it keeps is no password.
    assert identity_token(docker, address).count(".") == 2
    assert PASSWORD not in (docker.home / ".docker/config.json").read_text()
    for name in (public, private):
        docker("push", name)
        docker("image", "remove", name)
        docker("pull", name)
    assert "private/app" in docker("search", f"{address}/app")

    # A user who is removed has no use for what docker keeps.
    line = users.read_text()
    users.write_text("")
    docker("image", "remove", private)
    assert docker.run("pull", private).returncode
    users.write_text(line)
    docker("pull", private)
    docker("logout", address)

    docker("image", "remove", public, private)
    docker("pull", public)
    assert docker.run("pull", private).returncode
    docker("image", "remove", public)


def push_by_podman(home: Path, name: str, address: str) -> None:
    podman = Tool("podman", home, storage_of(home.parent))
    http = "--tls-verify=false"
    podman("import", "-", name, stdin=images.tar_of(FILES))
    podman("login", http, "-u", USER, "--password-stdin", address, stdin=PASSWORD.encode())
    podman("push", http, name)
    podman("image", "rm", name)
    podman("pull", http, name)
    # It sends no password to search, and sees what anonymous may pull.
    found = podman("search", http, "--format", "{{.Name}}", f"{address}/podman")
    assert name not in found.splitlines()
    podman("logout", address)
    podman("image", "rm", name)
    assert podman.run("pull", http, name).returncode


def push_by_skopeo(home: Path, name: str, address: str) -> None:
    skopeo = Tool("skopeo", home)
    source = image(home)
    tls = ("--tls-verify=false",)
    skopeo("login", *tls, "-u", USER, "--password-stdin", address, stdin=PASSWORD.encode())
    skopeo("copy", "--dest-tls-verify=false", f"oci:{source}:v1", f"docker://{name}:v1")
    assert json.loads(skopeo("list-tags", *tls, f"docker://{name}"))["Tags"] == ["v1"]
    skopeo("delete", *tls, f"docker://{name}:v1")
    assert skopeo.run("inspect", *tls, "--raw", f"docker://{name}:v1").returncode


def push_by_crane(home: Path, name: str, address: str) -> None:
    crane = Tool("crane", home)
    crane("auth", "login", address, "-u", USER, "--password-stdin", stdin=PASSWORD.encode())
    crane("push", image(home), f"{name}:v1")
    crane("copy", f"{name}:v1", f"{name}-copy:v1")
    crane("validate", "--remote", f"{name}-copy:v1")
    assert f"{name.removeprefix(address)[1:]}-copy" in crane("catalog", address).splitlines()
    crane("auth", "logout", address)
    assert crane.run("manifest", f"{name}:v1").returncode


def push_by_oras(home: Path, name: str, address: str) -> None:
    oras = Tool("oras", home)
    (home / "report").write_bytes(b"report")
    http = "--plain-http"
    oras("login", http, "-u", USER, "--password-stdin", address, stdin=PASSWORD.encode())
    oras("push", http, f"{name}:v1", "report:text/plain", cwd=home)
    oras(
        "attach", http, "--artifact-type", "test/sbom", f"{name}:v1", "report:text/plain", cwd=home
    )
    assert "test/sbom" in oras("discover", http, f"{name}:v1")
    oras("logout", address)
    assert oras.run("manifest", "fetch", http, f"{name}:v1").returncode


def push_by_regctl(home: Path, name: str, address: str) -> None:
    regctl = Tool("regctl", home)
    regctl("registry", "set", "--tls", "disabled", address)
    regctl("registry", "login", address, "-u", USER, "--pass-stdin", stdin=PASSWORD.encode())
    regctl("image", "copy", f"ocidir://{image(home)}:v1", f"{name}:v1")
    regctl("image", "copy", f"{name}:v1", f"{name}-copy:v1")
    assert regctl("tag", "ls", name) == "v1"
    regctl("registry", "logout", address)
    assert regctl.run("manifest", "get", f"{name}:v1").returncode


def push_by_helm(home: Path, name: str, address: str) -> None:
    helm = Tool("helm", home)
    http = "--plain-http"
    helm("create", "app", cwd=home)
    helm("package", "app", cwd=home)
    login = (http, "-u", USER, "--password-stdin")
    helm("registry", "login", address, *login, stdin=PASSWORD.encode())
    helm("push", http, "app-0.1.0.tgz", f"oci://{name}", cwd=home)
    (home / "app-0.1.0.tgz").unlink()
    helm("pull", http, f"oci://{name}/app", "--version", "0.1.0", cwd=home)
    assert (home / "app-0.1.0.tgz").exists()
    helm("registry", "logout", address)
    assert helm.run("pull", http, f"oci://{name}/app", "--version", "0.1.0", cwd=home).returncode


def image(home: Path) -> Path:
    layout = images.Layout(home / "layout")
    layout.tag("v1", layout.add_image([images.tar_of(FILES)]))
    return layout.path


@pytest.mark.parametrize(
    "push",
    [
        push_by_podman,
        push_by_skopeo,
        push_by_crane,
        push_by_oras,
        push_by_regctl,
        push_by_helm,
    ],
)
def test_other_clients(
    push: Callable[[Path, str, str], None], address: str, tmp_path: Path
) -> None:
    client = push.__name__.rpartition("_")[2]
    push(tmp_path / "home", f"{address}/private/{client}", address)
    # None of them got along by sending the password with each request.
    assert (
        "Basic" not in requests.get(f"http://{address}/v2/", timeout=10).headers["WWW-Authenticate"]
    )
