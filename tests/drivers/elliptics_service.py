"""An Elliptics server for a test process, and stores of their own on it."""

from __future__ import annotations

import atexit
import subprocess
import sys
import uuid
from collections.abc import Callable
from functools import cache

from docker_registry.drivers.elliptics.client import Address, Cluster
from docker_registry.drivers.elliptics.driver import EllipticsDriver
from tests.tools import CHECKOUT


@cache
def server() -> Address:
    """Start a server in a process of its own, which ends with this one, and give its address."""
    command = [sys.executable, "-m", "tests.elliptics.server", "--groups", "1,2,3"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None

    def stop() -> None:
        process.terminate()
        process.wait(10)

    atexit.register(stop)
    return Address("127.0.0.1", int(process.stdout.readline()))


def empty_store(*groups: int) -> Callable[[], EllipticsDriver]:
    """Give what opens drivers on an empty store in these groups."""
    address = server()
    namespace = uuid.uuid4().hex
    return lambda: EllipticsDriver(Cluster([address]), list(groups), namespace)
