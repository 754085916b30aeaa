"""Running gunicorn.

What ``Runner`` doesn't know of gunicorn is set by gunicorn's own ``GUNICORN_CMD_ARGS``, or by
``GUNICORN_OPTS``, which wins.
"""

from __future__ import annotations

import logging
import os
import resource
import ssl
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from gunicorn.app.base import Application
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger, SafeAtoms
from gunicorn.sock import ssl_context
from gunicorn.util import set_owner_process

from docker_registry import auth, drivers
from docker_registry.api.audit_log import open_log
from docker_registry.app import App, create_app
from docker_registry.config import Runner, Settings, together
from docker_registry.config.runner import check_authority, check_pair
from docker_registry.config.unserved import without_effect
from docker_registry.errors import ConfigError, QuotaExceeded, StorageError
from docker_registry.silence import SilenceLimit, limit_headers, limit_tls
from docker_registry.tls import FollowingContext
from docker_registry.worker import Worker

#: Idle kept-alive connections cost no thread, and spare clients a handshake between two layers.
KEEPALIVE_SECONDS = 15
#: Connections that a worker may have, most of them idle.
CONNECTIONS = 10_000
#: Open files that each of them may need, a socket and a blob, and those that a worker has anyway.
FILES_EACH, FILES_BESIDE = 2, 1000
#: A worker whose main thread doesn't move for so long is replaced. That thread only accepts and
#: polls: a request in another thread may take any time.
HEARTBEAT_SECONDS = 60
_TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
SHARED_MEMORY = "/dev/shm"  # noqa: S108 (files there have no guessable names)


def serve(settings: Settings, runner: Runner) -> None:
    """Serve until a signal ends it; then leave by ``SystemExit``.

    Raises ``ConfigError`` before any worker is started if the registry can't be built.
    """
    _allow_open_files()
    server = Server(settings, runner)
    server.rehearse()
    server.run()


def build(settings: Settings, runner: Runner) -> App:
    """Give the application that a worker serves. Raises ``ConfigError`` or ``StorageError``."""
    messages = logging.getLogger("docker_registry")
    messages.setLevel(settings.loglevel.upper())
    messages.handlers = logging.getLogger("gunicorn.error").handlers
    open_log(settings)
    app = create_app(settings)
    app.wsgi_app = SilenceLimit(  # type: ignore[method-assign]
        app.wsgi_app, runner.silent_timeout
    )
    return app


