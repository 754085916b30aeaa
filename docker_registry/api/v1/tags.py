"""Tags of a repository, and what is known of their pushes."""

from __future__ import annotations

from flask import Blueprint, Response, request

from docker_registry.api.access import images
from docker_registry.api.context import context
from docker_registry.api.v1.answers import answer, done
from docker_registry.api.v1.body import read_json
from docker_registry.api.v1.repositories import delete_repository
from docker_registry.api.write_once import require_admin_for
from docker_registry.legacy.errors import BodyInvalid, ImageIdInvalid, ImageUnknown
from docker_registry.legacy.names import ImageId, RepositoryName, Tag
from docker_registry.registry.names import RepositoryName as TodaysName


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    path = "/v1/repositories/<path:repository>/tags"
    blueprint.add_url_rule(path, view_func=list_tags)
    blueprint.add_url_rule(path, view_func=delete_repository, methods=["DELETE"])
    blueprint.add_url_rule(f"{path}/<tag>", view_func=get_tag)
    blueprint.add_url_rule(f"{path}/<tag>", view_func=put_tag, methods=["PUT"])
    blueprint.add_url_rule(f"{path}/<tag>", view_func=delete_tag, methods=["DELETE"])
    blueprint.add_url_rule(f"{path}/<tag>/json", view_func=get_tag_json)


def list_tags(repository: RepositoryName) -> Response:
    """Give all tags, and the images they point to."""
    tags = list(context().legacy.repositories.tags(repository))
    images().enrol(repository, (tag.image for tag in tags))
    return answer({tag.name: tag.image for tag in tags})


def get_tag(repository: RepositoryName, tag: Tag) -> Response:
    """Give the image that a tag points to."""
    image = context().legacy.repositories.tag(repository, tag)
    images().enrol(repository, [image])
    return answer(image)


def put_tag(repository: RepositoryName, tag: Tag) -> Response:
    """Point a tag to an image."""
    said = read_json("Invalid data")
    try:
        image = ImageId.parse(said if isinstance(said, str) else "")
    except ImageIdInvalid:
        raise BodyInvalid("Invalid data", {"expected": "the id of an image, in quotes"}) from None
    # Else whoever may push anywhere could read everything, by tagging it there.
    if not images().may_pull(image):
        raise ImageUnknown
    user_agent = request.headers.get("User-Agent", "")
    context().legacy.tags.put(repository, tag, image, user_agent)
    images().enrol(repository, [image])
    return done()


def delete_tag(repository: RepositoryName, tag: Tag) -> Response:
    """Remove a tag."""
    tags = context().legacy.tags
    require_admin_for(
        TodaysName(repository.listed), [tag] if tags.is_written_once(repository, tag) else []
    )
    tags.delete(repository, tag)
    return done()


def get_tag_json(repository: RepositoryName, tag: Tag) -> Response:
    """Tell what is known of the push of a tag."""
    return answer(context().legacy.tags.push_of(repository, tag))
