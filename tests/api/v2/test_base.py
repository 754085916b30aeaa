from tests.api.conftest import error_codes


def test_ping(client):
    response = client.get("/v2/")
    assert response.status_code == 200
    assert response.data == b"{}"
    assert response.content_type == "application/json"
    assert response.headers["Docker-Distribution-API-Version"] == "registry/2.0"


def test_without_the_slash_leads_to_it(client):
    response = client.get("/v2")
    assert response.status_code in (301, 308)
    assert response.headers["Location"].endswith("/v2/")


def test_unknown_endpoints_and_methods_are_registry_errors(client):
    missing = client.get("/v2/team/app/nothing")
    assert missing.status_code == 404
    assert error_codes(missing) == ["UNSUPPORTED"]
    wrong = client.post("/v2/_catalog")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]
    assert error_codes(wrong) == ["UNSUPPORTED"]
    assert wrong.headers["Docker-Distribution-API-Version"] == "registry/2.0"
