"""Where everything of V1 lies in the storage: one function a path.

The tree is the one that docker-registry 0.5 to 0.9 wrote, so that a store can be taken over in
place, in both directions::

    images/<id>/
    ├── json             of the image, byte for byte as it was pushed
    ├── layer            tar, in whatever compression it was pushed
    ├── ancestry         JSON array of ids: the image itself, its parent, and so on
    ├── _checksum        JSON array of checksums (of old versions: one, as text)
    ├── _inprogress      "true", until the client has confirmed the checksum
    ├── _files, _diff    answers that 0.9 computed once (it overlooked whiteouts)
    repositories/<namespace>/<repository>/
    ├── tag_<tag>        id of the image, as text
    ├── tag<tag>_json    what is known of the push, as JSON
    ├── _tag<tag>_json   the same where the tag begins with an underscore (ours)
    ├── json             the same of the tag ``latest``
    ├── _index_images    JSON array of {"id", "checksum"}: what was ever pushed here
    ├── _images_list     JSON array of ids, of an index server
    └── _private         there, and empty, if the repository is marked private

``tag_x_json`` is a tag of the name ``x_json``. 0.9 kept what it knew of the push of ``_x`` there
too, and then took that for a tag, which is why ours lies elsewhere, and why what holds no id is not
taken for a tag.

Ours as a whole is ``docker/registry/ours/v1/``::

    pushes/<id>/         of an image that is not complete: when it was begun and by whom, parts of
                         its layer; who shows that he has one that is
    files/<id>, diff/<id>  answers that were computed once
    contents/<name>/<id>   the repository has the image; see ``Members``
    holders/<id>/<name>    where to look for the former
    pushers/<id>/<digest>  who has sent the image

A name there is today's, with colons for its slashes: one component, however many the name has.
"""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import unquote_plus

from docker_registry.legacy.names import ImageId, RepositoryName, Tag
from docker_registry.registry.names import RepositoryName as TodaysName

IMAGES = "images"
REPOSITORIES = "repositories"
OURS = "docker/registry/ours/v1"
PUSHES = f"{OURS}/pushes"

TAG_PREFIX = "tag_"


def image(image: ImageId) -> str:
    """Directory of an image."""
    return f"{IMAGES}/{image}"


def image_json(image: ImageId) -> str:
    """Path of an image's JSON."""
    return f"{IMAGES}/{image}/json"


def layer(image: ImageId) -> str:
    """Path of an image's layer."""
    return f"{IMAGES}/{image}/layer"


def ancestry(image: ImageId) -> str:
    """Path of the list of an image and those it is built on."""
    return f"{IMAGES}/{image}/ancestry"


def checksums(image: ImageId) -> str:
    """Path of the checksums of an image."""
    return f"{IMAGES}/{image}/_checksum"


def in_progress(image: ImageId) -> str:
    """Path of the mark of an image that is not complete."""
    return f"{IMAGES}/{image}/_inprogress"


def files(image: ImageId) -> str:
    """Path of the listing of an image's layer."""
    return f"{OURS}/files/{image}"


def diff(image: ImageId) -> str:
    """Path of what an image's layer changes."""
    return f"{OURS}/diff/{image}"


def repository(name: RepositoryName) -> str:
    """Directory of a repository."""
    return f"{REPOSITORIES}/{name.directory}"


def tag(name: RepositoryName, tag: Tag) -> str:
    """Path of what a tag points to."""
    return f"{REPOSITORIES}/{name.directory}/{TAG_PREFIX}{tag}"


def tag_of(file_name: str) -> str | None:
    """Give the tag that a file in a repository's directory is for, by its name.

    Old versions took any text for a tag, and quoted it.
    """
    if not file_name.startswith(TAG_PREFIX):
        return None
    return unquote_plus(file_name.removeprefix(TAG_PREFIX))


def tag_json(name: RepositoryName, tag: Tag) -> str:
    """Path of what is known of the push of a tag."""
    underscore = "_" if tag.startswith("_") else ""
    return f"{REPOSITORIES}/{name.directory}/{underscore}tag{tag}_json"


def repository_json(name: RepositoryName) -> str:
    """Path of what is known of the push of the tag ``latest``."""
    return f"{REPOSITORIES}/{name.directory}/json"


def index_images(name: RepositoryName) -> str:
    """Path of the list of images that were pushed to a repository."""
    return f"{REPOSITORIES}/{name.directory}/_index_images"


def private_flag(name: RepositoryName) -> str:
    """Path of the mark of a private repository."""
    return f"{REPOSITORIES}/{name.directory}/_private"


def push(image: ImageId) -> str:
    """Directory of what belongs to the push of an image that is not complete."""
    return f"{PUSHES}/{image}"


def push_begun(image: ImageId) -> str:
    """Path of what says when the push of an image was begun, or begun anew."""
    return f"{PUSHES}/{image}/begun"


def push_owner(image: ImageId) -> str:
    """Path of what says who pushes an image that is not complete."""
    return f"{PUSHES}/{image}/owner"


def push_claim(image: ImageId, key: str) -> str:
    """Path of what says that somebody has sent the JSON of an image that is complete.

    :param key: what tells him from others: any text.
    """
    return f"{PUSHES}/{image}/claim-{digest(key)}"


def push_purge(image: ImageId) -> str:
    """Path of what says that an image is being removed, since its push has come to nothing."""
    return f"{PUSHES}/{image}/purge"


def push_parts(image: ImageId, part: str) -> str:
    """Directory of what a driver may keep of a layer while it comes."""
    return f"{PUSHES}/{image}/{part}"


def contents(name: TodaysName) -> str:
    """Directory of what says which images a repository has."""
    return f"{OURS}/contents/{component(name)}"


def content(name: TodaysName, image: ImageId) -> str:
    """Path of what says that a repository has an image."""
    return f"{contents(name)}/{image}"


def holders(image: ImageId) -> str:
    """Directory of the names of repositories that may have an image."""
    return f"{OURS}/holders/{image}"


def holder(image: ImageId, name: TodaysName) -> str:
    """Path of what says that a repository may have an image."""
    return f"{holders(image)}/{component(name)}"


def pushers(image: ImageId) -> str:
    """Directory of what says who has sent an image."""
    return f"{OURS}/pushers/{image}"


def pusher(image: ImageId, key: str) -> str:
    """Path of what says that somebody has sent an image.

    :param key: what tells him from others: any text.
    """
    return f"{pushers(image)}/{digest(key)}"


def digest(key: str) -> str:
    """Give any text as one component of a path, from which nobody can tell the text."""
    return sha256(key.encode()).hexdigest()


def component(name: str) -> str:
    """Give a name of today, or the beginning of one, as one component of a path."""
    return name.replace("/", ":")


def name_of(component: str) -> str:
    """Give the name that ``component`` made one component of."""
    return component.replace(":", "/")
