"""Logging in by the real Keystone: every form of a login, and what becomes of it."""

from __future__ import annotations

import base64
import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from flask.testing import FlaskClient

from docker_registry import auth
from docker_registry.auth import Authority
from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Password
from docker_registry.auth.policy import Action
from docker_registry.config import Settings, load
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ConfigError, Unauthorized
from docker_registry.registry.names import RepositoryName
from tests.api.conftest import AppFactory, Pushes, error_codes
from tests.proxy import FaultyProxy
from tests.tenants import Tenants, Thing, distinct

LogIn = Callable[..., Identity | None]


@pytest.fixture(scope="module")
def tenants() -> Iterator[Tenants]:
    with Tenants() as tenants:
        yield tenants


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what the developer's shell and home know of clouds."""
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))


@pytest.fixture(scope="module")
def corp(tenants: Tenants) -> Thing:
    return tenants.domain(distinct("corp"))


@pytest.fixture(scope="module")
def web(tenants: Tenants) -> Thing:
    return tenants.project(distinct("web"))


@pytest.fixture(scope="module")
def web_of_corp(tenants: Tenants, web: Thing, corp: Thing) -> Thing:
    """Give a project of another domain with the same name."""
    return tenants.project(web.name, corp.id)


@pytest.fixture(scope="module")
def alice(tenants: Tenants, web: Thing, web_of_corp: Thing) -> Thing:
    """Give a user who has different roles in different projects."""
    alice = tenants.user(distinct("alice"))
    tenants.give("member", alice, web)
    tenants.give("reader", alice, web_of_corp)
    return alice


@pytest.fixture(scope="module")
def bob(tenants: Tenants, web: Thing, web_of_corp: Thing, corp: Thing, alice: Thing) -> Thing:
    """Give a user of the other domain, with odd characters in his name, in both projects."""
    bob = tenants.user(f"{alice.name}@b/c:d%", corp.id)
    tenants.give("reader", bob, web)
    tenants.give("admin", bob, web_of_corp)
    return bob


def in_form(name: str) -> str:
    """Write a name as it must be in the field for the user name."""
    for one, escaped in (("%", "%25"), ("@", "%40"), ("/", "%2F"), (":", "%3A")):
        name = name.replace(one, escaped)
    return name


def authority(tenants: Tenants, url: str | None = None, **keys: Any) -> Authority:
    settings = Settings(
        storage="memory",
        auth=["keystone"],
        auth_keystone={"auth_url": url or tenants.url, **keys},
    )
    made = auth.create(settings, MemoryDriver())
    assert made is not None
    return made


def log_in(tenants: Tenants, user: str, secret: str, **keys: Any) -> Identity | None:
    return authority(tenants, **keys).log_in(Password(user, secret))


# Users


def test_a_user_in_a_project(tenants: Tenants, alice: Thing, web: Thing) -> None:
    identity = log_in(tenants, f"{alice.name}/{web.name}", alice.secret)
    assert identity is not None
    assert (identity.method, identity.name, identity.domain) == ("keystone", alice.name, "Default")
    assert identity.project == web.name
    assert identity.roles == {"member", "reader"}
    assert identity.groups == frozenset()


@pytest.mark.parametrize("form", ["{user}@Default/{project}", "{user}/{project}@Default"])
def test_domains_that_are_said_are_the_same(
    tenants: Tenants, alice: Thing, web: Thing, form: str
) -> None:
    user = form.format(user=alice.name, project=web.name)
    said = log_in(tenants, user, alice.secret)
    assert said is not None
    assert (said.name, said.project) == (alice.name, web.name)


def test_a_user_without_a_project_has_no_roles(tenants: Tenants, web: Thing) -> None:
    # Keystone would take his default project, if it weren't told not to.
    carol = tenants.user(distinct("carol"), default_project_id=web.id)
    tenants.give("admin", carol, web)
    identity = log_in(tenants, carol.name, carol.secret)
    assert identity is not None
    assert (identity.name, identity.project, identity.roles) == (carol.name, None, frozenset())


def test_the_project_of_the_settings(tenants: Tenants, alice: Thing, web: Thing) -> None:
    identity = log_in(tenants, alice.name, alice.secret, project=web.name)
    assert identity is not None
    assert identity.project == web.name