def _allow_open_files() -> None:
    """Let this process and its workers have the open files they may need, as far as they may.

    The soft limit is for programs that use select(2), which can't have more than 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS * FILES_EACH + FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _connections(threads: int) -> int:
    """Give how many connections a worker may have, within its open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS
    # With no more than one for each thread none would be kept open.
    return max(threads + 1, min(CONNECTIONS, (files - FILES_BESIDE) // FILES_EACH))


def _workers(settings: Settings, runner: Runner) -> int:
    if settings.storage == "memory":
        return 1
    if runner.workers:
        return runner.workers
    # Processes divide what holds the interpreter's lock; threads, what waits for disk and network.
    return max(2, min(8, len(os.sched_getaffinity(0))))


def _address(runner: Runner) -> str:
    if runner.host.startswith("unix:"):
        return runner.host
    host = f"[{runner.host}]" if ":" in runner.host else runner.host
    return f"{host}:{runner.port}"


def _verification(settings: Settings, runner: Runner) -> ssl.VerifyMode:
    """Give what is asked of clients when they connect."""
    others = "certificate" in settings.auth and len(settings.auth) > 1
    mode = runner.tls_client_auth or ("optional" if others else "required")
    return ssl.CERT_OPTIONAL if mode == "optional" else ssl.CERT_REQUIRED


def options(settings: Settings, runner: Runner) -> dict[str, Any]:
    """Give gunicorn's settings, by gunicorn's names. Raises ``ConfigError``."""
    together.check(settings, runner)
    chosen: dict[str, Any] = {
        "proc_name": "docker-registry",
        "bind": _address(runner),
        "worker_class": Worker,
        "workers": _workers(settings, runner),
        "threads": runner.threads,
        "worker_connections": _connections(runner.threads),
        "timeout": HEARTBEAT_SECONDS,
        "graceful_timeout": runner.graceful_timeout,
        "keepalive": KEEPALIVE_SECONDS,
        # Without a log no line is made; a line takes as long as the answer to a common read.
        "accesslog": None if runner.access_log_file == os.devnull else runner.access_log_file,
        "errorlog": runner.error_log_file,
        "loglevel": settings.loglevel,
        "logger_class": Messages,
        "certfile": runner.tls_certificate,
        "keyfile": runner.tls_key,
        # Whom to believe what a proxy says is decided in one place: see `trusted_proxies`. gunicorn
        # believes whoever comes by a socket of the machine, whatever addresses it is told.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        # Its path is the same for every server of a user: two would take it from each other.
        "control_socket_disable": True,
    }
    if os.access(SHARED_MEMORY, os.W_OK):
        # The heartbeat is a file: on a busy disk it would come late.
        chosen["worker_tmp_dir"] = SHARED_MEMORY
    if os.geteuid() == 0:  # nobody else may change to another user
        chosen |= {
            name: value
            for name, value in (("user", runner.user), ("group", runner.group))
            if value is not None
        }
    return chosen


class _Printable(SafeAtoms):
    """What a line of the access log is made of: what isn't printable is escaped.

    The user of Basic is whatever a client sends, and could begin a line of its own.
    """

    def __init__(self, atoms: Mapping[str, Any]) -> None:
        super().__init__(
            {
                name: _printable(value) if isinstance(value, str) else value
                for name, value in atoms.items()
            }
        )


def _printable(text: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


class Messages(Logger):
    """gunicorn's log, with one line instead of a trace when a client fell silent."""

    atoms_wrapper_class = _Printable

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log an exception that gunicorn caught."""
        if isinstance(sys.exception(), TimeoutError | BlockingIOError):
            self.info("A client was silent for too long: its connection is closed.")
        else:
            super().exception(msg, *args, **kwargs)


class Server(Application):
    """gunicorn, serving a registry."""

    def __init__(self, settings: Settings, runner: Runner) -> None:
        self._settings = settings
        self._runner = runner
        self._tls = FollowingContext()
        # Here, since gunicorn would turn a ConfigError of ``load_config`` into an exit.
        self._options = options(settings, runner)
        super().__init__(prog="docker-registry")

    def load_config(self) -> None:
        """Settle gunicorn's settings: ours, a file of ``-c``, the environment, GUNICORN_OPTS."""
        parser = self.cfg.parser()
        given = [
            vars(parser.parse_args(arguments))
            for arguments in (self.cfg.get_cmd_args_from_env(), self._runner.options)
        ]
        self._set(self._options)
        self.cfg.set("on_starting", self._tell_what_has_no_effect)
        self.cfg.set("pre_fork", self._read_certificate)
        self.cfg.set("post_fork", self._limit_headers)
        self.cfg.set("ssl_context", self._handshake)
        for arguments in given:
            if arguments["config"]:
                self.load_config_from_file(arguments["config"])
        for arguments in given:
            self._set(arguments)

    def _set(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            # Older versions of gunicorn don't know all of ours.
            if value is not None and name in self.cfg.settings:
                self.cfg.set(name, value)

    def _tell_what_has_no_effect(self, _arbiter: Arbiter) -> None:
        for sentence in without_effect(self._settings):
            logging.getLogger("gunicorn.error").warning("%s", sentence)

    def _read_certificate(self, arbiter: Arbiter, _worker: object) -> None:
        """Read it as the user who started the server: workers may be forbidden to read the key."""
        if arbiter.cfg.is_ssl:
            ssl_context(arbiter.cfg)

    def _handshake(self, cfg: Any, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Give the context for a handshake; gunicorn asks for each."""
        runner = self._runner
        paths = (cfg.certfile, cfg.keyfile, cfg.ca_certs, *runner.tls_client_ca)
        return self._tls.get(filter(None, paths), lambda: self._context(make))

    def _context(self, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        runner = self._runner
        if runner.tls_certificate and runner.tls_key:
            check_pair(runner.tls_certificate, runner.tls_key)
        context = make()
        limit_tls(context, runner.silent_timeout)
        # Set in any case: what the system allows may be older.
        context.minimum_version = _TLS_VERSIONS[runner.tls_minimum]
        for path in runner.tls_client_ca:
            check_authority(path)
            context.load_verify_locations(path)
        if runner.tls_client_ca:
            context.verify_mode = _verification(self._settings, runner)
        return context

    def _limit_headers(self, arbiter: Arbiter, _worker: object) -> None:
        for listener in arbiter.LISTENERS:
            limit_headers(listener.sock, self._runner.silent_timeout)

    def load(self) -> Any:
        """Build the application, in a worker."""
        try:
            return build(self._settings, self._runner)
        except (ConfigError, StorageError) as error:
            self.logger.critical("%s", error)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def rehearse(self) -> None:
        """Try store and application in a process that ends at once, as the workers' user.

        What stops the start is then said once, instead of by every worker; and what only one may
        do, such as creating the index, is done when they come. This process stays free of
        connections and threads, which a fork would break.

        Raises ``ConfigError`` with the reason.
        """
        # Imported once, for all processes.
        drivers.load(self._settings)
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(readable)
            os._exit(self._try_to_build(writable))
        os.close(writable)
        with os.fdopen(readable, encoding="utf-8") as report:
            reason = report.read()
        _, status = os.waitpid(child, 0)
        if status:
            raise ConfigError(reason or f"the registry can't be built (wait status {status})")

    def _try_to_build(self, report: int) -> int:
        try:
            set_owner_process(self.cfg.uid, self.cfg.gid, initgroups=self.cfg.initgroups)
            # A store without room can still be pulled from, and deleting makes room.
            driver = drivers.create(self._settings)
            with suppress(QuotaExceeded):
                driver.check()
            if authority := auth.create(self._settings, driver):
                authority.check()
            build(self._settings, self._runner)
        except ConfigError as error:
            os.write(report, str(error).encode())
        except StorageError as error:
            os.write(report, f"{self._settings.provenance.place}: {error}".encode())
        except BaseException:
            os.write(report, f"the registry can't be built:\n{traceback.format_exc()}".encode())
        else:
            return 0
        return 1
