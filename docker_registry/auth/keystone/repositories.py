"""Which repositories a project has."""

from __future__ import annotations

import re

from docker_registry.errors import ConfigError
from docker_registry.registry.names import COMPONENT

_PLACEHOLDER = re.compile(r"\{(project|project_id|domain)\}")
_COMPONENT = re.compile(COMPONENT)
_KEY = "auth_keystone.repositories (AUTH_KEYSTONE_REPOSITORIES)"


class Repositories:
    """The beginnings of the repositories of projects, by a template.

    No two projects have the same one, and none has one within another's: each name is a component
    by itself, or a part of one beside fixed text.

    :param template: of components with ``{project}``, ``{project_id}`` and ``{domain}``.
    :param domain: the name of the domain whose projects have repositories, where the template
        doesn't tell projects of two domains apart.
    :raises ConfigError: the template can't be used.
    """

    def __init__(self, template: str, domain: str) -> None:
        self._components = template.split("/")
        self._domain = domain
        said = _PLACEHOLDER.findall(template)
        if not {"project", "project_id"} & set(said):
            raise ConfigError(
                f"{_KEY}: {template!r} gives all projects the same repositories: put {{project}} "
                "or {project_id} into it"
            )
        for component in self._components:
            # Of two names in one component it couldn't be told where the first one ends.
            if len(_PLACEHOLDER.findall(component)) > 1 or not _COMPONENT.fullmatch(
                _PLACEHOLDER.sub("x", component)
            ):
                raise ConfigError(
                    f"{_KEY}: {component!r} should be a component of a repository name with at "
                    "most one of {project}, {project_id} and {domain} in it"
                )
        self._tells_domains_apart = bool({"project_id", "domain"} & set(said))

    def of(self, project: str, project_id: str, domain: str) -> str | None:
        """Give how the repositories of a project begin.

        ``None`` if it has none: its domain is another one, or a name is no component of a
        repository name, as in upper case.
        """
        if not self._tells_domains_apart and domain != self._domain:
            return None
        values = {"project": project, "project_id": project_id, "domain": domain}
        for placeholder in _PLACEHOLDER.findall("/".join(self._components)):
            if not _COMPONENT.fullmatch(values[placeholder]):
                return None
        filled = [
            _PLACEHOLDER.sub(lambda match: values[match[1]], component)
            for component in self._components
        ]
        if not all(map(_COMPONENT.fullmatch, filled)):
            return None
        return "/".join(filled)
