import json

import pytest

from tests.api.conftest import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Pushes,
    error_codes,
    sha256,
    sha512,
)

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def index_of(*descriptors, media_type=OCI_INDEX, **more):
    return {"schemaVersion": 2, "mediaType": media_type, "manifests": list(descriptors), **more}


@pytest.mark.parametrize("reference", ["v1", None])
def test_put_and_get(repo, client, reference):
    document = repo.document(b"layer")
    content = json.dumps(document, indent=3).encode()
    digest = sha256(content)
    response = repo.put(content, reference or digest, **{"Content-Type": OCI_MANIFEST})
    assert response.status_code == 201
    assert response.headers["Location"] == f"http://localhost/v2/team/app/manifests/{digest}"
    assert response.headers["Docker-Content-Digest"] == digest
    for method in (client.get, client.head):
        for name in filter(None, (reference, digest)):
            response = method(repo.url(f"manifests/{name}"))
            assert response.status_code == 200
            assert response.content_type == OCI_MANIFEST
            assert response.content_length == len(content)
            assert response.headers["Docker-Content-Digest"] == digest
            assert response.headers["ETag"] == f'"{digest}"'
            assert response.data == (content if method == client.get else b"")


def test_sha512(repo, client):
    content = json.dumps(repo.document(b"layer")).encode()
    digest = sha512(content)
    headers = {"Content-Type": OCI_MANIFEST}
    response = repo.put(content, f"{digest}?tag=v1", **headers)
    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == digest
    for name in (digest, "v1"):
        response = client.get(repo.url(f"manifests/{name}"))
        assert response.data == content
        assert response.headers["Docker-Content-Digest"] == digest
    assert client.delete(repo.url(f"manifests/{digest}")).status_code == 202
    assert client.get(repo.url("manifests/v1")).status_code == 404


@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"'])
def test_if_none_match(repo, client, form):
    digest = repo.image(b"layer", tag="v1")
    headers = {"If-None-Match": form.format(digest)}
    response = client.get(repo.url("manifests/v1"), headers=headers)
    assert (response.status_code, response.data) == (304, b"")
    other = repo.image(b"other", tag="v1")
    response = client.get(repo.url("manifests/v1"), headers=headers)
    assert (response.status_code, response.headers["Docker-Content-Digest"]) == (200, other)


def test_tag_parameters(repo, client):
    document = repo.document(b"layer")
    digest = sha256(json.dumps(document).encode())
    response = repo.put(document, f"{digest}?tag=a&tag=b")
    assert response.status_code == 201
    assert response.headers["OCI-Tag"] == "a, b"
    assert client.get(repo.url("tags/list")).get_json()["tags"] == ["a", "b"]
    bad = repo.put(document, f"{digest}?tag=-a")
    assert error_codes(bad) == ["TAG_INVALID"]


def test_wrong_digest(repo, client):
    response = repo.put(repo.document(b"layer"), sha256(b"other"))
    assert response.status_code == 400
    assert error_codes(response) == ["DIGEST_INVALID"]


def test_without_media_type_in_the_body(repo, client):
    document = repo.document(b"layer")
    del document["mediaType"]
    assert repo.put(document, "v1").status_code == 201
    assert client.get(repo.url("manifests/v1")).content_type == OCI_MANIFEST
    response = repo.client.put(repo.url("manifests/v2"), data=json.dumps(document))
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: b"not json", "not JSON"),
        (lambda d: b"[]", "not a JSON object"),
        (lambda d: b"\xff\xfe", "not JSON"),
        (lambda d: b"[" * 100_000, "not JSON"),
        (lambda d: b'{"schemaVersion": NaN}', "not JSON"),
        (lambda d: {**d, "schemaVersion": 1}, "schema 1"),
        (lambda d: {**d, "schemaVersion": "2"}, "schemaVersion"),
        (lambda d: {**d, "mediaType": OCI_INDEX}, "differ"),
        (lambda d: {**d, "mediaType": "text/plain"}, "differ"),
        (lambda d: {**d, "mediaType": 7}, "differ"),
        (lambda d: {**d, "manifests": []}, "'manifests'"),
        (lambda d: {**d, "config": None}, "'config'"),
        (lambda d: {**d, "config": []}, "'config'"),
        (lambda d: {**d, "layers": {}}, "'layers'"),
        (lambda d: {**d, "layers": [1]}, "'layers[0]'"),
        (lambda d: {**d, "layers": [{"mediaType": OCI_LAYER, "digest": "sha256:bad", "size": 1}]},
         "'layers[0].digest'"),
        (lambda d: {**d, "layers": [{"mediaType": OCI_LAYER, "digest": sha256(b""), "size": -1}]},
         "'layers[0].size'"),
        (lambda d: {**d, "layers": [{"digest": sha256(b""), "size": 1}]}, "'layers[0].mediaType'"),
        (lambda d: {**d, "subject": "x"}, "'subject'"),
        (lambda d: {**d, "annotations": {"a": 1}}, "'annotations'"),
    ],
)  # fmt: skip
def test_what_can_not_be_read(repo, change, said):
    document = change(repo.document(b"layer"))
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    response = repo.put(content, "v1", **{"Content-Type": OCI_MANIFEST})
    assert response.status_code == 400
    assert error_codes(response) == ["MANIFEST_INVALID"]
    assert said in response.get_json()["errors"][0]["message"]
    assert repo.client.get(repo.url("manifests/v1")).status_code == 404


