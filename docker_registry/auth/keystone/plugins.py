"""What Keystone is sent for each form of a login: one plugin of keystoneauth each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from keystoneauth1.identity import v3

from docker_registry.auth.keystone import names


class Scope(TypedDict, total=False):
    """The project that a login is for, as plugins take it."""

    unscoped: bool
    project_name: str
    project_domain_name: str


@dataclass(frozen=True)
class Plugins:
    """Makes plugins.

    :param url: of Keystone's API.
    :param user_domain: the domain of users who name none.
    :param project: the project of users who name none.
    :param project_domain: the domain of projects that name none.
    """

    url: str
    user_domain: str
    project: str | None
    project_domain: str

    def of_user(self, login: names.User, secret: str) -> v3.Auth:
        """Make one for a user and his password."""
        return v3.Password(
            self.url,
            username=login.user.name,
            user_domain_name=login.user.domain or self.user_domain,
            password=secret,
            include_catalog=False,
            **self._scope(login),
        )

    def of_credential(self, login: names.CredentialOf | names.CredentialId, secret: str) -> v3.Auth:
        """Make one for an application credential, which has a project of its own."""
        if isinstance(login, names.CredentialId):
            return v3.ApplicationCredential(
                self.url,
                application_credential_id=login.id,
                application_credential_secret=secret,
                include_catalog=False,
            )
        return v3.ApplicationCredential(
            self.url,
            application_credential_name=login.name,
            username=login.user.name,
            user_domain_name=login.user.domain or self.user_domain,
            application_credential_secret=secret,
            include_catalog=False,
        )

    def of_token(self, project: names.Named, token: str) -> v3.Auth:
        """Make one that turns a token into one for a project."""
        return v3.Token(
            self.url,
            token,
            project_name=project.name,
            project_domain_name=project.domain or self.project_domain,
            include_catalog=False,
        )

    def _scope(self, login: names.User) -> Scope:
        if login.project is not None:
            return {
                "project_name": login.project.name,
                "project_domain_name": login.project.domain
                or login.user.domain
                or self.project_domain,
            }
        if self.project is not None:
            return {"project_name": self.project, "project_domain_name": self.project_domain}
        # Nothing said would be the user's default project, if he has one.
        return {"unscoped": True}
