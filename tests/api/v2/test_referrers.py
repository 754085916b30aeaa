import json

import pytest

from tests.api.conftest import OCI_INDEX, OCI_MANIFEST, error_codes, sha256


def referrers(repo, digest, query=""):
    response = repo.client.get(repo.url(f"referrers/{digest}{query}"))
    assert response.status_code == 200, response.data
    assert response.content_type == OCI_INDEX
    index = response.get_json(force=True)
    assert (index["schemaVersion"], index["mediaType"]) == (2, OCI_INDEX)
    return response, index["manifests"]


def refer(repo, subject, name, **more):
    descriptor = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 10}
    document = repo.document(name.encode(), subject=descriptor, **more)
    response = repo.put(document)
    assert response.status_code == 201
    assert response.headers["OCI-Subject"] == subject
    return response.headers["Docker-Content-Digest"]


def test_nobody(repo):
    assert referrers(repo, sha256(b"nothing"))[1] == []


def test_listed_with_type_and_annotations(repo):
    subject = repo.image(b"layer")
    signed = refer(repo, subject, "s", artifactType="a/signature", annotations={"by": "me"})
    plain = refer(repo, subject, "p")
    _, entries = referrers(repo, subject)
    assert [entry["digest"] for entry in entries] == sorted([signed, plain])
    by_digest = {entry["digest"]: entry for entry in entries}
    assert by_digest[signed] == {
        "mediaType": OCI_MANIFEST,
        "digest": signed,
        "size": len(repo.pushed[signed]),
        "artifactType": "a/signature",
        "annotations": {"by": "me"},
    }
    config_type = json.loads(repo.pushed[plain])["config"]["mediaType"]
    assert by_digest[plain]["artifactType"] == config_type


def test_subject_need_not_be_there(repo):
    subject = sha256(b"to come")
    referrer = refer(repo, subject, "s")
    assert [entry["digest"] for entry in referrers(repo, subject)[1]] == [referrer]


def test_filter(repo):
    subject = repo.image(b"layer")
    wanted = refer(repo, subject, "1", artifactType="a/one")
    refer(repo, subject, "2", artifactType="a/two")
    response, entries = referrers(repo, subject, "?artifactType=a/one")
    assert response.headers["OCI-Filters-Applied"] == "artifactType"
    assert [entry["digest"] for entry in entries] == [wanted]
    assert "OCI-Filters-Applied" not in referrers(repo, subject)[0].headers


@pytest.mark.parametrize("query", ["n=2", "n=2&artifactType=a/x"])
def test_pages(repo, query):
    subject = repo.image(b"layer")
    expected = sorted(refer(repo, subject, str(i), artifactType="a/x") for i in range(5))
    seen, url = [], repo.url(f"referrers/{subject}?{query}")
    while url:
        response = repo.client.get(url)
        entries = response.get_json(force=True)["manifests"]
        assert len(entries) <= 2
        seen += [entry["digest"] for entry in entries]
        link = response.headers.get("Link", "")
        url = link.partition(">")[0].lstrip("<")
    assert seen == expected


def test_pages_end_before_they_are_too_large(repo):
    subject = repo.image(b"layer")
    large = {"note": "x" * 1_500_000}
    expected = sorted(refer(repo, subject, str(i), annotations=large) for i in range(3))
    response, entries = referrers(repo, subject)
    assert len(response.data) < 4 * 1024 * 1024
    assert [entry["digest"] for entry in entries] == expected[:2]
    assert 'rel="next"' in response.headers["Link"]


def test_deleted_referrer_is_gone(repo, client):
    subject = repo.image(b"layer")
    referrer = refer(repo, subject, "s")
    client.delete(repo.url(f"manifests/{referrer}"))
    assert referrers(repo, subject)[1] == []


def test_referrers_outlive_their_subject(repo, client):
    subject = repo.image(b"layer")
    referrer = refer(repo, subject, "s")
    client.delete(repo.url(f"manifests/{subject}"))
    assert [entry["digest"] for entry in referrers(repo, subject)[1]] == [referrer]


def test_bad_digest(client):
    response = client.get("/v2/team/app/referrers/sha256:bad")
    assert response.status_code == 400
    assert error_codes(response) == ["DIGEST_INVALID"]
