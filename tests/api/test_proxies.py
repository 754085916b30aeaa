"""Proxies in front: whom we believe what about a request."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from werkzeug.test import EnvironBuilder

from docker_registry.api.proxies import BY_PROXY, ProxyHeaders
from docker_registry.config import Settings
from tests.api.conftest import AppFactory

PROXIES = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]


def corrected(peer: str | None, kind: str = "x-forwarded", **headers: str) -> dict[str, Any]:
    """Give the environment of a request as the application sees it."""
    seen: dict[str, Any] = {}

    def application(environ, start_response):
        seen.update(environ)
        return []

    environ = EnvironBuilder(
        base_url="http://asked.example",
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    ).get_environ()
    if peer is not None:
        environ["REMOTE_ADDR"] = peer
    ProxyHeaders(application, PROXIES, kind)(environ, lambda *_: None)
    return seen


class TestAddress:
    @pytest.mark.parametrize(
        ("peer", "forwarded_for", "client"),
        [
            ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
            # From anybody else it is a lie.
            ("192.0.2.66", "192.0.2.7", "192.0.2.66"),
            ("127.0.0.2", "192.0.2.7", "127.0.0.2"),
            # What the client wrote in front counts for nothing.
            ("127.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7"),
            ("127.0.0.1", "10.1.1.1, 192.0.2.7", "192.0.2.7"),
            # Several proxies, up to the first that isn't one.
            ("127.0.0.1", "198.51.100.1, 192.0.2.7, 10.1.1.1, 10.2.2.2", "192.0.2.7"),
            ("127.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
            # Forms that proxies write.
            ("127.0.0.1", "192.0.2.7:50123", "192.0.2.7"),
            ("127.0.0.1", "[2001:db9::1]:50123", "2001:db9::1"),
            ("127.0.0.1", "2001:db9::1", "2001:db9::1"),
            ("::ffff:127.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8::5", "192.0.2.7", "192.0.2.7"),
            # What is no address ends the way back at whoever said so.
            ("127.0.0.1", "192.0.2.7, unknown", "127.0.0.1"),
            ("127.0.0.1", "192.0.2.7, unknown, 10.1.1.1", "10.1.1.1"),
            ("127.0.0.1", "'; DROP TABLE, <script>", "127.0.0.1"),
            ("127.0.0.1", "", "127.0.0.1"),
            # A quote of the client's doesn't swallow what the proxy adds.
            ("127.0.0.1", '", 192.0.2.7', "192.0.2.7"),
            ("127.0.0.1", '"198.51.100.1, 192.0.2.7', "192.0.2.7"),
            ("127.0.0.1", '198.51.100.1, "\\", 192.0.2.7, 10.1.1.1', "192.0.2.7"),
        ],
    )
    def test_client(self, peer: str, forwarded_for: str, client: str) -> None:
        assert corrected(peer, X_Forwarded_For=forwarded_for)["REMOTE_ADDR"] == client

    def test_socket_of_the_machine_is_a_proxy(self) -> None:
        assert corrected("", X_Forwarded_For="192.0.2.7")["REMOTE_ADDR"] == "192.0.2.7"
        assert BY_PROXY in corrected("")

    def test_unknown_peer_is_none(self) -> None:
        seen = corrected(None, X_Forwarded_For="192.0.2.7", X_Forwarded_Proto="https")
        assert "REMOTE_ADDR" not in seen
        assert BY_PROXY not in seen
        assert seen["wsgi.url_scheme"] == "http"

    def test_the_mark_is_not_for_others(self) -> None:
        assert BY_PROXY in corrected("127.0.0.1")
        assert BY_PROXY not in corrected("192.0.2.66", docker_registry_by_proxy="True")


class TestSchemeAndHost:
    def test_of_the_nearest_proxy(self) -> None:
        seen = corrected(
            "127.0.0.1",
            X_Forwarded_Proto="http, HTTPS",
            X_Forwarded_Host="evil.example, r.example:5443",
        )
        assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("https", "r.example:5443")

    def test_of_somebody_else(self) -> None:
        seen = corrected("192.0.2.66", X_Forwarded_Proto="https", X_Forwarded_Host="evil.example")
        assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("http", "asked.example")

    @pytest.mark.parametrize("host", ["a b", "evil.example/x", "a@evil.example", 'r"', "[::1", ""])
    def test_no_host(self, host: str) -> None:
        assert corrected("127.0.0.1", X_Forwarded_Host=host)["HTTP_HOST"] == "asked.example"

    def test_no_scheme(self) -> None:
        assert corrected("127.0.0.1", X_Forwarded_Proto="gopher")["wsgi.url_scheme"] == "http"


class TestForwarded:
    def test_what_the_first_proxy_says(self) -> None:
        seen = corrected(
            "127.0.0.1",
            "forwarded",
            Forwarded="for=198.51.100.1;host=evil.example, "
            'for="[2001:db9::1]:4711";proto=HTTPS;host="r.example:5443", '
            "for=10.1.1.1;proto=http;host=inner.example",
        )
        assert seen["REMOTE_ADDR"] == "2001:db9::1"
        assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("https", "r.example:5443")

    def test_obfuscated_client(self) -> None:
        seen = corrected(
            "127.0.0.1", "forwarded", Forwarded="for=192.0.2.1, for=_hidden;proto=https"
        )
        assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == ("127.0.0.1", "https")

    @pytest.mark.parametrize("written", ['for="', '"', 'for="\\"', 'for="a, b', 'for="" "', "\\"])
    @pytest.mark.parametrize(
        "added", ["for=192.0.2.7;proto=https", 'proto=https;for="192.0.2.7:1"']
    )
    def test_a_quote_of_the_client_does_not_swallow_the_rest(
        self, written: str, added: str
    ) -> None:
        seen = corrected("127.0.0.1", "forwarded", Forwarded=f"{written}, {added}")
        assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == ("192.0.2.7", "https")

    def test_the_other_kind_is_what_clients_write(self) -> None:
        forwarded = "for=192.0.2.7;proto=https;host=evil.example"
        for kind, headers in (
            ("x-forwarded", {"Forwarded": forwarded}),
            ("forwarded", {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https"}),
        ):
            seen = corrected("127.0.0.1", kind, **headers)
            assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == ("127.0.0.1", "http")
            assert seen["HTTP_HOST"] == "asked.example"

    @pytest.mark.parametrize("text", ["", ",", ";;", "for", 'for="', "=", "for==;proto", "\xff"])
    def test_nonsense(self, text: str) -> None:
        assert corrected("127.0.0.1", "forwarded", Forwarded=text)["REMOTE_ADDR"] == "127.0.0.1"


def location(make_app: AppFactory, peer: str, **settings: Any) -> str:
    response = (
        make_app(**settings)
        .test_client()
        .post(
            "/v2/a/blobs/uploads/",
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "r.example:5443"},
            environ_overrides={"REMOTE_ADDR": peer},
        )
    )
    return response.headers["Location"]


def test_location(make_app: AppFactory) -> None:
    """Through the whole application: by default whoever is on the same machine is a proxy."""
    assert location(make_app, "127.0.0.1").startswith("https://r.example:5443/v2/a/")
    assert location(make_app, "10.1.1.1").startswith("http://localhost/v2/a/")
    near = {"trusted_proxies": ["10.0.0.0/8"]}
    assert location(make_app, "10.1.1.1", **near).startswith("https://r.example:5443/v2/a/")
    assert location(make_app, "127.0.0.1", **near).startswith("http://localhost/v2/a/")
    assert location(make_app, "127.0.0.1", trusted_proxies=[]).startswith("http://localhost/v2/a/")


@pytest.mark.parametrize("network", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_network(network: str) -> None:
    with pytest.raises(ValidationError, match="an IP address, or a network such as"):
        Settings(trusted_proxies=network)
