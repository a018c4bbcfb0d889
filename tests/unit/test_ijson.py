"""The strict reader and the canonical writer of I-JSON."""

import enum
import json
import math
import struct
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from counterseal import ijson
from counterseal.errors import InvalidField

NONCHARACTERS = [
    *(chr(code) for code in range(0xFDD0, 0xFDF0)),
    *(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)),
]
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=NONCHARACTERS)
TEXTS = st.text(CHARACTERS, max_size=20)
EXACT = st.integers(-(2**53) + 1, 2**53 - 1)
# Whole floats between 2**53 and 1e21 are written as integers that not all hold exactly.
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda value: not (value.is_integer() and 2**53 <= abs(value) < 1e21)
)
VALUES = st.recursive(
    st.none() | st.booleans() | EXACT | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def nested(levels, kind, core):
    value = core
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


def refusal(call, *arguments, **options):
    with pytest.raises(InvalidField) as caught:
        call(*arguments, **options)
    return caught.value.field, caught.value.problem


# The writer


@given(VALUES)
def test_what_was_written_reads_back_and_is_written_the_same(value):
    text = ijson.canonical(value)

    assert ijson.parse(text) == value
    assert ijson.parse(text.decode()) == value
    assert ijson.canonical(ijson.parse(text)) == text


@given(
    VALUES
    | st.recursive(
        st.none() | st.booleans() | EXACT | TEXTS | st.text(st.characters(max_codepoint=0x7F)),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(inner, inner)
            | st.dictionaries(
                st.text(st.characters(max_codepoint=0x7F), max_size=4), inner, max_size=6
            )
        ),
    )
)
@example({"b": 1, "a": 2, "A": 3, "\x7f": 4, "\x00": 5, "": 6, "a\x1f": 7, "a ": 8})
@example({"text": "".join(map(chr, range(0x100))) + "\u2028\u2029\ufeff\U0001f600"})
@example({"\ufb33": 1, "\U0001f600": 2})
@example([2**53 - 1, 1 - 2**53, True, False, None, 0, -0.0, 1.0, 1e21, 5e-324])
def test_what_is_written_is_what_the_package_rfc8785_writes(value):
    assert ijson.canonical(value) == rfc8785.dumps(value)


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [{Name("b"): 1, "a": 2}, [Name("x")], {"a": Name("y")}])
def test_subclasses_are_written_as_the_package_rfc8785_writes_them(value):
    assert ijson.canonical(value, checked=True) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), {"a": [10**400]}, {1: 2}, [b""], {"a": {1}}])
def test_even_what_was_called_checked_is_refused_where_it_cannot_be_written(value):
    assert refusal(ijson.canonical, value, checked=True)


def fits(value, levels=32):
    """RFC 7493 once more: whether I-JSON, and JSON of 32 levels, holds *value*."""
    if isinstance(value, str):
        return not any(
            0xD800 <= ord(c) < 0xE000 or 0xFDD0 <= ord(c) < 0xFDF0 or ord(c) & 0xFFFE == 0xFFFE
            for c in value
        )
    if isinstance(value, dict):
        names = all(isinstance(name, str) and fits(name) for name in value)
        return names and fits([*value.values()], levels)
    if isinstance(value, (list, tuple)):
        return levels > 0 and all(fits(item, levels - 1) for item in value)
    if isinstance(value, float):
        return math.isfinite(value) and (value % 1 != 0 or not 2**53 <= abs(value) < 1e21)
    if isinstance(value, int):
        return -(2**53) < value < 2**53
    return value is None


class SubclassedText(enum.StrEnum):
    GOOD = "good"
    BAD = "\ufffe"


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**53 - 2, 2**53 + 2).flatmap(lambda n: st.sampled_from([n, -n, float(n)])),
    st.floats(),
    st.floats(1e20, 1e22),
    st.text(st.characters(codec=None), max_size=3),
    st.sampled_from([*NONCHARACTERS, "\ud800", "\udfff", *SubclassedText, b"", set(), 1j, ...]),
)


