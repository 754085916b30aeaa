"""Images in Glance as docker-registry 0.9 left them, in a project of their own."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from glanceclient import Client
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from docker_registry.errors import PathNotFound
from tests.tools import require_service


@contextmanager
def project() -> Iterator[str]:
    """Give the name of a new project: what is adopted is all of a project's."""
    found = require_service("openstack")
    admin = Session(
        Password(
            found["OS_AUTH_URL"],
            username=found["OS_ADMIN_USERNAME"],
            password=found["OS_ADMIN_PASSWORD"],
            project_name=found["OS_ADMIN_PROJECT_NAME"],
            user_domain_name=found["OS_USER_DOMAIN_NAME"],
            project_domain_name=found["OS_PROJECT_DOMAIN_NAME"],
        ),
        timeout=60,
    )
    keystone = Adapter(admin, endpoint_override=found["OS_AUTH_URL"])
    body = {"project": {"name": f"legacy-{uuid.uuid4().hex}", "domain_id": "default"}}
    made = keystone.post("/projects", json=body).json()["project"]
    [user] = keystone.get("/users", params={"name": found["OS_USERNAME"]}).json()["users"]
    [role] = keystone.get("/roles", params={"name": "member"}).json()["roles"]
    try:
        keystone.put(f"/projects/{made['id']}/users/{user['id']}/roles/{role['id']}")
        yield made["name"]
    finally:
        keystone.delete(f"/projects/{made['id']}")


class LegacyGlance:
    """The part of a driver that ``V1Store`` needs: a layer is data, all else properties.

    0.9 set the Docker id as a property ``id`` as well. By version 2 of the API nobody can set it,
    or see it, since ``id`` is an image's own id there; version 1 is no more.

    :ivar ids: of the images in Glance, by Docker id, the last one made.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.ids: dict[str, str] = {}

    def put_content(self, path: str, data: bytes) -> None:
        _, image, file = path.split("/")
        self.client.images.update(self._made(image), **{f"meta_{file}": data.decode()})

    def get_content(self, path: str) -> bytes:
        _, image, file = path.split("/")
        found: str = self.properties(image).get(f"meta_{file}", "")
        if not found:
            raise PathNotFound(path)
        return found.encode()

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        self.client.images.upload(self._made(path.split("/")[1]), io.BytesIO(b"".join(chunks)))

    def properties(self, image: str) -> dict[str, Any]:
        """Give all that Glance knows of the last image with a Docker id."""
        return dict(self.client.images.get(self.ids[image]))

    def forget(self, image: str) -> str:
        """Let the next image with a Docker id be another one, and give the id of the first."""
        return self.ids.pop(image)

    def _made(self, image: str) -> str:
        if image not in self.ids:
            made = self.client.images.create(
                name=f"library/ubuntu:{image[:8]}", container_format="docker", disk_format="raw"
            )
            self.ids[image] = made["id"]
        return self.ids[image]
