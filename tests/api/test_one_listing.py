"""One listing of what V1 clients and today's clients pushed."""

from __future__ import annotations

import pytest

from docker_registry.api.context import context
from docker_registry.registry import layout
from docker_registry.search import writer
from docker_registry.upkeep.schedule import Scheduler
from tests.api.conftest import Pushes, error_codes
from tests.api.v1.pushes import V1Pushes


@pytest.fixture(params=["none", "sqlalchemy"])
def client(request, make_app, tmp_path, monkeypatch):
    """Give a client whose catalog comes from the storage, and one whose comes from the index."""
    monkeypatch.setattr(writer, "PATIENCE", 60)
    # Background jobs would repair the index in between.
    monkeypatch.setattr(Scheduler, "ensure_running", lambda _scheduler: None)
    app = make_app(
        search_backend=request.param, sqlalchemy_index_database=f"sqlite:///{tmp_path}/index.db"
    )
    with app.test_client() as client:
        with app.app_context():
            if context().index is not None:
                context().index.repair()
        yield client


@pytest.fixture
def v1(client):
    v1 = V1Pushes(client)
    v1.old = v1.image("old")
    return v1


def catalog(client, url="/v2/_catalog"):
    seen = []
    while url:
        response = client.get(url)
        assert response.status_code == 200, response.data
        seen += response.get_json()["repositories"]
        url = response.headers.get("Link", "").partition(">")[0].lstrip("<")
    return seen


@pytest.mark.parametrize("n", [1, 2, 3, 1000])
def test_catalog(client, v1, n):
    for name in ("a", "a/b/c", "a-b/x", "both/app", "library/a/b", "Odd/name", "b b/x"):
        assert v1.tag(name, "v1", v1.old).status_code == 200
    for name in ("a-b", "a.b", "a/b", "both/app", "library/a", "z"):
        Pushes(client, name).image(b"layer")
    expected = sorted(
        ["a", "a-b", "a-b/x", "a.b", "a/b", "a/b/c", "both/app", "library/a", "library/a/b", "z"]
    )
    assert catalog(client, f"/v2/_catalog?n={n}") == expected
    assert catalog(client, f"/v2/_catalog?last=a%2Fb&n={n}") == expected[5:]


def test_a_repository_of_both_goes_with_the_last(client, v1):
    v1.tag("app", "old", v1.old)
    repo = Pushes(client, "app")
    repo.image(b"layer", tag="new")
    assert client.delete("/v1/repositories/app/tags/old").status_code == 200
    assert catalog(client) == ["app"]
    v1.tag("app", "old", v1.old)
    assert client.delete("/v2/app/").status_code == 202
    assert catalog(client) == ["app"]
    assert client.delete("/v1/repositories/app/").status_code == 200
    assert catalog(client) == []


def test_a_push_of_v1_that_has_no_tag_yet(client, v1):
    client.put("/v1/repositories/app/", json=[{"id": v1.old}])
    assert catalog(client) == []
    assert client.get("/v2/app/tags/list").status_code == 404


def test_tags(client, v1):
    tags = ["1", "V2", "_x", "v1", "v1-rc", "v1.0", "v10"]
    for tag in tags:
        v1.tag("team/app", tag, v1.old)
    url = "/v2/team/app/tags/list"
    assert client.get(url).get_json() == {"name": "team/app", "tags": tags}
    first = client.get(f"{url}?n=3")
    assert first.get_json()["tags"] == tags[:3]
    assert 'last=_x&n=3>; rel="next"' in first.headers["Link"]
    assert client.get(f"{url}?n=4&last=_x").get_json()["tags"] == tags[3:]
    assert client.get(f"{url}?last=zzz").get_json()["tags"] == []
    assert client.get(f"{url}?n=0").get_json()["tags"] == []
    # Where there is something of today, that is what it has.
    Pushes(client, "team/app").image(b"layer", tag="new")
    assert client.get(url).get_json()["tags"] == ["new"]


def test_tags_by_todays_name(client, v1):
    v1.tag("library/ubuntu", "v1", v1.old)
    v1.tag("a/b/c", "v1", v1.old)
    for name in ("ubuntu", "a/b/c"):
        assert client.get(f"/v2/{name}/tags/list").get_json()["tags"] == ["v1"]
    for name in ("library/ubuntu", "a/b", "c"):
        missing = client.get(f"/v2/{name}/tags/list?last=a")
        assert missing.status_code == 404
        assert error_codes(missing) == ["NAME_UNKNOWN"]


def test_a_manifest_of_v1_is_not_there(client, v1):
    v1.tag("library/ubuntu", "v1", v1.old)
    Pushes(client, "ubuntu").image(b"layer", tag="new")
    old = client.get("/v2/ubuntu/manifests/v1")
    assert old.status_code == 404
    assert error_codes(old) == ["MANIFEST_UNKNOWN"]
    assert "docker-registry migrate" in old.get_json()["errors"][0]["message"]
    assert old.get_json()["errors"][0]["detail"] == {"tag": "v1"}
    assert client.head("/v2/ubuntu/manifests/v1").status_code == 404
    for other in ("ubuntu/manifests/v2", "library/ubuntu/manifests/v1", "none/manifests/v1"):
        unknown = client.get(f"/v2/{other}")
        assert error_codes(unknown) == ["MANIFEST_UNKNOWN"]
        assert "V1" not in unknown.get_json()["errors"][0]["message"]
    assert client.get("/v2/ubuntu/manifests/new").status_code == 200


@pytest.mark.parametrize("client", ["sqlalchemy"], indirect=True)
def test_search(client, v1):
    v1.tag("library/ubuntu", "14.04", v1.old)
    v1.tag("Team/ubuntu", "1", v1.old)
    Pushes(client, "my/ubuntu").image(b"layer", tag="24.04")
    found = client.get("/v1/search?q=ubuntu").get_json()
    assert [result["name"] for result in found["results"]] == [
        "ubuntu",
        "my/ubuntu",
        "Team/ubuntu",
    ]
    assert client.get("/v1/search?q=14.04").get_json()["num_results"] == 1


def test_the_catalog_is_whole_while_the_index_is_behind(client, v1):
    v1.tag("team/app", "v1", v1.old)
    with client.application.app_context():
        driver = context().registry.driver
        driver.put_content(f"{layout.pending('missing')}/mark", b"missing")
        driver.put_content("repositories/library/missing/tag_v1", v1.old.encode())
    assert catalog(client) == ["missing", "team/app"]