@given(
    st.recursive(
        ANY,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(max_size=2) | st.integers() | st.none(), inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "\udc00", "\uffff", *SubclassedText]), inner)
            | st.builds(nested, st.integers(28, 34), st.sampled_from([list, dict]), inner)
        ),
        max_leaves=5,
    )
)
def test_what_does_not_fit_is_refused_and_everything_else_is_written(value):
    for write in (ijson.canonical, lambda value: ijson.check(value, field="body")):
        try:
            write(value)
        except InvalidField as refused:
            assert not fits(value)
            assert refused.field.startswith("body")
        else:
            assert fits(value)


@given(
    st.recursive(
        st.none() | st.booleans() | EXACT | TEXTS,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner)
        ),
        max_leaves=12,
    )
)
def test_without_fractions_and_odd_names_it_is_the_standard_librarys_form(value):
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert ijson.canonical(value) == expected.encode()


@given(st.dictionaries(TEXTS, st.none(), min_size=2))
def test_members_are_ordered_by_utf16_code_units(value):
    """RFC 8785, 3.2.3, with code units taken from big-endian bytes."""

    def units(text):
        raw = text.encode("utf-16-be")
        return [high << 8 | low for high, low in zip(raw[::2], raw[1::2], strict=True)]

    assert list(json.loads(ijson.canonical(value))) == sorted(value, key=units)


def test_rfc_8785_section_3_2_2():
    document = r"""
    {
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3,
                  0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }
    """

    assert ijson.canonical(ijson.parse(document)).decode() == (
        '{"literals":[null,true,false],'
        '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )


def test_rfc_8785_section_3_2_3():
    document = r"""
    {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }
    """

    assert list(json.loads(ijson.canonical(ijson.parse(document))).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_rfc_8785_appendix_b(bits, expected):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))

    assert ijson.canonical(value).decode() == expected


@pytest.mark.parametrize(
    ("bits", "problem"),
    [
        ("7fffffffffffffff", "not a number"),
        ("7ff0000000000000", "not a number"),
        # The appendix writes these as integers; I-JSON readers need not hold them.
        ("4340000000000000", "an integer beyond 2**53 - 1"),
        ("c340000000000000", "an integer beyond 2**53 - 1"),
        ("4430000000000000", "an integer beyond 2**53 - 1"),
        ("444b1ae4d6e2ef4e", "an integer beyond 2**53 - 1"),
        ("444b1ae4d6e2ef4f", "an integer beyond 2**53 - 1"),
    ],
)
def test_rfc_8785_appendix_b_refused(bits, problem):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))

    assert refusal(ijson.canonical, value) == ("body", problem)


NAMED_FAULTS = [
    ({"a": [0, {"b": "\ud800"}]}, "body.a[1].b", "holds a lone surrogate"),
    ({"a": "\udfff"}, "body.a", "holds a lone surrogate"),
    ({"a\udc00": 1}, "body", "a member name with a lone surrogate"),
    ({"a\ufdd0": 1}, "body", "a member name with a lone surrogate"),
    ({"a": 2**53}, "body.a", "an integer beyond"),
    ({"a": -(2**53)}, "body.a", "an integer beyond"),
    ({"a": 10**400}, "body.a", "an integer beyond"),
    ({"a": 2.0**53}, "body.a", "an integer beyond"),
    ({"a": (1, 1e20)}, "body.a[1]", "an integer beyond"),
    ([[math.nan]], "body[0][0]", "not a number"),
    ([math.inf], "body[0]", "not a number"),
    ([-math.inf], "body[0]", "not a number"),
    ({"a": {1: 2}}, "body.a", "a member name that is not text"),
    ({"a": b"bytes"}, "body.a", "not a JSON value"),
    ({"a": {"b"}}, "body.a", "not a JSON value"),
    ({"line\nbreak": b""}, "body.line\\nbreak", "not a JSON value"),
]


@pytest.mark.parametrize("write", [ijson.canonical, ijson.check])
@pytest.mark.parametrize(("value", "path", "problem"), NAMED_FAULTS)
def test_the_refused_member_is_named(write, value, path, problem):
    field, text = refusal(write, value, field="body")

    assert field == path
    assert text.startswith(problem)


@given(VALUES)
def test_what_was_checked_already_is_written_the_same(value):
    assert ijson.canonical(value, checked=True) == ijson.canonical(value)


