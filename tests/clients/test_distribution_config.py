"""One configuration, two servers: the file that Debian packages, for Distribution and for us."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest
import requests

from docker_registry import drivers
from docker_registry.config import load
from docker_registry.errors import PathNotFound
from tests import images
from tests.servers import DistributionServer, RegistryServer, Server
from tests.tools import Tool, missing, require_service, require_tool

#: Of the package docker-registry.
CONFIGURATION = Path("/etc/docker/registry/config.yml")


@pytest.fixture
def theirs(tmp_path: Path) -> DistributionServer:
    # A console script of ours has the same name.
    program = require_tool("/usr/bin/docker-registry")
    if not CONFIGURATION.exists():
        missing(str(CONFIGURATION), "contrib/stacks/install.sh")
    server = DistributionServer(tmp_path / "theirs", program)
    server.configuration = CONFIGURATION
    server.variables = {
        "REGISTRY_HTTP_ADDR": server.address,
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(server.store),
        # It asks for passwords, of a file that isn't there.
        "REGISTRY_AUTH": "none",
    }
    return server


@pytest.fixture
def ours(tmp_path: Path, theirs: DistributionServer) -> RegistryServer:
    server = RegistryServer(
        tmp_path / "ours", {**theirs.variables, "DOCKER_REGISTRY_CONFIG": str(CONFIGURATION)}
    )
    server.settings["REGISTRY_HTTP_ADDR"] = server.address
    server.store = theirs.store
    return server


def answers(server: Server, image: str) -> dict[str, object]:
    """Give what tells one registry from another: its headers, and what it lets clients do."""
    base = f"{server.url}/v2/team"
    gone = requests.delete(f"{base}/app/manifests/sha256:{'0' * 64}", timeout=30)
    manifest = requests.get(
        f"{base}/app/manifests/v1",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
        timeout=30,
    )
    return {
        "header": manifest.headers["X-Content-Type-Options"],
        "digest": manifest.headers["Docker-Content-Digest"] == image,
        "tags": requests.get(f"{base}/app/tags/list", timeout=30).json(),
        "delete": gone.status_code,
    }


def test_both_serve_what_the_other_stored(
    tmp_path: Path, theirs: DistributionServer, ours: RegistryServer
) -> None:
    skopeo = Tool("skopeo", tmp_path / "home")
    layout = images.Layout(tmp_path / "layout")
    image = layout.add_image([images.tar_of({"a": b"a"})])
    layout.tag("image", image)
    push = ("copy", "--dest-tls-verify=false", "--preserve-digests", f"oci:{layout.path}:image")
    with theirs:
        skopeo(*push, f"docker://{theirs.address}/team/app:v1")
        before = answers(theirs, image["digest"])
    with ours:
        assert answers(ours, image["digest"]) == before
        skopeo(*push, f"docker://{ours.address}/team/app:v2")
        added = answers(ours, image["digest"])
    with theirs:
        assert answers(theirs, image["digest"]) == added
    assert before["delete"] == 404
    assert "log.fields (config file) has no effect" in ours.log_tail()
    assert list(theirs.store.glob("docker/registry/v2/repositories/team/app/_manifests/tags/v2"))


def s3() -> dict[str, str]:
    found = require_service("ceph")
    return {
        "REGISTRY_STORAGE": "s3",
        "REGISTRY_STORAGE_S3_REGION": "us-east-1",
        "REGISTRY_STORAGE_S3_REGIONENDPOINT": found["CEPH_S3_ENDPOINT"],
        "REGISTRY_STORAGE_S3_SECURE": "false",
        "REGISTRY_STORAGE_S3_ACCESSKEY": found["CEPH_S3_ACCESS_KEY"],
        "REGISTRY_STORAGE_S3_SECRETKEY": found["CEPH_S3_SECRET_KEY"],
        "REGISTRY_STORAGE_S3_BUCKET": found["CEPH_S3_BUCKET"],
        "REGISTRY_STORAGE_S3_ROOTDIRECTORY": f"/test-{uuid.uuid4().hex}",
    }


def swift() -> dict[str, str]:
    found = require_service("openstack")
    return {
        "REGISTRY_STORAGE": "swift",
        "REGISTRY_STORAGE_SWIFT_AUTHURL": found["OS_AUTH_URL"],
        "REGISTRY_STORAGE_SWIFT_USERNAME": found["OS_USERNAME"],
        "REGISTRY_STORAGE_SWIFT_PASSWORD": found["OS_PASSWORD"],
        "REGISTRY_STORAGE_SWIFT_TENANT": found["OS_PROJECT_NAME"],
        "REGISTRY_STORAGE_SWIFT_DOMAIN": found["OS_USER_DOMAIN_NAME"],
        "REGISTRY_STORAGE_SWIFT_REGION": found["OS_REGION_NAME"],
        "REGISTRY_STORAGE_SWIFT_CONTAINER": "distribution-config",
        "REGISTRY_STORAGE_SWIFT_PREFIX": f"test-{uuid.uuid4().hex}",
    }


@pytest.mark.parametrize("driver", [s3, swift])
def test_both_use_the_same_store_elsewhere(
    tmp_path: Path,
    theirs: DistributionServer,
    ours: RegistryServer,
    driver: Callable[[], dict[str, str]],
) -> None:
    """The driver is chosen by variables, in place of the file's."""
    variables = {**driver(), "REGISTRY_STORAGE_DELETE_ENABLED": "true"}
    for settings in (theirs.variables, ours.settings):
        del settings["REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"]
        settings.update(variables)
    skopeo = Tool("skopeo", tmp_path / "home")
    layout = images.Layout(tmp_path / "layout")
    image = layout.add_image([images.tar_of({"a": images.noise("a", 200_000)})])
    layout.tag("image", image)
    push = ("copy", "--dest-tls-verify=false", "--preserve-digests", f"oci:{layout.path}:image")
    pull = ("copy", "--src-tls-verify=false", "--preserve-digests")
    try:
        with theirs:
            skopeo(*push, f"docker://{theirs.address}/team/app:v1")
        with ours:
            skopeo(*pull, f"docker://{ours.address}/team/app:v1", f"dir:{tmp_path}/from-us")
            skopeo(*push, f"docker://{ours.address}/team/app:v2")
        with theirs:
            skopeo(*pull, f"docker://{theirs.address}/team/app:v2", f"dir:{tmp_path}/from-them")
    finally:
        with patch.dict(os.environ, ours.settings):
            store = drivers.create(load(ours.settings))
            with suppress(PathNotFound):
                store.delete("docker")
    for pulled in ("from-us", "from-them"):
        assert (
            images.digest_of((tmp_path / pulled / "manifest.json").read_bytes()) == image["digest"]
        )


