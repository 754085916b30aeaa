"""The groups that hold the replicas, asked together.

Each object lies in every group. What is written must reach more than half of them; what is read
comes from the first that has it. A group that fails is left alone for a while, as long as the
others are enough.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from docker_registry.drivers.elliptics.client import (
    Call,
    Cluster,
    EllipticsError,
    Exchange,
    NotFound,
    key_id,
    now,
    read_data,
    requests,
)
from docker_registry.drivers.elliptics.client.requests import Request
from docker_registry.errors import PathNotFound, Unavailable

#: How long a group is waited for, in seconds, where others can do without it.
PATIENCE = 10
#: Pieces under way at once for one reader or writer.
WINDOW = 3
#: Deletes under way at once.
DELETES = 64

#: Success, ENOENT, E2BIG, EBADFD, EILSEQ.
_ANSWERS = (0, -2, -7, -77, -84)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what the client raises into ``Unavailable``; what is missing is told apart before."""
    try:
        yield
    except EllipticsError as error:
        raise Unavailable(f"Elliptics: {error}") from error


class Replicas:
    """All groups of the store.

    :param groups: the same everywhere; their order doesn't matter.
    :param namespace: put before each key.
    """

    def __init__(self, cluster: Cluster, groups: Sequence[int], namespace: str) -> None:
        self.cluster = cluster
        self.groups = sorted(set(groups))
        self.quorum = len(self.groups) // 2 + 1
        self._namespace = namespace.encode()
        self._patience = min(PATIENCE, cluster.wait_timeout)
        self._failed: dict[int, float] = {}
        self._reasons: dict[int, str] = {}

    def id(self, key: str) -> bytes:
        """Give the id of a key in our namespace."""
        return key_id(key.encode(), self._namespace)

    def working(self) -> list[int]:
        """Give the groups that have not just failed; all of them if those are too few."""
        start = time.monotonic() - self.cluster.check_timeout
        working = [group for group in self.groups if self._failed.get(group, start) <= start]
        return working if len(working) >= self.quorum else self.groups

    def fail(self, group: int, call: Call) -> None:
        """Leave a group alone for a while, for what became of a call."""
        self._failed[group] = time.monotonic()
        try:
            call.result()
        except EllipticsError as error:
            self._reasons[group] = str(error)
        except IndexError:
            self._reasons[group] = f"group {group} is slower than {self._patience:g} s"

    def too_few(self, count: int) -> Unavailable:
        """Give the error that says that ``count`` groups are not enough, and what the others do."""
        why = "; ".join(sorted({self._reasons[group] for group in self._failed}))
        return Unavailable(f"Elliptics: {count} groups answer, {self.quorum} must: {why}")

    def ask(
        self, make: Callable[[int], Request], groups: Sequence[int], enough: int
    ) -> dict[int, Call]:
        """Ask groups and give their calls when ``enough`` have answered.

        The others get a moment more, so that a replica that is only slower is not left out. A
        call without an answer is not in what is given.
        """
        with Exchange(self.cluster) as exchange:
            calls = {group: exchange.submit(make(group)) for group in groups}
            self._wait(exchange, calls, answered, enough)
        return self.sorted_out(calls)

    def _wait(
        self,
        exchange: Exchange,
        calls: dict[int, Call],
        good: Callable[[Call], bool],
        enough: int,
    ) -> None:
        # A group that the store can't do without is waited for as long as a node may take.
        patience = self._patience if len(self.groups) > self.quorum else None
        exchange.wait(lambda: sum(map(good, calls.values())) >= enough, patience)
        exchange.wait(lambda: all(call.done for call in calls.values()), self._patience)

    def sorted_out(self, calls: dict[int, Call]) -> dict[int, Call]:
        """Leave out calls without an answer, and note their groups as failed."""
        for group, call in calls.items():
            if not answered(call):
                self.fail(group, call)
        return {group: call for group, call in calls.items() if answered(call)}

    def read(self, key: str, offset: int, size: int) -> bytes:
        """Give bytes of an object from the first group that has it.

        :raises PathNotFound: no group has it.
        :raises Unavailable: those that answer don't have it, and not all answer.
        """
        return next(iter(self.read_many([(key, offset, size)])))

    def read_many(self, pieces: Sequence[tuple[str, int, int]]) -> Iterator[bytes]:
        """Give bytes of several objects, in order, a few of them under way at once.

        :param pieces: key, offset and size of each.
        """
        left = iter(pieces)
        under_way: deque[tuple[tuple[str, int, int], int, Call]] = deque()
        with storage_errors(), Exchange(self.cluster) as exchange:
            while True:
                while len(under_way) < WINDOW and (piece := next(left, None)) is not None:
                    group = self.working()[0]
                    call = exchange.submit(self._read_request(group, piece))
                    under_way.append((piece, group, call))
                if not under_way:
                    return
                piece, group, call = under_way.popleft()
                yield self._first(exchange, piece, group, call)

    def write_many(self, pieces: Iterator[tuple[str, bytes]]) -> None:
        """Write objects under keys that are new, a few under way at once.

        An exception from ``pieces`` passes through; what was written by then stays.
        """
        under_way: deque[dict[int, Call]] = deque()
        with Exchange(self.cluster) as exchange:
            for key, data in pieces:
                id_ = self.id(key)
                groups = self.working()
                under_way.append(
                    {
                        group: exchange.submit(requests.write(group, id_, data, now()))
                        for group in groups
                    }
                )
                if len(under_way) >= WINDOW:
                    self._written(exchange, under_way.popleft())
            while under_way:
                self._written(exchange, under_way.popleft())

    def delete_many(self, keys: Sequence[str]) -> int:
        """Remove objects from every group that can be asked; tell how many there were.

        A group that can't be asked keeps its copies: they cost room, but nothing leads to them.
        """
        found = 0
        for start in range(0, len(keys), DELETES):
            with storage_errors(), Exchange(self.cluster) as exchange:
                calls = {
                    key: {
                        group: exchange.submit(requests.delete(group, self.id(key)))
                        for group in self.working()
                    }
                    for key in keys[start : start + DELETES]
                }
                for replicas in calls.values():
                    self._wait(exchange, replicas, answered, self.quorum)
            for replicas in calls.values():
                if (count := len(self.sorted_out(replicas))) < self.quorum:
                    raise self.too_few(count)
                found += any(map(succeeded, replicas.values()))
        return found

    def _read_request(self, group: int, piece: tuple[str, int, int]) -> Request:
        key, offset, size = piece
        return requests.read(group, self.id(key), offset, size)

    def _first(
        self, exchange: Exchange, piece: tuple[str, int, int], tried: int, call: Call
    ) -> bytes:
        """Give the bytes from the group that was asked, or from the next that has them."""
        others = [group for group in self.groups if group != tried]
        others.sort(key=lambda group: group not in self.working())
        failure: EllipticsError | None = None
        while True:
            try:
                data = read_data(exchange.answer(call))[1]
                if len(data) == piece[2]:
                    return data
                failure = EllipticsError(f"{piece[0]}: {len(data)} bytes instead of {piece[2]}")
            except NotFound:
                pass
            except EllipticsError as error:
                if not answered(call):
                    self.fail(call.request.group, call)
                failure = error
            if not others:
                break
            call = exchange.submit(self._read_request(others.pop(0), piece))
        if failure is not None:
            raise failure
        raise PathNotFound(f"{piece[0]}: in no group of Elliptics")

    def _written(self, exchange: Exchange, calls: dict[int, Call]) -> None:
        """Wait until more than half of the groups have an object."""
        with storage_errors():
            self._wait(exchange, calls, succeeded, self.quorum)
            self.sorted_out(calls)
            if (count := sum(map(succeeded, calls.values()))) < self.quorum:
                raise self.too_few(count)


def succeeded(call: Call) -> bool:
    """Tell whether a call was answered with success."""
    return call.done and call.error is None and call.packets[-1][0].status == 0


def answered(call: Call) -> bool:
    """Tell whether a group answered, with what it has or that it has nothing.

    -95 (EOPNOTSUPP) and its like say that the group can't be asked: no answer. -84 (EILSEQ) is
    one: what is read in the middle of a write looks corrupted.
    """
    return call.done and call.error is None and call.packets[-1][0].status in _ANSWERS