def test_a_user_of_another_domain(
    tenants: Tenants, bob: Thing, web: Thing, web_of_corp: Thing, corp: Thing
) -> None:
    user = f"{in_form(bob.name)}@{corp.name}"
    # The project is one of the user's domain, unless another is said.
    theirs = log_in(tenants, f"{user}/{web.name}", bob.secret, repositories="{domain}/{project}")
    ours = log_in(tenants, f"{user}/{web.name}@Default", bob.secret)
    assert theirs is not None and ours is not None
    assert theirs.project == f"{corp.name}/{web.name}"
    assert theirs.roles >= {"admin", "member", "reader"}
    assert ours.project == web.name
    assert ours.roles == {"reader"}
    assert theirs.name == ours.name == user
    assert theirs.domain == ours.domain == corp.name


def test_the_user_domain_of_the_settings(
    tenants: Tenants, bob: Thing, web: Thing, corp: Thing
) -> None:
    chosen = {"user_domain": corp.name}
    identity = log_in(tenants, f"{in_form(bob.name)}/{web.name}", bob.secret, **chosen)
    assert identity is not None
    assert identity.name == in_form(bob.name)


def test_projects_of_one_name_are_never_mixed_up(
    tenants: Tenants, alice: Thing, bob: Thing, web: Thing, corp: Thing
) -> None:
    """An administrator of a domain of his own must not get what another domain's project has."""
    user = f"{in_form(bob.name)}@{corp.name}/{web.name}"
    door = authority(tenants)
    identity = door.log_in(Password(user, bob.secret))
    assert identity is not None
    assert (identity.project, identity.roles) == (None, frozenset())
    assert not any(door.access(identity).may(one, RepositoryName(web.name)) for one in Action)
    by_id = log_in(tenants, user, bob.secret, repositories="{project_id}")
    assert by_id is not None and by_id.project not in (None, web.id)


def test_a_project_whose_name_is_no_component_has_no_repositories(
    tenants: Tenants, alice: Thing, caplog: pytest.LogCaptureFixture
) -> None:
    upper = tenants.project(distinct("Web Shop"))
    tenants.give("member", alice, upper)
    identity = log_in(tenants, f"{alice.name}/{upper.name}", alice.secret)
    assert identity is not None
    assert (identity.project, identity.roles) == (None, frozenset())
    assert "AUTH_KEYSTONE_REPOSITORIES" in caplog.text
    by_id = log_in(
        tenants, f"{alice.name}/{upper.name}", alice.secret, repositories="p/{project_id}"
    )
    assert by_id is not None and by_id.project == f"p/{upper.id}"


@pytest.mark.parametrize(
    ("form", "secret"),
    [
        ("{user}/{project}", "wrong"),
        ("{user}/{project}", ""),
        ("nobody/{project}", None),
        ("{user}@Nowhere/{project}", None),
        ("{user}/nothing", None),
        ("{user}/{project}@Nowhere", None),
        ("{user}/admin", None),
        ("{user}@{corp}/{project}", None),
        ("{user}/appcred/none", None),
        ("0123456789abcdef0123456789abcdef", None),
        ("token", None),
        ("token", "gAAAAABnotatokenbutlookslikeone"),
        ("token", "white space\r\nX-Header: x"),
        ("token", "ü" * 20),
        ("token/{project}", "gAAAAABnotatokenbutlookslikeone"),
        ("token/{project}", "white space\r\nX-Header: x"),
    ],
)
def test_what_is_wrong_is_refused(
    tenants: Tenants, alice: Thing, web: Thing, corp: Thing, form: str, secret: str | None
) -> None:
    user = form.format(user=alice.name, project=web.name, corp=corp.name)
    assert log_in(tenants, user, alice.secret if secret is None else secret) is None


def test_a_disabled_user(tenants: Tenants, web: Thing) -> None:
    carol = tenants.user(distinct("carol"))
    tenants.give("member", carol, web)
    assert log_in(tenants, f"{carol.name}/{web.name}", carol.secret) is not None
    tenants.disable(carol)
    assert log_in(tenants, f"{carol.name}/{web.name}", carol.secret) is None


def test_a_role_that_is_taken_away_is_gone_at_the_next_login(tenants: Tenants, web: Thing) -> None:
    carol = tenants.user(distinct("carol"))
    tenants.give("admin", carol, web)
    tenants.give("reader", carol, web)
    before = log_in(tenants, f"{carol.name}/{web.name}", carol.secret)
    tenants.take("admin", carol, web)
    after = log_in(tenants, f"{carol.name}/{web.name}", carol.secret)
    assert before is not None and after is not None
    assert "admin" in before.roles
    assert after.roles == {"reader"}
    tenants.take("reader", carol, web)
    assert log_in(tenants, f"{carol.name}/{web.name}", carol.secret) is None


