"""TLS in front of a server that has none, with a certificate of its own.

::

    with TlsFront("127.0.0.1", 5000, tmp_path) as front:
        requests.get(f"https://127.0.0.1:{front.port}/", verify=str(front.certificate))
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

from tests.relay import Relay, join


class TlsFront(Relay):
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
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        with (
            self._context.wrap_socket(client, server_side=True) as inside,
            socket.create_connection(self._upstream) as server,
        ):
            join(inside, server)
