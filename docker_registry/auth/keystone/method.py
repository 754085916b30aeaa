"""Logging in by Keystone."""

from __future__ import annotations

import logging
import re
import time

from docker_registry.auth.identity import Identity
from docker_registry.auth.keystone import names, oslo
from docker_registry.auth.keystone.plugins import Plugins
from docker_registry.auth.keystone.repositories import Repositories
from docker_registry.auth.keystone.scope import Grant, Project
from docker_registry.auth.keystone.service import Keystone
from docker_registry.auth.method import Method, Password
from docker_registry.auth.remembered import Remembered
from docker_registry.config import Settings
from docker_registry.config.backends import OpenStack
from docker_registry.drivers.openstack.credentials import find

log = logging.getLogger(__name__)

#: What Keystone's tokens are made of, those of all formats.
_TOKEN = re.compile(r"[A-Za-z0-9_=.-]{16,8192}")


class KeystoneMethod(Method):
    """Users of OpenStack, with their passwords, application credentials and tokens.

    Each logs in for himself: the registry has no account at Keystone. Keystone is asked once for a
    login, which is then remembered for ``cache_seconds``.

    :raises ConfigError: a setting can't be used.
    """

    name = "keystone"

    def __init__(self, settings: Settings) -> None:
        chosen = settings.auth_keystone
        credentials = {name: getattr(settings, name) for name in OpenStack.model_fields}
        self._keystone = Keystone(find(OpenStack(**credentials), chosen.auth_url), chosen.timeout)
        self._repositories = Repositories(chosen.repositories, chosen.project_domain)
        self._policy = oslo.read(chosen.policy_file) if chosen.policy_file else None
        self._remembered = Remembered(chosen.cache_seconds)
        self._plugins = Plugins(
            self._keystone.url, chosen.user_domain, chosen.project, chosen.project_domain
        )
        self._chosen = chosen

    def recall(self, password: Password) -> Identity | None:
        """Give who that is, if Keystone said it lately, and said that it holds until now."""
        identity = self._remembered.get(password)
        return identity if identity and time.time() < float(identity.stamp) else None

    def log_in(self, password: Password) -> Identity | None:
        """Ask Keystone.

        :raises Unauthorized: the user name can't be read.
        :raises IdentityUnavailable: Keystone can't be asked now.
        """
        grant = self._ask(names.parse(password.user), password.secret)
        if grant is None:
            return None
        identity = self._identity(grant)
        if grant.narrowed:
            log.info(
                "%s is for some requests to other services: it has access rules", identity.name
            )
            return None
        self._remembered.put(password, identity)
        return identity

    def renew(self, identity: Identity) -> None:
        """Give ``None``: without his secret Keystone says nothing of a user."""

    @property
    def renewable(self) -> bool:
        """Say no: a refresh token would outlive what it was given for."""
        return False

    def check(self) -> None:
        """Find out whether there is a Keystone at the URL."""
        self._keystone.check()

    def _ask(self, login: names.Login, secret: str) -> Grant | None:
        match login:
            case names.User():
                return self._keystone.log_in(self._plugins.of_user(login, secret))
            case names.CredentialOf() | names.CredentialId():
                return self._keystone.log_in(self._plugins.of_credential(login, secret))
            case names.TokenFor(project) if _TOKEN.fullmatch(secret):
                if project is None:
                    return self._keystone.look_at(secret)
                return self._keystone.log_in(self._plugins.of_token(project, secret))
        return None

    def _identity(self, grant: Grant) -> Identity:
        name = names.written(
            grant.user,
            grant.domain if grant.domain != self._chosen.user_domain else None,
            grant.credential,
        )
        project = self._repositories_of(name, grant.project) if grant.project else None
        return Identity(
            method=self.name,
            name=name,
            groups=self._policy.allowed(grant) if self._policy and project else frozenset(),
            # Roles are those in the project. In one without repositories they mean nothing here,
            # and its owner may have given them to himself.
            roles=grant.roles if project else frozenset(),
            project=project,
            domain=grant.domain,
            stamp=str(grant.expires),
        )

    def _repositories_of(self, user: str, project: Project) -> str | None:
        beginning = self._repositories.of(project.name, project.id, project.domain)
        if beginning is None:
            log.warning(
                "%s has no repositories as a member of the project %s: "
                "auth_keystone.repositories (AUTH_KEYSTONE_REPOSITORIES) gives it none",
                user,
                names.written(project.name, project.domain),
            )
        return beginning
