"""Many short calls at once, where the backend is far away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from docker_registry.drivers.base import Driver

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(
    driver: Driver, call: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterable[_Result]:
    """Give the result of a call for each item, in their order; the first failure is raised.

    As many calls as a driver wants wait for its backend at the same time.
    """
    if driver.concurrency == 1:
        return map(call, items)
    with ThreadPoolExecutor(driver.concurrency, "side-by-side") as pool:
        return list(pool.map(call, items))
