"""A certificate authority of our own, and servers whose certificates are of it."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.servers import RegistryServer

#: The engine takes 127.0.0.0/8 for insecure, and would look at no certificate. This is the same
#: machine for it, too.
ENGINE_HOST = "0.0.0.0"
ADDRESSES = ("127.0.0.1", ENGINE_HOST)
TIMEOUT = 20


@dataclass(frozen=True)
class Pair:
    """Files with a certificate and its key."""

    certificate: Path
    key: Path

    @property
    def serial(self) -> int:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).serial_number

    @property
    def both(self) -> tuple[str, str]:
        """As ``requests`` wants it."""
        return str(self.certificate), str(self.key)

    def replace(self, newer: Pair) -> None:
        """Do what certbot does: point links to other files, one after the other."""
        for link, target in (
            (self.certificate, newer.certificate),
            (self.key, newer.key),
        ):
            beside = link.with_suffix(".new")
            beside.symlink_to(target)
            beside.replace(link)


class Authority:
    """Issues certificates that are good for a day.

    :ivar pem: file with its own certificate.
    """

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.pem = directory / "ca.crt"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(
            self._name,
            self._key.public_key(),
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_usage(key_cert_sign=True, crl_sign=True), True),
        )
        self.pem.write_bytes(certificate)

    def server(self, name: str = "server") -> Pair:
        """Give a certificate for this machine."""
        names = [x509.IPAddress(ip_address(address)) for address in ADDRESSES]
        return self._issue(
            name,
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            (x509.SubjectAlternativeName([x509.DNSName("localhost"), *names]), False),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        )

    def client(self, subject: str) -> Pair:
        """Give a certificate for a client, with a subject such as ``CN=alice,OU=team``."""
        return self._issue(
            subject,
            x509.Name.from_rfc4514_string(subject),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        )

    def _issue(
        self, name: str, subject: x509.Name, *extensions: tuple[x509.ExtensionType, bool]
    ) -> Pair:
        pair = Pair(self.directory / f"{name}.cert", self.directory / f"{name}.key")
        key = ec.generate_private_key(ec.SECP256R1())
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        pair.certificate.write_bytes(
            self._sign(
                subject,
                key.public_key(),
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (_usage(digital_signature=True), True),
                *extensions,
            )
        )
        return pair

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *extensions: tuple[x509.ExtensionType, bool],
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


def _usage(**used: bool) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**(dict.fromkeys(names, False) | used))


class TlsServer(RegistryServer):
    """A registry that speaks TLS itself.

    :ivar pair: links to its certificate and key, as certbot makes them.
    """

    def __init__(
        self, directory: Path, authority: Authority, settings: Mapping[str, str] | None = None
    ) -> None:
        directory.mkdir(parents=True)
        self.authority = authority
        self.pair = Pair(directory / "fullchain.pem", directory / "privkey.pem")
        self.pair.replace(authority.server())
        super().__init__(
            directory,
            {
                "REGISTRY_TLS_CERTIFICATE": str(self.pair.certificate),
                "REGISTRY_TLS_KEY": str(self.pair.key),
                **(settings or {}),
            },
        )

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    def answers(self) -> bool:
        # A request might need a certificate. It waits in the queue until there is a worker.
        try:
            socket.create_connection(("127.0.0.1", self.port), TIMEOUT).close()
        except OSError:
            return False
        return True

    def served(self) -> int:
        """Give the serial number of the certificate that a new connection gets."""
        context = ssl.create_default_context(cafile=str(self.authority.pem))
        with (
            socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            certificate = secure.getpeercert(binary_form=True)
        assert certificate is not None
        return x509.load_der_x509_certificate(certificate).serial_number
