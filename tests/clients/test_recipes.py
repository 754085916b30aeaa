"""The set-ups of docs/auth.md, as an operator pastes them, with a real Docker engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from tests import images, passwords
from tests.clients.engine import files_in, import_image
from tests.clients.proxies import Nginx, trusted_by_engine
from tests.pki import Authority
from tests.servers import OWN_VARIABLES, RegistryServer
from tests.tenants import Tenants, distinct
from tests.tools import CHECKOUT, Tool, require_service

FILES = {"bin/noise": images.noise("recipes", 100_000)}
PAGE = (CHECKOUT / "docs/auth.md").read_text()
RECIPES = dict(re.findall(r"^## (.+?)\n.*?^```sh\n(.*?)^```$", PAGE, re.M | re.S))
#: Variables that a shell sets by itself.
SHELL = ("PWD", "OLDPWD", "SHLVL", "_")
USERS = "/etc/docker-registry/users"


@contextmanager
def served(
    title: str, directory: Path, places: Mapping[str, str], **beside: str
) -> Iterator[RegistryServer]:
    """Serve what a recipe says.

    :param places: what of it is somewhere else here.
    :param beside: variables that the operator has exported before.
    """
    shell, last = RECIPES[title].rsplit("\n", 2)[:2]
    assert last == "docker-registry"
    shell = shell.replace("/srv/registry", f"{directory}/store")
    for place, here in places.items():
        assert place in shell, place
        shell = shell.replace(place, here)
    before = {
        name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)
    }
    # Debian has a program of the name, too.
    path = f"{Path(sys.executable).parent}:{before['PATH']}"
    pasted = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{shell}\nenv --null >&3", "recipe"],
        env={**before, "PATH": path},
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: os.dup2(1, 3),
        pass_fds=(3,),
    ).stdout.decode()
    after = dict(item.split("=", 1) for item in pasted.split("\0") if item)
    variables = {name: value for name, value in after.items() if name not in {*before, *SHELL}}
    with RegistryServer(directory / "server", {**beside, **variables}) as server:
        yield server


def test_all_are_here() -> None:
    assert len(RECIPES) == 5


def push_and_pull(docker: Tool, name: str) -> None:
    import_image(docker, name, FILES)
    docker("push", name)
    docker("image", "remove", name)
    docker("pull", name)
    assert files_in(docker, name) == FILES
    docker("image", "remove", name)


def log_in(docker: Tool, address: str, user: str, password: str) -> None:
    wrong = docker.run(
        *("login", "--username", user, "--password-stdin", address), stdin=b"not the password"
    )
    assert wrong.returncode
    docker(*("login", "--username", user, "--password-stdin", address), stdin=password.encode())


def refused(docker: Tool, *arguments: str) -> bool:
    done = docker.run(*arguments)
    answer = done.stderr.decode()
    return done.returncode != 0 and ("denied" in answer or "unauthorized" in answer)


def test_open(docker: Tool, tmp_path: Path) -> None:
    with served("An open registry in the LAN", tmp_path, {}) as registry:
        push_and_pull(docker, f"{registry.address}/team/app")
        crane = Tool("crane", tmp_path / "home")
        assert crane.run("delete", f"{registry.address}/team/app:latest").returncode


def test_behind_nginx(docker: Tool, tmp_path: Path) -> None:
    places = {
        USERS: f"{tmp_path}/etc/users",
        "/etc/docker-registry": f"{tmp_path}/etc",
        "/root/alice.password": f"{tmp_path}/password",
    }
    authority = Authority(tmp_path / "ca")
    with (
        served("Users of a file, behind nginx", tmp_path, places) as registry,
        Nginx(registry, authority, "tls") as nginx,
        trusted_by_engine(nginx.engine_address, {"ca.crt": authority.pem}),
    ):
        name = f"{nginx.engine_address}/team/app"
        import_image(docker, name, FILES)
        assert refused(docker, "push", name)
        password = (tmp_path / "password").read_text().strip()
        log_in(docker, nginx.engine_address, "alice", password)
        push_and_pull(docker, name)
        assert "team/app" in docker("search", f"{nginx.engine_address}/app")
        docker("logout", nginx.engine_address)
        assert refused(docker, "pull", name)


def test_everybody_pulls(docker: Tool, tmp_path: Path) -> None:
    users = passwords.write(
        tmp_path / "users", passwords.line("alice", "pw"), passwords.line("bob", "pw")
    )
    with served("Everybody pulls, users push", tmp_path, {USERS: str(users)}) as registry:
        name = f"{registry.address}/team/app"
        import_image(docker, f"{name}:v1", FILES)
        assert refused(docker, "push", f"{name}:v1")
        log_in(docker, registry.address, "bob", "pw")
        push_and_pull(docker, f"{name}:v1")
        import_image(docker, f"{name}:v1", {"other": b"bytes"})
        assert refused(docker, "push", f"{name}:v1")
        docker("logout", registry.address)
        docker("image", "remove", f"{name}:v1")
        docker("pull", f"{name}:v1")
        assert files_in(docker, f"{name}:v1") == FILES
        docker("image", "remove", f"{name}:v1")


def test_projects(docker: Tool, tmp_path: Path) -> None:
    stack = require_service("openstack")
    openrc = {name: value for name, value in stack.items() if name.startswith("OS_")}
    openrc |= {"OS_CONTAINER": distinct("recipe"), "STORAGE_PATH": "registry"}
    with (
        Tenants() as tenants,
        served("Projects of OpenStack", tmp_path, {}, **openrc) as registry,
    ):
        web, other = (tenants.project(distinct(name)) for name in ("web", "other"))
        member, reader = tenants.user(distinct("member")), tenants.user(distinct("reader"))
        tenants.give("member", member, web)
        tenants.give("reader", reader, web)
        robot = tenants.credential(member, web, "robot")
        name = f"{registry.address}/{web.name}/app"

        log_in(docker, registry.address, f"{member.name}/{web.name}", member.secret)
        push_and_pull(docker, name)
        docker("pull", name)
        docker("tag", name, f"{registry.address}/{other.name}/app")
        assert refused(docker, "push", f"{registry.address}/{other.name}/app")

        log_in(docker, registry.address, f"{reader.name}/{web.name}", reader.secret)
        docker("pull", name)
        docker("tag", name, f"{name}:reader")
        assert refused(docker, "push", f"{name}:reader")

        log_in(docker, registry.address, robot.id, robot.secret)
        docker("tag", name, f"{name}:robot")
        docker("push", f"{name}:robot")
        docker("logout", registry.address)
        docker("image", "remove", name, f"{name}:robot", f"{name}:reader")


@contextmanager
def issuer(signing: ECKey, kid: str) -> Iterator[str]:
    """Give the URL of somebody who gives alice tokens for what is below team/, as GitLab does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            if self.headers["Authorization"] not in (None, ALICE):
                self.send_response(401)
                self.end_headers()
                return
            access = [
                {"type": kind, "name": name, "actions": actions.split(",")}
                for kind, name, actions in (scope.split(":") for scope in asked.get("scope", []))
                if name.startswith("team/") and self.headers["Authorization"]
            ]
            now = int(time.time())
            claims = {
                "iss": "gitlab-issuer",
                "aud": asked["service"][0],
                "sub": "alice",
                "exp": now + 300,
                "nbf": now - 5,
                "iat": now,
                "access": access,
            }
            token = jwt.encode({"alg": "ES256", "typ": "JWT", "kid": kid}, claims, signing)
            body = json.dumps({"token": token}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/jwt/auth"
        server.shutdown()


#: alice:pw
ALICE = "Basic YWxpY2U6cHc="


def test_tokens_of_somebody_else(docker: Tool, tmp_path: Path) -> None:
    pair = Authority(tmp_path / "ca").server("gitlab")
    key = ECKey.import_key(pair.key.read_text())
    with issuer(key, key.thumbprint()) as realm:
        places = {
            "https://gitlab.example.org/jwt/auth": realm,
            "/etc/docker-registry/gitlab.crt": str(pair.certificate),
        }
        with served("Tokens of GitLab or Harbor", tmp_path, places) as registry:
            name = f"{registry.address}/team/app"
            import_image(docker, name, FILES)
            assert refused(docker, "push", name)
            log_in(docker, registry.address, "alice", "pw")
            push_and_pull(docker, name)
            import_image(docker, f"{registry.address}/other/app", FILES)
            assert refused(docker, "push", f"{registry.address}/other/app")
            docker("logout", registry.address)
            docker("image", "remove", f"{registry.address}/other/app")
