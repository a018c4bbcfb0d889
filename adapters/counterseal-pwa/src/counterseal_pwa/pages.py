"""Pages: the response to each request for a file of the web app."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs

from counterseal_pwa.assets import Asset, load_assets, origin_of, require_documents
from counterseal_pwa.bundle.files import INDEX
from counterseal_web import MOUNT, Request, Response
from counterseal_web.wsgi import read_environ, write_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREVIEW = "/preview"
"""Where the app shows a brand that is not saved, below its mount: without accounts or calls."""

OPERATION = "app"
"""The operation of these requests, in metrics and logs."""

METHODS = "GET, HEAD"

DIRECTIVES: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "counterseal-worker counterseal-html",
}
"""Nothing inline, nothing evaluated, nothing from elsewhere, and no frame around it."""

HEADERS: Mapping[str, str] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
CACHE_CONTROL = "no-cache"
"""A browser keeps such a file, and asks each time whether it is the same."""

LASTING = "public, max-age=31536000, immutable"
"""A browser asks once for a file whose address never has another content (RFC 8246)."""

_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[0-9.]+\s*)?(?:,|$)")


class Pages:
    """
    The files of the web app, and a WSGI application that serves them.

    The app calls one service, and no other. It fetches the documents of actions from the app's own
    web origin and from those of *documents*.

    Args:
        service: The public URL of the service; by default, what the app's own address continues by
            one segment. The service has to list the app's web origin in its setting `cors`.
        documents: The web origins of documents, such as https://files.example.com. Each has to
            allow the app's own web origin by CORS.
        framed_by_own_origin: Whether pages of the app's own origin may frame it, for a
            demonstration. Such a page can lay something over the app's buttons.

    Raises:
        InvalidField: *service* is not an address that a browser calls from an app on HTTPS; or one
            of *documents* is not a web origin by HTTPS.
    """

    def __init__(
        self,
        *,
        service: str | None = None,
        documents: Iterable[str] = (),
        framed_by_own_origin: bool = False,
    ) -> None:
        self._assets: Mapping[str, Asset] = load_assets(service)
        policy = _policy(
            service, require_documents(documents), framed_by_own_origin=framed_by_own_origin
        )
        self._headers = {**HEADERS, "Content-Security-Policy": _write(policy)}
        preview = {**policy, "frame-ancestors": "'self'", "img-src": f"{policy['img-src']} blob:"}
        self._preview_headers = {**HEADERS, "Content-Security-Policy": _write(preview)}

    @property
    def assets(self) -> Mapping[str, Asset]:
        """Return the files by their paths, which have no slash in front."""
        return self._assets

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers that each response has."""
        return self._headers

    def serves(self, path: str) -> bool:
        """Return whether *path* is the app's or below it, where it is mounted at `MOUNT`."""
        return path == MOUNT or path.startswith(f"{MOUNT}/")

    def respond(self, request: Request, mount: str = MOUNT) -> Response:
        """
        Return the response to *request*.

        Args:
            request: Its path begins with *mount*.
            mount: Where the app is; its last segment is what a relative redirect leads to.
        """
        if request.method not in METHODS.split(", "):
            return self._response(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": METHODS})
        path = request.path.removeprefix(mount)
        if not path:
            location = f"{mount.rpartition('/')[2]}/"
            return self._response(HTTPStatus.PERMANENT_REDIRECT, {"Location": location})
        if path == PREVIEW:
            response = self._file_response(self._assets[INDEX], request.headers)
            headers = {**dict(response.headers), **self._preview_headers}
            return attrs.evolve(response, headers=tuple(headers.items()))
        asset = self._assets.get(path.removeprefix("/") or INDEX)
        if asset is None or not path.startswith("/"):
            return self._response(HTTPStatus.NOT_FOUND, {})
        return self._file_response(asset, request.headers)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; the host moves the mount from `PATH_INFO` to `SCRIPT_NAME`."""
        request = read_environ(environ)
        mount = environ.get("SCRIPT_NAME", "").encode("latin-1").decode(errors="replace")
        response = self.respond(
            Request(method=request.method, path=mount + request.path, headers=request.headers),
            mount,
        )
        return write_response(response, request.method, start_response)

    def _file_response(self, asset: Asset, headers: Mapping[str, str]) -> Response:
        file_headers = {
            "Content-Type": asset.media_type,
            "ETag": asset.etag,
            "Cache-Control": LASTING if asset.lasts else CACHE_CONTROL,
            "Vary": "Accept-Encoding",
        }
        tags = [
            tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")
        ]
        if asset.etag in tags or "*" in tags:
            del file_headers["Content-Type"]
            return self._response(HTTPStatus.NOT_MODIFIED, file_headers)
        if asset.compressed is not None and _GZIP.search(
            headers.get("accept-encoding", "").lower()
        ):
            # A strong tag names bytes, and these are others.
            encoded = {"Content-Encoding": "gzip", "ETag": f"W/{asset.etag}"}
            return self._response(HTTPStatus.OK, {**file_headers, **encoded}, asset.compressed)
        return self._response(HTTPStatus.OK, file_headers, asset.body)

    def _response(
        self, status: HTTPStatus, headers: Mapping[str, str], body: bytes = b""
    ) -> Response:
        all_headers = {**self._headers, **headers}
        if status is not HTTPStatus.NOT_MODIFIED:
            all_headers["Content-Length"] = str(len(body))
        return Response(
            status=int(status), headers=tuple(all_headers.items()), body=body, operation=OPERATION
        )


def _policy(
    service: str | None, documents: tuple[str, ...], *, framed_by_own_origin: bool
) -> dict[str, str]:
    directives = {**DIRECTIVES}
    if service is not None:
        for name in ("connect-src", "img-src"):
            directives[name] += f" {origin_of(service)}"
    directives["connect-src"] = " ".join([directives["connect-src"], *documents])
    if framed_by_own_origin:
        directives["frame-ancestors"] = "'self'"
    return directives


def _write(directives: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in directives.items())