def test_unknown_media_type(repo):
    document = {**repo.document(b"layer"), "mediaType": "application/x-other"}
    response = repo.put(document, "v1")
    assert response.status_code == 400
    assert OCI_MANIFEST in response.get_json()["errors"][0]["message"]


def test_schema_1_says_what_to_do(repo):
    response = repo.put(
        json.dumps({"schemaVersion": 1, "name": "x", "fsLayers": []}).encode(),
        "v1",
        **{"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
    )
    assert response.status_code == 400
    assert error_codes(response) == ["MANIFEST_INVALID"]
    assert "skopeo copy --format oci" in response.get_json()["errors"][0]["message"]


def test_missing_blobs_are_named_each(repo):
    document = repo.document(b"here")
    missing = [sha256(b"one"), sha256(b"two")]
    document["layers"] += [
        {"mediaType": OCI_LAYER, "digest": digest, "size": 3} for digest in [*missing, missing[0]]
    ]
    response = repo.put(document, "v1")
    assert response.status_code == 404
    assert error_codes(response) == ["MANIFEST_BLOB_UNKNOWN"] * 2
    assert [e["detail"]["digest"] for e in response.get_json()["errors"]] == missing


def test_blobs_of_another_repository_are_missing(repo, client):
    document = repo.document(b"layer")
    response = Pushes(client, "other").put(document, "v1")
    assert response.status_code == 404
    assert error_codes(response) == ["MANIFEST_BLOB_UNKNOWN"] * 2


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_non_distributable_layers_may_lie_elsewhere(repo, media_type):
    document = repo.document()
    document["layers"] = [
        {
            "mediaType": media_type,
            "digest": sha256(b"elsewhere"),
            "size": 9,
            "urls": ["https://store.example.com/layer"],
        }
    ]
    response = repo.put(document, "v1")
    assert response.status_code == 201
    assert response.headers["Warning"].startswith('299 - "')


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_index(repo, client, media_type):
    children = [repo.descriptor(repo.image(layer)) for layer in (b"one", b"two")]
    response = repo.put(index_of(*children, media_type=media_type), "v1")
    assert response.status_code == 201
    response = client.get(repo.url("manifests/v1"), headers={"Accept": media_type})
    assert response.content_type == media_type
    assert response.get_json(force=True)["manifests"] == children
    nested = index_of(repo.descriptor(response.headers["Docker-Content-Digest"]))
    assert repo.put(nested, "nested").status_code == 201
    assert repo.put(index_of(), "empty").status_code == 201


def test_index_of_missing_manifests(repo, make_app):
    absent = {"mediaType": OCI_MANIFEST, "digest": sha256(b"absent"), "size": 6}
    response = repo.put(index_of(absent), "v1")
    assert response.status_code == 404
    assert error_codes(response) == ["MANIFEST_BLOB_UNKNOWN"]
    sparse = Pushes(make_app(sparse_indexes=True).test_client())
    assert sparse.put(index_of(absent), "v1").status_code == 201


@pytest.mark.parametrize("key", ["config", "layers"])
def test_an_index_that_is_an_image_too(repo, key):
    document = {**index_of(), key: repo.document(b"layer")[key]}
    response = repo.put(document, "v1")
    assert response.status_code == 400
    assert error_codes(response) == ["MANIFEST_INVALID"]


def test_a_list_for_a_client_that_knows_none(repo, client):
    images = {}
    for architecture in ("arm64", "amd64"):
        document = {**repo.document(architecture.encode()), "mediaType": DOCKER_MANIFEST}
        digest = repo.put(document).headers["Docker-Content-Digest"]
        images[architecture] = {
            **repo.descriptor(digest),
            "platform": {"os": "linux", "architecture": architecture},
        }
    put = repo.put(index_of(*images.values(), media_type=DOCKER_LIST), "v1")
    old = client.get(repo.url("manifests/v1"), headers={"Accept": DOCKER_MANIFEST})
    assert old.headers["Docker-Content-Digest"] == images["amd64"]["digest"]
    assert old.content_type == DOCKER_MANIFEST
    for accept in (f"{DOCKER_MANIFEST}, {DOCKER_LIST}", "*/*", None):
        response = client.get(
            repo.url("manifests/v1"), headers={"Accept": accept} if accept else {}
        )
        assert response.headers["Docker-Content-Digest"] == put.headers["Docker-Content-Digest"]


def test_delete_tag_keeps_the_rest(repo, client):
    digest = repo.image(b"layer", tag="v1")
    repo.image(b"layer", tag="v2")
    assert client.delete(repo.url("manifests/v1")).status_code == 202
    assert client.get(repo.url("manifests/v1")).status_code == 404
    assert client.get(repo.url("manifests/v2")).status_code == 200
    assert client.get(repo.url(f"manifests/{digest}")).status_code == 200
    again = client.delete(repo.url("manifests/v1"))
    assert again.status_code == 404
    assert error_codes(again) == ["MANIFEST_UNKNOWN"]


def test_delete_manifest_takes_its_tags(repo, client):
    digest = repo.image(b"layer", tag="v1")
    repo.image(b"layer", tag="v2")
    repo.image(b"other", tag="v3")
    assert client.delete(repo.url(f"manifests/{digest}")).status_code == 202
    for name in ("v1", "v2", digest):
        response = client.get(repo.url(f"manifests/{name}"))
        assert response.status_code == 404
        assert error_codes(response) == ["MANIFEST_UNKNOWN"]
    assert client.get(repo.url("tags/list")).get_json()["tags"] == ["v3"]
    assert error_codes(client.delete(repo.url(f"manifests/{digest}"))) == ["MANIFEST_UNKNOWN"]
    assert client.get(repo.url(f"blobs/{sha256(b'layer')}")).status_code == 200


def test_a_manifest_belongs_to_its_repository(repo, client):
    digest = repo.image(b"layer", tag="v1")
    for name in ("v1", digest):
        assert client.get(f"/v2/other/manifests/{name}").status_code == 404


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("sha256:bad", "DIGEST_INVALID"),
        ("sha256:baddigeststring", "DIGEST_INVALID"),
        ("a:b", "DIGEST_INVALID"),
        ("-tag", "TAG_INVALID"),
        ("..", "TAG_INVALID"),
        ("a" * 129, "TAG_INVALID"),
        ("a%20b", "TAG_INVALID"),
        ("a%00b", "TAG_INVALID"),
        ("%ff", "TAG_INVALID"),
    ],
)
def test_bad_reference(repo, client, reference, code):
    for response in (
        client.get(repo.url(f"manifests/{reference}")),
        client.delete(repo.url(f"manifests/{reference}")),
        repo.put(repo.document(b"layer"), reference),
    ):
        assert response.status_code == 400
        assert error_codes(response) == [code]


