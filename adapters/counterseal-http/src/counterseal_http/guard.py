"""
The guard against server-side request forgery: which calls may leave, and to which addresses.

It sits where connections are made, so nothing passes it by:
a name is resolved once, every address that comes back is judged, and the connection goes to
one of those. A name server that gives another answer to a second question is never asked one.
"""

from __future__ import annotations

import attrs

from counterseal_http.addresses import (
    PRIVATE,
    Address,
    Network,
    lies_in,
    networks,
    read_address,
    require_reachable,
)
from counterseal_http.errors import Forbidden, Unresolved
from counterseal_http.resolver import Resolver, SystemResolver
from counterseal_http.target import Target, read_target

WEB_PORTS = frozenset({80, 443, 8080, 8443})
"""Where web servers listen. Other ports are mostly other protocols, which a request may confuse."""


PLAIN = "http"


def _ports(ports: frozenset[int] | None) -> frozenset[int] | None:
    return None if ports is None else frozenset(ports)


@attrs.frozen(kw_only=True)
class Guard:
    """
    What may be called.

    Attributes:
        allow_http: Whether plain `http` may be called too; for development.
        allow_private: Whether loopback, RFC 1918 and unique local addresses may be reached;
            for development, or inside a network that is trusted whole.
        allow: Networks that may be reached although they are not public. Narrower than
            `allow_private`, and so better.
        http_to: Networks that may be called by plain `http` too, as far as they may be reached;
            `allow_http` is for all.
        deny: Networks that may not be reached, whatever else is allowed: one's own public ones,
            or the prefix of one's own NAT64.
        ports: Ports that may be called; None allows all.
        resolver: Tells where names lead.
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
        Read an address, and judge what can be judged without asking anybody.

        Raises:
            Forbidden: It is not plain, its scheme or port is not allowed, or it is itself
                an IP address that may not be reached.
        """
        target = read_target(url)
        if target.scheme == PLAIN and not (self.allow_http or self.http_to):
            raise Forbidden("not https", final=True)
        if self.ports is not None and target.port not in self.ports:
            raise Forbidden("a port that is not allowed", final=True)
        literal = read_address(target.host)
        if literal is not None:
            self._judge(literal, target.scheme, final=True)
        return target

    def addresses(self, host: str, within: float, scheme: str) -> tuple[Address, ...]:
        """
        Return where a connection to *host* may go; all of its addresses, or none.

        Args:
            host: As `target` has read it.
            within: Seconds that may be spent on asking.
            scheme: What is spoken there, `http` or `https`.

        Raises:
            Forbidden: One of its addresses may not be reached.
            Unresolved: It has none, or nobody answered.
            NotAttempted: Nobody could be asked.
        """
        literal = read_address(host)
        if literal is not None:
            self._judge(literal, scheme, final=True)
            return (literal,)
        found: list[Address] = []
        for text in self.resolver.resolve(host, within):
            address = read_address(text)
            if address is None:
                raise Forbidden("an answer that is no address", final=False)
            self._judge(address, scheme, final=False)
            found.append(address)
        if not found:
            raise Unresolved("the name has no address")
        return tuple(dict.fromkeys(found))

    def _judge(self, address: Address, scheme: str, *, final: bool) -> None:
        allow = (*PRIVATE, *self.allow) if self.allow_private else self.allow
        require_reachable(address, allow=allow, deny=self.deny, final=final)
        if scheme == PLAIN and not self.allow_http and not lies_in(address, self.http_to):
            raise Forbidden("not https", final=final)
