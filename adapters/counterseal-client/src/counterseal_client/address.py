"""Addresses: where the service is, and the URI of each of its calls."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import attrs

from counterseal_client.errors import Unfit
from counterseal_http import Forbidden, Guard
from counterseal_http.target import Target

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})

_PREFIX = "/api"
"""The service serves each call with and without it; some configured addresses end in it."""


@attrs.frozen
class Address:
    """
    Where the service is.

    Signatures cover the full URI, so this is the public address that the service is configured
    with.

    Attributes:
        base: The address without a slash at its end and without `/api`.
        path: Its path, which precedes the path of every call.
    """

    base: str
    path: str

    @classmethod
    def read(cls, text: str, guard: Guard, *, allow_http: bool = False) -> Address:
        """
        Read a configured address.

        Args:
            text: `https://auth.example.com`, with a path where there is one.
            guard: What may be called.
            allow_http: Whether plain `http` to another machine is allowed.

        Raises:
            Unfit: It is no plain address, may not be called, or is not https.
        """
        try:
            target = guard.target(text)
        except Forbidden as error:
            raise Unfit(f"the service's address: {error}") from None
        if "?" in target.path:
            raise Unfit("the service's address: a query")
        if target.scheme == "http" and not (allow_http or target.host in _THIS_MACHINE):
            # Basic's secret, session tokens and codes would travel in the clear.
            raise Unfit("the service's address: not https")
        path = target.path.rstrip("/").removesuffix(_PREFIX)
        bare = Target(scheme=target.scheme, host=target.host, port=target.port, path="")
        return cls(base=bare.url + path, path=path)

    def uri(self, call: str, query: Iterable[tuple[str, str]] = ()) -> str:
        """
        Return the full address of a call: `account/bind`, with its query where it has one.

        Raises:
            Unfit: No address can hold a member of the query.
        """
        return self.base + self._rest(call, query)

    def target(self, call: str, query: Iterable[tuple[str, str]] = ()) -> bytes:
        """
        Return path and query of the same, for the request line.

        Raises:
            Unfit: No address can hold a member of the query.
        """
        return (self.path + self._rest(call, query)).encode("ascii")

    def _rest(self, call: str, query: Iterable[tuple[str, str]]) -> str:
        try:
            members = "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
        except UnicodeEncodeError:
            raise Unfit("a text with a lone surrogate") from None
        return f"{_PREFIX}/{call}{'?' if members else ''}{members}"
