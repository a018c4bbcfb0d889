"""The service's address, and the URI of each call."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import attrs

from counterseal_client.errors import Unfit
from counterseal_http import Forbidden, Guard
from counterseal_http.target import Target

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})

_PREFIX = "/api"
"""The service serves each call with and without this prefix; some addresses end in it."""


@attrs.frozen
class Address:
    """
    The service's address.

    Signatures cover the full URI, so it must equal the service's own `public_url`.

    Attributes:
        base: The address, without a slash or `/api` at its end.
        path: The path of *base*, which precedes the path of every call.
    """

    base: str
    path: str

    @classmethod
    def read(cls, text: str, guard: Guard, *, allow_http: bool = False) -> Address:
        """
        Read a configured address.

        Args:
            text: The address, such as `https://auth.example.com`; it may have a path.
            guard: Which URLs may be called.
            allow_http: Whether plain `http` to another machine is allowed.

        Raises:
            Unfit: *text* is not a plain address, may not be called, or is not https.
        """
        try:
            target = guard.target(text)
        except Forbidden as error:
            raise Unfit(f"the service's address: {error}") from None
        if "?" in target.path:
            raise Unfit("the service's address: a query")
        if target.scheme == "http" and not (allow_http or target.host in _THIS_MACHINE):
            # Secrets, session tokens and codes would be sent in plain text.
            raise Unfit("the service's address: not https")
        path = target.path.rstrip("/").removesuffix(_PREFIX)
        bare = Target(scheme=target.scheme, host=target.host, port=target.port, path="")
        return cls(base=bare.url + path, path=path)

    def uri(self, call: str, query: Iterable[tuple[str, str]] = ()) -> str:
        """
        Return the URI of a call, such as `account/bind`, with its query.

        Raises:
            Unfit: A member of the query cannot be encoded.
        """
        try:
            members = "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
        except UnicodeEncodeError:
            raise Unfit("a text with a lone surrogate") from None
        return f"{self.base}{_PREFIX}/{call}{'?' if members else ''}{members}"

    def target(self, uri: str) -> bytes:
        """Return the path and query of a URI that begins with `base`, for the request line."""
        return uri[len(self.base) - len(self.path) :].encode("ascii")
