"""Tags, catalog and repository delete."""

import pytest

from tests.api.conftest import Pushes, error_codes

NAMES = ["a", "a-b", "a.b", "a/b", "a/b/c", "a0", "b"]


def walk(client, url, key):
    """Give all entries behind ``url``, following Link."""
    seen = []
    while url:
        response = client.get(url)
        assert response.status_code == 200, response.data
        seen += response.get_json()[key]
        url = response.headers.get("Link", "").partition(">")[0].lstrip("<")
    return seen


@pytest.fixture
def tagged(repo):
    for tag in ["v1", "v1.0", "v1-rc", "V2", "_x", "v10", "1"]:
        repo.image(b"layer", tag=tag)
    return repo


TAGS = sorted(["v1", "v1.0", "v1-rc", "V2", "_x", "v10", "1"])


def test_tags_in_byte_order(tagged, client):
    response = client.get(tagged.url("tags/list"))
    assert response.get_json() == {"name": "team/app", "tags": TAGS}
    assert "Link" not in response.headers


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 8])
def test_tags_page_by_page(tagged, client, n):
    assert walk(client, tagged.url(f"tags/list?n={n}"), "tags") == TAGS


def test_last_need_not_exist(tagged, client):
    response = client.get(tagged.url("tags/list?last=v1.&n=2"))
    assert response.get_json()["tags"] == ["v1.0", "v10"]
    response = client.get(tagged.url("tags/list?last=zzz"))
    assert response.get_json()["tags"] == []


def test_no_tags(repo, client):
    repo.image(b"layer")
    assert client.get(repo.url("tags/list")).get_json()["tags"] == []
    missing = client.get("/v2/no/body/tags/list")
    assert missing.status_code == 404
    assert error_codes(missing) == ["NAME_UNKNOWN"]


@pytest.mark.parametrize("path", ["team/app/tags/list", "_catalog"])
def test_n(tagged, client, path):
    key = "tags" if "tags" in path else "repositories"
    for n in ("0", str(2**62), "9" * 5000):
        response = client.get(f"/v2/{path}?n={n}")
        assert response.status_code == 200
        assert bool(response.get_json()[key]) is (n != "0")
        assert "Link" not in response.headers
    for n in ("-1", "x", "1.5", "\u0661", " 1"):
        response = client.get(f"/v2/{path}", query_string={"n": n})
        assert response.status_code == 400
        assert error_codes(response) == ["PAGINATION_NUMBER_INVALID"]


def test_page_is_bounded(make_app):
    repo = Pushes(make_app(tags_page=2, catalog_page=1).test_client())
    for tag in ("a", "b", "c"):
        repo.image(b"layer", tag=tag)
    first = repo.client.get(repo.url("tags/list?n=1000"))
    assert first.get_json()["tags"] == ["a", "b"]
    assert walk(repo.client, repo.url("tags/list"), "tags") == ["a", "b", "c"]
    Pushes(repo.client, "another").image(b"layer")
    assert walk(repo.client, "/v2/_catalog", "repositories") == ["another", "team/app"]


@pytest.mark.parametrize("n", [1, 2, 3, 1000])
def test_catalog_in_byte_order(client, n):
    assert client.get("/v2/_catalog").get_json() == {"repositories": []}
    for name in NAMES:
        Pushes(client, name).image(b"layer")
    assert walk(client, f"/v2/_catalog?n={n}", "repositories") == sorted(NAMES)
    response = client.get("/v2/_catalog?last=a%2Fa&n=2")
    assert response.get_json()["repositories"] == ["a/b", "a/b/c"]


def test_a_repository_of_blobs_alone_is_not_listed(repo, client):
    repo.blob(b"layer")
    assert client.get("/v2/_catalog").get_json() == {"repositories": []}


def test_a_repository_leaves_with_its_last_manifest(repo, client):
    digest = repo.image(b"layer", tag="v1")
    client.delete(repo.url(f"manifests/{digest}"))
    assert client.get("/v2/_catalog").get_json() == {"repositories": []}
    assert client.get(repo.url("tags/list")).status_code == 404


def test_delete_repository(repo, client):
    below = Pushes(client, "team/app/below")
    below.image(b"layer", tag="v1")
    digest = repo.image(b"layer", tag="v1")
    assert client.delete("/v2/team/app/").status_code == 202
    for name in ("v1", digest):
        assert client.get(repo.url(f"manifests/{name}")).status_code == 404
    assert client.get("/v2/_catalog").get_json() == {"repositories": ["team/app/below"]}
    assert client.get(below.url("manifests/v1")).status_code == 200
    again = client.delete("/v2/team/app/")
    assert again.status_code == 404
    assert error_codes(again) == ["NAME_UNKNOWN"]
    repo.image(b"layer", tag="v2")
    assert client.get(repo.url("tags/list")).get_json()["tags"] == ["v2"]
