"""Who has a certificate: the subject says the name and the groups."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from docker_registry.auth.identity import Identity

METHOD = "certificate"

#: Names of attributes that OpenSSL has beside those of RFC 4514: proxies write them.
_OPENSSL_NAMES = {
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "GN": NameOID.GIVEN_NAME,
    "SN": NameOID.SURNAME,
    "title": NameOID.TITLE,
    "dnQualifier": NameOID.DN_QUALIFIER,
    "pseudonym": NameOID.PSEUDONYM,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
    "street": NameOID.STREET_ADDRESS,
}
_USER = {
    "CN": NameOID.COMMON_NAME,
    "UID": NameOID.USER_ID,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}


def read_subject(text: str) -> x509.Name:
    """Read a subject as RFC 4514 writes it; ``ValueError`` if it can't be read."""
    return x509.Name.from_rfc4514_string(text, _OPENSSL_NAMES)


def identity(subject: x509.Name, user: str) -> Identity | None:
    """Give who has a certificate with a subject that was verified.

    :param user: the attribute that names the user, as ``auth_certificate.user`` has it.
    :return: ``None`` if it isn't there, or more than once, so that nobody can tell who is meant.
    """
    names = _values(subject, _USER[user])
    if len(names) != 1 or not names[0]:
        return None
    groups = frozenset(_values(subject, NameOID.ORGANIZATIONAL_UNIT_NAME))
    return Identity(method=METHOD, name=names[0], groups=groups)


def _values(subject: x509.Name, attribute: ObjectIdentifier) -> list[str]:
    # A bit string, the only other type, would be bytes.
    return [str(one.value) for one in subject.get_attributes_for_oid(attribute)]