# Application credentials


def test_an_application_credential_by_id_and_by_name(
    tenants: Tenants, alice: Thing, web: Thing
) -> None:
    robot = tenants.credential(alice, web, "ci/robot", roles=[{"name": "reader"}])
    by_id = log_in(tenants, robot.id, robot.secret)
    by_name = log_in(tenants, f"{alice.name}/appcred/ci%2Frobot", robot.secret)
    assert by_id is not None and by_name is not None
    # A rule for alice doesn't give her robot what she may do.
    assert by_id.name == by_name.name == f"{alice.name}/appcred/ci%2Frobot"
    assert by_id.project == by_name.project == web.name
    assert by_id.roles == by_name.roles == {"reader"}


def test_an_application_credential_of_another_domain(
    tenants: Tenants, bob: Thing, web: Thing, corp: Thing
) -> None:
    robot = tenants.credential(bob, web, "robot")
    user = f"{in_form(bob.name)}@{corp.name}/appcred/robot"
    identity = log_in(tenants, user, robot.secret)
    assert identity is not None
    assert (identity.name, identity.project) == (user, web.name)


def test_application_credentials_that_are_no_longer_good(
    tenants: Tenants, alice: Thing, web: Thing
) -> None:
    deleted = tenants.credential(alice, web, distinct("deleted"))
    assert log_in(tenants, deleted.id, "wrong") is None
    assert log_in(tenants, deleted.id, deleted.secret) is not None
    tenants.remove_credential(alice, deleted)
    assert log_in(tenants, deleted.id, deleted.secret) is None
    assert log_in(tenants, f"{alice.name}/appcred/{deleted.name}", deleted.secret) is None


def test_an_application_credential_that_expires_is_not_remembered_for_longer(
    tenants: Tenants, alice: Thing, web: Thing
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=5)
    expires = soon.strftime("%Y-%m-%dT%H:%M:%S")
    robot = tenants.credential(alice, web, distinct("robot"), expires_at=expires)
    door = authority(tenants, cache_seconds=600)
    password = Password(robot.id, robot.secret)
    assert door.log_in(password) is not None
    while datetime.now(UTC) <= soon:
        time.sleep(0.1)
    assert door.recall(password) is None
    assert door.log_in(password) is None


def test_an_application_credential_for_another_service_only(
    tenants: Tenants, alice: Thing, web: Thing
) -> None:
    rule = {"service": "compute", "method": "GET", "path": "/v2.1/servers"}
    robot = tenants.credential(alice, web, distinct("narrow"), access_rules=[rule])
    assert log_in(tenants, robot.id, robot.secret) is None


# Tokens


def test_a_token_as_the_password(tenants: Tenants, alice: Thing, web: Thing) -> None:
    scoped, unscoped = tenants.token(alice, web), tenants.token(alice)
    identity = log_in(tenants, "token", scoped)
    assert identity is not None
    assert (identity.name, identity.project) == (alice.name, web.name)
    assert identity.roles == {"member", "reader"}
    nowhere = log_in(tenants, "token", unscoped)
    assert nowhere is not None
    assert (nowhere.name, nowhere.project, nowhere.roles) == (alice.name, None, frozenset())


def test_a_token_for_another_project_than_its_own(
    tenants: Tenants, alice: Thing, web: Thing, corp: Thing
) -> None:
    token = tenants.token(alice)
    ours = log_in(tenants, f"token/{web.name}", token)
    theirs = log_in(
        tenants, f"token/{web.name}@{corp.name}", token, repositories="{domain}/{project}"
    )
    assert ours is not None and theirs is not None
    assert (ours.project, ours.roles) == (web.name, {"member", "reader"})
    assert (theirs.project, theirs.roles) == (f"{corp.name}/{web.name}", {"reader"})
    assert log_in(tenants, "token/admin", token) is None


def test_a_token_of_an_application_credential_keeps_its_name_and_project(
    tenants: Tenants, alice: Thing, web: Thing, corp: Thing
) -> None:
    robot = tenants.credential(alice, web, distinct("robot"))
    token = tenants.token_of_credential(robot)
    identity = log_in(tenants, "token", token)
    assert identity is not None
    assert identity.name == f"{alice.name}/appcred/{robot.name}"
    assert log_in(tenants, f"token/{web.name}@{corp.name}", token) is None


def test_a_token_for_a_domain_gives_nothing_in_a_project(tenants: Tenants, corp: Thing) -> None:
    carol = tenants.user(distinct("carol"))
    tenants.give_in_domain("admin", carol, corp)
    token = tenants.token(carol, domain_id=corp.id)
    identity = log_in(tenants, "token", token, repositories="{domain}/{project}")
    assert identity is not None
    assert (identity.project, identity.roles) == (None, frozenset())


