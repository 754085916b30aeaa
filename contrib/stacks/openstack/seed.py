"""Set up projects, users, roles and the catalogue in Keystone, and Swift's key for TempURLs."""

import os
from typing import Any

import openstack

REGION = "RegionOne"
#: Name, password, and the roles in each project, the user's default project first.
USERS = [
    ("swift", os.environ["SERVICE_PASSWORD"], {"service": ["admin", "service"]}),
    ("glance", os.environ["SERVICE_PASSWORD"], {"service": ["admin", "service"]}),
    (
        os.environ["OS_USERNAME"],
        os.environ["OS_PASSWORD"],
        {"registry": ["member", "registry-push"], "other": ["reader"]},
    ),
    ("puller", "puller-secret", {"registry": ["reader", "registry-pull"]}),
    ("outsider", "outsider-secret", {"other": ["member"]}),
]
SERVICES = {
    "swift": ("object-store", f"{os.environ['SWIFT_URL']}/v1/AUTH_%(project_id)s"),
    "glance": ("image", os.environ["GLANCE_URL"]),
}


def connect(user: str, password: str, project: str) -> openstack.connection.Connection:
    return openstack.connection.Connection(
        auth={
            "auth_url": os.environ["AUTH_URL"],
            "username": user,
            "password": password,
            "project_name": project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        region_name=REGION,
    )


def main() -> None:
    keystone = connect("admin", os.environ["ADMIN_PASSWORD"], "admin").identity

    def ensure(kind: str, name: str, **attributes: Any) -> Any:
        """Give the thing of this kind and name; make it if it isn't there."""
        found = getattr(keystone, f"find_{kind}")(name)
        return found or getattr(keystone, f"create_{kind}")(name=name, **attributes)

    for name, password, projects in USERS:
        made = [ensure("project", project, domain_id="default") for project in projects]
        user = ensure(
            "user", name, password=password, domain_id="default", default_project_id=made[0].id
        )
        for project, roles in zip(made, projects.values(), strict=True):
            for role in roles:
                keystone.assign_project_role_to_user(project, user, ensure("role", role))
    for name, (kind, url) in SERVICES.items():
        service = ensure("service", name, type=kind)
        for interface in ("public", "internal", "admin"):
            keystone.create_endpoint(
                service_id=service.id, interface=interface, region_id=REGION, url=url
            )
    operator = connect(os.environ["OS_USERNAME"], os.environ["OS_PASSWORD"], "registry")
    operator.object_store.set_account_temp_url_key(os.environ["TEMPURL_KEY"])
    list(operator.image.images())
    print(operator.current_project_id)


if __name__ == "__main__":
    main()