@given(VALUES)
@example({"é": 1, "z": 2})
@example([1.0, 1e21, {"\U00010000": 1, "\uffee": 2}])
def test_a_foreign_part_is_written_as_the_package_rfc8785_writes_it(value):
    document = {"z": "Zoë", "info": value, "a": [True, {"b": 1}]}

    assert ijson.canonical(document, foreign=value) == rfc8785.dumps(document)


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    # Noncharacters and whole floats are what the writer below would take.
    [
        each
        for each in NAMED_FAULTS
        if each[0] not in ({"a\ufdd0": 1}, {"a": (1, 1e20)}, {"a": 2**53})
    ],
)
def test_what_cannot_be_written_is_named_even_if_it_is_said_to_be_checked(value, path, problem):
    field, text = refusal(ijson.canonical, value, checked=True)

    assert field == path
    assert text.startswith(problem)


@pytest.mark.parametrize("character", NONCHARACTERS)
def test_no_noncharacter_is_written(character):
    assert refusal(ijson.canonical, [f"a{character}b"])[0] == "body[0]"


@pytest.mark.parametrize("character", ["\ufdcf", "\ufdf0", "\ufffd", "\U0010fffd", "\0"])
def test_the_neighbours_of_noncharacters_are_written(character):
    assert json.loads(ijson.canonical(character)) == character


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("core", [0, "[{", [], {}])
def test_nesting_ends_at_the_limit_for_reader_and_writer(kind, core):
    limit = 32 if core in (0, "[{") else 31
    most, more = nested(limit, kind, core), nested(limit + 1, kind, core)

    assert ijson.parse(ijson.canonical(most)) == most
    assert refusal(ijson.parse, json.dumps(more)) == ("body", "nested too deeply")
    path, problem = refusal(ijson.canonical, more, field="x")
    assert problem == "nested too deeply"
    assert path == "x" + ("[0]" if kind is list else ".a") * 32


def test_what_lies_beside_does_not_count_as_nesting():
    wide = [[[]] * 40, {"a": [{}] * 40}, "[" * 40]

    assert ijson.parse(ijson.canonical(wide)) == wide


def cyclic(kind):
    value = kind()
    if kind is list:
        value.append(value)
    else:
        value["a"] = value
    return value


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("build", [cyclic, lambda kind: nested(2_000, kind, 0)])
def test_nesting_past_the_interpreters_own_limit_is_refused_too(kind, build):
    endless = build(kind)

    assert refusal(ijson.canonical, endless)[1] == "nested too deeply"
    assert refusal(ijson.check, endless, field="body")[1] == "nested too deeply"


def test_a_value_that_holds_itself_is_not_written_compactly():
    assert refusal(ijson.compact, cyclic(list))[1] == "cannot be written as JSON"


@given(VALUES)
def test_the_compact_form_keeps_the_order_and_has_no_white_space(value):
    text = ijson.compact(value)

    assert ijson.parse(text) == value
    assert text == json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", b"", {(1, 2): 3}])
def test_the_compact_form_holds_json_only(value):
    refused = refusal(ijson.compact, value, field="claims")

    assert refused == ("claims", "cannot be written as JSON")


# The reader

