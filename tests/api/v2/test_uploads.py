import re

import pytest

from tests.api.conftest import Pushes, error_codes, sha256, sha512

DATA = b"layer" * 1000


def start(repo: Pushes, query: str = "") -> str:
    response = repo.client.post(repo.url(f"blobs/uploads/{query}"))
    assert response.status_code == 202
    assert response.headers["Range"] == "0-0"
    assert response.content_length == 0
    assert "Content-Type" not in response.headers
    assert response.headers["Location"].endswith(response.headers["Docker-Upload-UUID"])
    return response.headers["Location"]


def pulled(repo: Pushes, digest: str) -> bytes:
    response = repo.client.get(repo.url(f"blobs/{digest}"))
    assert response.status_code == 200
    return response.data


def assert_created(repo: Pushes, response, digest: str) -> None:
    assert response.status_code == 201, response.data
    assert response.headers["Docker-Content-Digest"] == digest
    assert response.headers["Location"] == f"http://localhost/v2/team/app/blobs/{digest}"
    assert response.content_length == 0


@pytest.mark.parametrize("digest_of", [sha256, sha512])
def test_post_alone(repo, digest_of):
    digest = digest_of(DATA)
    response = repo.client.post(repo.url(f"blobs/uploads/?digest={digest}"), data=DATA)
    assert_created(repo, response, digest)
    assert pulled(repo, digest) == DATA


@pytest.mark.parametrize("digest_of", [sha256, sha512])
@pytest.mark.parametrize("data", [DATA, b""])
def test_post_then_put(repo, digest_of, data):
    digest = digest_of(data)
    response = repo.client.put(f"{start(repo)}?digest={digest}", data=data)
    assert_created(repo, response, digest)
    assert pulled(repo, digest) == data


@pytest.mark.parametrize("digest_of", [sha256, sha512])
@pytest.mark.parametrize("algorithm", ["", "?digest-algorithm=sha256", "?digest-algorithm=sha512"])
def test_streamed(repo, digest_of, algorithm):
    location = start(repo, algorithm)
    response = repo.client.patch(location, data=DATA)
    assert response.status_code == 202
    assert response.headers["Range"] == f"0-{len(DATA) - 1}"
    digest = digest_of(DATA)
    assert_created(repo, repo.client.put(f"{location}?digest={digest}"), digest)
    assert pulled(repo, digest) == DATA


def test_unknown_algorithm(repo):
    response = repo.client.post(repo.url("blobs/uploads/?digest-algorithm=md5"))
    assert response.status_code == 400
    assert error_codes(response) == ["DIGEST_INVALID"]


@pytest.mark.parametrize("digest_of", [sha256, sha512])
@pytest.mark.parametrize("last_in_put", [True, False])
@pytest.mark.parametrize("form", ["{}-{}", "bytes {}-{}/*", "bytes={}-{}"])
def test_chunked(repo, digest_of, last_in_put, form):
    location = start(repo)
    pieces = [DATA[i : i + 1200] for i in range(0, len(DATA), 1200)]
    offset = 0
    for i, piece in enumerate(pieces):
        headers = {"Content-Range": form.format(offset, offset + len(piece) - 1)}
        offset += len(piece)
        if last_in_put and i == len(pieces) - 1:
            break
        response = repo.client.patch(location, data=piece, headers=headers)
        assert response.status_code == 202
        assert response.headers["Range"] == f"0-{offset - 1}"
        status = repo.client.get(response.headers["Location"])
        assert status.status_code == 204
        assert status.headers["Range"] == f"0-{offset - 1}"
    digest = digest_of(DATA)
    last = {"data": piece, "headers": headers} if last_in_put else {}
    assert_created(repo, repo.client.put(f"{location}?digest={digest}", **last), digest)
    assert pulled(repo, digest) == DATA


@pytest.mark.parametrize("method", ["patch", "put"])
@pytest.mark.parametrize("wrong", [1, 2399, 3600])
def test_wrong_offset(repo, method, wrong):
    location = start(repo)
    repo.client.patch(location, data=DATA[:1200])
    response = getattr(repo.client, method)(
        f"{location}?digest={sha256(DATA)}",
        data=b"x" * 10,
        headers={"Content-Range": f"{wrong}-{wrong + 9}"},
    )
    assert response.status_code == 416
    assert response.headers["Range"] == "0-1199"
    assert response.headers["Location"] == location
    assert error_codes(response) == ["RANGE_INVALID"]
    rest = repo.client.patch(location, data=DATA[1200:])
    assert rest.status_code == 202
    assert repo.client.put(f"{location}?digest={sha256(DATA)}").status_code == 201


