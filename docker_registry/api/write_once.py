"""Deleting tags that are written once: only who administers a repository may.

Who could delete one could push it anew, with another content. What deletes tags, or whatever they
point to, asks here first.
"""

from __future__ import annotations

from collections.abc import Iterable

from docker_registry.api.access import access, refusal
from docker_registry.api.challenge import require_scopes
from docker_registry.auth.policy import Action
from docker_registry.registry.names import RepositoryName


def require_admin_for(repository: RepositoryName, tags: Iterable[str]) -> None:
    """Refuse the request if it would delete tags, and may not.

    :param tags: those that are written once, of what is to be deleted.
    """
    tag = next(iter(tags), None)
    if tag is None or access().may(Action.ADMIN, repository):
        return
    require_scopes(f"repository:{repository}:{Action.ADMIN}")
    raise refusal({"repository": repository, "action": Action.ADMIN, "written_once": tag})
