import json
from collections.abc import Iterator

import pytest

from docker_registry.legacy.checksums import tarsum
from docker_registry.legacy.errors import ImageExists
from tests.api.v1.pushes import V1Pushes, image_id, payload_checksum, refusal
from tests.unit.legacy.tars import COMPRESS, member, tar

A, B = image_id("a"), image_id("b")
LAYER = b"0123456789" * 11
NO_IDS = ["A" * 64, "0" * 32, "..", "%2e%2e%2fjson", "x"]


def url(image, what):
    return f"/v1/images/{image}/{what}"


def test_push_and_pull(client, v1):
    parent = v1.image("parent")
    image = v1.image("child", parent, LAYER)
    document = v1.document(image, parent)
    response = client.get(url(image, "json"))
    assert response.data == document
    assert response.content_type == "application/json"
    assert response.headers["X-Docker-Size"] == "110"
    checksum = payload_checksum(document, LAYER)
    assert response.headers.getlist("X-Docker-Checksum-Payload") == [checksum]
    assert client.get(url(image, "ancestry")).get_json() == [image, parent]
    layer = client.get(url(image, "layer"))
    assert layer.data == LAYER
    assert layer.content_type == "application/octet-stream"
    assert layer.headers["Content-Length"] == "110"


@pytest.mark.parametrize("image", NO_IDS)
@pytest.mark.parametrize("what", ["json", "layer", "ancestry", "files", "diff"])
def test_ids_are_checked(client, image, what):
    assert refusal(client.get(url(image, what)), 404) in (
        "Invalid image ID",
        "there is no such endpoint",
    )


@pytest.mark.parametrize("what", ["json", "layer", "ancestry", "files", "diff"])
def test_what_is_not_there(client, what):
    for headers in (
        {},
        {"If-None-Match": "*"},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        assert refusal(client.get(url(A, what), headers=headers), 404) == "Image not found"


@pytest.mark.parametrize("what", ["json", "layer", "ancestry", "files", "diff"])
def test_what_never_changes_is_cacheable(client, v1, what):
    image = v1.image("a", layer=tar(member("./x")))
    response = client.get(url(image, what))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000"
    assert response.headers["ETag"] == f'"{image}"'
    again = client.get(url(image, what), headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == response.headers["ETag"]
    dated = client.get(
        url(image, what), headers={"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
    )
    assert dated.status_code == 200
    assert client.head(url(image, what)).headers["Content-Length"] == str(len(response.data))


@pytest.mark.parametrize("what", ["json", "layer", "ancestry", "files", "diff"])
def test_an_image_on_its_way(client, v1, what):
    v1.json(A, v1.document(A))
    v1.layer(A, LAYER)
    for headers in ({}, {"If-None-Match": "*"}):
        message = refusal(client.get(url(A, what), headers=headers), 400)
        assert message == "Image is being uploaded, retry later"


@pytest.mark.parametrize("what", ["json", "layer", "ancestry", "files", "diff"])
def test_an_image_whose_push_was_given_up(make_app, v1, client, what):
    v1.json(A, v1.document(A))
    client.application.extensions["docker_registry"].legacy.images._max_age = -1
    assert refusal(client.get(url(A, what)), 404) == "Image not found"


# PUT json


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"[]", "Invalid JSON"),
        (b"{}", "Invalid JSON"),
        (b"1", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b'{"n": ' + b"9" * 5000 + b"}", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b'{"a": 1}', "Missing key `id' in JSON"),
        (b'{"id": 1}', "JSON data contains invalid id"),
        (json.dumps({"id": B}).encode(), "JSON data contains invalid id"),
        (json.dumps({"id": A, "parent": B}).encode(), "Image depends on a non existing parent"),
        (json.dumps({"id": A, "parent": "../"}).encode(), "Image depends on a non existing parent"),
        (json.dumps({"id": A, "parent": [B]}).encode(), "Image depends on a non existing parent"),
        (json.dumps({"id": A, "parent": A}).encode(), "Image depends on a non existing parent"),
    ],
)  # fmt: skip
def test_json_that_is_refused(client, v1, content, message):
    assert refusal(v1.json(A, content), 400) == message
    assert refusal(client.get(url(A, "json")), 404) == "Image not found"


def test_json_of_a_bad_id(v1):
    assert refusal(v1.json("A" * 64, b"{"), 404) == "Invalid image ID"


