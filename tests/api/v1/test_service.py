import platform
import re

import pytest

from docker_registry import drivers
from tests.api.v1.pushes import V1Pushes, refusal
from tests.drivers.switchable import SwitchableDriver


@pytest.mark.parametrize("path", ["/_ping", "/v1/_ping"])
def test_ping(client, path):
    response = client.get(path)
    assert (response.status_code, response.get_json()) == (200, {})
    assert response.headers["X-Docker-Registry-Standalone"] == "True"
    assert response.headers["X-Docker-Registry-Version"] == "0.9.1"
    assert response.headers["Cache-Control"] == "no-cache"
    assert "X-Docker-Registry-Config" not in response.headers


def test_ping_of_developers(make_app):
    response = make_app(debug=True).test_client().get("/v1/_ping")
    body = response.get_json()
    assert set(body) == {"versions"}
    assert body["versions"]["python"] == platform.python_version()
    assert {"docker-registry", "Flask", "gunicorn"} <= set(body["versions"])
    assert "X-Docker-Registry-Config" in response.headers


def test_root(make_app):
    client = make_app(issue="Über alles").test_client()
    assert client.get("/").get_json() == "Über alles"


@pytest.mark.parametrize("path", ["/_status", "/v1/_status"])
def test_status(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert response.get_json() == {"services": ["storage"], "failures": {}}


def test_status_of_a_store_that_is_down(make_app, tmp_path, monkeypatch):
    driver = SwitchableDriver(tmp_path)
    monkeypatch.setattr(drivers, "create", lambda settings: driver)
    client = make_app().test_client()
    driver.down = True
    response = client.get("/_status")
    assert response.status_code == 503
    assert response.get_json() == {"services": ["storage"], "failures": {"storage": "unavailable"}}
    assert "storage" in refusal(client.get(f"/v1/images/{'0' * 64}/json"), 503)


def test_every_route_while_the_store_is_down(make_app, tmp_path, monkeypatch):
    driver = SwitchableDriver(tmp_path)
    monkeypatch.setattr(drivers, "create", lambda settings: driver)
    app = make_app()
    v1 = V1Pushes(app.test_client())
    image = v1.image("a")
    v1.tag("team/app", "latest", image)
    values = {"image": image, "repository": "team/app", "tag": "latest", "user": "x"}
    bodies = {
        "put_image_json": v1.document(image),
        "put_tag": f'"{image}"',
        "put_repository": "[]",
        "put_images": "[]",
        "put_properties": '{"access": "private"}',
    }
    driver.down = True
    asked = set()
    for rule in app.url_map.iter_rules():
        endpoint = rule.endpoint.removeprefix("v1.")
        if not rule.rule.startswith(("/v1/images/", "/v1/repositories/")):
            continue
        if endpoint in ("put_auth", "delete_images"):
            continue  # These don't ask the store.
        method = next(iter(rule.methods - {"HEAD", "OPTIONS"}))
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule)
        headers = {"X-Docker-Checksum-Payload": "sha256:00"}
        response = v1.client.open(path, method=method, data=bodies.get(endpoint), headers=headers)
        assert "try again later" in refusal(response, 503), path
        assert response.headers["Retry-After"]
        asked.add(endpoint)
    assert len(asked) > 15
    driver.down = False
    layer = v1.client.get(f"/v1/images/{image}/layer", buffered=True)
    assert layer.data == b"layer"


@pytest.mark.parametrize("slash", ["", "/"])
def test_users(client, slash):
    assert client.get(f"/v1/users{slash}").get_json() == "OK"
    created = client.post(f"/v1/users{slash}", data=b'{"username": "x"}')
    assert (created.status_code, created.get_json()) == (201, "User Created")
    assert refusal(client.post(f"/v1/users{slash}", data=b"{"), 400) == "Error Decoding JSON"
    updated = client.put(f"/v1/users/x{slash}")
    assert (updated.status_code, updated.data) == (204, b"")


def test_what_is_not_there(client):
    assert "no such endpoint" in refusal(client.get("/v1/nothing"), 404)
    wrong = client.delete(f"/v1/images/{'0' * 64}/json")
    assert "DELETE" in refusal(wrong, 405)
    assert "GET" in wrong.headers["Allow"]


def test_below_a_path(make_app):
    client = make_app(url_prefix="/registry").test_client()
    assert client.get("/registry/v1/_ping").status_code == 200
    assert refusal(client.get("/registry/v1/images/x/json"), 404) == "Invalid image ID"


def test_v2_is_not_taken_for_v1(client):
    response = client.get("/v2/")
    assert "X-Docker-Registry-Version" not in response.headers
    assert "error" not in client.get("/v2/x").get_json()
