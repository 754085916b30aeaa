"""One small value under a key that many processes change, replicated in every group.

Elliptics compares and swaps within one group only, and knows nothing of deletes or of replicas
that missed a write. So each group's copy is an acceptor of single-decree Paxos whose value may be
changed (CASPaxos: Rystsov, "CASPaxos: Replicated State Machines without logs", 2018): it holds the
highest ballot it promised, the ballot at which it took its value, and the value. A step of an
acceptor is a read and a compare-and-swap. A value is chosen when more than half of the groups took
it at the same ballot, and every later change builds on it, whichever groups are lost in between.

Where nothing is wrong the promise is skipped: all copies that were read are the same, and the
first group (by number) takes the new value before the others are asked. Of the changes to one
state so only one gets past the first group, and it carries a ballot below any that is promised
on top of that state.
"""

from __future__ import annotations

import hashlib
import random
import struct
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from docker_registry.drivers.elliptics.client import (
    Call,
    EllipticsError,
    checksum,
    now,
    read_data,
    requests,
)
from docker_registry.drivers.elliptics.replicas import (
    Replicas,
    answered,
    storage_errors,
    succeeded,
)
from docker_registry.errors import Unavailable

#: How often a change is tried before it is given up, and the longest pause between, in seconds.
ATTEMPTS = 200
PAUSE = 0.05
#: How often a copy is read again that was caught in the middle of a write.
READS = 20

_MAGIC = b"DR1\0"
_LAYOUT = struct.Struct(">4s32sQB16sQB16s")


class Ballot(NamedTuple):
    """Which change came later: by number, then promised ones over skipped promises."""

    number: int = 0
    promised: int = 0
    nonce: bytes = bytes(16)


NEVER = Ballot()


@dataclass(frozen=True, slots=True)
class Copy:
    """What one group holds.

    :ivar raw: the bytes as they lie there; ``None`` where nothing does.
    """

    promise: Ballot = NEVER
    accepted: Ballot = NEVER
    value: bytes | None = None
    raw: bytes | None = None


def pack(promise: Ballot, accepted: Ballot, value: bytes | None) -> bytes:
    """Give the bytes of a copy. They carry a checksum, since an overwrite may be seen half done."""
    body = (b"\0" if value is None else b"\1") + (value or b"")
    ballots = _LAYOUT.pack(_MAGIC, bytes(32), *promise, *accepted)[36:]
    return _MAGIC + hashlib.sha256(ballots + body).digest() + ballots + body


def unpack(raw: bytes) -> Copy | None:
    """Read a copy; ``None`` if it is torn or not one of ours."""
    if len(raw) <= _LAYOUT.size or raw[:4] != _MAGIC:
        return None
    if hashlib.sha256(raw[36:]).digest() != raw[4:36]:
        return None
    fields = _LAYOUT.unpack_from(raw)
    value = raw[_LAYOUT.size + 1 :] if raw[_LAYOUT.size] else None
    return Copy(Ballot(*fields[2:5]), Ballot(*fields[5:8]), value, raw)


