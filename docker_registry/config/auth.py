"""Keys of who may come in, and what he may do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from docker_registry.config import web
from docker_registry.config.keys import (
    Keys,
    Words,
    key,
    lower,
    read_flow,
    section,
    split_list,
)


class Htpasswd(Keys):
    """Users of a file of Apache's htpasswd, with bcrypt hashes."""

    path: str | None = key(
        None, "The file. It is read again when it changes: `docker-registry user add NAME`."
    )


class LoginLimits(Keys):
    """Limits on logins that fail. While one is reached, logins are refused (429)."""

    per_address: int = key(
        100,
        "How many may fail from one address, or from one /64 network of IPv6; 0 for any number.",
        ge=0,
    )
    per_user: int = key(
        10, "How many may fail of one user from one address; 0 for any number.", ge=0
    )
    seconds: int = key(
        300, "Within how many seconds, from the first one; so long a refusal may last.", ge=1
    )


class Keystone(Keys):
    """Users of OpenStack."""

    auth_url: Annotated[str | None, AfterValidator(web.base_url)] = key(
        None, "URL of Keystone; by default that of the store (`OS_AUTH_URL`, or `clouds.yaml`)."
    )
    user_domain: str = key("Default", "Name of the domain of users who name none.")
    project: str | None = key(None, "Name of the project of users who name none.")
    project_domain: str = key("Default", "Name of the domain of projects that name none.")
    repositories: str = key(
        "{project}",
        "How repositories of a project begin: a template of components with `{project}`, "
        "`{project_id}` and `{domain}`. Without `{domain}` or `{project_id}` in it, only projects "
        "of `project_domain` have repositories.",
    )
    cache_seconds: int = key(
        60,
        "Seconds for which a login is not asked for again: so long somebody whose password is no "
        "longer good can still get tokens.",
        ge=0,
    )
    policy_file: str | None = key(
        None,
        "A policy file of oslo.policy: rules `registry:pull`, `registry:push`, `registry:delete` "
        "and `registry:admin` decide what a user may do in the repositories of his project.",
    )
    timeout: float = key(10, "Seconds for which Keystone may be silent.", gt=0)


class Certificates(Keys):
    """Clients with a TLS certificate."""

    header: Annotated[str | None, AfterValidator(web.header)] = key(
        None,
        "The header by which a proxy in front (see `trusted_proxies`) tells the subject of the "
        "certificate that it has verified, as RFC 4514 writes it (`CN=alice,OU=team`); unset, "
        "certificates count that the server itself has verified (`REGISTRY_TLS_CLIENT_CA`).",
    )
    user: Literal["CN", "UID", "emailAddress"] = key(
        "CN",
        "The attribute of the subject that names the user. His groups are what `OU` says.",
    )


class Issuer(Keys):
    """Somebody else who issues tokens for this registry."""

    name: str | None = key(None, "What the claim `iss` of its tokens says.")
    realm: Annotated[str | None, AfterValidator(web.base_url)] = key(
        None, "URL where clients get its tokens."
    )
    service: str | None = key(None, "What the claim `aud` says: the name of this registry there.")
    certificates: str | None = key(None, "A PEM file with its certificates or public keys.")
    jwks: str | None = key(None, "Its JSON Web Key Set: a file, or an https URL.")
    algorithms: Words = key(
        ["RS256", "ES256", "ES384", "EdDSA"], "Algorithms by which its tokens may be signed."
    )


class Tokens(Keys):
    """Tokens that the registry issues itself, to those who have logged in, and to anonymous."""

    enabled: bool = key(
        True,
        "Whether clients are sent to get a token. Else they send the password with each request, "
        "and anonymous pulls are not possible beside it.",
    )
    seconds: int = key(300, "For how long a token is good.", ge=60, le=24 * 3600)
    refresh_seconds: int = key(
        90 * 24 * 3600,
        "For how long a refresh token is good, which clients keep instead of a password; 0 and "
        "there are none.",
        ge=0,
    )
    service: str | None = key(
        None, "The name of this registry in tokens. All nodes need the same one."
    )
    signing_key: str | None = key(
        None,
        "A PEM file with the private key that signs tokens, and after it older ones that are still "
        "good. By default keys are made in the store, and changed every `rotate_seconds`.",
    )
    rotate_seconds: int = key(
        30 * 24 * 3600, "How old a key in the store gets before another one signs.", ge=3600
    )


class Rule(Keys):
    """Who may do what with which repositories."""

    who: Words
    repositories: str
    may: Annotated[list[Literal["pull", "push", "delete", "admin"]], BeforeValidator(split_list)]


class Audit(Keys):
    """Lines that say who did what: logins, refusals, pushes and deletes."""

    file: str = key("-", "File to which they are added; `-` is standard output.", min_length=1)
    format: Annotated[Literal["text", "json"], BeforeValidator(lower)] = key(
        "text", "`text` (`key=value`), or `json`: one object a line."
    )


class Auth(Keys):
    """Who may come in, and what he may do."""

    auth: Annotated[
        list[Literal["htpasswd", "token", "keystone", "certificate"]], BeforeValidator(split_list)
    ] = key(
        [],
        "How to tell who somebody is, in the order in which it is tried; none, and everybody may "
        "do everything.",
        "AUTH",
    )
    auth_htpasswd: Htpasswd = section(Htpasswd, "AUTH_HTPASSWD")
    auth_limits: LoginLimits = section(LoginLimits, "AUTH_LIMITS")
    auth_keystone: Keystone = section(Keystone, "AUTH_KEYSTONE")
    auth_certificate: Certificates = section(Certificates, "AUTH_CERTIFICATE")
    auth_token: Issuer = section(Issuer, "AUTH_TOKEN")
    tokens: Tokens = section(Tokens, "TOKENS")
    policy: Annotated[list[Rule], BeforeValidator(read_flow)] = key(
        [],
        "Rules; without any, users of `htpasswd` and `certificate` may pull, push and delete "
        "everything, and those of `keystone` what their roles in their project say.",
        "POLICY",
    )
    write_once: Words = key(
        [],
        "Tags that can't be moved once they are there, as patterns such as `team/**:v*`.",
        "WRITE_ONCE",
    )
    audit: Audit = section(Audit, "AUDIT")
