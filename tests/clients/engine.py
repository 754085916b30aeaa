"""Images in a Docker engine: make them, and look into them."""

from __future__ import annotations

from tests import images
from tests.tools import Tool


def import_image(docker: Tool, name: str, files: dict[str, bytes]) -> None:
    docker("import", "-", name, stdin=images.tar_of(files))


def build_image(docker: Tool, name: str, files: dict[str, bytes]) -> None:
    """Build with one layer for each file."""
    steps = "".join(f"COPY {path} /{path}\n" for path in files)
    context = {**files, "Dockerfile": f"FROM scratch\n{steps}CMD /bin/true\n".encode()}
    docker("build", "--quiet", "--tag", name, "-", stdin=images.tar_of(context))


def image_id(docker: Tool, name: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", name)


def files_in(docker: Tool, name: str) -> dict[str, bytes]:
    """Give the files of a container that was made of the image, without those Docker adds."""
    container = docker("create", "--network", "none", name, "/bin/true")
    try:
        files = images.files_of(docker.output("export", container))
    finally:
        docker("rm", container)
    added = (".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf")
    return {path: content for path, content in files.items() if path not in added}
