"""Domains, projects, users and application credentials of a test's own in the real Keystone.

::

    with Tenants() as tenants:
        web = tenants.project("web")
        alice = tenants.user("alice")
        tenants.give("member", alice, web)

They have names that nobody else has, and are removed at the end.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Self

from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from tests.tools import require_service

#: The domain that every Keystone has.
DEFAULT = "default"


@dataclass(frozen=True)
class Thing:
    """A domain, a project, a user or an application credential.

    :ivar secret: its password or secret, if it has one.
    """

    id: str
    name: str
    secret: str = ""


def distinct(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:12]}"


class Tenants:
    """Makes them, as the administrator, and takes them away.

    :ivar url: of Keystone.
    """

    def __init__(self) -> None:
        found = require_service("openstack")
        self.url = found["OS_AUTH_URL"]
        self._admin = self._session(
            found["OS_ADMIN_USERNAME"],
            found["OS_ADMIN_PASSWORD"],
            project_name=found["OS_ADMIN_PROJECT_NAME"],
            project_domain_id=DEFAULT,
        )
        self._roles = {role["name"]: role["id"] for role in self._get("roles")["roles"]}
        self._made: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for path in reversed(self._made):
            if path.startswith("domains/"):
                self._admin.patch(f"{self.url}/{path}", json={"domain": {"enabled": False}})
            self._admin.delete(f"{self.url}/{path}", raise_exc=False)

    def domain(self, name: str) -> Thing:
        return self._make("domains", "domain", name=name)

    def project(self, name: str, domain: str = DEFAULT) -> Thing:
        return self._make("projects", "project", name=name, domain_id=domain)

    def role(self, name: str) -> str:
        made = self._make("roles", "role", name=name)
        self._roles[name] = made.id
        return name

    def user(self, name: str, domain: str = DEFAULT, **more: Any) -> Thing:
        secret = uuid.uuid4().hex
        made = self._make("users", "user", name=name, domain_id=domain, password=secret, **more)
        return Thing(made.id, made.name, secret)

    def credential(self, user: Thing, project: Thing, name: str, **more: Any) -> Thing:
        """Make an application credential, as its user does."""
        session = self._session_of(user, project)
        answer = session.post(
            f"{self.url}/users/{user.id}/application_credentials",
            json={"application_credential": {"name": name, **more}},
        )
        made = answer.json()["application_credential"]
        return Thing(made["id"], made["name"], made["secret"])

    def remove_credential(self, user: Thing, credential: Thing) -> None:
        self._admin.delete(f"{self.url}/users/{user.id}/application_credentials/{credential.id}")

    def give(self, role: str, user: Thing, project: Thing) -> None:
        self._admin.put(self._assignment(role, user, project))

    def take(self, role: str, user: Thing, project: Thing) -> None:
        self._admin.delete(self._assignment(role, user, project))

    def disable(self, user: Thing) -> None:
        self._admin.patch(f"{self.url}/users/{user.id}", json={"user": {"enabled": False}})

    def token(self, user: Thing, project: Thing | None = None, **scope: str) -> str:
        token = self._session_of(user, project, **scope).get_token()
        assert token
        return token

    def token_of_credential(self, credential: Thing) -> str:
        plugin = v3.ApplicationCredential(
            self.url,
            application_credential_id=credential.id,
            application_credential_secret=credential.secret,
        )
        token = Session(plugin).get_token()
        assert token
        return token

    def revoke(self, token: str) -> None:
        self._admin.delete(f"{self.url}/auth/tokens", headers={"X-Subject-Token": token})

    def give_in_domain(self, role: str, user: Thing, domain: Thing) -> None:
        place = f"domains/{domain.id}/users/{user.id}/roles/{self._roles[role]}"
        self._admin.put(f"{self.url}/{place}")

    def _assignment(self, role: str, user: Thing, project: Thing) -> str:
        place = f"projects/{project.id}/users/{user.id}/roles/{self._roles[role]}"
        return f"{self.url}/{place}"

    def _make(self, kind: str, one: str, **about: Any) -> Thing:
        made = self._admin.post(f"{self.url}/{kind}", json={one: about}).json()[one]
        self._made.append(f"{kind}/{made['id']}")
        return Thing(made["id"], made["name"])

    def _get(self, path: str) -> Any:
        return self._admin.get(f"{self.url}/{path}").json()

    def _session_of(self, user: Thing, project: Thing | None, **scope: str) -> Session:
        chosen: dict[str, Any] = {"project_id": project.id} if project else scope
        return Session(
            v3.Password(
                self.url,
                user_id=user.id,
                password=user.secret,
                **(chosen or {"unscoped": True}),
            )
        )

    def _session(self, user: str, password: str, **scope: str) -> Session:
        return Session(
            v3.Password(self.url, username=user, user_domain_id=DEFAULT, password=password, **scope)
        )
