import pytest

from docker_registry.search import follower
from tests.api.conftest import Pushes


@pytest.fixture
def client(make_app, tmp_path, monkeypatch):
    # However busy the machine is, the index follows at once.
    monkeypatch.setattr(follower, "PATIENCE", 60)
    app = make_app(
        search_backend="sqlalchemy", sqlalchemy_index_database=f"sqlite:///{tmp_path}/index.db"
    )
    with app.test_client() as client:
        yield client


def found(client, query=""):
    response = client.get(f"/v1/search?{query}")
    assert response.status_code == 200, response.data
    return [result["name"] for result in response.get_json()["results"]]


@pytest.mark.parametrize("path", ["/_ping", "/v1/_ping"])
def test_ping(client, path):
    response = client.get(path)
    assert (response.status_code, response.get_json()) == (200, {})
    assert response.headers["X-Docker-Registry-Standalone"] == "True"
    assert response.headers["Cache-Control"] == "no-cache"


def test_shape(client):
    annotations = {"org.opencontainers.image.description": "An operating system"}
    Pushes(client, "my-ubuntu").image(b"layer", tag="v1", annotations=annotations)
    response = client.get("/v1/search?q=Ubuntu&n=25")
    assert response.get_json() == {
        "query": "Ubuntu",
        "num_results": 1,
        "num_pages": 1,
        "page": 1,
        "page_size": 25,
        "results": [
            {
                "name": "my-ubuntu",
                "description": "An operating system",
                "star_count": 0,
                "is_official": False,
                "is_automated": False,
                "is_trusted": False,
            }
        ],
    }


def test_pages(client):
    for name in ("a1", "a2", "a3"):
        Pushes(client, name).image(b"layer", tag="v1")
    assert found(client, "q=a&n=2") == ["a1", "a2"]
    assert found(client, "q=a&n=2&page=2") == ["a3"]
    assert found(client, "q=a&n=2&page=3") == []
    assert client.get("/v1/search?q=a&n=2").get_json()["num_pages"] == 2
    assert found(client, "q=nothing") == []
    assert found(client) == ["a1", "a2", "a3"]


@pytest.mark.parametrize("query", ["n=0", "n=101", "n=x", "n=-1", "page=0", "page=" + "9" * 5000])
def test_bad_numbers(client, query):
    response = client.get(f"/v1/search?{query}")
    assert response.status_code == 400
    body = response.get_json()
    assert body["error"] == body["errors"][0]["message"]
    assert "from 1 to 100" in body["error"]


def test_off_says_how_to_turn_it_on(make_app):
    response = make_app(search_backend=None).test_client().get("/v1/search?q=a")
    assert response.status_code == 404
    assert "SEARCH_BACKEND" in response.get_json()["error"]


def test_a_database_that_is_away(make_app):
    app = make_app(
        search_backend="sqlalchemy",
        sqlalchemy_index_database="postgresql://nobody@127.0.0.1:9/none",
    )
    client = app.test_client()
    repo = Pushes(client)
    repo.image(b"layer", tag="v1")
    response = client.get("/v1/search?q=a")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert response.get_json()["error"]
    assert client.get("/v2/_catalog").get_json() == {"repositories": ["team/app"]}


def test_what_is_deleted_is_not_found(client):
    repo, other = Pushes(client, "team/app"), Pushes(client, "team/other")
    digest = repo.image(b"layer", tag="v1")
    other.image(b"layer", tag="v1")
    client.delete(repo.url(f"manifests/{digest}"))
    assert found(client, "q=team") == ["team/other"]
    assert client.get("/v2/_catalog").get_json() == {"repositories": ["team/other"]}
    client.delete("/v2/team/other/")
    assert found(client) == []
    assert client.get("/v2/_catalog").get_json() == {"repositories": []}


def test_tags_and_titles_are_searched(client):
    title = {"org.opencontainers.image.title": "Wonderful Thing"}
    Pushes(client, "x").image(b"layer", tag="noble-2024", annotations=title)
    Pushes(client, "y").image(b"layer", tag="other")
    for query in ("noble", "NOBLE-2024", "wonderful", "thing", "wonderful+noble", "x+thing"):
        assert found(client, f"q={query}") == ["x"]
    assert found(client, "q=noble+other") == []
    client.delete("/v2/x/manifests/noble-2024")
    assert found(client, "q=noble") == []