def test_a_revoked_token(tenants: Tenants, alice: Thing, web: Thing) -> None:
    token = tenants.token(alice, web)
    tenants.revoke(token)
    assert log_in(tenants, "token", token) is None


# How often Keystone is asked


@pytest.fixture
def proxy(tenants: Tenants) -> Iterator[FaultyProxy]:
    url = urlsplit(tenants.url)
    with FaultyProxy(url.hostname or "", url.port or 0) as proxy:
        yield proxy


def through(proxy: FaultyProxy) -> str:
    return f"http://127.0.0.1:{proxy.port}/v3"


def test_one_call_a_login_and_then_none(
    tenants: Tenants, proxy: FaultyProxy, alice: Thing, web: Thing
) -> None:
    robot = tenants.credential(alice, web, distinct("robot"))
    door = authority(tenants, through(proxy))
    for user, secret, call in [
        (f"{alice.name}/{web.name}", alice.secret, "POST"),
        (alice.name, alice.secret, "POST"),
        (robot.id, robot.secret, "POST"),
        ("token", tenants.token(alice, web), "GET"),
        (f"token/{web.name}", tenants.token(alice), "POST"),
        (f"{alice.name}/{web.name}", "wrong", "POST"),
    ]:
        proxy.forget()
        identity = door.log_in(Password(user, secret))
        assert proxy.calls() == [f"{call} /v3/auth/tokens"]
        assert door.recall(Password(user, secret)) == identity
        assert door.recall(Password(user, f"{secret}x")) is None
        assert len(proxy.requests) == 1


def test_what_cannot_be_a_name_or_a_token_costs_no_call(
    tenants: Tenants, proxy: FaultyProxy
) -> None:
    door = authority(tenants, through(proxy))
    with pytest.raises(Unauthorized, match="%40"):
        door.log_in(Password("a@b@c", "x"))
    assert door.log_in(Password("token", "no token")) is None
    assert proxy.requests == []


def test_a_login_is_remembered_only_if_the_settings_say_so(tenants: Tenants, alice: Thing) -> None:
    password = Password(alice.name, alice.secret)
    for seconds in (0, 600):
        door = authority(tenants, cache_seconds=seconds)
        identity = door.log_in(password)
        assert door.recall(password) == (identity if seconds else None)


def test_catalogs_are_not_asked_for(
    tenants: Tenants, proxy: FaultyProxy, alice: Thing, web: Thing
) -> None:
    authority(tenants, through(proxy)).log_in(Password(f"{alice.name}/{web.name}", alice.secret))
    assert [request.path for request in proxy.requests] == ["/v3/auth/tokens?nocatalog"]


# Where Keystone is


def test_a_url_without_the_version(tenants: Tenants, alice: Thing) -> None:
    for url in (tenants.url.removesuffix("/v3"), f"{tenants.url}/"):
        door = authority(tenants, url)
        door.check()
        assert door.log_in(Password(alice.name, alice.secret)) is not None


def settings_of(**more: Any) -> Settings:
    return Settings(storage="memory", auth=["keystone"], **more)


def works(settings: Settings, user: Thing) -> bool:
    made = auth.create(settings, MemoryDriver())
    assert made is not None
    made.check()
    return made.log_in(Password(user.name, user.secret)) is not None


