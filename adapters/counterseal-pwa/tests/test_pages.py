"""Pages: what is sent for each path, with which headers."""

import gzip
import re
from importlib.metadata import version

import pytest

from counterseal_pwa import MOUNT, Pages, load_assets
from counterseal_web import Request

FORM_LIMIT = 90_000
"""Bytes that are sent before the form of a bind link is shown, in any language."""

TRANSFER_LIMIT = 265_000
"""Bytes of all files with five languages, as they are sent."""

PAGES = Pages()
ASSETS = load_assets()
FOLDER = next(name for name, asset in ASSETS.items() if asset.lasts).partition("/")[0]
APP = f"{FOLDER}/app.js"


def get(path, method="GET", **headers):
    sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    response = PAGES.respond(Request(method=method, path=path, headers=sent_headers))
    return response, dict(response.headers)


@pytest.mark.parametrize("name", ["", *ASSETS])
def test_every_file_has_its_type_and_the_policy(name):
    response, headers = get(f"{MOUNT}/{name}")
    asset = ASSETS[name or "index.html"]
    assert (response.status, response.body) == (200, asset.body)
    assert headers["Content-Type"] == asset.media_type
    assert headers["Content-Length"] == str(len(asset.body))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    directives = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= {*directives}
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_only_pages_that_say_so_may_be_framed_by_their_origin():
    request = Request(method="GET", path=f"{MOUNT}/")
    policies = [
        dict(pages.respond(request).headers)["Content-Security-Policy"]
        for pages in (PAGES, Pages(framed_by_own_origin=True))
    ]
    assert policies[0].replace("frame-ancestors 'none'", "frame-ancestors 'self'") == policies[1]
    assert policies[0] != policies[1]


def test_only_the_preview_may_be_framed_and_show_a_picture_that_is_not_saved():
    (page, headers), (preview, loosened) = get(f"{MOUNT}/"), get(f"{MOUNT}/preview")
    policy = headers.pop("Content-Security-Policy")
    expected = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    expected = expected.replace("img-src 'self'", "img-src 'self' blob:")
    assert loosened.pop("Content-Security-Policy") == expected != policy
    assert (preview.status, preview.body, loosened) == (200, page.body, headers)
    unchanged, again = get(f"{MOUNT}/preview", if_none_match=headers["ETag"])
    assert (unchanged.status, again["Content-Security-Policy"]) == (304, expected)


def test_a_file_that_is_the_same_is_not_sent_again():
    _, headers = get(f"{MOUNT}/{APP}")
    for tags in (headers["ETag"], f'"x", W/{headers["ETag"]}', "*"):
        response, again = get(f"{MOUNT}/{APP}", if_none_match=tags)
        assert (response.status, response.body) == (304, b"")
        assert again["ETag"] == headers["ETag"]
    assert get(f"{MOUNT}/{APP}", if_none_match='"x"')[0].status == 200


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("GZIP", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, br", False),
        ("xgzip", False),
        ("identity", False),
    ],
)
def test_gzip_where_it_is_accepted(accepted, compressed):
    response, headers = get(f"{MOUNT}/{APP}", accept_encoding=accepted)
    assert headers.get("Content-Encoding") == ("gzip" if compressed else None)
    body = gzip.decompress(response.body) if compressed else response.body
    assert body == ASSETS[APP].body
    assert headers["Vary"] == "Accept-Encoding"


def test_other_paths_and_methods():
    response, headers = get(MOUNT)
    assert (response.status, headers["Location"]) == (308, "app/")
    wrong = (
        "/nothing.js",
        "/../pages.py",
        "/%2e%2e/pages.py",
        "//worker.js",
        f"/{FOLDER}",
        "/py.typed",
    )
    for path in wrong:
        assert get(f"{MOUNT}{path}")[0].status == 404
    response, headers = get(f"{MOUNT}/", method="POST")
    assert (response.status, headers["Allow"]) == (405, "GET, HEAD")
    assert PAGES.serves("/app")
    assert PAGES.serves("/app/x")
    assert not PAGES.serves("/application")


@pytest.mark.parametrize(
    ("script_name", "path", "status", "location"),
    [
        ("/auth/device", "/", "200 OK", None),
        ("/auth/device", "", "308 Permanent Redirect", "device/"),
        ("/auth/device", f"/{APP}", "200 OK", None),
        ("/auth/device", "/no", "404 Not Found", None),
    ],
)
def test_mounted_in_another_wsgi_application(script_name, path, status, location):
    response = {}

    def start_response(line, headers):
        response.update(status=line, headers=dict(headers))

    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": script_name, "PATH_INFO": path}
    body = b"".join(PAGES(environ, start_response))
    assert response["status"] == status
    assert response["headers"].get("Location") == location
    assert len(body) == int(response["headers"]["Content-Length"])


def test_the_app_says_the_version_of_its_package():
    assert f'APP_VERSION = "{version("counterseal-pwa")}";' in ASSETS[APP].body.decode()


def test_a_browser_asks_once_for_what_never_changes():
    lasting = {name for name in ASSETS if "immutable" in get(f"{MOUNT}/{name}")[1]["Cache-Control"]}
    assert lasting == {name for name in ASSETS if name.startswith(f"{FOLDER}/")}
    names = {name.removeprefix(f"{FOLDER}/") for name in lasting}
    assert {"accounts.js", "app.js", "requests.js", "style.css", "texts/en.json"} <= names
    for name in ASSETS.keys() - lasting:
        assert get(f"{MOUNT}/{name}")[1]["Cache-Control"] == "no-cache"
    # A file of another version may be here in a moment, when all machines are upgraded.
    response, headers = get(f"{MOUNT}/0123456789abcdef/app.js")
    assert response.status == 404
    assert "Cache-Control" not in headers


def test_it_is_small(capsys):
    sizes = {name: len(asset.compressed or asset.body) for name, asset in ASSETS.items()}
    texts = [size for name, size in sizes.items() if name.startswith(f"{FOLDER}/texts/")]
    first = ("index.html", "icon.svg", "manifest.webmanifest", "service.json")
    start = sum(sizes[name] for name in (*first, f"{FOLDER}/style.css", APP)) + max(texts)
    # A browser loads one language.
    transfer = sum(sizes.values()) - sum(texts) + max(texts)
    with capsys.disabled():
        print(f"\nthe app: {transfer:,} bytes sent, {start:,} before the form")  # noqa: T201
    assert start < FORM_LIMIT
    assert transfer < TRANSFER_LIMIT


def test_nothing_is_inline_and_nothing_comes_from_elsewhere():
    page = ASSETS["index.html"].body.decode()
    assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=", page)
    for name, asset in ASSETS.items():
        if name.endswith((".html", ".css", ".webmanifest")):
            assert not re.search(rb"(?:https?:)?//[a-z]", asset.body), name
        if name.endswith(".js"):
            assert not re.search(
                rb"innerHTML|outerHTML|insertAdjacent|\beval\(|Function\(", asset.body
            )
