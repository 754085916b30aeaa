"""Real clients that log in with users, robots and tokens of the real Keystone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import images
from tests.clients.engine import files_in, image_id, import_image
from tests.servers import RegistryServer
from tests.tenants import Tenants, Thing, distinct
from tests.tools import Tool

FILES = {"bin/noise": images.noise("keystone", 100_000)}


@pytest.fixture(scope="module")
def tenants() -> Iterator[Tenants]:
    with Tenants() as tenants:
        yield tenants


@pytest.fixture(scope="module")
def web(tenants: Tenants) -> Thing:
    return tenants.project(distinct("web"))


@pytest.fixture(scope="module")
def member(tenants: Tenants, web: Thing) -> Thing:
    """Give a user whose name is an address, as where Keystone has its users from LDAP."""
    member = tenants.user(f"{distinct('member')}@example.org")
    tenants.give("member", member, web)
    return member


@pytest.fixture(scope="module")
def registry(
    tenants: Tenants, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistryServer]:
    settings = {
        "AUTH": "keystone",
        "AUTH_KEYSTONE_AUTH_URL": tenants.url,
        "TOKENS_ENABLED": "false",
    }
    server = RegistryServer(tmp_path_factory.mktemp("registry"), settings)
    server.start()
    yield server
    server.remove()


def test_docker_as_a_user(
    docker: Tool, registry: RegistryServer, tenants: Tenants, member: Thing, web: Thing
) -> None:
    user = f"{member.name.replace('@', '%40')}@Default/{web.name}"
    docker(
        *("login", "--username", user, "--password-stdin", registry.address),
        stdin=member.secret.encode(),
    )
    name = f"{registry.address}/{web.name}/app"
    import_image(docker, name, FILES)
    made = image_id(docker, name)
    docker("push", name)
    docker("image", "remove", name)
    docker("pull", name)
    assert image_id(docker, name) == made
    assert files_in(docker, name) == FILES

    elsewhere = f"{registry.address}/{tenants.project(distinct('other')).name}/app"
    docker("tag", name, elsewhere)
    refused = docker.run("push", elsewhere)
    assert refused.returncode != 0
    assert b"denied" in refused.stderr
    docker("image", "remove", name, elsewhere)
    docker("logout", registry.address)
    wrong = docker.run(
        *("login", "--username", user, "--password-stdin", registry.address), stdin=b"wrong"
    )
    assert wrong.returncode != 0


@pytest.fixture
def layout(tmp_path: Path) -> images.Layout:
    layout = images.Layout(tmp_path / "layout")
    layout.tag("v1", layout.add_image([images.tar_of(FILES)]))
    return layout


def test_skopeo_as_robots(
    registry: RegistryServer,
    tenants: Tenants,
    member: Thing,
    web: Thing,
    layout: images.Layout,
    tmp_path: Path,
) -> None:
    skopeo = Tool("skopeo", tmp_path / "home")
    pusher = tenants.credential(member, web, "pusher")
    puller = tenants.credential(member, web, "puller", roles=[{"name": "reader"}])
    name = f"docker://{registry.address}/{web.name}/skopeo:v1"
    source = f"oci:{layout.path}:v1"
    by_name = f"{member.name.replace('@', '%40')}/appcred/pusher:{pusher.secret}"
    by_id = f"{puller.id}:{puller.secret}"

    refused = skopeo.run("copy", "--dest-tls-verify=false", "--dest-creds", by_id, source, name)
    assert refused.returncode != 0
    skopeo("copy", "--dest-tls-verify=false", "--dest-creds", by_name, source, name)
    skopeo(
        *("copy", "--src-tls-verify=false", "--src-creds", by_id, name),
        f"oci:{tmp_path}/pulled:v1",
    )
    assert images.checked_blobs(tmp_path / "pulled") == images.checked_blobs(layout.path)


def test_crane_with_a_token(
    registry: RegistryServer,
    tenants: Tenants,
    member: Thing,
    web: Thing,
    layout: images.Layout,
    tmp_path: Path,
) -> None:
    crane = Tool("crane", tmp_path / "home")
    token = tenants.token(member)
    crane("auth", "login", registry.address, "-u", f"token/{web.name}", "-p", token)
    name = f"{registry.address}/{web.name}/crane:v1"
    crane("push", "--index", layout.path, name)
    crane("validate", "--remote", name)
    assert f"{web.name}/crane" in crane("catalog", registry.address).splitlines()
    assert token not in registry.log.read_text()