def test_where_the_store_has_its_credentials_from(
    tenants: Tenants, alice: Thing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert works(settings_of(swift_authurl=tenants.url), alice)
    regions = [
        {"name": "One", "values": {"auth": {"auth_url": "http://127.0.0.1:9"}}},
        {"name": "Two", "values": {"auth": {"auth_url": tenants.url}}},
    ]
    clouds = {
        # Credentials of the registry's own aren't needed, and those that are there aren't used.
        "ours": {"auth": {"auth_url": tenants.url, "username": "x", "password": "x"}},
        "wide": {"auth": {}, "regions": regions},
    }
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    assert works(settings_of(openstack_cloud="ours"), alice)
    assert works(settings_of(openstack_cloud="wide", swift_region_name="Two"), alice)
    elsewhere = {"swift_authurl": "http://127.0.0.1:9", "openstack_cloud": "ours"}
    assert works(settings_of(auth_keystone={"auth_url": tenants.url}, **elsewhere), alice)
    for name, value in {"OS_AUTH_URL": tenants.url, "AUTH": "keystone"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SETTINGS_FLAVOR", "local")
    assert works(load(), alice)


def test_nothing_says_where_it_is() -> None:
    with pytest.raises(ConfigError, match=r"AUTH_KEYSTONE_AUTH_URL.*OS_AUTH_URL.*OS_CLOUD"):
        auth.create(settings_of(), MemoryDriver())


def test_the_login_of_an_object_gateway_is_no_keystone() -> None:
    chosen = {"swift_auth_version": 1, "swift_authurl": "http://127.0.0.1:9/auth/v1.0"}
    with pytest.raises(ConfigError, match="AUTH_KEYSTONE_AUTH_URL"):
        auth.create(settings_of(**chosen), MemoryDriver())


# What requests see


@pytest.fixture
def app_client(make_app: AppFactory, tenants: Tenants) -> Iterator[FlaskClient]:
    chosen = {"auth_url": tenants.url, "repositories": "{project}"}
    settings = {"auth": ["keystone"], "auth_keystone": chosen, "tokens": {"enabled": False}}
    with make_app(**settings).test_client() as client:
        yield client


def basic(user: str, secret: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def test_members_push_readers_pull_and_others_see_nothing(
    app_client: FlaskClient, tenants: Tenants, alice: Thing, bob: Thing, corp: Thing, web: Thing
) -> None:
    member = basic(f"{alice.name}/{web.name}", alice.secret)
    reader = basic(f"{in_form(bob.name)}@{corp.name}/{web.name}@Default", bob.secret)
    elsewhere = basic(f"{in_form(bob.name)}@{corp.name}/{web.name}", bob.secret)
    repository = f"{web.name}/app"

    app_client.environ_base["HTTP_AUTHORIZATION"] = member["Authorization"]
    Pushes(app_client, repository).image(b"layer", tag="v1")
    del app_client.environ_base["HTTP_AUTHORIZATION"]

    manifest, uploads = f"/v2/{repository}/manifests/v1", f"/v2/{repository}/blobs/uploads/"
    assert app_client.get(manifest, headers=reader).status_code == 200
    assert app_client.post(uploads, headers=reader).status_code == 403
    assert app_client.get(manifest, headers=elsewhere).status_code == 403
    assert app_client.get(manifest).status_code == 401
    assert app_client.delete(manifest, headers=reader).status_code == 403
    assert app_client.delete(manifest, headers=member).status_code == 202


def test_a_wrong_password_and_a_wrong_name_are_401(
    app_client: FlaskClient, alice: Thing, web: Thing
) -> None:
    wrong = app_client.get("/v2/", headers=basic(f"{alice.name}/{web.name}", "wrong"))
    unreadable = app_client.get("/v2/", headers=basic(f"{alice.name}@a@b", "wrong"))
    for response in (wrong, unreadable):
        assert response.status_code == 401
        assert error_codes(response) == ["UNAUTHORIZED"]
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert "%40" in unreadable.get_json()["errors"][0]["message"]


def test_a_policy_file_decides(
    make_app: AppFactory, tenants: Tenants, alice: Thing, web: Thing, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        f'"ours": "project_id:{web.id} and user_id:{alice.id}"\n'
        '"registry:push": "rule:ours and role:member"\n'
        '"registry:delete": "role:admin"\n'
    )
    chosen = {"auth_url": tenants.url, "policy_file": str(file)}
    settings = {"auth": ["keystone"], "auth_keystone": chosen, "tokens": {"enabled": False}}
    with make_app(**settings).test_client() as client:
        member = basic(f"{alice.name}/{web.name}", alice.secret)
        client.environ_base["HTTP_AUTHORIZATION"] = member["Authorization"]
        Pushes(client, f"{web.name}/app").image(b"layer", tag="v1")
        assert client.delete(f"/v2/{web.name}/app/manifests/v1").status_code == 403


def test_secrets_are_in_no_log(
    app_client: FlaskClient,
    tenants: Tenants,
    alice: Thing,
    web: Thing,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    robot = tenants.credential(alice, web, distinct("robot"))
    token = tenants.token(alice, web)
    caplog.clear()
    for user, secret in [
        (f"{alice.name}/{web.name}", alice.secret),
        (f"{alice.name}/{web.name}", "not-the-password"),
        (robot.id, robot.secret),
        ("token", token),
        (f"token/{web.name}", token),
        ("token", f"{token}x"),
    ]:
        app_client.get("/v2/", headers=basic(user, secret))
        assert caplog.records, "the log isn't looked at"
        assert secret not in caplog.text