@pytest.mark.parametrize(
    "name", ["UPPER", "a//b", "-a", "a-", "a/../b", "..", "a" * 256, "%ff", "a%00", "a b", "_a"]
)
def test_bad_name(client, name):
    response = client.get(f"/v2/{name}/manifests/v1")
    assert response.status_code == 400
    assert error_codes(response) == ["NAME_INVALID"]


@pytest.mark.parametrize("announced", [True, False])
def test_too_large(repo, make_app, announced):
    repo = Pushes(make_app(manifest_limit=1000).test_client())
    content = json.dumps(repo.document(annotations={"a": "x" * 2000})).encode()
    environ = {} if announced else {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    response = repo.client.put(
        repo.url("manifests/v1"),
        data=content,
        headers={"Content-Type": OCI_MANIFEST},
        environ_overrides=environ,
    )
    assert response.status_code == 413
    assert error_codes(response) == ["MANIFEST_INVALID"]
    assert "1000" in response.get_json()["errors"][0]["message"]


def test_large_manifest_up_to_the_limit(repo, client):
    document = repo.document(b"layer", annotations={str(i): "x" * 10_000 for i in range(390)})
    assert repo.put(document, "v1").status_code == 201
    response = client.get(repo.url("manifests/v1"))
    assert response.get_json(force=True) == document


def test_custom_fields_and_config_types(repo, client):
    document = repo.document(b"layer", artifactType="application/x", **{"org.example": [1]})
    document["config"]["mediaType"] = "application/vnd.oci.empty.v1+json"
    assert repo.put(document, "v1").status_code == 201
    assert client.get(repo.url("manifests/v1")).get_json(force=True) == document
    assert OCI_CONFIG not in json.dumps(document)