@pytest.mark.parametrize("header", ["", "abc", "5", "-5", "9-1x", "1" * 30 + "-2"])
def test_unreadable_content_range(repo, header):
    response = repo.client.patch(start(repo), data=b"abc", headers={"Content-Range": header})
    assert response.status_code == 400
    assert error_codes(response) == ["BLOB_UPLOAD_INVALID"]


def test_content_range_unlike_content_length(repo):
    response = repo.client.patch(start(repo), data=b"abc", headers={"Content-Range": "0-9"})
    assert response.status_code == 400
    assert error_codes(response) == ["SIZE_INVALID"]


@pytest.mark.parametrize(
    "digest", ["", "sha256:bad", "md5:" + "a" * 32, sha256(b"other"), sha512(b"other")]
)
def test_bad_digest(repo, digest):
    for response in (
        repo.client.post(repo.url(f"blobs/uploads/?digest={digest}"), data=DATA),
        repo.client.put(f"{start(repo)}?digest={digest}", data=DATA),
    ):
        assert response.status_code == 400
        assert error_codes(response) == ["DIGEST_INVALID"]
    assert repo.client.get(repo.url(f"blobs/{sha256(DATA)}")).status_code == 404


def test_put_without_digest(repo):
    response = repo.client.put(start(repo), data=DATA)
    assert response.status_code == 400
    assert error_codes(response) == ["DIGEST_INVALID"]
    assert "'digest'" in response.get_json()["errors"][0]["message"]


def test_after_a_wrong_digest_the_session_is_gone(repo):
    location = start(repo)
    repo.client.put(f"{location}?digest={sha256(b'other')}", data=DATA)
    assert repo.client.get(location).status_code == 404


def test_cancel(repo):
    location = start(repo)
    repo.client.patch(location, data=DATA)
    assert repo.client.delete(location).status_code == 204
    for method in ("get", "patch", "delete"):
        response = getattr(repo.client, method)(location)
        assert response.status_code == 404
        assert error_codes(response) == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
@pytest.mark.parametrize(
    "upload", ["00000000-0000-4000-8000-000000000000", "x", "..", "%00", "F" * 36]
)
def test_unknown_session(client, method, upload):
    url = f"/v2/team/app/blobs/uploads/{upload}?digest={sha256(b'')}"
    response = getattr(client, method)(url)
    assert response.status_code == 404
    assert error_codes(response) == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
def test_a_session_belongs_to_its_repository(repo, method):
    location = start(repo)
    elsewhere = f"{location.replace('/team/app/', '/other/')}?digest={sha256(b'')}"
    response = getattr(repo.client, method)(elsewhere)
    assert response.status_code == 404
    assert error_codes(response) == ["BLOB_UPLOAD_UNKNOWN"]
    assert repo.client.get(location).status_code == 204


@pytest.mark.parametrize("digest_of", [sha256, sha512])
@pytest.mark.parametrize("source", ["&from=team/app", ""])
def test_mount(repo, client, digest_of, source):
    digest = digest_of(DATA)
    repo.blob(DATA, digest)
    response = client.post(f"/v2/other/blobs/uploads/?mount={digest}{source}")
    assert response.status_code == 201
    assert response.headers["Location"] == f"http://localhost/v2/other/blobs/{digest}"
    assert response.headers["Docker-Content-Digest"] == digest
    assert client.get(f"/v2/other/blobs/{digest}").data == DATA


@pytest.mark.parametrize("source", ["&from=nobody/here", "", "&from="])
def test_mount_of_what_is_not_there_begins_a_session(repo, source):
    location = start(repo, f"?mount={sha256(DATA)}{source}")
    response = repo.client.put(f"{location}?digest={sha256(DATA)}", data=DATA)
    assert response.status_code == 201


def test_mount_from_a_repository_that_lost_it(repo, client):
    repo.blob(DATA)
    client.delete(repo.url(f"blobs/{sha256(DATA)}"))
    response = client.post(f"/v2/other/blobs/uploads/?mount={sha256(DATA)}&from=team/app")
    assert response.status_code == 202


def test_bad_mount(repo):
    bad = repo.client.post(repo.url("blobs/uploads/?mount=sha256:bad&from=team/app"))
    assert error_codes(bad) == ["DIGEST_INVALID"]
    bad = repo.client.post(repo.url(f"blobs/uploads/?mount={sha256(DATA)}&from=../etc"))
    assert error_codes(bad) == ["NAME_INVALID"]


def test_relative_locations(make_app):
    repo = Pushes(make_app(relative_urls=True).test_client())
    response = repo.client.post(repo.url("blobs/uploads/"))
    assert re.fullmatch(r"/v2/team/app/blobs/uploads/[0-9a-f-]{36}", response.headers["Location"])