def test_json_that_is_too_long(v1):
    message = refusal(v1.json(A, b" " * (4 * 1024 * 1024 + 1)), 413)
    assert "4194304" in message


def test_an_image_can_not_be_built_on_itself(client, v1):
    v1.json(A, v1.document(A))
    v1.json(B, v1.document(B, A))
    assert refusal(v1.json(A, v1.document(A, B)), 400) == "Image depends on itself"
    assert refusal(v1.json(A, v1.document(A, A)), 400) == "Image depends on itself"


def test_a_parent_may_be_on_its_way(client, v1):
    v1.json(A, v1.document(A))
    image = v1.image("child", A)
    assert client.get(url(image, "ancestry")).get_json() == [image, A]


def test_a_complete_image_stays_as_it_is(client, v1):
    image = v1.image("a", layer=LAYER)
    for response in (v1.json(image, v1.document(image, None)), v1.layer(image, b"other")):
        assert refusal(response, 409) == "Image already exists"
    checksum = client.get(url(image, "json")).headers["X-Docker-Checksum-Payload"]
    assert refusal(v1.checksum(image, checksum), 409) == "Cannot set this image checksum"
    assert client.get(url(image, "layer")).data == LAYER


def test_a_push_begun_anew(client, v1):
    first, second = v1.document(A), v1.document(A) + b" "
    v1.json(A, first)
    v1.layer(A, b"half of")
    # It was cut off here. The second one has another JSON: the old checksum is worth nothing.
    assert v1.json(A, second).get_json() is True
    stale = v1.checksum(A, payload_checksum(first, b"half of"))
    assert "layer is missing" in refusal(stale, 400)
    v1.layer(A, LAYER)
    assert v1.checksum(A, payload_checksum(second, LAYER)).get_json() is True
    assert client.get(url(A, "layer")).data == LAYER
    assert client.get(url(A, "json")).data == second


def test_two_who_push_the_same(v1):
    document = v1.document(A)
    v1.json(A, document)
    v1.layer(A, LAYER)
    # The second one begins before the first one has ended.
    v1.json(A, document)
    assert v1.checksum(A, payload_checksum(document, LAYER)).get_json() is True


# PUT layer and checksum


def test_a_layer_without_its_json(v1):
    assert refusal(v1.layer(A, LAYER), 404) == "Image not found"
    assert refusal(v1.checksum(A, "sha256:00"), 404) == "Image not found"


def test_a_layer_again(client, v1):
    document = v1.document(A)
    v1.json(A, document)
    v1.layer(A, b"other")
    v1.layer(A, LAYER)
    assert refusal(v1.checksum(A, payload_checksum(document, b"other")), 400) == "Checksum mismatch"
    assert v1.checksum(A, payload_checksum(document, LAYER)).get_json() is True


def test_a_layer_that_comes_after_another_client_has_completed_the_image(client, v1):
    document = v1.document(A)
    v1.json(A, document)
    v1.layer(A, LAYER)
    store = client.application.extensions["docker_registry"].legacy

    def slowly() -> Iterator[bytes]:
        yield b"other"
        store.pushes.complete(A, payload_checksum(document, LAYER))
        yield b" bytes"

    with pytest.raises(ImageExists):
        store.pushes.put_layer(A, slowly())
    assert client.get(url(A, "layer")).data == LAYER


def test_a_layer_that_is_cut_off(client, v1):
    document = v1.document(A)
    v1.json(A, document)
    v1.layer(A, LAYER)
    announced = {"CONTENT_LENGTH": "500"}
    cut = client.put(url(A, "layer"), data=b"short", environ_overrides=announced)
    assert "did not come to its end" in refusal(cut, 400)
    # What was there before still is.
    assert v1.checksum(A, payload_checksum(document, LAYER)).get_json() is True
    assert client.get(url(A, "layer")).data == LAYER


def test_checksums_that_are_refused(client, v1):
    v1.json(A, v1.document(A))
    assert "layer is missing" in refusal(v1.checksum(A, "sha256:00"), 400)
    v1.layer(A, LAYER)
    assert refusal(v1.checksum(A, "sha256:00"), 400) == "Checksum mismatch"
    assert refusal(v1.checksum(A, ""), 400) == "Missing Image's checksum"
    assert "not set" in refusal(client.put(url(A, "checksum")), 412)
    assert refusal(client.get(url(A, "json")), 400) == "Image is being uploaded, retry later"


