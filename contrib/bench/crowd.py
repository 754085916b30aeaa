#!/usr/bin/env python3
"""Be many slow or idle clients of a registry until standard input ends; then say who failed.

    contrib/bench/crowd.py slow|kept|silent NUMBER URL PATH-OF-A-BLOB

``slow.py`` starts it in a process of its own. One line is printed when all are there.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import uuid
from collections import Counter
from urllib.parse import urlsplit

#: Bytes a second, and how often a second some of them move.
RATE, STEPS = 100_000, 4
PIECE = bytes(RATE // STEPS)
#: Small, so that the server feels how slowly its client takes the bytes.
BUFFER = 64 * 1024
#: How many connect at once.
AT_ONCE = 50


class Crowd:
    """Clients of one registry.

    :ivar failures: how often which error was met.
    """

    def __init__(self, url: str, blob: str) -> None:
        self._host = urlsplit(url).netloc
        self._address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
        self._blob = blob
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.failures: Counter[str] = Counter()

    async def be(self, kind: str, number: int) -> None:
        """Have so many clients until standard input ends."""
        kinds = {"slow": (self._pull, self._push), "kept": (self._keep,), "silent": (self._wait,)}
        chosen = kinds[kind]
        ready: list[asyncio.Future[None]] = []
        tasks = []
        for which in range(number):
            here = asyncio.get_running_loop().create_future()
            ready.append(here)
            one = self._guarded(chosen[which % len(chosen)], here)
            tasks.append(asyncio.create_task(one))
        await asyncio.gather(*ready)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, client, here: asyncio.Future[None]) -> None:
        try:
            await client(here)
        except (OSError, EOFError, ValueError) as error:
            self.failures[f"{client.__name__[1:]}: {type(error).__name__} {error}"[:100]] += 1
        finally:
            if not here.done():
                here.set_result(None)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with self._gate:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, self._address)
            return await asyncio.open_connection(sock=client, limit=len(PIECE))

    async def _ask(self, reader, writer, method: str, path: str, *headers: str) -> dict[str, str]:
        lines = (f"{method} {path} HTTP/1.1", f"Host: {self._host}", *headers)
        writer.write("\r\n".join((*lines, "", "")).encode())
        return await self._answer(reader)

    async def _answer(self, reader) -> dict[str, str]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")[:-2]
        if status.split()[1] not in ("200", "202"):
            raise ValueError(status)
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    async def _pull(self, here: asyncio.Future[None]) -> None:
        reader, writer = await self._connect()
        headers = await self._ask(reader, writer, "GET", self._blob)
        here.set_result(None)
        left = int(headers["content-length"])
        while left:
            left -= len(await reader.readexactly(min(left, len(PIECE))))
            await asyncio.sleep(1 / STEPS)

    async def _push(self, here: asyncio.Future[None]) -> None:
        reader, writer = await self._connect()
        path = f"/v2/bench/{uuid.uuid4().hex}/blobs/uploads/"
        headers = await self._ask(reader, writer, "POST", path, "Content-Length: 0")
        place = urlsplit(headers["location"])
        chunk = b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
        lines = (f"PATCH {place.path}?{place.query} HTTP/1.1", f"Host: {self._host}")
        writer.write("\r\n".join((*lines, "Transfer-Encoding: chunked", "", "")).encode())
        here.set_result(None)
        while True:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(1 / STEPS)

    async def _keep(self, here: asyncio.Future[None]) -> None:
        reader, writer = await self._connect()
        headers = await self._ask(reader, writer, "GET", "/v2/")
        await reader.readexactly(int(headers["content-length"]))
        here.set_result(None)
        # Servers close such connections some time; then the client comes again.
        await reader.read()
        await self._keep_again()

    async def _keep_again(self) -> None:
        await self._keep(asyncio.get_running_loop().create_future())

    async def _wait(self, here: asyncio.Future[None]) -> None:
        reader, _ = await self._connect()
        here.set_result(None)
        await reader.read()


async def main() -> None:
    """Be the clients that the arguments name."""
    kind, number, url, blob = sys.argv[1:]
    crowd = Crowd(url, blob)
    await crowd.be(kind, int(number))
    for failure, times in crowd.failures.most_common():
        print(times, failure)


if __name__ == "__main__":
    asyncio.run(main())
