"""Everything but the stores: the server, the API, limits, logs, validation."""

from __future__ import annotations

from docker_registry.config.distribution.translation import Row, Translation
from docker_registry.config.distribution.values import (
    client_auth,
    host,
    loglevel,
    number_or_default,
    opposite,
    port,
    seconds,
    switch,
    version_of_tls,
)

ROWS = (
    Row("http.host", "public_url"),
    Row("http.prefix", "url_prefix"),
    Row("http.relativeurls", "relative_urls"),
    Row("http.headers", "response_headers"),
    Row("http.draintimeout", "graceful_timeout", seconds),
    Row("http.tls.certificate", "tls_certificate"),
    Row("http.tls.key", "tls_key"),
    Row("http.tls.clientcas", "tls_client_ca"),
    Row("http.tls.minimumtls", "tls_minimum", version_of_tls),
    Row("loglevel", "loglevel", loglevel),
    Row("log.level", "loglevel", loglevel),
    Row("catalog.maxentries", "catalog_page", number_or_default),
    Row("tags.maxtags", "tags_page", number_or_default),
    Row("storage.delete.enabled", "delete_enabled", switch, default=False),
    Row("storage.redirect.disable", "storage_redirect", opposite, default=True),
    Row("storage.maintenance.readonly.enabled", "read_only", switch),
)

#: Matches no URL: what Distribution allows if nothing is said.
NO_URL = "^$"

_PURGING = "storage.maintenance.uploadpurging"
_URLS = "validation.manifests.urls"


def translate(translation: Translation) -> None:
    """Translate all of it."""
    translation.apply(ROWS)
    _listen(translation)
    _client_certificates(translation)
    _access_log(translation)
    _purging(translation)
    _urls(translation)
    _indexes(translation)


def _listen(translation: Translation) -> None:
    net = translation.read("http.net")
    if net == "unix":
        address = translation.read("http.addr")
        translation.say("host", f"unix:{address}", "http.addr")
    elif net in (None, "tcp"):
        translation.apply((Row("http.addr", "host", host), Row("http.addr", "port", port)))
    else:
        translation.refuse("http.net", f"{net!r} should be tcp or unix")


def _client_certificates(translation: Translation) -> None:
    name = "http.tls.clientauth"
    if not translation.read("http.tls.clientcas"):
        translation.read(name)  # It has no meaning without.
    elif mode := translation.read(name, client_auth):
        translation.say("tls_client_auth", mode, name)


def _access_log(translation: Translation) -> None:
    name = "log.accesslog.disabled"
    if translation.read(name, switch):
        translation.say("access_log_file", "/dev/null", name)


def _purging(translation: Translation) -> None:
    """Read how long uploads are kept; 0 is for ever."""
    age = translation.read(f"{_PURGING}.age", seconds)
    enabled = translation.read(f"{_PURGING}.enabled", switch)
    if enabled is False:
        translation.say("upload_max_age", 0, f"{_PURGING}.enabled")
    elif translation.read(f"{_PURGING}.dryrun", switch):
        translation.say("upload_max_age", 0, f"{_PURGING}.dryrun")
    elif age is not None:
        translation.say("upload_max_age", age, f"{_PURGING}.age")
    if translation.read(f"{_PURGING}.interval", seconds) not in (None, 24 * 3600):
        translation.note(f"{_PURGING}.interval", "idle uploads are looked for once a day")


def _urls(translation: Translation) -> None:
    """Read which URLs manifests may have, by the rule of Distribution's ``NewApp``."""
    allow = translation.read(f"{_URLS}.allow")
    deny = translation.read(f"{_URLS}.deny")
    if _is_validation_off(translation):
        return
    if allow:
        translation.say("manifest_url_allow", allow, f"{_URLS}.allow")
    elif not deny:
        translation.presume("manifest_url_allow", [NO_URL], f"{_URLS}.allow")
    if deny:
        translation.say("manifest_url_deny", deny, f"{_URLS}.deny")


def _is_validation_off(translation: Translation) -> bool:
    enabled = translation.read("validation.enabled", switch)
    return translation.read("validation.disabled", switch) is True and not enabled


def _indexes(translation: Translation) -> None:
    name = "validation.manifests.indexes.platforms"
    platforms = str(translation.read(name) or "all").lower()
    listed = translation.read("validation.manifests.indexes.platformlist")
    if platforms not in ("all", "none", "list"):
        translation.refuse(name, f"{platforms!r} should be all, none or list")
    elif _is_validation_off(translation):
        translation.say("sparse_indexes", True, "validation.disabled")
    elif platforms != "all":
        translation.say("sparse_indexes", True, name)
        if listed:
            translation.note(
                "validation.manifests.indexes.platformlist",
                "not in this version: the images of these platforms may be missing as well",
            )
