"""The set-ups of ``contrib/nginx`` and ``contrib/apache``, with real clients, over TLS."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import images
from tests.clients.daemon import Daemon, chain
from tests.clients.engine import import_image
from tests.clients.proxies import PASSWORD, USER, Apache, Nginx, Proxy, trusted_by_engine
from tests.conftest import ServerFactory
from tests.pki import ENGINE_HOST, Authority, Pair, TlsServer
from tests.servers import RegistryServer
from tests.tools import Tool

TIMEOUT = 60
LARGE = 48 * images.MIB
#: What a connection may hold back on its way: buffers of the kernel, of TLS and of the proxy.
ON_THE_WAY = 6 * images.MIB
#: What a proxy may use in addition while something large passes through.
MEMORY = 16 * images.MIB
#: What to change in our files so that client certificates are asked for.
CLIENT_CERTIFICATES = {
    Nginx: {
        "#ssl_client_certificate /etc/nginx/docker-registry-clients.pem": (
            "ssl_client_certificate {ca}"
        ),
        "#ssl_verify_client optional": "ssl_verify_client optional",
    },
    Apache: {
        "#SSLCACertificateFile /etc/apache2/docker-registry-clients.pem": (
            "SSLCACertificateFile {ca}"
        ),
        "#SSLVerifyClient optional": "SSLVerifyClient optional",
    },
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module", params=[Nginx, Apache])
def proxy(
    request: pytest.FixtureRequest, registry: RegistryServer, authority: Authority
) -> Iterator[Proxy]:
    """Give a proxy that asks for passwords, in front of a registry that asks nobody."""
    with request.param(registry, authority, "tls-and-passwords") as proxy:
        yield proxy


@pytest.fixture
def ask(proxy: Proxy) -> Callable[..., requests.Response]:
    def ask_proxy(method: str, path: str, **options: Any) -> requests.Response:
        given = {"auth": (USER, PASSWORD), "verify": str(proxy.authority.pem), **options}
        return requests.request(method, f"{proxy.url}{path}", timeout=TIMEOUT, **given)

    return ask_proxy


Ask = Callable[..., requests.Response]


def push_and_pull(docker: Tool, name: str, megabytes: int = 20) -> None:
    import_image(docker, name, {"noise": images.noise(name, megabytes * images.MIB)})
    docker("push", name)
    docker("image", "remove", name)
    docker("pull", name)
    docker("image", "remove", name)


def test_docker(docker: Tool, proxy: Proxy) -> None:
    address = proxy.engine_address
    name = f"{address}/team/app"
    import_image(docker, f"{name}:refused", {"x": b"x"})
    untrusted = docker.run("push", f"{name}:refused")
    assert untrusted.returncode and b"x509" in untrusted.stderr + untrusted.stdout
    login = ("login", "--username", USER, "--password-stdin", address)
    with trusted_by_engine(address, {"ca.crt": proxy.authority.pem}):
        stranger = docker.run("push", f"{name}:refused")
        assert stranger.returncode and b"no basic auth" in stranger.stderr + stranger.stdout
        wrong = docker.run(*login, stdin=b"wrong")
        assert wrong.returncode and b"401" in wrong.stderr
        assert "Login Succeeded" in docker(*login, stdin=PASSWORD.encode())
        push_and_pull(docker, name)
        docker("logout", address)
        assert docker.run("pull", name).returncode
    docker("image", "remove", f"{name}:refused")


def test_v1_client(proxy: Proxy) -> None:
    """Docker 1.x sends the password with each request to a standalone registry over TLS."""

    class Secure(Daemon):
        def _send(self, method: str, url: str, **options: Any) -> requests.Response:
            options |= {"auth": (USER, PASSWORD), "verify": str(proxy.authority.pem)}
            return super()._send(method, url.replace("http://", "https://"), **options)

    layers = chain(f"{proxy.source}-1", f"{proxy.source}-2", size=2 * images.MIB)
    with Secure(proxy.url) as daemon:
        daemon.push(f"v1/{proxy.source}", layers, "latest")
        assert daemon.pull(f"v1/{proxy.source}") == layers


def test_nobody_comes_in_without_password(ask: Ask) -> None:
    for auth in (None, (USER, "wrong"), ("bob", PASSWORD)):
        for path in ("/v2/", "/v2/_catalog", "/v1/search", "/v1/users/", "/", "/_ping/../v2/"):
            answer = ask("GET", path, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        for path in ("/_ping", "/v1/_ping", "/health/live", "/health/ready"):
            assert ask("GET", path, auth=auth).status_code == 200
    answer = ask("GET", "/v2/")
    assert (answer.status_code, answer.headers["Docker-Distribution-Api-Version"]) == (
        200,
        "registry/2.0",
    )


def test_location_and_address_are_those_of_the_client(
    registry: RegistryServer, proxy: Proxy, ask: Ask
) -> None:
    made_up = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=192.0.2.7;host=evil.example;proto=http",
    }
    path = f"/v2/location/{proxy.source}/blobs/uploads/"
    answer = ask("POST", path, headers=made_up)
    assert answer.headers["Location"].startswith(f"https://{proxy.address}{path}")
    deadline = time.monotonic() + TIMEOUT
    while f"POST {path}" not in registry.log_tail():  # It is logged after the answer.
        assert time.monotonic() < deadline
        time.sleep(0.1)
    [line] = [line for line in registry.log_tail().splitlines() if f"POST {path}" in line]
    assert line.startswith("127.0.0.1 ")


def test_upload_passes_through_at_once(registry: RegistryServer, proxy: Proxy, ask: Ask) -> None:
    start = ask("POST", f"/v2/stream/{proxy.source}/blobs/uploads/")
    before, memory = stored(registry), proxy.memory()
    data = images.noise(proxy.source, LARGE)
    most = 0

    def pieces() -> Iterator[bytes]:
        nonlocal most
        for begin in range(0, LARGE, images.MIB):
            yield data[begin : begin + images.MIB]
        # Everything is sent but the end: what the registry lacks is on the way.
        deadline = time.monotonic() + TIMEOUT
        while stored(registry) - before < LARGE - ON_THE_WAY:
            assert time.monotonic() < deadline, "the proxy keeps the upload"
            time.sleep(0.1)
        most = proxy.memory()

    # Without a length, it is sent in chunks, as docker does it.
    sent = ask("PATCH", start.headers["Location"].removeprefix(proxy.url), data=pieces())
    assert sent.status_code == 202
    assert most - memory < MEMORY
    assert proxy.deleted_files() == []
    digest = images.digest_of(data)
    location = sent.headers["Location"].removeprefix(proxy.url)
    assert ask("PUT", location, params={"digest": digest}).status_code == 201


def stored(registry: RegistryServer) -> int:
    total = 0
    for file in registry.store.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:  # renamed meanwhile
            continue
    return total


def test_download_passes_through_at_once(proxy: Proxy, ask: Ask) -> None:
    data = images.noise(f"{proxy.source}-download", LARGE)
    path = f"/v2/stream/{proxy.source}/blobs"
    digest = images.digest_of(data)
    assert ask("POST", f"{path}/uploads/?digest={digest}", data=data).status_code == 201
    memory = proxy.memory()
    answer = ask("GET", f"{path}/{digest}", stream=True)
    got = answer.raw.read(images.MIB)
    time.sleep(1)  # Time enough to fill a buffer.
    assert proxy.memory() - memory < MEMORY
    assert proxy.deleted_files() == []
    assert got + answer.raw.read() == data


def test_expect_continue_and_no_limit(proxy: Proxy) -> None:
    """Docker's and curl's ways to send: by a length, and after asking."""
    curl = Tool("curl", proxy.directory / "curl")
    file = proxy.directory / "large"
    images.write_large_tar(file, LARGE)
    digest = images.digest_of(file.read_bytes())
    answer = curl(
        *("--silent", "--show-error", "--fail", "--cacert", proxy.authority.pem),
        *("--user", f"{USER}:{PASSWORD}", "--header", "Expect: 100-continue"),
        *("--header", "Content-Type: application/octet-stream"),
        *("--request", "POST", "--data-binary", f"@{file}", "--write-out", "%{http_code}"),
        f"{proxy.url}/v2/curl/{proxy.source}/blobs/uploads/?digest={digest}",
    )
    assert answer.endswith("201")


def test_relative_location(start_registry: ServerFactory, authority: Authority) -> None:
    registry = start_registry(RELATIVE_URLS="true")
    for kind in (Nginx, Apache):
        with kind(registry, authority, "tls-and-passwords") as proxy:
            answer = requests.post(
                f"{proxy.url}/v2/a/blobs/uploads/",
                auth=(USER, PASSWORD),
                verify=str(authority.pem),
                timeout=TIMEOUT,
            )
        assert answer.headers["Location"].startswith("/v2/a/blobs/uploads/")


def test_nginx_sends_the_files(start_registry: ServerFactory, authority: Authority) -> None:
    registry = start_registry(NGINX_X_ACCEL_REDIRECT="/blobs")
    data = images.noise("accel", images.MIB)
    path = f"/v2/a/blobs/{images.digest_of(data)}"
    options: dict[str, Any] = {
        "auth": (USER, PASSWORD),
        "verify": str(authority.pem),
        "timeout": TIMEOUT,
    }
    with Nginx(registry, authority, "tls-and-passwords") as nginx:
        upload = f"{nginx.url}/v2/a/blobs/uploads/?digest={images.digest_of(data)}"
        assert requests.post(upload, data=data, **options).status_code == 201
        assert requests.get(f"{registry.url}{path}", timeout=TIMEOUT).content == b""
        assert requests.get(f"{nginx.url}{path}", **options).content == data
        store = f"{nginx.url}/blobs/docker/registry/v2"
        assert requests.get(store, **options).status_code == 404
        assert requests.get(f"{nginx.url}{path}", **options | {"auth": None}).status_code == 401


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    registry = RegistryServer(
        tmp_path_factory.mktemp("asking"),
        {"AUTH": "certificate", "AUTH_CERTIFICATE_HEADER": "X-Client-Subject"},
    )
    with registry:
        yield registry
    registry.remove()


class TestRegistryAsks:
    """The proxy only ends TLS, and verifies certificates."""

    @pytest.fixture(params=[Nginx, Apache])
    def proxy(
        self, request: pytest.FixtureRequest, asking: RegistryServer, authority: Authority
    ) -> Iterator[Proxy]:
        changes = {
            old: new.format(ca=authority.pem)
            for old, new in CLIENT_CERTIFICATES[request.param].items()
        }
        with request.param(asking, authority, "tls", changes) as proxy:
            yield proxy

    def test_certificates(self, proxy: Proxy, authority: Authority, tmp_path: Path) -> None:
        def get(pair: Pair | None, **headers: str) -> requests.Response:
            return requests.get(
                f"{proxy.url}/v2/",
                headers={name.replace("_", "-"): value for name, value in headers.items()},
                cert=pair and pair.both,
                verify=str(authority.pem),
                timeout=TIMEOUT,
            )

        assert get(authority.client("CN=alice,OU=team")).status_code == 200
        refused = get(None)
        assert refused.status_code == 401
        assert f'realm="https://{proxy.address}/auth/token"' in refused.headers["WWW-Authenticate"]
        assert get(None, X_Client_Subject="CN=alice").status_code == 401
        assert self.underscored(proxy, authority) == 401
        stranger = Authority(tmp_path, "Other CA").client("CN=alice,OU=team")
        with suppress(requests.ConnectionError):  # Apache ends the handshake.
            assert get(stranger).status_code == 400

    def underscored(self, proxy: Proxy, authority: Authority) -> int:
        """Send the header in the way that looks the same in the environment of a program."""
        context = ssl.create_default_context(cafile=str(authority.pem))
        client = http.client.HTTPSConnection(proxy.address, context=context, timeout=TIMEOUT)
        client.request("GET", "/v2/", headers={"X_Client_Subject": "CN=alice"})
        status = client.getresponse().status
        client.close()
        return status

    def test_docker(self, docker: Tool, proxy: Proxy, authority: Authority) -> None:
        push_with_certificate(docker, proxy.engine_address, authority)


def push_with_certificate(docker: Tool, address: str, authority: Authority) -> None:
    """Push and pull with a client certificate, and see that nothing goes without."""
    pair = authority.client("CN=docker")
    name = f"{address}/team/app"
    files = {"ca.crt": authority.pem, "client.cert": pair.certificate, "client.key": pair.key}
    with trusted_by_engine(address, files):
        push_and_pull(docker, name)
    with trusted_by_engine(address, {"ca.crt": authority.pem}):
        assert docker.run("pull", name).returncode


@pytest.mark.parametrize("settings", [{}, {"REGISTRY_TLS_CLIENT_AUTH": "optional"}])
def test_native_tls(
    docker: Tool, authority: Authority, tmp_path: Path, settings: dict[str, str]
) -> None:
    """Docker, with a client certificate, and no proxy in between."""
    registry = TlsServer(
        tmp_path / "registry",
        authority,
        {"AUTH": "certificate", "REGISTRY_TLS_CLIENT_CA": str(authority.pem), **settings},
    )
    try:
        with registry:
            push_with_certificate(docker, f"{ENGINE_HOST}:{registry.port}", authority)
    finally:
        registry.remove()