def test_tarsums_of_old_clients(client, v1):
    document, layer = v1.document(A), tar((member("./x"), b"content"))
    v1.json(A, document)
    v1.layer(A, layer)
    wrong = v1.checksum(A, "tarsum+sha256:" + "0" * 64, "X-Docker-Checksum")
    assert refusal(wrong, 400) == "Checksum mismatch"
    right = tarsum(document, [layer])
    assert refusal(v1.checksum(A, right + "0", "X-Docker-Checksum"), 400) == "Checksum mismatch"
    assert v1.checksum(A, right, "X-Docker-Checksum").get_json() is True
    headers = client.get(url(A, "json")).headers
    assert headers["X-Docker-Checksum"] == right
    assert headers["X-Docker-Checksum-Payload"] == payload_checksum(document, layer)


def test_a_tarsum_of_what_is_no_tar(v1):
    v1.json(A, v1.document(A))
    v1.layer(A, LAYER)
    response = v1.checksum(A, "tarsum+sha256:" + "0" * 64, "X-Docker-Checksum")
    assert refusal(response, 400) == "Checksum mismatch"


# GET layer


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "data"),
    [
        ("bytes=0-4", 206, "bytes 0-4/110", b"01234"),
        ("bytes=5-", 206, "bytes 5-109/110", LAYER[5:]),
        ("bytes=0-9999", 206, "bytes 0-109/110", LAYER),
        ("bytes=7-7", 206, "bytes 7-7/110", b"7"),
        ("bytes=-5", 206, "bytes 105-109/110", b"56789"),
        ("bytes=500-600", 416, "bytes */110", None),
        ("bytes=0-1,3-4", 200, None, LAYER),
        ("bytes=x", 200, None, LAYER),
    ],
)
def test_ranges(client, v1, asked, status, content_range, data):
    image = v1.image("a", layer=LAYER)
    response = client.get(url(image, "layer"), headers={"Range": asked})
    assert response.status_code == status
    assert response.headers.get("Content-Range") == content_range
    if data is None:
        refusal(response, 416)
    else:
        assert response.data == data
        assert response.headers["Accept-Ranges"] == "bytes"


