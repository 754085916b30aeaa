"""What users of OpenStack write into the field for the user name.

::

    alice                                      in the domain and project of the settings
    alice@Corp                                 likewise, in another domain
    alice/web                                  in the project web
    alice@Corp/web                             in the project web of the same domain
    alice@Corp/web@Shared                      in the project web of another domain
    alice@Corp/appcred/robot                   an application credential by its name
    5a784a50e86d460aa331547fe4d05297           the same by its id
    token                                      the password is a token, with its own project
    token/web@Shared                           the password is a token, for another project

``@``, ``/``, ``:`` and ``%`` within a name are written ``%40``, ``%2F``, ``%3A`` and ``%25`` (RFC
3986, 2.1): a name has no second reading, and none is guessed. A user who is called ``token``, or
like an id, says his domain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from docker_registry.errors import Unauthorized

#: What stands between a user and the name of his application credential. No name of a project can
#: be read as it: those have nothing behind them.
APPCRED = "appcred"
#: The user name that says that the password is a token.
TOKEN = "token"  # noqa: S105 - no password.
#: Longest name of anything in Keystone, in characters.
MAX_NAME = 255

_ID = re.compile(r"[0-9a-f]{32}")
_RESERVED = "%@/:"
_HALF_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORMS = (
    "write the user as USER[@DOMAIN][/PROJECT[@DOMAIN]], USER[@DOMAIN]/appcred/NAME, the id of an "
    "application credential, or token[/PROJECT[@DOMAIN]]; within a name, write @ as %40, / as %2F, "
    ": as %3A and % as %25"
)


@dataclass(frozen=True, slots=True)
class Named:
    """A user or a project by its name.

    :ivar domain: the name of the domain; ``None`` if it isn't said.
    """

    name: str
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user, who sends his password."""

    user: Named
    project: Named | None = None


@dataclass(frozen=True, slots=True)
class CredentialOf:
    """An application credential by its name and its user; its secret is the password."""

    user: Named
    name: str


@dataclass(frozen=True, slots=True)
class CredentialId:
    """An application credential by its id; its secret is the password."""

    id: str


@dataclass(frozen=True, slots=True)
class TokenFor:
    """A token of Keystone, sent as the password.

    :ivar project: if the token's own isn't meant.
    """

    project: Named | None = None


Login = User | CredentialOf | CredentialId | TokenFor


def parse(text: str) -> Login:
    """Read the field; ``Unauthorized`` says what can't be read, and what would be right."""
    match text.split("/"):
        case [account] if _ID.fullmatch(account):
            return CredentialId(account)
        case [account]:
            return TokenFor() if account == TOKEN else User(_named(account))
        case [account, project] if account == TOKEN:
            return TokenFor(_named(project))
        case [account, project]:
            return User(_named(account), _named(project))
        case [account, word, name] if word == APPCRED:
            return CredentialOf(_named(account), _decoded(name))
    raise Unauthorized(f"the user name has too many '/': {_FORMS}")


def written(user: str, domain: str | None = None, credential: str | None = None) -> str:
    """Write a user, or an application credential of his, as ``parse`` reads it."""
    text = _encoded(user) if domain is None else f"{_encoded(user)}@{_encoded(domain)}"
    return text if credential is None else f"{text}/{APPCRED}/{_encoded(credential)}"


def _named(text: str) -> Named:
    match text.split("@"):
        case [name]:
            return Named(_decoded(name))
        case [name, domain]:
            return Named(_decoded(name), _decoded(domain))
    raise Unauthorized(f"the user name has too many '@': {_FORMS}")


def _decoded(text: str) -> str:
    if _HALF_ESCAPE.search(text):
        raise Unauthorized(f"the user name has a '%' without two hexadecimal digits: {_FORMS}")
    try:
        name = unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Unauthorized(f"the user name is not UTF-8: {_FORMS}") from error
    if not name:
        raise Unauthorized(f"the user name lacks a name beside '@' or '/': {_FORMS}")
    if len(name) > MAX_NAME:
        raise Unauthorized(f"a name in the user name has more than {MAX_NAME} characters")
    return name


def _encoded(name: str) -> str:
    return "".join(
        quote(one, safe="") if one in _RESERVED or not one.isprintable() else one for one in name
    )