def start(server: RegistryServer, **changes: str | None) -> str:
    """Start a server that doesn't come up with changes of its variables; give what it says."""
    environment = {**server.environment(), **changes}
    done = subprocess.run(
        server.command(),
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def test_what_was_protected_is_not_served(tmp_path: Path, ours: RegistryServer) -> None:
    # Debian's file names a directory.
    said = start(ours, REGISTRY_AUTH=None)
    assert "auth_htpasswd.path (config file: auth.htpasswd.path) is /etc/docker/registry, " in said
    missing = tmp_path / "missing"
    said = start(ours, REGISTRY_AUTH=None, REGISTRY_AUTH_HTPASSWD_PATH=str(missing))
    assert f"{missing}, which can't be read" in said
    assert "docker-registry user add" in said
    # Distribution would have made it.
    assert not missing.exists()
    said = start(ours, REGISTRY_AUTH="silly")
    assert f"{CONFIGURATION}, configuration of Distribution: auth.silly" in said


PASSWORDS = {"alice": "right", "bob": "with : colon", "ünal": "grüße"}


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """Give a file of Apache's htpasswd with a line of each kind."""
    path = tmp_path / "users"
    path.touch()
    htpasswd = require_tool("htpasswd")
    for user, password in PASSWORDS.items():
        subprocess.run([htpasswd, "-bB", path, user, password], check=True, capture_output=True)
    # Kinds that neither takes.
    for kind, user in (("-m", "md5"), ("-s", "sha1"), ("-d", "crypt"), ("-p", "plain")):
        subprocess.run([htpasswd, "-b", kind, path, user, "right"], check=True, capture_output=True)
    with path.open("a") as file:
        file.write("\n# a comment\n")
    return path


def test_the_same_users_get_in(
    tmp_path: Path, theirs: DistributionServer, ours: RegistryServer, users: Path
) -> None:
    skopeo = Tool("skopeo", tmp_path / "home")
    layout = images.Layout(tmp_path / "layout")
    image = layout.add_image([images.tar_of({"a": b"a"})])
    layout.tag("image", image)
    answered = []
    for server, variables in ((theirs, theirs.variables), (ours, ours.settings)):
        del variables["REGISTRY_AUTH"]
        variables["REGISTRY_AUTH_HTPASSWD_PATH"] = str(users)
        with server:
            answered.append(logins(server))
            target = f"docker://{server.address}/team/app"
            push = ("copy", "--dest-tls-verify=false", "--preserve-digests")
            refused = skopeo.run(*push, f"oci:{layout.path}:image", f"{target}:v1")
            assert refused.returncode != 0
            assert b"authentication required" in refused.stderr + refused.stdout
            credentials = ("--dest-creds", "alice:right")
            skopeo(*push, *credentials, f"oci:{layout.path}:image", f"{target}:v1")
            url = f"{server.url}/v2/team/app/manifests/{image['digest']}"
            gone = requests.delete(url, auth=("alice", "right"), timeout=30)
            assert gone.status_code == 202
    assert answered[0] == answered[1]
    assert {name for name, status in answered[0].items() if status == 200} == set(PASSWORDS)


def logins(server: Server) -> dict[str, int]:
    """Give how each login ends, and check how clients are told to log in."""
    url = f"{server.url}/v2/"
    tries = {**PASSWORDS, **dict.fromkeys(["md5", "sha1", "crypt", "plain", "nobody"], "right")}
    statuses = {}
    for user, password in tries.items():
        credentials = (user.encode(), password.encode())
        statuses[user] = requests.get(url, auth=credentials, timeout=30).status_code
        wrong = requests.get(url, auth=(user.encode(), b"wrong"), timeout=30)
        assert wrong.status_code == 401, user
        assert wrong.headers["WWW-Authenticate"].startswith("Basic realm=")
    anonymous = requests.get(url, timeout=30)
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Basic realm=")
    return statuses


def test_a_setting_that_is_not_given_is_that_of_distribution(
    theirs: DistributionServer, ours: RegistryServer
) -> None:
    """Deleting is off there, where it isn't switched on."""
    for server, settings in ((theirs, theirs.variables), (ours, ours.settings)):
        settings["REGISTRY_STORAGE"] = "inmemory"
        settings.pop("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY")
        settings["GUNICORN_WORKERS"] = "1"
        with server:
            url = f"{server.url}/v2/team/app/manifests/sha256:{'0' * 64}"
            response = requests.delete(url, timeout=30)
            assert response.status_code == 405, server
            assert response.json()["errors"][0]["code"] == "UNSUPPORTED"
