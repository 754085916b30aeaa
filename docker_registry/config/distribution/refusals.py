"""What an operator relies on for safety, or what the registry is for, and would not get here."""

from __future__ import annotations

from docker_registry.config.distribution.translation import Translation


def check(translation: Translation) -> None:
    """Refuse what can't be honoured."""
    _proxy(translation)
    _certificates(translation)


def _proxy(translation: Translation) -> None:
    if translation.read("proxy.remoteurl") is not None:
        translation.refuse(
            "proxy.remoteurl",
            "this version can't fetch what it lacks from another registry, and would take pushes "
            "instead: keep Distribution for that, or remove the section proxy to serve what is "
            "stored",
        )
    for name in translation.document.names("proxy"):
        translation.read(f"proxy.{name}")


def _certificates(translation: Translation) -> None:
    if translation.read("http.tls.letsencrypt.cachefile") is not None:
        translation.refuse(
            "http.tls.letsencrypt",
            "this version gets no certificates by itself, and would serve without TLS: let certbot "
            "get them, and name them in http.tls.certificate and http.tls.key",
        )
    for name in translation.document.names("http.tls.letsencrypt"):
        translation.read(f"http.tls.letsencrypt.{name}")
