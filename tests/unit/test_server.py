"""The runner: gunicorn's settings, and a real server that stops as it should."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from docker_registry import server
from docker_registry.config import Settings, load_runner
from docker_registry.errors import ConfigError
from tests.conftest import ServerFactory
from tests.servers import free_port

Options = Callable[..., dict[str, Any]]


def options(storage: str = "local", **environ: str) -> dict[str, Any]:
    return server.options(Settings(storage=storage), load_runner(environ))


class TestMessages:
    @pytest.mark.parametrize("written", ["alice\nforged line", "a\r\x1b[2J", "\u2028x", "\x85"])
    def test_a_user_name_begins_no_line(
        self, caplog: pytest.LogCaptureFixture, written: str
    ) -> None:
        config = Config()
        config.set("accesslog", "-")
        log = server.Messages(config)
        log.access_log.propagate = True
        caplog.set_level("INFO", "gunicorn.access")
        encoded = base64.b64encode(f"{written}:password".encode()).decode()
        environ = {
            "REQUEST_METHOD": "GET",
            "RAW_URI": "/v2/",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_AUTHORIZATION": f"Basic {encoded}",
        }
        answer = SimpleNamespace(status="401 Unauthorized", sent=0, headers=[])
        log.access(answer, SimpleNamespace(headers=[]), environ, timedelta(0))
        (record,) = [one for one in caplog.records if one.name == "gunicorn.access"]
        line = record.getMessage()
        assert line.isprintable()
        assert '"GET /v2/ HTTP/1.1" 401' in line
        assert "password" not in line


class TestOptions:
    def test_threads_and_no_surprises(self) -> None:
        chosen = options()
        assert issubclass(chosen["worker_class"], ThreadWorker)
        assert chosen["bind"] == "0.0.0.0:5000"
        assert "max_requests" not in chosen
        assert "reload" not in chosen

    def test_no_line_is_made_for_nobody(self) -> None:
        assert options()["accesslog"] == "-"
        assert options(GUNICORN_ACCESS_LOG_FILE="/dev/null")["accesslog"] is None

    def test_workers_follow_the_processors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for processors, workers in ((1, 2), (4, 4), (64, 8)):
            monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=processors: range(n))
            assert options()["workers"] == workers
        assert options(GUNICORN_WORKERS="3")["workers"] == 3

    def test_ipv6(self) -> None:
        assert options(REGISTRY_HOST="::1")["bind"] == "[::1]:5000"

    def test_memory_is_of_one_process(self) -> None:
        assert options("memory")["workers"] == 1
        with pytest.raises(ConfigError, match="GUNICORN_WORKERS"):
            options("memory", GUNICORN_WORKERS="2")

    @pytest.mark.parametrize(("uid", "user"), [(0, "daemon"), (1000, None)])
    def test_only_root_changes_user(
        self, monkeypatch: pytest.MonkeyPatch, uid: int, user: str | None
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        assert options(GUNICORN_USER="daemon").get("user") == user

    def test_gunicorn_s_own_variables_count_and_ours_win(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GUNICORN_CMD_ARGS", "--backlog 7 --keep-alive 3 --threads 9")
        cfg = server.Server(
            Settings(), load_runner({"GUNICORN_OPTS": "--backlog 8", "GUNICORN_THREADS": "4"})
        ).cfg
        assert (cfg.backlog, cfg.keepalive, cfg.threads) == (8, 3, 9)

    def test_configuration_file_of_gunicorn(self, tmp_path: Path) -> None:
        file = tmp_path / "gunicorn.conf.py"
        file.write_text("backlog = 9\nkeepalive = 9\n")
        cfg = server.Server(
            Settings(), load_runner({"GUNICORN_OPTS": f"-c {file} --keep-alive 3"})
        ).cfg
        assert (cfg.backlog, cfg.keepalive) == (9, 3)


def push_slowly(port: int, started: threading.Event, proceed: threading.Event) -> int:
    """Push a blob in two halves, and wait for ``proceed`` between them. Give the status."""
    data = b"half" * 50_000
    digest = hashlib.sha256(data).hexdigest()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.putrequest("POST", f"/v2/slow/blobs/uploads/?digest=sha256:{digest}")
        client.putheader("Content-Length", str(len(data)))
        client.putheader("Content-Type", "application/octet-stream")
        client.endheaders(data[:100_000])
        started.set()
        proceed.wait(30)
        client.send(data[100_000:])
        return client.getresponse().status


def test_sigterm_lets_a_running_push_end(start_registry: ServerFactory) -> None:
    registry = start_registry()
    started, proceed = threading.Event(), threading.Event()
    statuses: list[int] = []
    push = threading.Thread(
        target=lambda: statuses.append(push_slowly(registry.port, started, proceed))
    )
    push.start()
    assert started.wait(30)
    assert registry.process is not None
    time.sleep(0.5)
    registry.process.send_signal(signal.SIGTERM)
    time.sleep(1.5)
    assert registry.process.poll() is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", registry.port), timeout=5)
    proceed.set()
    push.join(30)
    assert statuses == [201]
    assert registry.process.wait(30) == 0


def test_silent_clients_free_their_threads(start_registry: ServerFactory) -> None:
    registry = start_registry(
        GUNICORN_SILENT_TIMEOUT="1", GUNICORN_WORKERS="1", GUNICORN_THREADS="2"
    )
    clients = [socket.create_connection(("127.0.0.1", registry.port)) for _ in range(4)]
    for client in clients:
        client.sendall(b"PUT /v2/ HTTP/1.1\r\nHost: registry\r\n")
    assert registry.answers()
    for client in clients:
        client.settimeout(20)
        assert client.recv(1) == b""
        client.close()
    assert "Traceback" not in registry.log_tail()


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, Path]:
    """Give a certificate for 127.0.0.1, which is good for servers and clients, and its key."""
    pem, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem),
        ],
        check=True,
        capture_output=True,
    )
    return pem, key


def test_tls(tmp_path: Path, authority: tuple[Path, Path]) -> None:
    pem, key = authority
    port = free_port()
    environ = {
        **os.environ,
        "SETTINGS_FLAVOR": "local",
        "STORAGE_PATH": str(tmp_path / "store"),
        "REGISTRY_HOST": "127.0.0.1",
        "REGISTRY_PORT": str(port),
        "REGISTRY_TLS_CERTIFICATE": str(pem),
        "REGISTRY_TLS_KEY": str(key),
        "GUNICORN_SILENT_TIMEOUT": "1",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command("serve"), env=environ, stdout=log, stderr=log)
    try:
        connection = wait_for(port, process)
        client = ssl.create_default_context(cafile=str(pem)).wrap_socket(
            connection, server_hostname="127.0.0.1"
        )
        client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        client.close()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
            silent.sendall(b"\x16\x03")  # the beginning of a handshake
            while silent.recv(100):
                pass  # an alert may come first
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_only_clients_with_a_certificate(tmp_path: Path, authority: tuple[Path, Path]) -> None:
    pem, key = authority
    port = free_port()
    file = tmp_path / "config.yml"
    file.write_text(
        f"""
        version: 0.1
        storage: inmemory
        http:
          addr: 127.0.0.1:{port}
          tls: {{certificate: {pem}, key: {key}, clientcas: [{pem}], minimumtls: tls1.3}}
        """
    )
    environ = {**os.environ, "DOCKER_REGISTRY_CONFIG": str(file), "SEARCH_BACKEND": "none"}
    with subprocess.Popen(command("serve"), env=environ) as process:
        wait_for(port, process).close()
        try:
            url = f"https://127.0.0.1:{port}/v2/"
            known = requests.get(url, verify=pem, cert=(str(pem), str(key)), timeout=20)
            assert known.status_code == 200
            with pytest.raises(requests.ConnectionError):
                requests.get(url, verify=pem, timeout=20)
            old = ssl.create_default_context(cafile=str(pem))
            old.load_cert_chain(pem, key)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with (
                socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
                pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"),
            ):
                old.wrap_socket(connection, server_hostname="127.0.0.1")
        finally:
            process.terminate()
    assert process.returncode == 0


def test_socket_of_the_machine(tmp_path: Path) -> None:
    place = tmp_path / "registry.sock"
    environ = {
        **os.environ,
        "SETTINGS_FLAVOR": "local",
        "STORAGE_PATH": str(tmp_path / "store"),
        "REGISTRY_HOST": f"unix:{place}",
        "SEARCH_BACKEND": "none",
        "PROXY_HEADERS": "forwarded",
    }
    with subprocess.Popen(command("serve"), env=environ) as process:
        try:
            with wait_for(str(place), process) as client:
                client.sendall(
                    b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: registry\r\n"
                    # Headers of a client that its proxy hands on: they mean nothing to gunicorn.
                    b"SCRIPT_NAME: /v2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n"
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )
                answer = b"".join(iter(lambda: client.recv(4096), b""))
        finally:
            process.terminate()
    assert answer.startswith(b"HTTP/1.1 202")
    assert b"Location: http://registry/v2/a/blobs/uploads/" in answer
    assert process.returncode == 0


def command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("docker-registry")), *arguments]


def wait_for(place: int | str, process: subprocess.Popen[bytes]) -> socket.socket:
    """Connect to a port or to a socket's path: that is there before anybody listens to it."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        client = socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET)
        client.settimeout(20)
        try:
            client.connect(place if isinstance(place, str) else ("127.0.0.1", place))
        except (ConnectionRefusedError, FileNotFoundError):
            client.close()
            time.sleep(0.1)
        else:
            return client
    raise RuntimeError("the server doesn't come up")