NO_TEXT = "holds a lone surrogate or a noncharacter"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a":1,"a":1}', "member given twice: a"),
        ('[{"b":{"x":1,"y":2,"x":3}}]', "member given twice: x"),
        ('{"a":1,"\\u0061":1}', "member given twice: a"),
        ('{"\\u0007":1,"\\u0007":1}', "member given twice: \\x07"),
        ("NaN", "not valid JSON"),
        ("[Infinity]", "not valid JSON"),
        ("[-Infinity]", "not valid JSON"),
        ("1e400", "not a number"),
        ("-1.5E+999", "not a number"),
        ("", "not valid JSON"),
        ("{} {}", "not valid JSON"),
        ("[1,]", "not valid JSON"),
        ("{'a':1}", "not valid JSON"),
        ("01", "not valid JSON"),
        ("+1", "not valid JSON"),
        (".5", "not valid JSON"),
        ("٣", "not valid JSON"),
        ('"\n"', "not valid JSON"),
        ('"\\x41"', "not valid JSON"),
        ("\ufeff{}", "not valid JSON"),
        ("\xa0{}", "not valid JSON"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
        ('{"a":' * 5000 + "0" + "}" * 5000, "nested too deeply"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(text, problem):
    assert refusal(ijson.parse, text, field="header") == ("header", problem)


@pytest.mark.parametrize(
    "number",
    [str(2**53), str(-(2**53)), "1" * 5000, "-" + "9" * 17, f"{2**53}.0", "1e20", "-12E19"],
)
def test_no_integer_is_read_that_not_every_reader_holds(number):
    path = "body" if len(number) > 4300 else "body.a[1]"
    problem = "an integer beyond 2**53 - 1"
    assert refusal(ijson.parse, f'{{"b":1.5,"a":[1,{number}]}}') == (path, problem)


@pytest.mark.parametrize("number", [str(2**53 - 1), str(1 - 2**53), "1e21", "-0", "1.5e300"])
def test_other_numbers_are_read(number):
    assert ijson.parse(number) == json.loads(number)


@pytest.mark.parametrize("character", NONCHARACTERS)
@pytest.mark.parametrize("write", [json.dumps, lambda value: json.dumps(value, ensure_ascii=False)])
def test_no_noncharacter_is_read(write, character):
    assert refusal(ijson.parse, write([f"a{character}b"]))[0] == "body[0]"


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        ('{"a":[1,{"b":"\\ud800"}]}', "body.a[1].b", NO_TEXT),
        ('["\ude00\ud83d"]', "body[0]", NO_TEXT),
        ('"\\ude00\\ud83d"', "body", NO_TEXT),
        ('"\ud800"', "body", NO_TEXT),
        ('{"\\udfff":1}', "body", "a member name with a lone surrogate or a noncharacter"),
        (b'{"a":["\xff"]}', "body.a[0]", "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "body.a", "not UTF-8"),
        (b'{"a":"\xff', "body", "not UTF-8"),
        (b"[" * 5000 + b'"\xff"', "body", "not UTF-8"),
    ],
)
def test_the_member_that_is_no_text_is_named(text, path, problem):
    assert refusal(ijson.parse, text) == (path, problem)


@pytest.mark.parametrize(
    "data",
    [
        b'"\xff"',
        b'"\xc0\xaf"',  # overlong
        b'"\xed\xa0\x80"',  # a surrogate
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
    ],
)
def test_bytes_are_utf8(data):
    assert refusal(ijson.parse, data)[1] in {"not UTF-8", "not valid JSON"}


def test_a_byte_order_mark_is_refused():
    assert refusal(ijson.parse, b"\xef\xbb\xbf{}")[1] == "not valid JSON"


def test_pairs_of_surrogates_and_escaped_backslashes_are_text():
    assert ijson.parse('"\\ud83d\\ude00"') == "\U0001f600"
    assert ijson.parse('"\\\\ud800"') == "\\ud800"


@given(
    st.one_of(
        st.text(),
        st.binary(),
        st.text('[]{}",:\\/ud8a01.eE+-tfn \n'),
        VALUES.map(json.dumps),
    )
)
@example('{"a":1e999}')
@example('"\\udead"')
def test_the_reader_agrees_with_the_standard_librarys_or_refuses(text):
    try:
        value = ijson.parse(text)
    except InvalidField as error:
        assert error.field.startswith("body")
        return
    assert value == json.loads(text)
    assert ijson.parse(ijson.compact(value)) == value


# Names in errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("Zoë", "Zoë"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64 + "…"),
    ],
)
def test_text_in_errors_is_visible_and_short(text, expected):
    assert ijson.printable(text) == expected


@given(st.text())
def test_no_text_in_errors_steers_a_terminal(text):
    assert ijson.printable(text).isprintable()


@given(
    st.integers()
    | st.floats()
    | st.integers(-(2**53) - 1, 2**53 + 1).map(float)
    | st.sampled_from([True, False, None, "60", "60.0", [], {}])
)
@example(60.0)
@example(2**53 - 1)
@example(2**53)
@example(float(2**53))
@example(-0.0)
@example(math.inf)
@example(math.nan)
def test_a_whole_number_is_one_however_it_is_written(value):
    exact = Decimal(json.dumps(value)) if type(value) in {int, float} else Decimal("NaN")
    fits = exact.is_finite() and exact.as_integer_ratio()[1] == 1 and abs(exact) < 2**53
    number = ijson.to_integer(value)
    assert (number is not None) == fits
    assert number is None or (number == value and type(number) is int)
