import json

import pytest

from tests.api.conftest import OCI_INDEX, OCI_MANIFEST, error_codes, sha256, sha512


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


def fall_back(repo, subject, *referrers):
    """Tag an index of referrers, as clients do where a registry doesn't answer this request."""
    algorithm, _, value = subject.partition(":")
    children = [{**repo.descriptor(digest), "annotations": {"old": "x"}} for digest in referrers]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    response = repo.put(document, f"{algorithm}-{value[:64]}")
    assert response.status_code == 201, response.data


@pytest.mark.parametrize("digest_of", [sha256, sha512])
def test_fallback_tag(repo, digest_of):
    subject = digest_of(b"a subject")
    listed = repo.image(b"listed", artifactType="a/one")
    fall_back(repo, subject, listed)
    assert referrers(repo, subject)[1] == [
        {**repo.descriptor(listed), "artifactType": "a/one"},
    ]
    assert referrers(repo, digest_of(b"another subject"))[1] == []


def test_fallback_tag_beside_our_own(repo, client):
    subject = repo.image(b"layer")
    both = refer(repo, subject, "both", artifactType="a/one")
    ours = refer(repo, subject, "ours", artifactType="a/one")
    listed = repo.image(b"listed", artifactType="a/one")
    other = repo.image(b"other", artifactType="a/two")
    gone = repo.image(b"gone", artifactType="a/one")
    fall_back(repo, subject, both, listed, other, gone)
    client.delete(repo.url(f"manifests/{gone}"))

    expected = sorted([both, ours, listed, other])
    assert [entry["digest"] for entry in referrers(repo, subject)[1]] == expected
    response, entries = referrers(repo, subject, "?artifactType=a/one")
    assert response.headers["OCI-Filters-Applied"] == "artifactType"
    assert [entry["digest"] for entry in entries] == sorted([both, ours, listed])
    seen = []
    while len(seen) < len(expected):
        last = f"&last={seen[-1]}" if seen else ""
        seen += [entry["digest"] for entry in referrers(repo, subject, f"?n=1{last}")[1]]
    assert seen == expected


def test_what_is_no_index_under_the_fallback_tag_lists_nobody(repo):
    subject = sha256(b"a subject")
    repo.image(b"layer", tag=subject.replace(":", "-"))
    assert referrers(repo, subject)[1] == []
