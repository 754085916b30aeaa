"""nginx in front: it sends the blobs of a local store itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import images
from tests.conftest import ServerFactory
from tests.servers import RegistryServer, free_port
from tests.tools import require_tool

CONFIGURATION = """\
daemon off;
user root;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location / {{
            proxy_pass {registry};
            proxy_set_header Host $http_host;
            proxy_request_buffering off;
            proxy_http_version 1.1;
        }}
        location /blobs/ {{
            internal;
            alias {store}/;
        }}
    }}
}}
"""


@pytest.fixture
def registry(start_registry: ServerFactory) -> RegistryServer:
    return start_registry(NGINX_X_ACCEL_REDIRECT="/blobs")


@pytest.fixture
def nginx(registry: RegistryServer, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            directory=tmp_path, port=port, registry=registry.url, store=registry.store
        )
    )
    process = subprocess.Popen([require_tool("nginx"), "-p", tmp_path, "-c", configuration])
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            requests.get(f"{url}/v2/", timeout=5)
            break
        except requests.ConnectionError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(30)


def test_nginx_sends_the_file(registry: RegistryServer, nginx: str) -> None:
    data = images.noise("nginx", images.MIB)
    digest = images.digest_of(data)
    base = f"{nginx}/v2/team/app/blobs"
    pushed = requests.post(f"{base}/uploads/?digest={digest}", data=data, timeout=30)
    assert pushed.status_code == 201
    direct = requests.get(f"{registry.url}/v2/team/app/blobs/{digest}", timeout=30)
    assert direct.headers["X-Accel-Redirect"].endswith("/data")
    assert direct.content == b""
    whole = requests.get(f"{base}/{digest}", timeout=30)
    assert whole.content == data
    assert "X-Accel-Redirect" not in whole.headers
    ranged = requests.get(f"{base}/{digest}", headers={"Range": "bytes=10-19"}, timeout=30)
    assert (ranged.status_code, ranged.content) == (206, data[10:20])
    head = requests.head(f"{base}/{digest}", timeout=30)
    assert head.headers["Content-Length"] == str(len(data))
    unknown = requests.get(f"{base}/{images.digest_of(b'unknown')}", timeout=30)
    assert unknown.status_code == 404
    assert requests.get(f"{nginx}/blobs/docker/registry/v2", timeout=30).status_code == 404