@pytest.fixture
def flawed(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Give the environment of a registry with a flavor that can't be served."""

    def flawed_by(flaw: str) -> dict[str, str]:
        file = tmp_path / "registry.yml"
        file.write_text(f"dev: {{{flaw}, search_backend: none}}")
        port = str(free_port())
        return {
            **os.environ,
            "DOCKER_REGISTRY_CONFIG": str(file),
            "REGISTRY_HOST": "127.0.0.1",
            "REGISTRY_PORT": port,
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
        }

    return flawed_by


def run(arguments: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [("storage: floppy", "'floppy'"), ("storage: local, storage_path: /proc/no", "/proc/no")],
)
def test_what_stops_the_start_is_said_once(
    flawed: Callable[[str], dict[str, str]], flaw: str, reason: str
) -> None:
    done = run(command(), flawed(flaw))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_stops_the_start_names_the_file_of_distribution(
    flawed: Callable[[str], dict[str, str]],
) -> None:
    environ = flawed("storage: local")
    file = Path(environ["DOCKER_REGISTRY_CONFIG"])
    file.write_text("version: 0.1\nstorage: {filesystem: {rootdirectory: /proc/no}}\n")
    done = run(command(), environ)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {file} (`docker-registry config check` shows")
    assert "/proc/no" in done.stderr


def test_what_has_no_effect_is_said_once(start_registry: ServerFactory) -> None:
    registry = start_registry(MIRROR_SOURCE="https://example.org")
    assert registry.log_tail().count("mirroring has no effect") == 1


def test_plain_gunicorn_stops_too(flawed: Callable[[str], dict[str, str]]) -> None:
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    done = run([gunicorn, "docker_registry.wsgi:application"], flawed("storage: floppy"))
    assert done.returncode == 3
    assert "'floppy'" in done.stderr
    assert "Traceback" not in done.stderr
