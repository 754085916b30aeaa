"""What of the listings somebody sees: what may be pulled, and nothing tells of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from docker_registry.api.context import context
from docker_registry.registry import layout
from docker_registry.search import writer
from docker_registry.upkeep.schedule import Scheduler
from tests import passwords
from tests.api.conftest import AppFactory, Pushes, error_codes
from tests.api.v1.pushes import V1Pushes

POLICY = [
    {"who": ["user:admin"], "repositories": "**", "may": ["admin"]},
    {"who": ["anonymous"], "repositories": "*/public", "may": ["pull"]},
    {"who": ["user:alice"], "repositories": "team/**", "may": ["pull"]},
    {"who": ["user:alice"], "repositories": "team/secret/**", "may": []},
    {"who": ["user:alice"], "repositories": "team/secret/known", "may": ["push"]},
    {"who": ["user:bob"], "repositories": "{user}/**", "may": ["pull"]},
    {"who": ["user:bob"], "repositories": "team/*", "may": ["delete"]},
    {"who": ["user:carol"], "repositories": "nothing/there", "may": ["pull"]},
]
TODAYS = sorted(
    [
        *("bob", "bob/app", "bobby/app", "other/public", "team", "team-b/app", "team/app"),
        *("team/app/public", "team/public", "team/secret", "team/secret/known", "zebra/app"),
    ]
)
V1 = ["team/old", "library/ubuntu", "zebra/old"]
#: Patterns would match them, if they were for such names.
ODD = ["team/Odd", "Team/public"]
EVERYTHING = sorted([*TODAYS, "team/old", "ubuntu", "zebra/old"])
SHOWN = {
    "admin": EVERYTHING,
    "alice": [
        "team",
        "team/app",
        "team/app/public",
        "team/old",
        "team/public",
        "team/secret/known",
    ],
    "bob": ["bob", "bob/app"],
    "carol": [],
    None: ["other/public", "team/public"],
}

Listing = Callable[..., list[str]]


def ask(client: FlaskClient, user: str | None, url: str) -> Any:
    return client.get(url, auth=(user, "right") if user else None)


@pytest.fixture(params=["none", "sqlalchemy"])
def client(
    request: pytest.FixtureRequest,
    make_app: AppFactory,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FlaskClient]:
    """Give a client whose catalog comes from the storage, and one whose comes from the index."""
    monkeypatch.setattr(writer, "PATIENCE", 60)
    # Background jobs would repair the index in between.
    monkeypatch.setattr(Scheduler, "ensure_running", lambda _scheduler: None)
    names = [name for name in SHOWN if name]
    users = passwords.write(tmp_path / "users", *(passwords.line(n, "right") for n in names))
    database = f"sqlite:///{tmp_path}/index.db"
    everybody = make_app(search_backend=request.param, sqlalchemy_index_database=database)
    with everybody.app_context():
        _fill(everybody.test_client())
        if context().index is not None:
            context().index.repair()
        driver = context().registry.driver
    monkeypatch.setattr("docker_registry.drivers.create", lambda _settings: driver)
    app = make_app(
        search_backend=request.param,
        sqlalchemy_index_database=database,
        auth=["htpasswd"],
        auth_htpasswd={"path": str(users)},
        tokens={"enabled": False},
        policy=POLICY,
    )
    with app.test_client() as client:
        yield client


def _fill(client: FlaskClient) -> None:
    for name in TODAYS:
        Pushes(client, name).image(b"layer", tag="v1")
    v1 = V1Pushes(client)
    old = v1.image("old")
    for name in [*V1, *ODD]:
        assert v1.tag(name, "v1", old).status_code == 200


def catalog(client: FlaskClient, user: str | None, url: str = "/v2/_catalog") -> list[str]:
    seen, pages = [], 0
    while url:
        response = ask(client, user, url)
        assert response.status_code == 200, response.data
        page = response.get_json()["repositories"]
        assert page or not pages, "an empty page at the end"
        seen += page
        pages += 1
        url = response.headers.get("Link", "").partition(">")[0].lstrip("<")
    return seen


@pytest.mark.parametrize("user", SHOWN)
def test_catalog(client: FlaskClient, user: str | None) -> None:
    for n in (1, 2, 3, 1000):
        assert catalog(client, user, f"/v2/_catalog?n={n}") == SHOWN[user]
    for last in (*EVERYTHING, "t", "team/secret/x", "zzz", "team!", "A", "%00", "\ue000"):
        expected = [name for name in SHOWN[user] if name > last.replace("%00", "\0")]
        assert catalog(client, user, f"/v2/_catalog?n=2&last={last}") == expected
    assert catalog(client, user, "/v2/_catalog?n=0") == []


def test_the_catalog_is_the_same_while_the_index_is_behind(client: FlaskClient) -> None:
    with client.application.app_context():
        driver = context().registry.driver
        driver.put_content(f"{layout.pending('missing')}/mark", b"missing")
        for name in ("team/missing", "zebra/missing"):
            driver.put_content(f"repositories/{name}/tag_v1", b"1" * 64)
    assert catalog(client, "alice", "/v2/_catalog?n=3") == sorted([*SHOWN["alice"], "team/missing"])


@pytest.mark.parametrize("client", ["sqlalchemy"], indirect=True)
@pytest.mark.parametrize("user", SHOWN)
@pytest.mark.parametrize("query", ["", "team", "public", "zebra", "app team", "v1"])
def test_search(client: FlaskClient, user: str | None, query: str) -> None:
    shown = [*SHOWN[user], *(ODD if user == "admin" else [])]
    words = query.replace("v1", "").split()
    expected = sorted(name for name in shown if all(word in name.lower() for word in words))
    found: list[str] = []
    for page in range(1, 100):
        response = ask(client, user, f"/v1/search?q={query}&n=2&page={page}")
        assert response.status_code == 200, response.data
        answer = response.get_json()
        assert answer["num_results"] == len(expected)
        assert answer["num_pages"] == -(-len(expected) // 2)
        found += [result["name"] for result in answer["results"]]
        if page >= answer["num_pages"]:
            break
    assert sorted(found) == expected


@pytest.mark.parametrize("client", ["sqlalchemy"], indirect=True)
@pytest.mark.parametrize("url", ["/v2/_catalog", "/v1/search?q=team"])
def test_who_may_pull_nothing_gets_no_list(
    client: FlaskClient, url: str, make_app: AppFactory, tmp_path: Any
) -> None:
    app = make_app(
        search_backend="sqlalchemy",
        sqlalchemy_index_database=f"sqlite:///{tmp_path}/index.db",
        auth=["htpasswd"],
        auth_htpasswd={"path": str(tmp_path / "users")},
        tokens={"enabled": False},
        policy=POLICY[:1],
    )
    nobody = ask(app.test_client(), None, url)
    assert nobody.status_code == 401
    assert error_codes(nobody) == ["UNAUTHORIZED"]
    denied = ask(app.test_client(), "alice", url)
    assert denied.status_code == 403
    assert error_codes(denied) == ["DENIED"]
