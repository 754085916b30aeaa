"""Who may come in: Distribution's ``auth``, one kind of it.

A kind that can't be honoured stops the start: what was protected is not served to everybody.
"""

from __future__ import annotations

from docker_registry.config.distribution.translation import Row, Translation
from docker_registry.config.distribution.values import switch

HTPASSWD, TOKEN = "auth.htpasswd", "auth.token"

#: By which tokens may be signed when nothing is said: every one by a public key. (What Distribution
#: calls HS256 needs a secret that is shared, and has no place in its file.)
ALGORITHMS = [
    *("EdDSA", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"),
    *("PS256", "PS384", "PS512"),
]

#: By section.
ROWS = {
    HTPASSWD: (Row("path", "auth_htpasswd.path"),),
    TOKEN: (
        Row("realm", "auth_token.realm"),
        Row("service", "auth_token.service"),
        Row("issuer", "auth_token.name"),
        Row("rootcertbundle", "auth_token.certificates"),
        Row("jwks", "auth_token.jwks"),
        Row("signingalgorithms", "auth_token.algorithms", default=ALGORITHMS),
    ),
}


def translate(translation: Translation) -> None:
    """Translate it; without a section, and for ``none``, everybody may do everything."""
    kinds = translation.document.names("auth")
    if len(kinds) > 1:
        translation.read("auth")
        translation.refuse("auth", f"has {', '.join(kinds)}: there can be one, name it alone")
        return
    for name in (f"auth.{kind}" for kind in kinds):
        if name.lower() == "auth.none":
            translation.read(name)
        elif name in ROWS:
            translation.say("auth", [name.removeprefix("auth.")], name)
            translation.apply(ROWS[name], name)
            (_htpasswd if name == HTPASSWD else _token)(translation)
        else:
            translation.read(name)
            translation.refuse(
                name,
                "this way to ask who somebody is is not known here, and without it everybody would "
                "be let in: use htpasswd or token, or set REGISTRY_AUTH=none for that",
            )


def _htpasswd(translation: Translation) -> None:
    translation.require(HTPASSWD, "path")
    # Clients are used to being asked for the password itself, with each request.
    translation.presume("tokens.enabled", False, HTPASSWD)


def _token(translation: Translation) -> None:
    translation.require(TOKEN, "realm", "service", "issuer")
    if translation.read(f"{TOKEN}.autoredirect", switch):
        translation.refuse(
            f"{TOKEN}.autoredirect",
            "clients are sent to one URL here, whatever name they know the registry by: name it in "
            f"{TOKEN}.realm, and remove autoredirect",
        )
    translation.read(f"{TOKEN}.autoredirectpath")
