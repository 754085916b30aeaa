"""Which repositories a project has, by the template."""

from __future__ import annotations

import pytest

from docker_registry.auth.keystone.repositories import Repositories
from docker_registry.errors import ConfigError

ID = "ef526184336a411ca010f90bc7cc4967"


@pytest.mark.parametrize(
    ("template", "project", "domain", "beginning"),
    [
        ("{project}", "web", "Default", "web"),
        ("{project_id}", "Web Shop", "Corp", ID),
        ("{domain}/{project}", "web", "corp", "corp/web"),
        ("openstack/{project}", "web", "Default", "openstack/web"),
        ("p-{project}", "web", "Default", "p-web"),
        # Of another domain, where two projects may have one name.
        ("{project}", "web", "Corp", None),
        ("{project}", "web", "default", None),
        ("p-{project}", "web", "Corp", None),
        # No components of a repository name.
        ("{project}", "Web", "Default", None),
        ("{project}", "web shop", "Default", None),
        ("{project}", "a/b", "Default", None),
        ("{project}", "..", "Default", None),
        ("{project}", "**", "Default", None),
        ("{project}", "web\n", "Default", None),
        ("{project}", "", "Default", None),
        ("{project}", "büro", "Default", None),
        ("{domain}/{project}", "web", "Corp", None),
        # What another placeholder would be is only text.
        ("{domain}/{project}", "{domain}", "corp", None),
        ("p-{project}", "-web", "Default", None),
    ],
)
def test_beginnings(template: str, project: str, domain: str, beginning: str | None) -> None:
    assert Repositories(template, "Default").of(project, ID, domain) == beginning


@pytest.mark.parametrize(
    "template",
    [
        *("", "all", "{domain}", "{user}", "{project", "{}", "{project.__class__}"),
        *("{project}/", "/{project}", "a//{project}", "{project}/**", "{project}/*", "A/{project}"),
        # x-y and z, or x and y-z?
        *("{domain}-{project}", "{project}{project_id}"),
    ],
)
def test_templates_that_would_mix_projects_up_stop_the_start(template: str) -> None:
    with pytest.raises(ConfigError, match="AUTH_KEYSTONE_REPOSITORIES"):
        Repositories(template, "Default")
