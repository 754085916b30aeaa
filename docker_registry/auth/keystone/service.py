"""Keystone, as far as a registry asks it (Identity API v3)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from keystoneauth1 import exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from docker_registry.auth.keystone.circuit import Circuit, Silent
from docker_registry.auth.keystone.scope import Grant
from docker_registry.drivers.openstack.credentials import Place
from docker_registry.errors import ConfigError, IdentityUnavailable

log = logging.getLogger(__name__)

#: Seconds for which a silent Keystone is not asked again.
SILENCE = 5
_KEY = "auth_keystone.auth_url (AUTH_KEYSTONE_AUTH_URL)"
#: What Keystone says to credentials that it doesn't know, or that have no role in the project:
#: 404 for application credentials and tokens, 403 for those that can't have another project, 400
#: for what couldn't be a password.
_REFUSALS = (
    exceptions.BadRequest,
    exceptions.Unauthorized,
    exceptions.Forbidden,
    exceptions.NotFound,
)
#: What comes of reading an answer that isn't Keystone's.
_NOT_UNDERSTOOD = (LookupError, TypeError, ValueError)
_CA = "OS_CACERT (swift_cacert)"


class Keystone:
    """A Keystone that others log in to, through us. Safe to use from many threads.

    It is asked once for each call here: nothing is tried again. Nothing that comes from it, or
    that goes to it, is logged: it may be a password.

    :param seconds: for which it may be silent.
    """

    def __init__(self, place: Place, seconds: float) -> None:
        self._place = place
        self._url = _version_3(place.auth_url)
        self._session = _session(place, seconds)
        self._circuit = Circuit(SILENCE, seconds, exceptions.ConnectTimeout)

    @property
    def url(self) -> str:
        """The URL of its API."""
        return self._url

    def log_in(self, plugin: v3.Auth) -> Grant | None:
        """Log in; ``None`` if that is refused.

        :raises IdentityUnavailable: it can't be told now.
        """

        def ask() -> Any:
            plugin.get_access(self._session)
            # The one public way to what Keystone said of application credentials.
            return json.loads(plugin.get_auth_state() or "{}")["body"]

        return self._grant(ask)

    def look_at(self, token: str) -> Grant | None:
        """Give what a token is for; ``None`` if it is none, or no longer good.

        :param token: may have only characters that can be in a header.
        :raises IdentityUnavailable: it can't be told now.
        """

        def ask() -> Any:
            answer = self._session.get(
                f"{self._url}/auth/tokens?nocatalog",
                # A token may look at itself, so that no account of our own is needed.
                headers={"X-Auth-Token": token, "X-Subject-Token": token},
                authenticated=False,
                log=False,
            )
            return answer.json()

        return self._grant(ask)

    def check(self) -> None:
        """Find out whether it is a Keystone.

        That it can't be asked now is only logged: the registry shouldn't wait for it to start.

        :raises ConfigError: it is none, or can't be trusted.
        """
        try:
            answer = self._session.get(self._url, authenticated=False)
            version = str(answer.json()["version"]["id"])
        except exceptions.SSLError as error:
            raise ConfigError(
                f"{_KEY}: no trusted TLS connection to {self._url} ({_line(error)}): check the "
                f"URL, and {_CA}"
            ) from error
        except exceptions.ClientException as error:
            if not _may_pass(error):
                raise self._no_keystone(_line(error)) from error
            log.warning(
                "Keystone can't be asked now: until it can, nobody who needs it logs in: %s",
                _line(error),
            )
            return
        except _NOT_UNDERSTOOD as error:
            raise self._no_keystone("its answer is something else") from error
        except OSError as error:
            raise ConfigError(
                f"the CA certificates can't be used ({_line(error)}): check {_CA}"
            ) from error
        if not version.startswith("v3"):
            raise self._no_keystone(f"it is {version}")

    def _no_keystone(self, why: str) -> ConfigError:
        return ConfigError(
            f"{_KEY}: {self._url} is not Keystone's API, version 3 ({why}): check the URL; it is "
            "the one that `openstack` uses"
        )

    def _grant(self, ask: Callable[[], Any]) -> Grant | None:
        try:
            with self._circuit.call():
                body = ask()
            return Grant.parse(body)
        except exceptions.MissingAuthMethods:
            log.info("Keystone wants more than a password: an application credential would do")
        except _REFUSALS as error:
            if not _is_of_keystone(error):
                raise self._nonsense(error) from error
            log.info("Keystone refuses a login: %s", HTTPStatus(error.http_status).phrase)
        except Silent as error:
            raise _unavailable() from error
        except exceptions.ConnectionError as error:
            # It names the URL and what happened to the connection.
            log.error("Keystone can't be asked: %s", _line(error))
            raise _unavailable() from error
        except exceptions.HttpError as error:
            log.error("Keystone can't be asked: %s says %s", self._url, error.http_status)
            raise _unavailable() from error
        except (exceptions.ClientException, *_NOT_UNDERSTOOD, OSError) as error:
            raise self._nonsense(error) from error
        return None

    def _nonsense(self, error: Exception) -> IdentityUnavailable:
        log.error(
            "Keystone can't be asked: %s doesn't answer as it should (%s)",
            self._url,
            type(error).__name__,
        )
        return _unavailable()


def _may_pass(error: exceptions.ClientException) -> bool:
    """Tell whether it may be over in a while."""
    if isinstance(error, exceptions.HttpError):
        return error.http_status >= 500 or error.http_status == HTTPStatus.TOO_MANY_REQUESTS
    return isinstance(error, exceptions.ConnectionError)


def _is_of_keystone(error: exceptions.HttpError) -> bool:
    """Tell whether Keystone says it, and not something between, which knows no passwords."""
    try:
        return error.response is not None and "error" in error.response.json()
    except (TypeError, ValueError):
        return False


def _unavailable() -> IdentityUnavailable:
    return IdentityUnavailable("Keystone can't be asked who you are: try again later")


def _version_3(auth_url: str) -> str:
    # The links in its version document aren't followed: behind a proxy they often lead elsewhere,
    # and passwords must go nowhere but where the settings say.
    url = auth_url.rstrip("/")
    return url if urlsplit(url).path.endswith("/v3") else f"{url}/v3"


def _session(place: Place, seconds: float) -> Session:
    http = requests.Session()
    # Logins are rare, and a connection that was kept may be dead. So two processes share none.
    http.headers["Connection"] = "close"
    # What a load balancer remembers of one user is nothing to the next.
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return Session(
        session=http,
        verify=place.verify,
        cert=place.certificate,
        timeout=seconds,
        user_agent="docker-registry",
        # A password goes to nobody else because of an answer.
        redirect=False,
    )


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
