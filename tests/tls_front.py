"""TLS in front of a server that has none, with a certificate of its own.

::

    with TlsFront("127.0.0.1", 5000, tmp_path) as front:
        requests.get(f"https://127.0.0.1:{front.port}/", verify=str(front.certificate))
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Self

BLOCK_BYTES = 64 * 1024


class TlsFront:
    """Takes TLS connections on a port of 127.0.0.1 and passes on what is in them.

    :ivar certificate: what a client has to trust.
    """

    def __init__(self, host: str, port: int, directory: Path) -> None:
        self._upstream = (host, port)
        self.certificate = directory / "front.pem"
        key = directory / "front.key"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=front", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", key, "-out", self.certificate),
            ],
            check=True,
            capture_output=True,
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Only a shutdown wakes the thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            self._context.wrap_socket(client, server_side=True) as inside,
            socket.create_connection(self._upstream) as server,
        ):
            back = threading.Thread(target=_pass, args=(server, inside), daemon=True)
            back.start()
            _pass(inside, server)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(BLOCK_BYTES):
            target.sendall(block)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
