"""Leads a client to an endpoint of ours that goes to www.googleapis.com whatever it is told.

CNCF Distribution begins resumable uploads there, even with an emulator. Go takes the variables
``HTTPS_PROXY`` and ``SSL_CERT_FILE``: this is the proxy, and the certificate is one for that name.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOST = "www.googleapis.com"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: str
    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        # The requests that follow on this connection are read from the TLS session.
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            self._answer(200, {}, b'{"access_token": "any", "token_type": "Bearer"}')
            return
        # The emulator doesn't know the header for it.
        about = {"contentType": self.headers["X-Upload-Content-Type"]}
        answer = requests.post(f"{self.endpoint}{self.path}", json=about, timeout=30)
        location = answer.headers.get("Location")
        self._answer(answer.status_code, {"Location": location} if location else {}, answer.content)

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the output of tests clean."""


@contextmanager
def google_at(endpoint: str, directory: Path) -> Iterator[dict[str, str]]:
    """Give the environment in which a Go program finds Google Cloud Storage at an endpoint.

    It has credentials of an account that nobody has, and a token for whoever asks.
    """
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificate = directory / "google.pem"
    certificate.write_bytes(_certificate(key))
    private = directory / "google.key"
    private.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    handler = type("Handler", (_Handler,), {"endpoint": endpoint, "context": context})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        account = {
            "type": "service_account",
            "client_email": "test@example.org",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "token_uri": f"{address}/token",
        }
        credentials = directory / "account.json"
        credentials.write_text(json.dumps(account))
        yield {
            "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
            "HTTPS_PROXY": address,
            "SSL_CERT_FILE": str(certificate),
            "STORAGE_EMULATOR_HOST": endpoint.removeprefix("http://"),
        }
        server.shutdown()
        thread.join()


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)
