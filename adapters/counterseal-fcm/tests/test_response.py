"""Responses of any shape have an outcome or a fault, and never raise."""

import json
from datetime import UTC, datetime

import httpx2
from fcm_loopback import BAD_REQUEST, FCM_ERROR
from hypothesis import given
from hypothesis import strategies as st

from counterseal.models import PushOutcome, PushResult
from counterseal_fcm.response import Fault, read_response

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from([FCM_ERROR, BAD_REQUEST, "UNREGISTERED", "INVALID_ARGUMENT", "message.token"])
)
NAMES = st.text() | st.sampled_from(
    ["error", "details", "@type", "errorCode", "fieldViolations", "field"]
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20
)
BODIES = (
    st.binary()
    | DOCUMENTS.map(lambda document: json.dumps(document).encode())
    | DOCUMENTS.map(lambda document: json.dumps({"error": {"details": document}}).encode())
    | st.lists(DOCUMENTS).map(lambda all_: json.dumps({"error": {"details": all_}}).encode())
)


@given(
    status=st.integers(200, 599),
    body=BODIES,
    wait=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126)),
)
def test_any_response_has_an_outcome_or_a_fault(status, body, wait):
    headers = {} if wait is None else {"retry-after": wait}
    outcome = read_response(httpx2.Response(status, headers=headers, content=body), NOW)

    assert isinstance(outcome, PushOutcome | Fault)
    if isinstance(outcome, PushOutcome):
        assert (outcome.result is PushResult.DELIVERED) == (status < 300)
        assert (outcome.result is PushResult.LATER) == (status >= 500 or status in {408, 429})
        if outcome.result is PushResult.GONE:
            # An address is dropped only if FCM says UNREGISTERED.
            assert status == 404
            assert b"UNREGISTERED" in body
            assert FCM_ERROR.rpartition("/")[2].encode() in body
        if outcome.after is not None:
            assert outcome.result is PushResult.LATER
