import pytest

from tests.api.conftest import error_codes, sha256, sha512

DATA = bytes(range(256)) * 8


@pytest.mark.parametrize("digest_of", [sha256, sha512])
def test_head_and_get(repo, client, digest_of):
    digest = digest_of(DATA)
    repo.blob(DATA, digest)
    for method in (client.head, client.get):
        response = method(repo.url(f"blobs/{digest}"))
        assert response.status_code == 200
        assert response.content_length == len(DATA)
        assert response.content_type == "application/octet-stream"
        assert response.headers["Docker-Content-Digest"] == digest
        assert response.headers["ETag"] == f'"{digest}"'
        assert response.headers["Cache-Control"] == "max-age=31536000"
        assert response.headers["Accept-Ranges"] == "bytes"
    assert response.data == DATA


def test_empty_blob(repo, client):
    repo.blob(b"")
    response = client.get(repo.url(f"blobs/{sha256(b'')}"))
    assert (response.status_code, response.data, response.content_length) == (200, b"", 0)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 2047),
        ("bytes=-500", 1548, 2047),
        ("bytes=-5000", 0, 2047),
        ("bytes=2000-5000", 2000, 2047),
        ("Bytes = 1-2", 1, 2),
        ("bytes=0-99999999999999999999", None, None),
    ],
)
def test_range(repo, client, header, first, last):
    repo.blob(DATA)
    response = client.get(repo.url(f"blobs/{sha256(DATA)}"), headers={"Range": header})
    if first is None:
        assert response.status_code == 200
        assert response.data == DATA
        return
    assert response.status_code == 206
    assert response.data == DATA[first : last + 1]
    assert response.content_length == last - first + 1
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/2048"


@pytest.mark.parametrize("header", ["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=-0"])
def test_range_without_a_byte(repo, client, header):
    repo.blob(DATA)
    response = client.get(repo.url(f"blobs/{sha256(DATA)}"), headers={"Range": header})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */2048"
    assert error_codes(response) == ["RANGE_INVALID"]


@pytest.mark.parametrize("header", ["bytes=", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5", "bytes=-"])
def test_range_that_is_ignored(repo, client, header):
    repo.blob(DATA)
    response = client.get(repo.url(f"blobs/{sha256(DATA)}"), headers={"Range": header})
    assert (response.status_code, response.data) == (200, DATA)


def test_if_range(repo, client):
    repo.blob(DATA)
    url = repo.url(f"blobs/{sha256(DATA)}")
    same = client.get(url, headers={"Range": "bytes=1-2", "If-Range": f'"{sha256(DATA)}"'})
    assert same.status_code == 206
    other = client.get(url, headers={"Range": "bytes=1-2", "If-Range": '"other"'})
    assert (other.status_code, other.data) == (200, DATA)


@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"'])
def test_if_none_match(repo, client, form):
    repo.blob(DATA)
    etag = form.format(sha256(DATA))
    response = client.get(repo.url(f"blobs/{sha256(DATA)}"), headers={"If-None-Match": etag})
    assert (response.status_code, response.data) == (304, b"")
    missing = sha256(b"missing")
    response = client.get(
        repo.url(f"blobs/{missing}"), headers={"If-None-Match": form.format(missing)}
    )
    assert response.status_code == 404


def test_a_blob_belongs_to_its_repository(repo, client):
    repo.blob(DATA)
    for method in (client.get, client.head, client.delete):
        assert method(f"/v2/other/blobs/{sha256(DATA)}").status_code == 404
    assert error_codes(client.get(f"/v2/other/blobs/{sha256(DATA)}")) == ["BLOB_UNKNOWN"]


def test_delete(repo, client):
    repo.blob(DATA)
    url = repo.url(f"blobs/{sha256(DATA)}")
    assert client.delete(url).status_code == 202
    assert client.head(url).status_code == 404
    assert client.get(url).status_code == 404
    assert error_codes(client.delete(url)) == ["BLOB_UNKNOWN"]


@pytest.mark.parametrize(
    "digest",
    ["sha256:bad", "sha256:" + "A" * 64, "md5:" + "a" * 32, "sha512:" + "a" * 64, "latest"],
)
def test_bad_digest(client, digest):
    response = client.get(f"/v2/team/app/blobs/{digest}")
    assert response.status_code == 400
    assert error_codes(response) == ["DIGEST_INVALID"]
