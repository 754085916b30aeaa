import json
import time

import pytest

from tests.api.v1.pushes import image_id, refusal

A = image_id("a")
REPO = "/v1/repositories/team/app"
UNKNOWN_PUSH = {
    "last_update": None,
    "docker_version": None,
    "docker_go_version": None,
    "arch": "amd64",
    "os": "linux",
    "kernel": None,
}


def files(client):
    driver = client.application.extensions["docker_registry"].registry.driver
    return list(driver.iterate("repositories/team/app"))


def test_tags(client, v1):
    image, other = v1.image("a"), v1.image("b")
    for tag, target in (("latest", other), ("latest", image), ("1.0", other)):
        response = v1.tag("team/app", tag, target)
        assert (response.status_code, response.get_json()) == (200, True)
    assert client.get(f"{REPO}/tags").get_json() == {"latest": image, "1.0": other}
    assert client.get(f"{REPO}/tags/latest").get_json() == image
    assert files(client) == ["json", "tag1.0_json", "tag_1.0", "tag_latest", "taglatest_json"]
    deleted = client.delete(f"{REPO}/tags/latest")
    assert (deleted.status_code, deleted.get_json()) == (200, True)
    assert client.get(f"{REPO}/tags").get_json() == {"1.0": other}
    assert refusal(client.get(f"{REPO}/tags/latest"), 404) == "Tag not found"
    assert refusal(client.delete(f"{REPO}/tags/latest"), 404) == "Tag not found: latest"
    client.delete(f"{REPO}/tags/1.0")
    assert files(client) == []
    assert refusal(client.get(f"{REPO}/tags"), 404) == "Repository not found"


def test_tags_that_begin_with_an_underscore_are_no_phantoms(client, v1):
    image = v1.image("a")
    v1.tag("team/app", "x_json", image)
    v1.tag("team/app", "_x", image)
    assert client.get(f"{REPO}/tags").get_json() == {"_x": image, "x_json": image}
    assert client.get(f"{REPO}/tags/_x/json").get_json()["docker_version"] == "1.5.0"
    assert [name for name in files(client) if name.startswith("tag_")] == ["tag__x", "tag_x_json"]
    client.delete(f"{REPO}/tags/_x")
    assert client.get(f"{REPO}/tags").get_json() == {"x_json": image}
    client.delete(f"{REPO}/tags/x_json")
    assert files(client) == []


@pytest.mark.parametrize("tag", [".x", "-x", "a%20b", "%C3%A9", "a" * 129, "a%0a"])
def test_tags_are_checked(client, v1, tag):
    image = v1.image("a")
    for response in (
        v1.tag("team/app", tag, image),
        client.get(f"{REPO}/tags/{tag}"),
        client.delete(f"{REPO}/tags/{tag}"),
    ):
        assert refusal(response, 400) == r"Invalid tag name (must match ^[\w][\w.-]{0,127}$)"
    assert files(client) == []


@pytest.mark.parametrize(
    "said", [b"", b"{", b"1", b'""', b'"x"', b'["x"]', b'"\\ud800"', b"[" * 999]
)
def test_what_is_no_image(client, said):
    response = client.put(f"{REPO}/tags/latest", data=said)
    assert refusal(response, 400) == "Invalid data"


def test_a_tag_of_an_image_that_is_not_there(client, v1):
    assert refusal(v1.tag("team/app", "latest", A), 404) == "Image not found"
    assert files(client) == []


def test_a_tag_does_not_move_to_what_can_not_be_pulled(client, v1):
    image = v1.image("whole")
    v1.tag("team/app", "latest", image)
    v1.json(A, v1.document(A))
    message = refusal(v1.tag("team/app", "latest", A), 400)
    assert message == "Image is being uploaded, retry later"
    assert client.get(f"{REPO}/tags/latest").get_json() == image


def test_what_is_known_of_a_push(client, v1):
    v1.tag("team/app", "latest", v1.image("a"))
    for path in (f"{REPO}/tags/latest/json", f"{REPO}/json"):
        known = client.get(path).get_json()
        assert abs(known.pop("last_update") - time.time()) < 60
        assert known == {
            "docker_version": "1.5.0",
            "docker_go_version": "go1.4.1",
            "arch": "amd64",
            "os": "linux",
            "kernel": "3.16.0",
        }


def test_pushes_of_which_nothing_is_known(client, v1):
    image = v1.image("a")
    driver = client.application.extensions["docker_registry"].registry.driver
    for path in (f"{REPO}/tags/latest/json", f"{REPO}/json"):
        missing = "Repository not found" if path == f"{REPO}/json" else "Tag not found"
        assert refusal(client.get(path), 404) == missing
    driver.put_content("repositories/team/app/tag_latest", image.encode())
    for content in (None, b"{", b"[]"):
        if content is not None:
            driver.put_content("repositories/team/app/taglatest_json", content)
            driver.put_content("repositories/team/app/json", content)
        for path in (f"{REPO}/tags/latest/json", f"{REPO}/json"):
            assert client.get(path).get_json() == UNKNOWN_PUSH


def test_listeners_hear_of_it(client, v1):
    image = v1.image("a")
    events = client.application.extensions["docker_registry"].legacy.events
    heard = []

    def created(_sender, namespace, repository, tag, value):
        heard.append(f"{namespace}/{repository}:{tag}={value}")

    def deleted(_sender, namespace, repository, tag, image):
        heard.append(f"{namespace}/{repository}:{tag} was {image}")

    events.tag_created.connect(created)
    events.tag_deleted.connect(deleted)
    v1.tag("a/b/c", "x", image)
    client.delete("/v1/repositories/a/b/c/tags/x")
    v1.tag("a/b/c", "y", image)
    client.delete("/v1/repositories/a/b/c/")
    assert heard == [
        f"a/b/c:x={image}",
        f"a/b/c:x was {image}",
        f"a/b/c:y={image}",
        f"a/b/c:y was {image}",
    ]


def test_a_veto(client, v1):
    events = client.application.extensions["docker_registry"].legacy.events

    def veto(_sender, image_json):
        if image_json["id"] == A:
            return "not on a Friday"
        if "parent" in image_json:
            raise RuntimeError("an extension that fails")
        return None

    events.before_put_image_json.connect(veto)
    assert refusal(v1.json(A, v1.document(A)), 400) == "not on a Friday"
    assert refusal(client.get(f"/v1/images/{A}/json"), 404) == "Image not found"
    other = v1.image("b")
    child = image_id("child")
    assert "An extension failed" in refusal(v1.json(child, v1.document(child, other)), 400)
    assert json.loads(client.get(f"/v1/images/{other}/json").data)["id"] == other
