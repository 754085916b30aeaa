"""Fixtures for every kind of test: real registry processes."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import RegistryServer, Server


class ServerFactory:
    """Starts registries for one test: ``start_registry(SPARSE_INDEXES="true")``.

    Two nodes with one store: ``start_registry(STORAGE_PATH=str(first.store))``.

    :ivar servers: all that were started, for the log in a failure's report.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.servers: list[RegistryServer] = []

    def __call__(self, **settings: str) -> RegistryServer:
        server = RegistryServer(self.directory / f"registry-{len(self.servers)}", settings)
        self.servers.append(server)
        server.start()
        return server


def pytest_configure() -> None:
    """Keep background threads that outlive a test from printing between the results.

    What is logged during a test is part of its report.
    """
    logging.getLogger().addHandler(logging.NullHandler())


@pytest.fixture
def start_registry(tmp_path: Path) -> Iterator[ServerFactory]:
    """Start as many registries as the test needs; they are removed after it."""
    factory = ServerFactory(tmp_path)
    yield factory
    for server in factory.servers:
        server.stop()
    for server in factory.servers:
        server.remove()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Give one running registry to all tests of a module."""
    server = RegistryServer(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server
    server.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of a failed test's registries."""
    report = yield
    if report.failed:
        for server in _servers(getattr(item, "funcargs", {})):
            report.sections.append((f"log of {server.address}", server.log_tail()))
    return report


def _servers(fixtures: dict[str, Any]) -> Iterator[Server]:
    for value in fixtures.values():
        if isinstance(value, Server):
            yield value
        elif isinstance(value, ServerFactory):
            yield from value.servers
