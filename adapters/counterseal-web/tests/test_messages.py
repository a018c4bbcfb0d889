"""Replies: what a document says is what its bytes say."""

import json

from hypothesis import example, given

from counterseal_testing import strategies
from counterseal_web.messages import Reply, encode


@given(strategies.i_json())
@example([2**53 - 1, 1 - 2**53, 0.1, -0.0, 1e300, 5e-324, True, None])
@example({"": ['\0\x7f\u2028"\\', "\U0001f600", {}]})
def test_a_document_is_written_as_what_it_is(document):
    assert json.loads(encode(document)) == document


@given(strategies.i_json())
def test_without_white_space_and_in_its_own_order(document):
    compact = json.dumps(json.loads(encode(document)), separators=(",", ":"))
    assert compact == json.dumps(document, separators=(",", ":"))


def test_a_body_is_what_is_written():
    assert Reply(document={"b": ("ü", 1), "a": None}).body() == '{"b":["ü",1],"a":null}'.encode()


def test_no_document_has_no_body():
    assert Reply().body() == b""
