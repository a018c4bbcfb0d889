"""Forms: what clients write with brackets, read in one way or refused."""

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from counterseal.errors import InvalidField
from counterseal_web.forms import DEPTH, PAIRS, read_form

NAMES = st.text(min_size=1, max_size=8).filter(
    lambda name: not set(name) & set("[]") and not name.isdecimal() and name.isprintable()
)
TEXTS = st.text(max_size=12)


def documents(depth):
    if depth == 0:
        return TEXTS
    below = documents(depth - 1)
    return (
        TEXTS
        | st.lists(below, min_size=1, max_size=3)
        | st.dictionaries(NAMES, below, min_size=1, max_size=3)
    )


FORMS = st.dictionaries(NAMES, documents(3), max_size=4)


def flat(value, name=""):
    """Write *value* as `qs.stringify` does: dense lists with indices."""
    if isinstance(value, str):
        return [(name, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        pair for key, below in items for pair in flat(below, f"{name}[{key}]" if name else str(key))
    ]


@given(FORMS, st.randoms(use_true_random=False), st.sampled_from([quote, quote_plus]))
def test_what_is_written_is_read_in_any_order(form, random, quoting):
    pairs = flat(form)
    random.shuffle(pairs)
    body = urlencode(pairs, quote_via=quoting).encode()
    assert read_form(body) == form


@given(FORMS)
def test_a_field_given_twice_is_refused(form):
    pairs = flat(form)
    assume(pairs)
    with pytest.raises(InvalidField):
        read_form(urlencode([*pairs, pairs[0]]).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_of_texts_or_refused(body):
    try:
        form = read_form(body)
    except InvalidField as refusal:
        assert refusal.problem
        assert f"{refusal.field}".isascii()
        return
    assert all(isinstance(text, str) for _, text in flat(form))


@given(st.text(alphabet="ab01[]=&%", max_size=40))
def test_any_brackets_are_read_in_one_way_or_refused(text):
    try:
        form = read_form(text.encode())
    except InvalidField:
        return
    assert read_form(urlencode(flat(form)).encode()) == form


def test_the_body_of_c_ue_as_the_contract_shows_it():
    body = (
        'accountId=user-42&duration=5m&additionalInfo[template]=true&transactionId={"uid":"u1"}'
        "&showCode=true&showNotification=true&content[title]=T&content[keys][0][key]=K"
        "&content[keys][0][value]=V&buttons[0][title]=Approve&buttons[0][strongAuth]=true"
        '&buttons[0][style]={"color":"#16C656"}&buttons[1][title]=Decline'
        '&buttons[1][strongAuth]=false&buttons[1][style]={"color":"#FF6600"}'
    )
    assert read_form(body.encode()) == {
        "accountId": "user-42",
        "duration": "5m",
        "additionalInfo": {"template": "true"},
        "transactionId": '{"uid":"u1"}',
        "showCode": "true",
        "showNotification": "true",
        "content": {"title": "T", "keys": [{"key": "K", "value": "V"}]},
        "buttons": [
            {"title": "Approve", "strongAuth": "true", "style": '{"color":"#16C656"}'},
            {"title": "Decline", "strongAuth": "false", "style": '{"color":"#FF6600"}'},
        ],
    }


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", {}),
        (b"a=", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"a%5Bb%5D=c", {"a": {"b": "c"}}),
        (b"a[]=x&a[]=y", {"a": ["x", "y"]}),
        (b"a[0]=x&a[]=y", {"a": ["x", "y"]}),
        (b"a[10]=k" + b"".join(b"&a[%d]=v" % n for n in range(10)), {"a": ["v"] * 10 + ["k"]}),
        ("a=Zoë".encode(), {"a": "Zoë"}),
    ],
)
def test_what_is_read(body, form):
    assert read_form(body) == form


@pytest.mark.parametrize(
    "body",
    [
        b"a",
        b"&a=1",
        b"a=1&",
        b"=1",
        b"[a]=1",
        b"a[=1",
        b"a]=1",
        b"a[b]c=1",
        b"a[[b]]=1",
        b"a[][b]=1",
        b"a=1&a=2",
        b"a=1&a[b]=2",
        b"a[b]=2&a=1",
        b"a[0]=1&a[0]=2",
        b"a[1]=1",
        b"a[0]=1&a[2]=1",
        b"a[0]=1&a[b]=2",
        b"a[b]=1&a[]=2",
        b"a[00]=1&a[0]=1",
        b"a[1000000000000]=1",
        b"a=%",
        b"a=%zz",
        b"a=%ff",
        b"%ff=a",
        b"a=\xff",
        b"a" * 65 + b"=1",
        b"a" + b"[b]" * DEPTH + b"=1",
        b"&".join(b"a[]=1" for _ in range(PAIRS + 1)),
    ],
)
def test_what_is_refused(body):
    with pytest.raises(InvalidField):
        read_form(body)


def test_a_field_of_the_greatest_depth_is_read():
    assert read_form(b"a" + b"[b]" * (DEPTH - 1) + b"=1")
