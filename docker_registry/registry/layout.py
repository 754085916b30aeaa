"""Where everything lies in the storage: one function a path.

The tree is the one that CNCF Distribution (registry:2 and registry:3) writes, so that a store can
be taken over in place, in both directions (``registry/storage/paths.go`` there)::

    docker/registry/v2/
    ├── blobs/<algorithm>/<first two hex digits>/<hex>/data
    └── repositories/<name>/
        ├── _layers/<algorithm>/<hex>/link                  blob is in this repository
        ├── _manifests/
        │   ├── revisions/<algorithm>/<hex>/link            manifest is in this repository
        │   └── tags/<tag>/
        │       ├── current/link                            what the tag points to
        │       └── index/<algorithm>/<hex>/link            what it ever pointed to
        ├── _referrers/<algorithm>/<hex>/<algorithm>-<hex>  subject, referrer (ours)
        └── _uploads/<uuid>/                                upload session (ours inside)

A ``link`` holds a digest as text, without a newline. Components with a leading ``_`` can't be
part of a repository's name, so nested repositories and these directories never meet.

Beside it, ``docker/registry/ours/`` has what is ours and belongs to no repository.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from docker_registry.errors import DigestInvalid
from docker_registry.registry.names import Digest, RepositoryName, Tag, UploadId

ROOT = "docker/registry/v2"
BLOBS = f"{ROOT}/blobs"
REPOSITORIES = f"{ROOT}/repositories"
#: Where a tag's link lies in the tag's directory.
CURRENT_LINK = "current/link"
OURS = "docker/registry/ours"
#: The directories of a repository; all others that begin so are none of ours.
PARTS = frozenset({"_layers", "_manifests", "_referrers", "_uploads"})
#: Name of the record of an upload session in its directory.
SESSION = "session.json"


def blob(digest: Digest) -> str:
    """Path of a blob's bytes (manifests are blobs too)."""
    algorithm, _, value = digest.partition(":")
    return f"{BLOBS}/{algorithm}/{value[:2]}/{value}/data"


def digest_of_blob(path: str) -> Digest | None:
    """Give the digest whose bytes lie at a path; ``None`` for the path of something else."""
    algorithm, _, rest = path.removeprefix(f"{BLOBS}/").partition("/")
    value = rest[3:].removesuffix("/data")
    try:
        digest = Digest.parse(f"{algorithm}:{value}")
    except DigestInvalid:
        return None
    return digest if blob(digest) == path else None


def repository(name: str) -> str:
    """Directory of a repository, or of a part of its name."""
    return f"{REPOSITORIES}/{name}"


def layers(name: RepositoryName) -> str:
    """Directory of the links to a repository's blobs."""
    return f"{REPOSITORIES}/{name}/_layers"


def layer_link(name: RepositoryName, digest: Digest) -> str:
    """Path of the link that says that a blob is in the repository."""
    algorithm, _, value = digest.partition(":")
    return f"{REPOSITORIES}/{name}/_layers/{algorithm}/{value}/link"


def manifests(name: str) -> str:
    """Directory of a repository's manifests and tags."""
    return f"{REPOSITORIES}/{name}/_manifests"


def revisions_root(name: RepositoryName) -> str:
    """Directory of the links to a repository's manifests."""
    return f"{REPOSITORIES}/{name}/_manifests/revisions"


def revisions(name: RepositoryName, algorithm: str) -> str:
    """Directory whose children are the hex digits of a repository's manifests."""
    return f"{REPOSITORIES}/{name}/_manifests/revisions/{algorithm}"


def revision_link(name: RepositoryName, digest: Digest) -> str:
    """Path of the link that says that a manifest is in the repository."""
    algorithm, _, value = digest.partition(":")
    return f"{REPOSITORIES}/{name}/_manifests/revisions/{algorithm}/{value}/link"


def tags(name: RepositoryName) -> str:
    """Directory whose children are a repository's tags."""
    return f"{REPOSITORIES}/{name}/_manifests/tags"


def tag(name: RepositoryName, tag: Tag) -> str:
    """Directory of one tag."""
    return f"{REPOSITORIES}/{name}/_manifests/tags/{tag}"


def tag_link(name: RepositoryName, tag: Tag) -> str:
    """Path of the link that says what a tag points to."""
    return f"{REPOSITORIES}/{name}/_manifests/tags/{tag}/{CURRENT_LINK}"


def tag_history_link(name: RepositoryName, tag: Tag, digest: Digest) -> str:
    """Path of the link that says that a tag pointed to a manifest at some time."""
    algorithm, _, value = digest.partition(":")
    return f"{REPOSITORIES}/{name}/_manifests/tags/{tag}/index/{algorithm}/{value}/link"


def referrers_root(name: RepositoryName) -> str:
    """Directory of a repository's referrers."""
    return f"{REPOSITORIES}/{name}/_referrers"


def referrers(name: RepositoryName, subject: Digest) -> str:
    """Directory whose children are the manifests that refer to a subject."""
    algorithm, _, value = subject.partition(":")
    return f"{REPOSITORIES}/{name}/_referrers/{algorithm}/{value}"


def referrer(name: RepositoryName, subject: Digest, referrer: Digest) -> str:
    """Path of the link that says that a manifest refers to a subject."""
    return f"{referrers(name, subject)}/{referrer.replace(':', '-')}"


def uploads(name: str) -> str:
    """Directory whose children are a repository's upload sessions."""
    return f"{REPOSITORIES}/{name}/_uploads"


def upload(name: RepositoryName, upload: UploadId) -> str:
    """Directory of one upload session."""
    return f"{REPOSITORIES}/{name}/_uploads/{upload}"


def upload_session(name: RepositoryName, upload: UploadId) -> str:
    """Path of the record of one upload session."""
    return f"{REPOSITORIES}/{name}/_uploads/{upload}/{SESSION}"


def last_run(job: str) -> str:
    """Path of the record of a background job's last run."""
    return f"{OURS}/upkeep/{job}.json"


def lease(name: str) -> str:
    """Path of the object by which one process has a right."""
    return f"{OURS}/lease/{name}.json"


#: Directory of the keys that sign tokens.
SIGNING_KEYS = f"{OURS}/keys"


def signing_key(key_id: str) -> str:
    """Path of a key that signs tokens, by the thumbprint of its public half (RFC 7638)."""
    return f"{SIGNING_KEYS}/{key_id}.json"


PENDING = f"{OURS}/index/pending"
#: Begins a directory of marks whose name is a hash.
HASHED = "~"
#: What most file systems take for a name, in bytes.
_MAX_COMPONENT = 255


def pending(name: str) -> str:
    """Directory of the marks of a repository that the search index has yet to look at again.

    Each mark is an object of its own, whose name nobody uses twice, and holds the name of the
    repository. The directory has that name too, quoted; or, where that is too long, its hash.
    """
    quoted = quote(name, safe="")
    if len(quoted) > _MAX_COMPONENT:
        quoted = f"{HASHED}{hashlib.sha256(name.encode()).hexdigest()}"
    return f"{PENDING}/{quoted}"
