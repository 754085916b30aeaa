import pytest

from docker_registry.api.context import context
from docker_registry.registry import layout
from docker_registry.search import writer
from docker_registry.upkeep.schedule import Scheduler
from tests.api.conftest import Pushes, error_codes


@pytest.fixture
def client(make_app, tmp_path, monkeypatch):
    # However busy the machine is, the index follows at once.
    monkeypatch.setattr(writer, "PATIENCE", 60)
    app = make_app(
        search_backend="sqlalchemy", sqlalchemy_index_database=f"sqlite:///{tmp_path}/index.db"
    )
    with app.test_client() as client:
        yield client


def found(client, query=""):
    response = client.get(f"/v1/search?{query}")
    assert response.status_code == 200, response.data
    return [result["name"] for result in response.get_json()["results"]]


def refusal(response, code):
    """Give the message of an error, which is there for both kinds of clients."""
    assert error_codes(response) == [code]
    assert response.headers["Cache-Control"] == "no-cache"
    body = response.get_json()
    assert body["error"] == body["errors"][0]["message"]
    return body["error"]


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
    most = client.get("/v1/search?n=100000").get_json()
    assert (most["page_size"], most["num_pages"], len(most["results"])) == (100, 1, 3)


@pytest.mark.parametrize("query", ["n=0", "n=x", "n=-1", "page=0", "page=" + "9" * 5000])
def test_bad_numbers(client, query):
    response = client.get(f"/v1/search?{query}")
    assert response.status_code == 400
    assert "numbers from 1" in refusal(response, "PAGINATION_NUMBER_INVALID")


def test_off_says_how_to_turn_it_on(make_app):
    response = make_app(search_backend=None).test_client().get("/v1/search?q=a")
    assert response.status_code == 404
    assert "SEARCH_BACKEND" in refusal(response, "UNSUPPORTED")


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
    assert "later" in refusal(response, "UNAVAILABLE")
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


@pytest.fixture
def no_upkeep(monkeypatch):
    """Leave the background jobs to the test: they would repair the index in between."""
    monkeypatch.setattr(Scheduler, "ensure_running", lambda _scheduler: None)


@pytest.mark.usefixtures("no_upkeep")
def test_the_catalog_comes_from_the_index(client):
    expected = ["a", "a-b", "a.b", "a/b", "a0"]
    for name in reversed(expected):
        Pushes(client, name).image(b"layer", tag="v1")
    with client.application.app_context():
        context().index.repair()
        # What the index isn't told of shows where the answer comes from.
        context().registry.driver.delete(layout.manifests("a.b"))
    seen, url = [], "/v2/_catalog?n=2"
    while url:
        response = client.get(url)
        seen += response.get_json()["repositories"]
        url = response.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == expected
    with client.application.app_context():
        context().index.reconcile()
    assert client.get("/v2/_catalog").get_json() == {"repositories": ["a", "a-b", "a/b", "a0"]}


@pytest.mark.usefixtures("no_upkeep")
def test_the_catalog_comes_from_the_storage_while_a_push_may_be_missing(client):
    Pushes(client, "known").image(b"layer", tag="v1")
    with client.application.app_context():
        context().index.repair()
        context().registry.driver.put_content(f"{layout.pending('missing')}/mark", b"")
        context().registry.driver.delete(layout.manifests("known"))
    assert client.get("/v2/_catalog").get_json() == {"repositories": []}
    with client.application.app_context():
        context().index.repair()
    assert client.get("/v2/_catalog").get_json() == {"repositories": ["known"]}
