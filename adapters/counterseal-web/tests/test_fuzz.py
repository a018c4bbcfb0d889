"""Whatever is sent, the answer is one that is described, and never an error of ours."""

import json
import re
from http import HTTPStatus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal_web import OPERATIONS
from counterseal_web.schemas import SCHEMAS

pytestmark = pytest.mark.one_face

PROBLEM = "application/problem+json"
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/jose",
    "text/plain; charset=utf-8",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    "",
]
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats()
MEMBERS = st.sampled_from(
    sorted({name for schema in SCHEMAS.values() for name in schema.get("properties", ())})
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(MEMBERS | st.text(max_size=4), below)
    ),
    max_leaves=8,
)
VALUES = st.sampled_from(
    ["user-42", "nobody", "00000000-0000-8000-8000-000000000000", "%00", "%ff", "", "..", "x"]
)


CALLS = st.fixed_dictionaries(
    {
        "operation": st.sampled_from(OPERATIONS),
        "prefix": st.sampled_from(["", "/api"]),
        "name": VALUES,
        "query": st.dictionaries(
            st.sampled_from(["accountId", "requestGuid", "x"]), VALUES, max_size=3
        ),
        "media_type": st.sampled_from(TYPES),
        "body": st.binary(max_size=60) | DOCUMENTS,
        "trusted": st.booleans(),
        "header": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    }
)


@pytest.fixture
def described(client):
    paths = client.get("/openapi.json").json["paths"]
    return {
        each.id: {int(status) for status in paths[each.path][each.method.lower()]["responses"]}
        for each in OPERATIONS
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(call=CALLS)
def test_no_request_is_an_error_of_ours_or_answered_in_a_way_that_is_not_described(
    shop, device_client, described, call
):
    operation, body, media_type = call["operation"], call["body"], call["media_type"]
    path = call["prefix"] + re.sub(r"\{\w+\}", call["name"] or "x", operation.path)
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
        media_type = media_type or "application/json"
    headers = {"Counterseal-Proof": call["header"], "Idempotency-Key": call["header"]}
    headers["Authorization"] = shop.headers["Authorization"] if call["trusted"] else call["header"]
    reply = shop.client.open(
        f"{path}?{'&'.join(f'{key}={value}' for key, value in call['query'].items())}",
        method=operation.method,
        content_type=media_type or None,
        headers=headers,
        data=body,
    )
    if reply.mimetype == "text/html":  # not ours: a path under `/api` that devices do not have
        assert call["prefix"] == "/api"
        return
    # A name may spell another path, and a path under `/api` be no device's.
    assert reply.status_code in described[operation.id] - {500, 503} | {404, 405}
    if reply.status_code >= HTTPStatus.BAD_REQUEST:
        assert reply.mimetype == PROBLEM
        assert reply.json["status"] == reply.status_code
    reply.close()
