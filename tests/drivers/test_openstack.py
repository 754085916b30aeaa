"""Logging in to OpenStack: where credentials come from, what is refused, what failures say."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from docker_registry.config import Settings
from docker_registry.config.loader import load
from docker_registry.drivers.openstack import connect
from docker_registry.errors import AccessDenied, ConfigError, StorageError, Unavailable
from tests.tools import require_service

SERVICE = "object-store"


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what the developer's shell, home and working directory know of clouds."""
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))


@pytest.fixture
def openrc() -> dict[str, str]:
    return require_service("openstack")


@pytest.fixture
def credential(openrc: dict[str, str]) -> Iterator[dict[str, str]]:
    """Make an application credential of the user, for a while."""
    session = connect(settings(openrc)).session
    users = f"{openrc['OS_AUTH_URL']}/users/{session.get_user_id()}"
    answer = session.post(
        f"{users}/application_credentials",
        json={"application_credential": {"name": f"test-{uuid.uuid4().hex}"}},
        authenticated=True,
    )
    made: dict[str, str] = answer.json()["application_credential"]
    yield made
    session.delete(f"{users}/application_credentials/{made['id']}")


def settings(openrc: dict[str, str], **more: Any) -> Settings:
    return Settings(
        **{
            "storage": "swift",
            "swift_authurl": openrc["OS_AUTH_URL"],
            "swift_user": openrc["OS_USERNAME"],
            "swift_password": openrc["OS_PASSWORD"],
            "openstack_project_name": openrc["OS_PROJECT_NAME"],
            **more,
        }
    )


def works(chosen: Settings, openrc: dict[str, str]) -> None:
    """Log in, and see that it is the right account."""
    cloud = connect(chosen)
    url = cloud.endpoint(SERVICE)
    assert url == openrc["OS_SWIFT_ACCOUNT_URL"]
    assert cloud.session.head(url).status_code in (200, 204)


# Where credentials come from


def test_settings_alone(openrc: dict[str, str]) -> None:
    works(settings(openrc), openrc)


@pytest.mark.parametrize("flavor", ["swift", "glance", "glance-swift"])
def test_an_openrc_of_today(
    openrc: dict[str, str], monkeypatch: pytest.MonkeyPatch, flavor: str
) -> None:
    for name, value in openrc.items():
        if "ADMIN" not in name and "SWIFT" not in name and "GLANCE" not in name:
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("SETTINGS_FLAVOR", flavor)
    works(load(), openrc)


