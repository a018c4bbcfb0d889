"""The browser device: served at /app where the settings say so, and nowhere else."""

import logging
import sys

import pytest

from counterseal.errors import InvalidField
from counterseal_server.configuration import settings
from counterseal_server.faces import require_faces


def test_it_is_served_where_the_setting_says_so(open_client):
    client = open_client(BROWSER_DEVICE="yes")
    reply = client.get("/app/")
    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "X-Request-Id" in reply.headers
    assert client.get("/app").headers["Location"] == "app/"
    assert client.head("/app/worker.js").data == b""
    assert client.get("/application").status_code == 404
    assert client.get("/.well-known/jwks.json").status_code == 200
    counted = client.get("/metrics").text
    assert 'operation="app",status="200"} 2.0' in counted


def test_it_may_fetch_documents_from_the_origins_of_the_setting(open_client):
    client = open_client(
        BROWSER_DEVICE="yes",
        BROWSER_DEVICE_DOCUMENTS="https://files.example.com,https://docs.example.com",
    )
    allowed = "connect-src 'self' https://files.example.com https://docs.example.com;"
    assert allowed in client.get("/app/").headers["Content-Security-Policy"]


def test_an_origin_of_documents_that_is_none_is_refused(tmp_path):
    environment = {
        "COUNTERSEAL_BROWSER_DEVICE": "yes",
        "COUNTERSEAL_BROWSER_DEVICE_DOCUMENTS": "http://files.example.com",
    }
    with pytest.raises(InvalidField) as refusal:
        require_faces(settings({"data": tmp_path}, environment))
    assert refusal.value.field == "browser_device_documents"


PUBLIC = "https://auth.example.com"
FILES = "https://files.example.com"


@pytest.mark.parametrize(
    ("changes", "origins"),
    [
        ({}, None),
        ({"DOCUMENTS": FILES}, None),
        ({"": "yes"}, (PUBLIC,)),
        ({"": "yes", "DOCUMENTS": FILES}, (PUBLIC, FILES)),
        # Its files are written elsewhere, with a list that the service is not told of.
        ({"URL": "https://app.example.com"}, None),
        ({"": "yes", "URL": "https://app.example.com"}, None),
        (
            {"URL": "https://app.example.com/app", "DOCUMENTS": FILES},
            ("https://app.example.com", PUBLIC, FILES),
        ),
    ],
)
def test_the_service_knows_from_where_it_may_fetch_documents(tmp_path, changes, origins):
    environment = {
        f"COUNTERSEAL_BROWSER_DEVICE_{name}".removesuffix("_"): text
        for name, text in changes.items()
    }
    flags = {"data": tmp_path, "public_url": PUBLIC}
    assert settings(flags, environment).app_origins == origins


def test_a_page_by_http_may_fetch_from_its_host_by_https(tmp_path):
    flags = {"data": tmp_path, "public_url": "http://localhost:8787", "browser_device": True}
    assert settings(flags, {}).app_origins == ("https://localhost:8787",)


def test_its_files_do_not_fill_the_log(open_client, caplog):
    caplog.set_level(logging.DEBUG, "counterseal_server.access")
    client = open_client(BROWSER_DEVICE="yes")
    for path in ("/app/worker.js", "/app/absent.js", "/.well-known/jwks.json"):
        client.get(path)
    logged = [(each.levelname, each.getMessage().rsplit(" ", 2)[0]) for each in caplog.records]
    assert logged == [
        ("DEBUG", "GET app 200"),
        ("INFO", "GET app 404"),
        ("INFO", "GET serviceKeys 200"),
    ]


def test_otherwise_it_is_not(open_client):
    client = open_client()
    assert client.get("/app/").status_code == 404
    assert "Content-Security-Policy" not in client.get("/app/").headers


def test_without_the_extra_the_setting_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_pwa", None)
    with pytest.raises(InvalidField, match=r"counterseal-server\[pwa\]"):
        require_faces(settings({"data": tmp_path}, {"COUNTERSEAL_BROWSER_DEVICE": "yes"}))
    require_faces(settings({"data": tmp_path}, {}))
