"""Who has sent a request with a client certificate, by the server's own TLS or by a proxy's."""

from __future__ import annotations

import ssl

from cryptography import x509
from flask import request

from docker_registry.api.address import is_by_proxy
from docker_registry.api.context import context
from docker_registry.auth import certificate
from docker_registry.auth.identity import Identity
from docker_registry.errors import Unauthorized


def identity_of_request() -> Identity | None:
    """Give who the certificate of this request is of.

    :return: ``None`` without a certificate, or if the settings don't ask for any.
    :raises Unauthorized: there is one, and it doesn't say who that is.
    """
    settings = context().settings
    if certificate.METHOD not in settings.auth:
        return None
    header = settings.auth_certificate.header
    subject = _told_by_proxy(header) if header else _of_connection()
    if subject is None:
        return None
    identity = certificate.identity(subject, settings.auth_certificate.user)
    if identity is None:
        raise Unauthorized(
            f"the subject of the certificate should have one {settings.auth_certificate.user}"
        )
    return identity


def _told_by_proxy(header: str) -> x509.Name | None:
    text = request.headers.get(header)
    if not text or not is_by_proxy():
        return None
    try:
        return certificate.read_subject(text)
    except ValueError as error:
        raise Unauthorized(
            f"the header {header} of the proxy should be a subject such as CN=alice,OU=team"
        ) from error


def _of_connection() -> x509.Name | None:
    connection = request.environ.get("gunicorn.socket")
    # Without ``getpeercert``'s own reading of it, the certificate wouldn't be a verified one.
    if not isinstance(connection, ssl.SSLSocket) or not connection.getpeercert():
        return None
    encoded = connection.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(encoded).subject if encoded else None