def test_an_openrc_of_the_days_of_0_9(
    openrc: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD"):
        monkeypatch.setenv(name, openrc[name])
    monkeypatch.setenv("OS_TENANT_NAME", openrc["OS_PROJECT_NAME"])
    monkeypatch.setenv("SETTINGS_FLAVOR", "swift")
    works(load(), openrc)


def test_a_project_by_its_id(openrc: dict[str, str]) -> None:
    works(
        settings(openrc, openstack_project_name=None, openstack_project_id=openrc["OS_PROJECT_ID"]),
        openrc,
    )


def test_an_application_credential_by_its_id(
    openrc: dict[str, str], credential: dict[str, str]
) -> None:
    chosen = Settings(
        storage="swift",
        swift_authurl=openrc["OS_AUTH_URL"],
        openstack_application_credential_id=credential["id"],
        openstack_application_credential_secret=credential["secret"],
    )
    works(chosen, openrc)


def test_an_application_credential_by_its_name(
    openrc: dict[str, str], credential: dict[str, str]
) -> None:
    chosen = Settings(
        storage="swift",
        swift_authurl=openrc["OS_AUTH_URL"],
        swift_user=openrc["OS_USERNAME"],
        openstack_application_credential_name=credential["name"],
        openstack_application_credential_secret=credential["secret"],
    )
    works(chosen, openrc)


def test_a_cloud_of_clouds_yaml(openrc: dict[str, str], tmp_path: Path) -> None:
    auth = {
        "auth_url": openrc["OS_AUTH_URL"],
        "username": openrc["OS_USERNAME"],
        "password": openrc["OS_PASSWORD"],
        "project_name": openrc["OS_PROJECT_NAME"],
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    clouds = {"ours": {"auth": auth, "region_name": "RegionOne"}, "other": {"auth": {}}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    works(Settings(storage="swift", openstack_cloud="ours"), openrc)
    assert connect(Settings(storage="swift", openstack_cloud="ours")).region_name == "RegionOne"


def test_a_token_as_the_openstack_command_takes_it(
    openrc: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = connect(settings(openrc)).session.get_token()
    assert token
    for name, value in {
        "OS_AUTH_TYPE": "token",
        "OS_AUTH_URL": openrc["OS_AUTH_URL"],
        "OS_TOKEN": token,
        "OS_PROJECT_ID": openrc["OS_PROJECT_ID"],
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SETTINGS_FLAVOR", "swift")
    works(load(), openrc)


def test_the_login_that_swift_brings_itself(openrc: dict[str, str]) -> None:
    chosen = Settings(
        storage="swift",
        swift_auth_version=1,
        swift_authurl=openrc["OS_SWIFT_V1_AUTH_URL"],
        swift_user=openrc["OS_SWIFT_V1_USER"],
        swift_password=openrc["OS_SWIFT_V1_KEY"],
    )
    cloud = connect(chosen)
    url = cloud.endpoint(SERVICE)
    assert url.startswith(f"{openrc['OS_SWIFT_URL']}/v1/")
    assert cloud.session.head(url).status_code in (200, 204)


# One session


def test_one_cloud_and_session_for_all_drivers_of_a_process(openrc: dict[str, str]) -> None:
    cloud = connect(settings(openrc))
    assert connect(settings(openrc, storage="glance")) is cloud
    assert cloud.session is cloud.session
    assert connect(settings(openrc, swift_password="another")) is not cloud


def test_a_forked_process_has_connections_of_its_own(openrc: dict[str, str]) -> None:
    cloud = connect(settings(openrc))
    ours = cloud.session
    url = cloud.endpoint(SERVICE)
    child = os.fork()
    if child == 0:
        good = cloud.session is not ours and cloud.session.head(url).ok
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cloud.session is ours
    assert ours.head(url).ok


def test_a_revoked_token_is_replaced(openrc: dict[str, str]) -> None:
    session = connect(settings(openrc, storage_attempts=2)).session
    tokens = f"{openrc['OS_AUTH_URL']}/auth/tokens"
    revoked = session.get_token()
    assert revoked
    headers = {"X-Auth-Token": revoked, "X-Subject-Token": revoked}
    assert requests.delete(tokens, headers=headers, timeout=30).status_code == 204
    # Another process of Keystone may know the token a moment longer.
    deadline = time.monotonic() + 10
    while session.get_token() == revoked:
        assert time.monotonic() < deadline
        answer = session.get(f"{openrc['OS_AUTH_URL']}/auth/projects", raise_exc=False)
        time.sleep(0.2)
    assert answer.status_code == 200


def test_an_override_is_taken_before_the_catalog(openrc: dict[str, str]) -> None:
    cloud = connect(settings(openrc, swift_authurl="http://127.0.0.1:9/v3"))
    assert cloud.endpoint(SERVICE, "http://swift.example/v1/x/") == "http://swift.example/v1/x"


# What is refused, before anything is asked


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"swift_tenant_name": "another"}, ["OS_TENANT_NAME", "OS_PROJECT_NAME"]),
        ({"swift_auth_version": 2}, ["OS_IDENTITY_API_VERSION", "set 3"]),
        ({"swift_auth_version": 1, "swift_user": None}, ["OS_USERNAME", "OS_PASSWORD"]),
        ({"openstack_application_credential_id": "x"}, ["OS_APPLICATION_CREDENTIAL_SECRET"]),
        ({"openstack_application_credential_secret": "x"}, ["OS_APPLICATION_CREDENTIAL_ID"]),
        (
            {
                "openstack_application_credential_id": "x",
                "openstack_application_credential_secret": "x",
            },
            ["OS_PASSWORD", "unset"],
        ),
        (
            {
                "openstack_application_credential_id": "x",
                "openstack_application_credential_secret": "x",
                "swift_password": None,
            },
            ["OS_PROJECT_NAME", "unset"],
        ),
        ({"openstack_cloud": "nowhere"}, ["nowhere", "OS_CLOUD"]),
        ({"swift_authurl": None}, ["OS_AUTH_URL", "swift_authurl"]),
    ],
)
def test_missing_and_contradicting_settings(changes: dict[str, Any], names: list[str]) -> None:
    openrc = dict.fromkeys(("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME"), "x")
    with pytest.raises(ConfigError) as caught:
        connect(settings(openrc, **changes))
    for name in names:
        assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_credentials_at_all() -> None:
    with pytest.raises(ConfigError, match=r"OS_AUTH_URL.*OS_CLOUD"):
        connect(Settings(storage="swift"))


def test_a_clouds_yaml_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: [")
    with pytest.raises(ConfigError, match="credentials can't be used"):
        connect(Settings(storage="swift", openstack_cloud="ours"))


# What the services refuse


@pytest.mark.parametrize(
    ("changes", "error", "names"),
    [
        ({"swift_password": "wrong"}, AccessDenied, "OS_PASSWORD"),
        ({"swift_user": "nobody"}, AccessDenied, "OS_USERNAME"),
        ({"openstack_project_name": "nowhere"}, AccessDenied, "OS_PROJECT_NAME"),
        ({"openstack_user_domain_name": "nowhere"}, AccessDenied, "OS_USER_DOMAIN_NAME"),
        ({"swift_region_name": "Nowhere"}, Unavailable, "OS_REGION_NAME"),
        ({"openstack_interface": "nothing"}, StorageError, "OS_INTERFACE"),
        ({"swift_authurl": "http://127.0.0.1:9/v3"}, Unavailable, "127.0.0.1:9"),
    ],
)
def test_refusals_say_what_to_look_at(
    openrc: dict[str, str], changes: dict[str, Any], error: type[StorageError], names: str
) -> None:
    cloud = connect(settings(openrc, storage_attempts=1, **changes))
    with pytest.raises(error, match=names) as caught:
        cloud.endpoint(SERVICE)
    assert "\n" not in str(caught.value)


def test_a_certificate_that_nobody_vouches_for() -> None:
    ceph = require_service("ceph")
    chosen = Settings(
        storage="swift",
        storage_attempts=1,
        swift_auth_version=1,
        swift_authurl=f"{ceph['CEPH_S3_TLS_ENDPOINT']}/auth/v1.0",
        swift_user=ceph["CEPH_SWIFT_USER"],
        swift_password=ceph["CEPH_SWIFT_KEY"],
    )
    with pytest.raises(Unavailable, match="OS_CACERT"):
        connect(chosen).endpoint(SERVICE)
    trusted = chosen.model_copy(update={"swift_cacert": ceph["CEPH_S3_CA"]})
    assert connect(trusted).endpoint(SERVICE)


def test_a_secret_is_in_no_message(openrc: dict[str, str]) -> None:
    cloud = connect(settings(openrc, swift_password="hunter2"))
    with pytest.raises(AccessDenied) as caught:
        cloud.endpoint(SERVICE)
    assert "hunter2" not in str(caught.value)
