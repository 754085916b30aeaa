"""What a proxy in front says of a request: who asks, by which scheme, and which host.

Anybody can send such headers. They count if whoever sent the request is one of the proxies that
the operator trusts, and only of the kind that these are known to set: a proxy hands on the other
kind as the client wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Literal

from werkzeug.http import parse_options_header

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Set in the environment of a request that a trusted proxy has sent. No header has such a name.
BY_PROXY = "docker_registry.by_proxy"

#: Of how many addresses it is remembered whether they are a proxy's.
PEERS = 4096

Address = IPv4Address | IPv6Address

_HOST = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
#: An address with a port, as some proxies and RFC 7239, section 6, have it.
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]+)?")
#: An element of ``Forwarded``, which may have commas between quotes (RFC 7239, section 4), in the
#: header read backwards: what the nearest proxy has added is last, and a quote that a client left
#: open in front of it is the client's own affair.
_ELEMENT = re.compile(r'(?:[^",]|"[^"]*")+')


@dataclass(frozen=True, slots=True)
class Hop:
    """What a proxy says of a request that it got.

    :ivar client: who had sent it; ``None`` if that isn't said, or not by an address.
    """

    client: Address | None = None
    scheme: str | None = None
    host: str | None = None


class ProxyHeaders:
    """WSGI middleware that puts what trusted proxies say where the server has its own findings.

    :param trusted: addresses and networks of proxies.
    :param kind: which headers they set.
    """

    def __init__(
        self,
        application: WSGIApplication,
        trusted: Sequence[str],
        kind: Literal["x-forwarded", "forwarded"],
    ) -> None:
        self._application = application
        self._networks = [ip_network(network) for network in trusted]
        self._read, self._names = _KINDS[kind]
        # The same few clients ask again and again.
        self._trusts_peer = lru_cache(PEERS)(lambda peer: self._trusts(_address(peer)))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Correct the environment and go on."""
        peer = environ.get("REMOTE_ADDR")
        # A socket of the machine gives no address, but it gives that.
        if peer == "" or (peer and self._trusts_peer(peer)):
            environ[BY_PROXY] = True
            if any(name in environ for name in self._names):
                self._correct(environ)
        return self._application(environ, start_response)

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def _correct(self, environ: WSGIEnvironment) -> None:
        """Go back from proxy to proxy, up to what the first trusted one says."""
        told = Hop()
        for hop in self._read(environ):
            told = replace(hop, client=hop.client or told.client)
            if not self._trusts(hop.client):
                break
        if told.client:
            environ["REMOTE_ADDR"] = str(told.client)
            environ.pop("REMOTE_PORT", None)
        if told.scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = told.scheme
        if told.host and _HOST.fullmatch(told.host):
            environ["HTTP_HOST"] = told.host


def _x_forwarded(environ: WSGIEnvironment) -> Iterator[Hop]:
    """Read what proxies say, that of the nearest first.

    Only addresses go back to the first proxy: who sets ``X-Forwarded-Proto`` or ``-Host`` replaces
    what was there, or adds to it, so that the last is what the nearest proxy says.
    """
    scheme = _listed(environ, "HTTP_X_FORWARDED_PROTO")[-1:]
    host = _listed(environ, "HTTP_X_FORWARDED_HOST")[-1:]
    hop = Hop(None, scheme[0].lower() if scheme else None, host[0] if host else None)
    yield from (
        replace(hop, client=_address(client))
        for client in reversed(_listed(environ, "HTTP_X_FORWARDED_FOR") or [""])
    )


def _forwarded(environ: WSGIEnvironment) -> Iterator[Hop]:
    """Read what proxies say by RFC 7239, that of the nearest first."""
    for element in _ELEMENT.findall(environ.get("HTTP_FORWARDED", "")[::-1]):
        # The parser is for values such as that of Content-Disposition, which begin with a word.
        _, pairs = parse_options_header(f"forwarded; {element[::-1]}")
        scheme = pairs.get("proto")
        yield Hop(_address(pairs.get("for", "")), scheme and scheme.lower(), pairs.get("host"))


#: How what proxies of a kind say is read, and the headers that it is in.
_KINDS = {
    "x-forwarded": (
        _x_forwarded,
        ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"),
    ),
    "forwarded": (_forwarded, ("HTTP_FORWARDED",)),
}


def _listed(environ: WSGIEnvironment, name: str) -> list[str]:
    # Nothing in it is quoted. A quote that a client wrote must not swallow what a proxy adds.
    parts = (part.strip() for part in environ.get(name, "").split(","))
    return [part for part in parts if part]


def _address(text: str) -> Address | None:
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((match["six"] or match["four"]) if match else text)
    except ValueError:
        return None
    # So a socket for both versions writes addresses of version 4.
    return getattr(address, "ipv4_mapped", None) or address
