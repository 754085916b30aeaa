"""What is in Distribution's configuration and has no effect here, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docker_registry.config.distribution.translation import Translation


@dataclass(frozen=True)
class Idle:
    """A value, or a section, that has no effect.

    :ivar name: dotted.
    :ivar reason: for the operator: why nothing is missing, or that something is.
    :ivar harmless: values that need no word.
    """

    name: str
    reason: str
    harmless: tuple[str, ...] = ()


_FALSE = ("false", "no", "off", "False", "FALSE", "0")
_AGENT = "the client library names itself"
_ADDRESS = "not in this version: name such an address in regionendpoint"
_PARTS = "the sizes of parts and how many go at a time are chosen here by the size of a layer"

GENERAL = (
    Idle("version", "", ("0.1",)),
    Idle(
        "log.formatter",
        "not in this version: messages are lines of text, of which a collector can make JSON",
        ("text",),
    ),
    Idle("log.fields", "not in this version: let the collector of logs add them"),
    Idle("log.hooks", "not in this version: no mail is sent; let what reads the log send it"),
    Idle(
        "log.reportcaller", "messages name their module, and errors come with their trace", _FALSE
    ),
    Idle(
        "auth.htpasswd.realm",
        "not needed: it is a name that clients don't look at; here it is docker-registry",
    ),
    Idle("http.secret", "not needed: the state of uploads is in the storage, and not with clients"),
    Idle("http.http2", "not needed: HTTP/1.1 is spoken, which all clients speak"),
    Idle("http.h2c.enabled", "not in this version: HTTP/1.1 is spoken", _FALSE),
    Idle(
        "http.tls.ciphersuites",
        "not in this version: OpenSSL's choice of safe ones is used; GUNICORN_OPTS may say "
        "--ciphers, in OpenSSL's names",
    ),
    Idle(
        "http.debug",
        "there is no second port: /health/live and /health/ready are on the registry's own, and "
        "metrics for Prometheus are not in this version",
    ),
    Idle(
        "storage.cache", "not needed: manifests are cached in memory, as CACHE_MANIFEST_BYTES says"
    ),
    Idle("storage.tag", "not needed: how much is looked up at a time depends on the storage"),
    Idle("redis", "not needed: no cache is shared between nodes, and none can be stale"),
    Idle("health.storagedriver", "not needed: /health/ready always looks at the storage"),
    Idle("health.file", "not in this version: /health/ready looks at the storage only"),
    Idle("health.http", "not in this version: /health/ready looks at the storage only"),
    Idle("health.tcp", "not in this version: /health/ready looks at the storage only"),
    Idle("notifications.events", "notifications are not in this version"),
    Idle(
        "notifications.endpoints", "notifications are not in this version: nobody is told of pushes"
    ),
    Idle("policy", "not in this version: repositories take images and plugins alike"),
    Idle("compatibility", "not needed: Docker's schema 1 is not spoken"),
    Idle("reporting", "not in this version: let what reads the log report errors"),
)

#: By the name of the storage driver.
STORES = {
    "filesystem": (
        Idle("maxthreads", "not needed: GUNICORN_THREADS bounds what goes on at a time"),
    ),
    "inmemory": (),
    "s3": (
        Idle("chunksize", _PARTS),
        Idle("multipartcopychunksize", _PARTS),
        Idle("multipartcopymaxconcurrency", _PARTS),
        Idle(
            "multipartcopythresholdsize",
            "AWS_COPY_LIMIT says up to which size a copy is one request",
        ),
        Idle("useragent", _AGENT),
        Idle("loglevel", "AWS_DEBUG=1 makes the client library log what it does", ("off",)),
        Idle("accelerate", "not in this version: the bucket's usual address is used", _FALSE),
        Idle("usedualstack", _ADDRESS, _FALSE),
        Idle("usefipsendpoint", _ADDRESS, _FALSE),
    ),
    "azure": (
        Idle("credentials", "the account's key is used"),
        Idle("retry_delay", "the client library chooses how long it waits"),
    ),
    "gcs": (
        Idle("chunksize", _PARTS),
        Idle("maxconcurrency", "not needed: GUNICORN_THREADS bounds what goes on at a time"),
        Idle("useragent", _AGENT),
    ),
    "swift": (
        Idle("chunksize", _PARTS),
        Idle("accesskey", "it was for a cloud that is gone; secretkey signs addresses"),
        Idle("tempurlcontainerkey", "not needed: container and account are asked for their keys"),
        Idle("tempurlmethods", "not needed: only GET and HEAD are signed"),
    ),
    "oss": (Idle("chunksize", _PARTS),),
}


def report(translation: Translation, store: str | None) -> None:
    """Tell of everything that is left: what has no effect, what is unknown, what is out of shape.

    :param store: the section of the storage driver, once it is known.
    """
    left = translation.document.unread()
    for idle in _idle(store):
        found = [name for name in left if name == idle.name or name.startswith(f"{idle.name}.")]
        value = translation.document.read(idle.name)
        if found and not (isinstance(value, str) and value in idle.harmless):
            translation.note(idle.name, idle.reason)
    for name in translation.document.unread():
        if translation.document.is_section(name):
            translation.refuse(name, "should be a mapping")
            continue
        near = translation.document.nearest(name)
        meant = f"; did you mean {near}?" if near else ""
        translation.note(name, f"Distribution has nothing of that name{meant}")


def _idle(store: str | None) -> Iterator[Idle]:
    yield from GENERAL
    if store:
        driver = store.removeprefix("storage.")
        for idle in STORES.get("s3" if driver == "s3aws" else driver, ()):
            yield Idle(f"{store}.{idle.name}", idle.reason, idle.harmless)
