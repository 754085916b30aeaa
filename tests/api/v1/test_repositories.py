import json
import re

import pytest

from docker_registry.legacy.names import RepositoryName
from tests.api.v1.pushes import image_id, refusal

A, B = image_id("a"), image_id("b")
REPO = "/v1/repositories/team/app"


def put(client, path, document):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.put(path, data=content)


def check_index_headers(response, access, repository="team/app"):
    assert response.headers["X-Docker-Endpoints"] == "localhost"
    token = response.headers["X-Docker-Token"]
    assert response.headers["WWW-Authenticate"] == token
    form = rf'Token signature=[A-Z0-9]{{16}},repository="{repository}",access={access}'
    assert re.fullmatch(form, token)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_push_is_announced(client, slash):
    said = [{"id": A, "Tag": "latest", "checksum": "sha256:00"}, {"id": B}]
    response = put(client, f"{REPO}{slash}", said)
    assert (response.status_code, response.get_json()) == (200, "")
    check_index_headers(response, "write")
    images = client.get(f"{REPO}/images")
    assert images.status_code == 200
    check_index_headers(images, "read")
    assert images.get_json() == [{"id": A, "checksum": "sha256:00"}, {"id": B}]
    assert client.get(f"{REPO}/tags").get_json() == {}


def test_images_are_added_up(client):
    put(client, f"{REPO}/", [{"id": A, "checksum": "sha256:00"}])
    response = put(client, f"{REPO}/images", [{"id": B, "checksum": "sha256:01"}, {"id": A}])
    assert (response.status_code, response.data) == (204, b"")
    check_index_headers(response, "write")
    put(client, f"{REPO}/images", [{"id": B}])
    put(client, f"{REPO}/images", [])
    assert {image["id"]: image for image in client.get(f"{REPO}/images").get_json()} == {
        A: {"id": A, "checksum": "sha256:00"},
        B: {"id": B, "checksum": "sha256:01"},
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "Error Decoding JSON"),
        (b"{", "Error Decoding JSON"),
        (b"[" * 100_000, "Error Decoding JSON"),
        ({}, "Invalid data"),
        ([{}], "Invalid data"),
        ([{"id": 1}], "Invalid data"),
        ([{"id": "x"}], "Invalid data"),
        ([A], "Invalid data"),
        ([[A]], "Invalid data"),
    ],
)
@pytest.mark.parametrize("path", [f"{REPO}/", f"{REPO}/images"])
def test_lists_that_are_refused(client, path, document, message):
    assert refusal(put(client, path, document), 400) == message
    assert refusal(client.get(f"{REPO}/images"), 404) == "images not found"


def test_lists_of_others_that_can_not_be_read(client):
    driver = client.application.extensions["docker_registry"].registry.driver
    driver.put_content("repositories/team/app/_index_images", json.dumps([{"id": A}, 1]).encode())
    assert client.get(f"{REPO}/images").get_json() == [{"id": A}]
    driver.put_content("repositories/team/app/_index_images", b"{")
    assert client.get(f"{REPO}/images").get_json() == []


def test_deleting_images_deletes_nothing(client):
    put(client, f"{REPO}/", [{"id": A}])
    response = client.delete(f"{REPO}/images")
    assert (response.status_code, response.data) == (204, b"")
    check_index_headers(response, "delete")
    assert client.get(f"{REPO}/images").get_json() == [{"id": A}]


def test_endpoints(make_app):
    client = make_app(registry_endpoints="one.example:5000, two.example").test_client()
    response = put(client, f"{REPO}/", [])
    assert response.headers["X-Docker-Endpoints"] == "one.example:5000, two.example"
    client = make_app(public_url="https://registry.example:8443/x").test_client()
    response = put(client, f"{REPO}/", [])
    assert response.headers["X-Docker-Endpoints"] == "registry.example:8443"
    response = put(make_app().test_client(), "/v1/repositories/ubuntu/", [])
    assert 'repository="library/ubuntu"' in response.headers["X-Docker-Token"]


def test_auth(client):
    response = client.put(f"{REPO}/auth")
    assert (response.status_code, response.get_json()) == (200, "OK")


def test_properties(client):
    path = f"{REPO}/properties"
    assert client.get(path).get_json() == {"access": "public"}
    for access in ("private", "private", "public", "public"):
        response = put(client, path, {"access": access})
        assert (response.status_code, response.get_json()) == (200, True)
        assert client.get(path).get_json() == {"access": access}


@pytest.mark.parametrize("document", [b"", b"{", [], {}, {"access": "x"}, {"access": []}])
def test_properties_that_are_refused(client, document):
    assert refusal(put(client, f"{REPO}/properties", document), 400) == "Invalid data"


@pytest.mark.parametrize("path", [f"{REPO}/", REPO, f"{REPO}/tags"])
def test_delete(client, v1, path):
    image = v1.image("a")
    other = "team/app/below"
    for repository in ("team/app", other):
        put(client, f"/v1/repositories/{repository}/", [{"id": image}])
        assert v1.tag(repository, "_x", image).get_json() is True
    response = client.delete(path)
    assert (response.status_code, response.get_json()) == (200, True)
    for gone in (client.get(f"{REPO}/tags"), client.delete(path)):
        assert refusal(gone, 404) == "Repository not found"
    assert refusal(client.get(f"{REPO}/images"), 404) == "images not found"
    # What others have, and all images, stay.
    assert client.get(f"/v1/repositories/{other}/tags").get_json() == {"_x": image}
    assert client.get(f"/v1/images/{image}/layer").status_code == 200


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("ubuntu", "library/ubuntu"),
        ("a/b/c", "a/b%252Fc"),
        ("a/b%2Fc", "a/b%252Fc"),
        ("A%20B/C%2BD", "A+B/C%252BD"),
        ("a/b%252Fc", "a/b%25252Fc"),
    ],
)
def test_names(client, v1, asked, stored):
    v1.tag(asked, "latest", v1.image("a"))
    store = client.application.extensions["docker_registry"].legacy
    (name,) = store.repositories.iterate()
    assert name.directory == stored
    assert RepositoryName.parse(str(name)) == name


@pytest.mark.parametrize(
    "name", ["..", "../..", "a/..", "%2e%2e/x", "a/.b", "%C3%A9/x", "a/b%01", "x/" + "a" * 255]
)
def test_names_that_are_refused(client, name):
    for response in (
        put(client, f"/v1/repositories/{name}/", []),
        client.get(f"/v1/repositories/{name}/tags"),
        client.delete(f"/v1/repositories/{name}/"),
    ):
        assert "Invalid repository name: " in refusal(response, 400)


def test_listeners_hear_of_it(client):
    events = client.application.extensions["docker_registry"].legacy.events
    heard = []

    def listen(name):
        def hear(_sender, **what):
            heard.append((name, what))
            raise RuntimeError("a listener that fails changes nothing")

        getattr(events, name).connect(hear, weak=False)

    for name in ("repository_created", "repository_updated", "repository_deleted"):
        listen(name)
    put(client, f"{REPO}/", [{"id": A}])
    put(client, f"{REPO}/images", [{"id": A}])
    assert client.delete(f"{REPO}/").status_code == 200
    whole = {"namespace": "team", "repository": "app"}
    assert heard == [
        ("repository_created", {**whole, "value": [{"id": A}]}),
        ("repository_updated", {**whole, "value": [{"id": A}]}),
        ("repository_deleted", whole),
    ]