def test_ranges_of_another_version(client, v1):
    image = v1.image("a", layer=LAYER)
    for condition, status in (
        (f'"{image}"', 206),
        ('"other"', 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ):
        headers = {"Range": "bytes=0-4", "If-Range": condition}
        assert client.get(url(image, "layer"), headers=headers).status_code == status


def test_an_empty_layer(client, v1):
    image = v1.image("a", layer=b"")
    response = client.get(url(image, "layer"))
    assert (response.status_code, response.data) == (200, b"")
    assert client.get(url(image, "json")).headers["X-Docker-Size"] == "0"
    assert client.get(url(image, "files")).get_json() == []


def test_redirects(make_app, monkeypatch):
    client = make_app(storage_redirect=True).test_client()
    image = V1Pushes(client).image("a", layer=LAYER)
    # Memory has no address of its own.
    assert client.get(url(image, "layer")).data == LAYER
    driver = client.application.extensions["docker_registry"].registry.driver
    monkeypatch.setattr(
        driver, "redirect_url", lambda path, method, seconds: f"https://s3/{path}", raising=False
    )
    response = client.get(url(image, "layer"))
    assert response.status_code == 302
    assert response.headers["Location"] == f"https://s3/images/{image}/layer"
    assert refusal(client.get(url(B, "layer")), 404) == "Image not found"


def test_nginx(make_app, tmp_path):
    app = make_app(storage="local", storage_path=str(tmp_path), nginx_x_accel_redirect="/internal/")
    client = app.test_client()
    image = V1Pushes(client).image("a", layer=LAYER)
    response = client.get(url(image, "layer"))
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["X-Accel-Redirect"] == f"/internal/images/{image}/layer"
    assert refusal(client.get(url(B, "layer")), 404) == "Image not found"


# Files and diff


@pytest.mark.parametrize("compression", COMPRESS)
def test_files(client, v1, compression):
    layer = tar(member("./"), (member("./etc/hosts", mode=0o600, uid=1, gid=2, mtime=3), b"abc"))
    image = v1.image("a", layer=COMPRESS[compression](layer))
    expected = [
        ["/", "f", False, 0, 0, 0o644, 0, 0],
        ["/etc/hosts", "f", False, 3, 3, 0o600, 1, 2],
    ]
    for _ in range(2):
        response = client.get(url(image, "files"))
        assert response.get_json() == expected


def test_files_of_what_is_no_tar(client, v1):
    image = v1.image("a", layer=b"no tar at all" * 100)
    assert refusal(client.get(url(image, "files")), 400) == "Layer format not supported"
    assert refusal(client.get(url(image, "diff")), 400) == "Layer format not supported"


def test_diff(client, v1):
    below = v1.image("below", layer=tar(member("./kept"), member("./changed"), member("./gone")))
    image = v1.image(
        "above", below, tar(member("./changed"), member("./new"), member("./.wh.gone"))
    )
    for _ in range(2):
        changes = client.get(url(image, "diff")).get_json()
        assert {key: set(names) for key, names in changes.items()} == {
            "created": {"/new"},
            "changed": {"/changed"},
            "deleted": {"/gone"},
        }


# What others left


def test_an_ancestry_that_leads_nowhere(client, v1):
    driver = client.application.extensions["docker_registry"].registry.driver
    for image, parent in ((A, B), (B, A)):
        driver.put_content(f"images/{image}/json", v1.document(image, parent))
        driver.put_content(f"images/{image}/layer", tar(member("./x")))
    assert "built on itself" in refusal(client.get(url(A, "ancestry")), 409)
    assert "built on itself" in refusal(client.get(url(A, "diff")), 409)
    child = image_id("child")
    assert "built on itself" in refusal(v1.json(child, v1.document(child, A)), 400)
    driver.delete(f"images/{B}")
    assert "missing" in refusal(client.get(url(A, "ancestry")), 409)


def test_a_store_of_0_9(client):
    driver = client.application.extensions["docker_registry"].registry.driver
    for image, parent in ((A, None), (B, A)):
        # As versions before 0.6 did: without a list of ancestors, with a checksum as it is.
        driver.put_content(f"images/{image}/json", V1Pushes.document(image, parent))
        driver.put_content(f"images/{image}/layer", LAYER)
        driver.put_content(f"images/{image}/_checksum", b"tarsum+sha256:00")
    driver.put_content("repositories/a/b%252Fc/tag_latest", B.encode())
    driver.put_content("repositories/a/b%252Fc/taglatest_json", b'{"last_update": 1400000000}')
    driver.put_content("repositories/a/b%252Fc/tag_x_json", b'{"last_update": 1400000000}')
    assert client.get("/v1/repositories/a/b/c/tags").get_json() == {"latest": B}
    known = client.get("/v1/repositories/a/b/c/tags/latest/json").get_json()
    assert (known["last_update"], known["arch"]) == (1400000000, "amd64")
    assert client.get(url(B, "ancestry")).get_json() == [B, A]
    headers = client.get(url(B, "json")).headers
    assert headers["X-Docker-Checksum"] == "tarsum+sha256:00"
    assert headers["X-Docker-Size"] == "110"
    assert client.get(url(A, "layer")).data == LAYER
    assert client.delete("/v1/repositories/a/b/c/tags/latest").get_json() is True
    assert client.get("/v1/repositories/a/b/c/tags").get_json() == {}
    assert client.delete("/v1/repositories/a/b/c/").get_json() is True


def test_a_checksum_that_can_not_be_a_header(client, v1):
    image = v1.image("a")
    driver = client.application.extensions["docker_registry"].registry.driver
    driver.put_content(f"images/{image}/_checksum", b'["sha256:00\\r\\nX: y", "sha256:01"]')
    headers = client.get(url(image, "json")).headers
    assert headers.getlist("X-Docker-Checksum-Payload") == ["sha256:01"]


def test_a_layer_that_was_lost_can_be_pushed_again(client, v1):
    image = v1.image("a", layer=b"lost")
    driver = client.application.extensions["docker_registry"].registry.driver
    driver.delete(f"images/{image}/layer")
    assert refusal(client.get(url(image, "layer")), 404) == "Image not found"
    assert v1.layer(image, LAYER).get_json() is True
    assert client.get(url(image, "layer")).data == LAYER
    checksum = client.get(url(image, "json")).headers["X-Docker-Checksum-Payload"]
    assert checksum == payload_checksum(v1.document(image), LAYER)
