"""AAP: served where the setting says so, to an origin with a Basic credential."""

import json
import sys

import pytest
from werkzeug.test import Client

from counterseal.errors import InvalidField
from counterseal_server import web
from counterseal_server.configuration import settings
from counterseal_server.faces import require_faces
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime

CALL = {"tool": "delete_folder", "arguments": {"path": "/srv/backups"}, "timeout": "5m"}
SERVED = {"aap": True, "policy": {"arguments_required": False}}


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def founded(create_data, data):
    return create_data(data)


def test_a_call_is_opened_where_the_setting_says_so(run, data, founded):
    guid = founded["requestOriginGuid"]
    key = json.loads(run("admin", "rotate", guid, "--auth", "basic", "--data", data).stdout)["key"]

    with Runtime(settings({"data": data, **SERVED}, {})) as runtime:
        client = Client(web.ServerApplication(runtime, web.use_cases(runtime), Metrics()))
        headers = {"Authorization": f"Bearer {guid}.{key}", "Idempotency-Key": "1"}
        reply = client.post("/aap/user-1/v1/requests", json=CALL, headers=headers)
        stranger = client.post("/aap/user-1/v1/requests", json=CALL)
        count = client.get("/metrics").text

    assert (reply.status_code, reply.json["error"]["code"]) == (404, "unreachable")
    assert (stranger.status_code, stranger.json["error"]["type"]) == (401, "authentication")
    assert stranger.headers.getlist("X-Request-Id") == [stranger.json["error"]["request_id"]]
    assert 'operation="aapOpen",status="401"} 1.0' in count


def test_otherwise_it_is_not(open_client):
    assert open_client().post("/aap/user-1/v1/requests").json["code"] == "no_such_endpoint"


def test_without_the_extra_the_setting_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "counterseal_aap", None)
    with pytest.raises(InvalidField, match=r"counterseal-server\[aap\]"):
        require_faces(settings({"data": tmp_path, **SERVED}, {}))
    require_faces(settings({"data": tmp_path}, {}))


def test_a_policy_that_demands_arguments_refuses_the_setting(tmp_path):
    with pytest.raises(InvalidField, match="arguments_required"):
        require_faces(settings({"data": tmp_path}, {"COUNTERSEAL_AAP": "yes"}))
