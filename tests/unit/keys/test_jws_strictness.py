"""Compact JWS: we take what joserfc takes, less what STRICTNESS names, and no edited token."""

import json

import pytest
from forged_tokens import (
    ALPHABET,
    CLAIMS,
    JOSE_ALGORITHMS,
    JSON,
    MEMBERS,
    SIGNATURES,
    STRICTNESS,
    TEXTS,
    TYP,
    forge,
    header_of,
    ours,
    reasons_against,
    verdict_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

IS_THOROUGH = settings.default.max_examples >= 1_000

# No token for "padding": of the joserfc versions we allow, only the first take it.
ONLY_OURS = {
    "longer than the limit": {"payload": json.dumps({"a": "x" * 4600})},
    "a header of other members than alg, typ and kid": {"header": {"cty": "json"}},
    "a header member twice": {"header": '"kid":"evil",'},
    "a header that is not strict JSON": {"header": "utf-16"},
    "another typ": {"header": {"typ": "counterseal-other+jwt"}},
    "another kid": {"header": {"kid": "kid-2"}},
    "a payload that is not strict JSON": {"payload": '{"a":NaN}'},
    "a payload of more than 32 levels": {"payload": '{"a":' + "[" * 32 + "]" * 32 + "}"},
    "a payload that not every reader holds": {"payload": '{"a":9007199254740992}'},
    "a payload that is no object": {"payload": "[]"},
    "a payload member twice": {"payload": '{"a":[{"b":1,"c":2,"b":1}]}'},
}


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
@pytest.mark.parametrize("reason", ONLY_OURS)
def test_each_strictness_is_needed_and_named(signers, algorithm, reason):
    """Joserfc takes a token that only this reason speaks against."""
    signer = signers[algorithm]
    case = dict(ONLY_OURS[reason])
    match case.get("header"):
        case {**changes}:
            case["header"] = header_of(signer, **changes)
        case "utf-16":
            case["header"] = header_of(signer).encode("utf-16")
        case str(twin):
            case["header"] = "{" + twin + header_of(signer)[1:]

    token = forge(signer, **case)

    assert reasons_against(token) == [reason]
    mine, other = verdict_of(token, signer)
    assert mine == STRICTNESS[reason][0].code
    assert other is not None


def test_the_list_of_reasons_has_no_other():
    assert set(STRICTNESS) - set(ONLY_OURS) == {"padding"}


# Any token


NAMES = ["none", "HS256", "RS256", "PS256", "ES256", "EdDSA", "ES384", "es256", ""]
CHANGES = st.one_of(
    st.just({}),
    st.sampled_from(list(MEMBERS)).map(lambda name: {name: MEMBERS[name]}),
    st.just({"b64": False, "crit": ["b64"]}),
    st.sampled_from(NAMES).map(lambda name: {"alg": name}),
    st.sampled_from(["alg", "typ", "kid"]).map(lambda name: {name: ...}),
    st.sampled_from(["JWT", TYP.upper(), TYP + " ", 1, None]).map(lambda t: {"typ": t}),
    st.sampled_from(["kid-2", "", "kid-1\0", "KID-1", 1, None]).map(lambda kid: {"kid": kid}),
)
# Edits of the header's text before it is encoded and signed.
RESPELLINGS = {
    "as it is": lambda text: text,
    "with white space": lambda text: " " + text.replace(":", " :\n") + "\t",
    "escaped": lambda text: text.replace("typ", "t\\u0079p"),
    "last member again": lambda text: text[:-1] + "," + text[1:],
    "alg again": lambda text: '{"alg":"none",' + text[1:],
    "kid escaped again": lambda text: '{"k\\u0069d":"kid-1",' + text[1:],
    "with NaN": lambda text: text[:-1] + ',"n":NaN}',
    "with a byte order mark": lambda text: "\ufeff" + text,
    "in UTF-16": lambda text: text.encode("utf-16-le"),
    "in Latin-1": lambda text: text.replace("kid-1", "kid-é").encode("latin-1"),
    "in a list": lambda text: f"[{text}]",
    "cut off": lambda text: text[:-1],
    "followed by more": lambda text: text + "{}",
}
PAYLOADS = st.one_of(
    st.dictionaries(TEXTS, JSON, max_size=3).map(json.dumps),
    st.dictionaries(TEXTS, JSON, max_size=3).map(
        lambda value: json.dumps(value, ensure_ascii=False)
    ),
    JSON.map(json.dumps),
    st.sampled_from(
        [
            "",
            "{}",
            "null",
            '{"a":1,"a":1}',
            '{"a":{"b":1,"b":2}}',
            '{"a":Infinity}',
            '{"a":1e999}',
            '{"a":"\\ud800"}',
            '{"\\udfff":"\\ud83d\\ude00"}',
            '{"a":1}\0',
            "\ufeff{}",
            b"\xff",
            b'{"a":"\xe9"}',
            '{"a":1}'.encode("utf-16"),
            '{"a":1}'.encode("utf-32-be"),
            '{"a":9007199254740993}',
            "[" * 2000 + "]" * 2000,
            '{"a":' * 32 + "0" + "}" * 32,
            '{"a":' * 33 + "0" + "}" * 33,
            json.dumps({"a": "x" * 4600}),
        ]
    ),
)
# Edits of the finished token.
EDITS = st.one_of(
    st.tuples(st.just("replace"), st.floats(0, 1), st.sampled_from(ALPHABET)),
    st.tuples(st.just("replace"), st.floats(0, 1), st.sampled_from(".=+/ \n\té")),
    st.tuples(st.just("insert"), st.floats(0, 1), st.sampled_from("A.=+/ \n\0é")),
    st.tuples(st.just("delete"), st.floats(0, 1), st.just("")),
    st.tuples(st.just("last bits"), st.integers(0, 2), st.integers(1, 15)),
    st.tuples(st.just("pad"), st.integers(0, 2), st.sampled_from(["=", "==", "A"])),
    st.tuples(st.just("append"), st.none(), st.sampled_from([".", "..", ".A", "\n"])),
    st.tuples(st.just("drop part"), st.integers(0, 2), st.none()),
    st.tuples(st.just("empty part"), st.integers(0, 2), st.none()),
    st.tuples(st.just("swap parts"), st.none(), st.none()),
)


def edited(token, edit):
    kind, where, what = edit
    parts = token.split(".")
    if kind in ("replace", "insert", "delete"):
        at = int(where * (len(token) - 1))
        return token[:at] + what + token[at + (kind != "insert") :]
    if kind == "append":
        return token + what
    if kind == "swap parts":
        return ".".join(parts[::-1])
    if where >= len(parts):
        return token
    part = parts[where]
    if kind == "last bits":
        last = ALPHABET.find(part[-1:])
        changed = part[:-1] + ALPHABET[last ^ what] if last >= 0 else part
    else:
        changed = {"pad": part + (what or ""), "empty part": ""}.get(kind)
    entries = [] if changed is None else [changed]
    return ".".join([*parts[:where], *entries, *parts[where + 1 :]])


# In most recipes one thing is odd, so that nothing else can be the reason.
ODD = {
    "changes": CHANGES,
    "respelling": st.sampled_from(list(RESPELLINGS)),
    "payload": PAYLOADS,
    "signature": st.sampled_from(list(SIGNATURES)),
    "edits": st.lists(EDITS, min_size=1, max_size=2),
}
EVEN = {
    "changes": st.just({}),
    "respelling": st.just("as it is"),
    "payload": st.dictionaries(TEXTS, JSON, max_size=3).map(json.dumps),
    "signature": st.just("plain"),
    "edits": st.just([]),
}
RECIPES = st.one_of(
    *(st.fixed_dictionaries(EVEN | {name: ODD[name]}) for name in ODD),
    st.fixed_dictionaries(ODD),
)


def cook(signer, recipe):
    header = RESPELLINGS[recipe["respelling"]](header_of(signer, **recipe["changes"]))
    make = SIGNATURES[recipe["signature"]]
    token = forge(signer, header=header, payload=recipe["payload"], make=make)
    for edit in recipe["edits"]:
        token = edited(token, edit)
    return token


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
@settings(max_examples=(5 if IS_THOROUGH else 2) * settings.default.max_examples)
@given(recipe=RECIPES)
def test_joserfc_takes_what_we_take_and_little_else(signers, algorithm, recipe):
    signer = signers[algorithm]

    verdict_of(cook(signer, recipe), signer)


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
@given(edits=st.lists(EDITS, min_size=1, max_size=2))
def test_no_edit_of_a_token_passes(signers, algorithm, edits):
    signer = signers[algorithm]
    token = changed = forge(signer)
    for edit in edits:
        changed = edited(changed, edit)

    mine, _ = verdict_of(changed, signer)
    assert isinstance(mine, dict) == (changed == token)


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
def test_no_flipped_character_passes(signers, algorithm):
    signer = signers[algorithm]
    token = forge(signer)
    assert ours(token, signer) == CLAIMS

    for at, character in enumerate(token):
        if character != ".":
            other = ALPHABET[ALPHABET.index(character) ^ (1 << at % 6)]
            assert isinstance(ours(token[:at] + other + token[at + 1 :], signer), str)
