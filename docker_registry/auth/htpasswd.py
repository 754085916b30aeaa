"""Users of a file of Apache's htpasswd."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import ClassVar

import bcrypt

from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Method, Password
from docker_registry.auth.password_file import PASSWORD_BYTES, PasswordFile
from docker_registry.auth.remembered import Remembered
from docker_registry.config import Settings
from docker_registry.errors import ConfigError, IdentityUnavailable

#: For how long a password that was found good isn't compared again, if the file stays as it is.
REMEMBER_SECONDS = 60

_MEND = "`docker-registry user add NAME` makes it"


class HtpasswdMethod(Method):
    """Finds passwords good that have the bcrypt hash of the user's line in a file.

    For a user who isn't in the file as much is computed as for one who is, so that the time of the
    answer doesn't tell. A password longer than bcrypt can compare is never good: compared by its
    beginning alone, it would be another password than its owner believes.
    """

    name: ClassVar[str] = "htpasswd"

    def __init__(self, settings: Settings) -> None:
        path = settings.auth_htpasswd.path
        if not path:
            raise ConfigError(
                "auth_htpasswd.path (AUTH_HTPASSWD_PATH) is not set, and auth (AUTH) has htpasswd: "
                f"set it to the path of the file with the users; {_MEND}"
            )
        self._source = settings.provenance.sources.get("auth_htpasswd.path", "AUTH_HTPASSWD_PATH")
        self._file = PasswordFile(Path(path))
        self._remembered = Remembered(REMEMBER_SECONDS)

    def recall(self, password: Password) -> Identity | None:
        """Give who that is, if it was found good lately and the user's line is as it was."""
        identity = self._remembered.get(password)
        try:
            return self._renewed(identity) if identity is not None else None
        except IdentityUnavailable:
            return None

    def log_in(self, password: Password) -> Identity | None:
        """Compare with the user's hash; a tenth of a second or more, as its cost says."""
        secret = password.secret.encode(errors="surrogatepass")
        if len(secret) > PASSWORD_BYTES:
            return None
        users = self._file.users()
        known = users.hashes.get(password.user)
        matches = bcrypt.checkpw(secret, known or users.dummy)
        if known is None or not matches:
            return None
        identity = _identity(password.user, known)
        self._remembered.put(password, identity)
        return identity

    def renew(self, identity: Identity) -> Identity | None:
        """Give the user, if the line is as it was."""
        return self._renewed(identity)

    def check_files(self) -> None:
        """Read the file."""
        try:
            self._file.read()
        except OSError as error:
            raise ConfigError(
                f"auth_htpasswd.path ({self._source}) is {self._file.path}, which can't be read "
                f"({error.strerror}): {_MEND}"
            ) from error

    def _renewed(self, identity: Identity) -> Identity | None:
        known = self._file.users().hashes.get(identity.name)
        if known is None:
            return None
        present = _identity(identity.name, known)
        return present if hmac.compare_digest(present.stamp, identity.stamp) else None


def _identity(user: str, known: bytes) -> Identity:
    # The salt in the hash, which nobody else knows, is what keeps a password from being guessed by
    # the stamp, which clients see in tokens. All nodes make the same one.
    stamp = hmac.digest(known, b"docker-registry htpasswd\0" + user.encode(), hashlib.sha256)
    return Identity(method=HtpasswdMethod.name, name=user, stamp=stamp.hex())