class Registers:
    """All registers of a store."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

    def read(self, key: str) -> bytes | None:
        """Give the value that was chosen last; ``None`` if there is none."""
        with storage_errors():
            copies = self._copies(key, self._replicas.working()[: self._quorum])
            if len(copies) == self._quorum and (chosen := self._chosen(copies)) is not None:
                return chosen.value
            copies = self._copies(key, self._replicas.working())
            chosen = self._chosen(copies)
            if chosen is None:
                return self._decide(key, lambda value: value)
            self._catch_up(key, copies, chosen)
            return chosen.value

    def change(self, key: str, function: Callable[[bytes | None], bytes | None]) -> None:
        """Replace the value by ``function`` of it; the same value again changes nothing.

        The function may be called several times, and a change whose answer was lost may be found
        done when it is called again. What it raises ends the change and passes through.
        """
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, min(PAUSE, 0.001 * 2 ** min(attempt, 10))))  # noqa: S311
            with storage_errors():
                copies = self._copies(key, self._replicas.working())
                chosen = self._chosen(copies)
                if chosen is None:
                    self._decide(key, lambda value: value)
                    continue
            new = function(chosen.value)
            if new == chosen.value:
                return
            with storage_errors():
                if self._swap(key, copies, chosen, new):
                    return
        raise Unavailable(f"Elliptics: {key} was changed by others {ATTEMPTS} times in a row")

    def forget(self, key: str, value: bytes | None) -> bool:
        """Remove a register that has this value in every group; tell whether that was so.

        Elliptics can't remove on a condition: a change in the moment between the look and the
        removal is lost. So this is for registers that were left alone for days.
        """
        with storage_errors():
            copies = self._copies(key, self._replicas.groups)
            if len(copies) < len(self._replicas.groups):
                return False
            if {(copy.accepted, copy.value) for copy in copies.values()} != {
                (copies[self._replicas.groups[0]].accepted, value)
            }:
                return False
            # The first group last: until it forgets, others see that something is there.
            for group in reversed(self._replicas.groups):
                id_ = self._replicas.id(key)
                found = self._replicas.ask(lambda g, i=id_: requests.delete(g, i), [group], 1)  # type: ignore[misc]
                if group not in found:
                    return False
            return True

    @property
    def _quorum(self) -> int:
        return self._replicas.quorum

    def _chosen(self, copies: dict[int, Copy]) -> Copy | None:
        """Give what more than half of the groups took at the same ballot, if nothing is above."""
        if len(copies) < self._quorum:
            raise self._replicas.too_few(len(copies))
        ballots = Counter(copy.accepted for copy in copies.values())
        ballot, count = ballots.most_common(1)[0]
        highest = max(copies.values(), key=lambda copy: copy.accepted)
        if count < self._quorum or highest.accepted != ballot:
            return None
        return highest

    def _copies(self, key: str, groups: list[int]) -> dict[int, Copy]:
        """Read the copies of groups; those that can't be read are left out."""
        id_ = self._replicas.id(key)
        copies: dict[int, Copy] = {}
        left = list(groups)
        for attempt in range(READS):
            calls = self._replicas.ask(
                lambda group: requests.read(group, id_), left, self._quorum - len(copies)
            )
            for group, call in calls.items():
                copy = _copy(call)
                if copy is not None:
                    copies[group] = copy
            left = [group for group in left if group in calls and group not in copies]
            if not left:
                break
            # Somebody is writing it just now.
            time.sleep(0.001 * attempt)
        return copies

    def _swap(self, key: str, copies: dict[int, Copy], chosen: Copy, new: bytes | None) -> bool:
        """Replace the chosen value, by the short way if all copies are the same."""
        groups = self._replicas.groups
        same = {copy.raw for copy in copies.values()} == {chosen.raw}
        if same and chosen.promise == chosen.accepted and groups[0] in copies:
            ballot = Ballot(chosen.accepted.number + 1, 0, uuid.uuid4().bytes)
            raw = pack(ballot, ballot, new)
            first = {groups[0]: copies[groups[0]]}
            if not self._take(key, first, {groups[0]: raw}):
                return False
            others = {group: copy for group, copy in copies.items() if group not in first}
            return len(self._take(key, others, dict.fromkeys(others, raw))) + 1 >= self._quorum
        try:
            taken = self._propose(
                key, copies, lambda value: new if value == chosen.value else value
            )
        except _Overtaken:
            return False
        return taken == new

    def _decide(self, key: str, function: Callable[[bytes | None], bytes | None]) -> bytes | None:
        """Go through promise and acceptance until a value is chosen, and give it."""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, min(PAUSE, 0.001 * 2 ** min(attempt, 10))))  # noqa: S311
            copies = self._copies(key, self._replicas.working())
            if len(copies) < self._quorum:
                raise self._replicas.too_few(len(copies))
            try:
                return self._propose(key, copies, function)
            except _Overtaken:
                continue
        raise Unavailable(f"Elliptics: {key} was changed by others {ATTEMPTS} times in a row")

    def _catch_up(self, key: str, copies: dict[int, Copy], chosen: Copy) -> None:
        """Give groups that missed changes what was chosen meanwhile."""
        raw = pack(chosen.accepted, chosen.accepted, chosen.value)
        late = {
            group: copy
            for group, copy in copies.items()
            if copy.accepted < chosen.accepted and copy.promise <= chosen.accepted
        }
        self._take(key, late, dict.fromkeys(late, raw))

    def _take(self, key: str, copies: dict[int, Copy], raws: dict[int, bytes]) -> list[int]:
        """Replace copies that are still as they were read, and give the groups that did."""
        id_ = self._replicas.id(key)
        stamp = now()

        def request(group: int) -> requests.Request:
            old = copies[group].raw
            expected = requests.NOTHING if old is None else checksum(old)
            return requests.compare_and_swap(group, id_, expected, raws[group], stamp)

        if not copies:
            return []
        calls = self._replicas.ask(request, list(copies), min(len(copies), self._quorum))
        return [group for group, call in calls.items() if succeeded(call)]

    def _propose(
        self,
        key: str,
        copies: dict[int, Copy],
        function: Callable[[bytes | None], bytes | None],
    ) -> bytes | None:
        number = max(copy.promise.number for copy in copies.values()) + 1
        ballot = Ballot(number, 1, uuid.uuid4().bytes)
        raws = {group: pack(ballot, copy.accepted, copy.value) for group, copy in copies.items()}
        promised = {
            group: Copy(ballot, copies[group].accepted, copies[group].value, raws[group])
            for group in self._take(key, copies, raws)
        }
        if len(promised) < self._quorum:
            raise _Overtaken
        value = function(max(promised.values(), key=lambda copy: copy.accepted).value)
        raw = pack(ballot, ballot, value)
        if len(self._take(key, promised, dict.fromkeys(promised, raw))) < self._quorum:
            raise _Overtaken
        return value


class _Overtaken(EllipticsError):
    """Others changed the register in the middle of a round."""


def _copy(call: Call) -> Copy | None:
    """Read the answer of a group; ``None`` if it should be asked again."""
    if not answered(call):
        return None
    status = call.packets[-1][0].status
    if status == -2:
        return Copy()
    if status:
        return None
    return unpack(read_data(call.packets[-1][1])[1])
