"""
The guard against server-side request forgery: which URLs and addresses may be called.

It is applied where connections are made, so no request bypasses it. A name is resolved once, all of
its addresses are checked, and the connection goes to one of them. So a name server gains nothing if
it changes its answer after the check (DNS rebinding).
"""

from __future__ import annotations

import attrs

from counterseal_http.addresses import is_in, read_address, require_reachable
from counterseal_http.errors import Forbidden, Unresolved
from counterseal_http.networks import PRIVATE, WEB_PORTS, Address, Network, networks
from counterseal_http.resolver import Resolver, SystemResolver
from counterseal_http.target import Target, read_target

PLAIN = "http"


def _ports(ports: frozenset[int] | None) -> frozenset[int] | None:
    return None if ports is None else frozenset(ports)


@attrs.frozen(kw_only=True)
class Guard:
    """
    Which URLs and addresses may be called.

    Attributes:
        allow_http: Whether plain `http` may be called too; for development.
        allow_private: Whether loopback, RFC 1918 and unique local addresses may be reached;
            for development, or in a network in which every server is trusted.
        allow: Networks that may be reached although they are not public; narrower, and so safer,
            than `allow_private`.
        http_to: Networks that may be called by plain `http` too, if they may be reached;
            `allow_http` allows it for all.
        deny: Networks that may not be reached, whatever else is allowed: the operator's own
            public networks, or the prefix of the operator's NAT64.
        ports: Ports that may be called; None allows all.
        resolver: Resolves host names.
    """

    allow_http: bool = False
    allow_private: bool = False
    allow: tuple[Network, ...] = attrs.field(default=(), converter=networks)
    http_to: tuple[Network, ...] = attrs.field(default=(), converter=networks)
    deny: tuple[Network, ...] = attrs.field(default=(), converter=networks)
    ports: frozenset[int] | None = attrs.field(default=WEB_PORTS, converter=_ports)
    resolver: Resolver = attrs.field(factory=SystemResolver)

    def target(self, url: str) -> Target:
        """
        Parse *url*, and check all that can be checked without resolving a name.

        Raises:
            Forbidden: *url* is malformed, its scheme or port is not allowed, or its host is an
                IP address that is not allowed.
        """
        target = read_target(url)
        if target.scheme == PLAIN and not (self.allow_http or self.http_to):
            raise Forbidden("not https", final=True)
        if self.ports is not None and target.port not in self.ports:
            raise Forbidden("a port that is not allowed", final=True)
        literal = read_address(target.host)
        if literal is not None:
            self._require_allowed(literal, target.scheme, final=True)
        return target

    def addresses(self, host: str, timeout: float, scheme: str) -> tuple[Address, ...]:
        """
        Return the addresses of *host*, all of which are allowed.

        Args:
            host: The host of a `Target`.
            timeout: The seconds that resolving may take.
            scheme: `http` or `https`.

        Raises:
            Forbidden: One of its addresses is not allowed.
            Unresolved: It has no address, or no name server answered.
            NotAttempted: This machine could not resolve it.
        """
        literal = read_address(host)
        if literal is not None:
            self._require_allowed(literal, scheme, final=True)
            return (literal,)
        allowed: list[Address] = []
        for text in self.resolver.resolve(host, timeout):
            address = read_address(text)
            if address is None:
                raise Forbidden("a name server's answer that is not an address", final=False)
            self._require_allowed(address, scheme, final=False)
            allowed.append(address)
        if not allowed:
            raise Unresolved("the name has no address")
        return tuple(dict.fromkeys(allowed))

    def _require_allowed(self, address: Address, scheme: str, *, final: bool) -> None:
        allow = (*PRIVATE, *self.allow) if self.allow_private else self.allow
        require_reachable(address, allow=allow, deny=self.deny, final=final)
        if scheme == PLAIN and not self.allow_http and not is_in(address, self.http_to):
            raise Forbidden("not https", final=final)
