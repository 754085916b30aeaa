"""A Redis of its own for a test, which may take it away."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Self

import redis

from tests.servers import free_port
from tests.tools import require_tool

START_SECONDS = 30


class RedisServer:
    """``redis-server`` on a port of 127.0.0.1, with a password and nothing on disk.

    :ivar port: stays the same over restarts.
    """

    password = "only-for-tests"

    def __init__(self, directory: Path) -> None:
        self._program = require_tool("redis-server")
        self._directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self._process = subprocess.Popen(
            [
                *(self._program, "--bind", "127.0.0.1", "--port", str(self.port)),
                *("--requirepass", self.password, "--save", "", "--dir", self._directory),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return self
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        return redis.Redis("127.0.0.1", self.port, password=self.password)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
