"""A trace context has the form of its headers, so that none of them can be another header."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal.errors import InvalidField
from counterseal.models import TraceContext

HEX = "0123456789abcdef"
PARENTS = st.builds(
    "00-{}-{}-{}".format,
    st.text(HEX, min_size=32, max_size=32).filter(lambda text: int(text, 16)),
    st.text(HEX, min_size=16, max_size=16).filter(lambda text: int(text, 16)),
    st.text(HEX, min_size=2, max_size=2),
)
ONE = f"00-{'a' * 32}-{'b' * 16}-01"


@given(PARENTS)
def test_a_traceparent_is_sent_as_it_is(parent):
    assert TraceContext(parent=parent).headers() == (("traceparent", parent),)
    assert TraceContext(parent=parent, state="a=1").headers() == (
        ("traceparent", parent),
        ("tracestate", "a=1"),
    )


@pytest.mark.parametrize(
    "parent",
    [
        "",
        ONE.upper(),
        ONE[:-1],
        ONE + "0",
        ONE + "\n",
        "01" + ONE[2:],
        "ff" + ONE[2:],
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        ONE.replace("-", "_"),
        None,
        ONE.encode(),
    ],
)
def test_no_other_traceparent_is_stored(parent):
    with pytest.raises(InvalidField) as refused:
        TraceContext(parent=parent)
    assert refused.value.field == "parent"


@pytest.mark.parametrize("state", ["a=1\r\nx: y", "a=\x00", "é=1", " a=1", "a=1 ", "a" * 513, None])
def test_no_tracestate_is_stored_that_could_be_another_header(state):
    with pytest.raises(InvalidField) as refused:
        TraceContext(parent=ONE, state=state)
    assert refused.value.field == "state"
    assert TraceContext(parent=ONE, state="a" * 512).state


@enough_is_read
@given(mostly_sound(st.text("a=1,b_", min_size=1), st.text()))
def test_what_is_stored_is_one_line(state):
    context = read_or_refuse(
        lambda state: TraceContext(parent=ONE, state=state), state, InvalidField
    )
    if context is None:
        return
    assert re.fullmatch(r"[ -~]*", context.headers()[-1][1])
