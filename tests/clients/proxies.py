"""nginx and Apache with the files of ``contrib``, in front of a registry."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.pki import ENGINE_HOST, Authority
from tests.servers import RegistryServer, free_port
from tests.tools import CHECKOUT, Tool, missing, require_tool

USER, PASSWORD = "alice", "correct horse"
START_SECONDS = 30

NGINX = """\
daemon off;
{user}
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include site.conf;
}}
"""
MODULES = Path("/usr/lib/apache2/modules")
APACHE_MODULES = (
    *("authn_core", "authn_file", "auth_basic", "authz_core", "authz_user", "env"),
    *(
        "headers",
        "mpm_event",
        "proxy",
        "proxy_http",
        "reqtimeout",
        "setenvif",
        "socache_shmcb",
        "ssl",
    ),
)
APACHE = """\
ServerRoot "{directory}"
ServerName localhost
DefaultRuntimeDir "{directory}"
PidFile "{directory}/apache.pid"
ErrorLog "{directory}/error.log"
Listen 127.0.0.1:{port}
{modules}
{user}
Include site.conf
"""


class Proxy(ABC):
    """A proxy that listens on a port of 127.0.0.1, and speaks TLS.

    :param site: the file in ``contrib`` that is served, without ``.conf``.
    :param changes: what to replace in it, beside addresses and paths.
    """

    #: The directory in ``contrib``.
    source: str
    #: Where operators put the files.
    home: str

    def __init__(
        self,
        registry: RegistryServer,
        authority: Authority,
        site: str,
        changes: dict[str, str] | None = None,
    ) -> None:
        # Not below pytest's directory, which the accounts of proxies may not enter.
        self.directory = Path(tempfile.mkdtemp(prefix="proxy-"))
        self.directory.chmod(0o755)
        self.port = free_port()
        self.registry = registry
        self.authority = authority
        pair = authority.server()
        live = "/etc/letsencrypt/live/registry.example.org"
        self.write(
            site,
            "site.conf",
            {
                f"{live}/fullchain.pem": str(pair.certificate),
                f"{live}/privkey.pem": str(pair.key),
                **self.listening(),
                **(changes or {}),
            },
        )

    def write(self, source: str, target: str, changes: dict[str, str]) -> None:
        """Write a file of ``contrib`` with changes, each of which must be one."""
        text = (CHECKOUT / f"contrib/{self.source}/{source}.conf").read_text()
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        for old, new in {
            self.home: f"{self.directory}/",
            "127.0.0.1:5000": self.registry.address,
            "/var/lib/docker-registry/": f"{self.registry.store}/",
        }.items():
            text = text.replace(old, new)
        (self.directory / target).parent.mkdir(exist_ok=True)
        (self.directory / target).write_text(text)

    @abstractmethod
    def listening(self) -> dict[str, str]:
        """Give the changes that make it listen where we want it."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """Write the main file, and give the command that serves it."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def engine_address(self) -> str:
        """As the engine must call it to look at certificates."""
        return f"{ENGINE_HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def __enter__(self) -> Self:
        htpasswd = Tool("htpasswd", self.directory / "home")
        file = self.directory / "docker-registry.htpasswd"
        file.write_text(htpasswd("-nbB", USER, PASSWORD) + "\n")
        with (self.directory / "output").open("wb") as output:
            self.process = subprocess.Popen(
                self.command(), stdout=output, stderr=output, start_new_session=True
            )
        try:
            self._await()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except OSError:
                assert self.process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
            else:
                return

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(START_SECONDS)
        shutil.rmtree(self.directory)

    def log(self) -> str:
        """Give what it wrote."""
        names = ("output", "error.log")
        files = [self.directory / name for name in names]
        return "\n".join(file.read_text() for file in files if file.exists())

    def processes(self) -> list[Path]:
        """Give the directories of its processes in ``/proc``."""
        # Each leads or is in the session that was started for it.
        return [
            process
            for process in Path("/proc").glob("[0-9]*")
            if _session(process) == self.process.pid
        ]

    def memory(self) -> int:
        """Give the bytes of memory that all of its processes have of their own."""
        lines = [
            line.split()
            for process in self.processes()
            for line in (process / "status").read_text().splitlines()
        ]
        return sum(int(line[1]) * 1024 for line in lines if line and line[0] == "RssAnon:")

    def deleted_files(self) -> list[str]:
        """Give the files that it has open and that have no name any more, such as its buffers."""
        opened = [
            str(file.readlink()) for process in self.processes() for file in process.glob("fd/*")
        ]
        return [
            name
            for name in opened
            if name.startswith(f"{self.directory}/") and name.endswith(" (deleted)")
        ]


def _session(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[3])
    except OSError:
        return None


class Nginx(Proxy):
    source, home = "nginx", "/etc/nginx/"

    def listening(self) -> dict[str, str]:
        return {
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "listen [::]:443 ssl;": "",
        }

    def command(self) -> list[str | Path]:
        self.write("docker-registry-proxy", "snippets/docker-registry-proxy.conf", {})
        main = self.directory / "nginx.conf"
        # The files of the store belong to whom runs the tests.
        main.write_text(NGINX.format(user="user root;" if os.geteuid() == 0 else ""))
        return [require_tool("nginx"), "-p", self.directory, "-c", main]


class Apache(Proxy):
    source, home = "apache", "/etc/apache2/"

    def listening(self) -> dict[str, str]:
        return {"*:443": f"127.0.0.1:{self.port}"}

    def command(self) -> list[str | Path]:
        self.write("docker-registry-proxy", "docker-registry-proxy.conf", {})
        main = self.directory / "apache.conf"
        loaded = "\n".join(
            f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in APACHE_MODULES
        )
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        main.write_text(
            APACHE.format(directory=self.directory, port=self.port, modules=loaded, user=user)
        )
        return [require_tool("apache2"), "-f", main, "-D", "FOREGROUND"]


@contextmanager
def trusted_by_engine(address: str, files: dict[str, Path]) -> Iterator[None]:
    """Put files where the engine looks for those of a registry: ``ca.crt``, ``client.cert``..."""
    place = Path("/etc/docker/certs.d") / address
    try:
        place.mkdir(parents=True)
    except PermissionError:
        missing("the right to write /etc/docker", "sudo make test")
    try:
        for name, file in files.items():
            shutil.copyfile(file, place / name)
        yield
    finally:
        shutil.rmtree(place)
