"""The audit of a server with several workers; and what it takes of headers."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.conftest import ServerFactory
from tests.servers import RegistryServer

PASSWORD = "correct-horse-battery"
GUESS = "guessed-horse-battery"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
AT_ONCE, PUSHES = 8, 10


class GuardedServer(RegistryServer):
    """A registry that asks for passwords: that it says so means that it answers."""

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/v2/", timeout=5).status_code == 401
        except (requests.ConnectionError, requests.Timeout):
            return False


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("guarded")
    users = directory / "users"
    program = Path(sys.executable).with_name("docker-registry")
    command = [program, "user", "add", "alice", "--password-stdin", "--file", users]
    subprocess.run(command, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)
    settings = {
        "AUTH": "htpasswd",
        "AUTH_HTPASSWD_PATH": str(users),
        "TOKENS_ENABLED": "false",
        "AUDIT_FORMAT": "json",
        "AUDIT_FILE": str(directory / "audit"),
    }
    server = GuardedServer(directory, settings)
    with server:
        yield server
    server.remove()


def push(server: RegistryServer, number: int) -> None:
    with requests.Session() as session:
        session.auth = ("alice", PASSWORD)
        session.headers["User-Agent"] = f"pusher {number} " + "x" * 100
        uploads = f"{server.url}/v2/team/app/blobs/uploads/"
        config = {
            "digest": "sha256:" + "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        }
        assert session.post(uploads, params=config, data=b"{}", timeout=60).status_code == 201
        for one in range(PUSHES):
            document = {
                "schemaVersion": 2,
                "config": {"mediaType": "a/b", "size": 2, **config},
                "layers": [],
                "annotations": {"n": f"{number} {one}"},
            }
            answer = session.put(
                f"{server.url}/v2/team/app/manifests/v{number}-{one}",
                data=json.dumps(document),
                headers={"Content-Type": MANIFEST_TYPE},
                timeout=60,
            )
            assert answer.status_code == 201, answer.text


def test_each_push_is_a_whole_line(guarded: RegistryServer) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda number: push(guarded, number), range(AT_ONCE)))
    lines = [json.loads(line) for line in (guarded.directory / "audit").read_text().splitlines()]
    pushes = sorted(line["tag"] for line in lines if line["event"] == "push")
    assert pushes == sorted(f"v{n}-{one}" for n in range(AT_ONCE) for one in range(PUSHES))
    assert {line["identity"] for line in lines if line["event"] == "push"} == {"htpasswd:alice"}


def test_no_secret_is_in_any_log(guarded: RegistryServer) -> None:
    for secret in (PASSWORD, GUESS):
        for path in ("/v2/", "/v2/team/app/tags/list", "/v2/none/tags/list", "/v1/users/"):
            requests.get(f"{guarded.url}{path}", auth=("alice", secret), timeout=60)
    for scheme in ("Bearer ", "Token ", ""):
        headers = {"Authorization": f"{scheme}{GUESS}"}
        requests.get(f"{guarded.url}/v2/", headers=headers, timeout=60)
    written = guarded.log.read_text() + (guarded.directory / "audit").read_text()
    assert '"outcome": "failure"' in written
    for secret in (PASSWORD, GUESS):
        assert secret not in written
        assert base64.b64encode(f"alice:{secret}".encode()).decode() not in written


@pytest.mark.parametrize(("length", "statuses"), [(7_000, {401}), (20_000, {400, 431})])
def test_credentials_have_a_greatest_length(
    guarded: RegistryServer, length: int, statuses: set[int]
) -> None:
    for headers in (
        {"Authorization": "Bearer " + "x" * length},
        {
            "Authorization": "Basic "
            + base64.b64encode(b"alice:" + b"x" * (length * 3 // 4)).decode()
        },
    ):
        answer = requests.get(f"{guarded.url}/v2/", headers=headers, timeout=60)
        assert answer.status_code in statuses


def test_a_file_that_can_not_be_written_stops_the_start(start_registry: ServerFactory) -> None:
    with pytest.raises(RuntimeError) as caught:
        start_registry(AUDIT_FILE="/nowhere/audit")
    assert "audit.file (AUDIT_FILE) is '/nowhere/audit'" in str(caught.value)
