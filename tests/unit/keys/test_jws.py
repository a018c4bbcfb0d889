"""
Compact JWS: the strict reader, the verifier and the writer, judged by two others.

joserfc reads what we read and more.
What it takes and we refuse has to stand in STRICTNESS below;
what it refuses we never take.
PyJWT reads what we write.
"""

import base64
import hashlib
import hmac
import json
import math
import re
import warnings

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, utils
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from counterseal.errors import (
    InvalidField,
    MalformedToken,
    Refused,
    WrongAlgorithm,
    WrongKey,
    WrongSignature,
    WrongType,
)
from counterseal.keys import generate, public_key, read, sign, sign_bytes, sign_with, verify
from counterseal.keys.jws import HEADER_LIMIT, verify_bytes
from counterseal.models import Algorithm

TYP = "counterseal-test+jwt"
KID = "kid-1"
LIMIT = 6000  # joserfc 1.4 takes payloads of 8000 characters
CLAIMS = {"iat": 1764000000, "button": {"index": 0, "title": "Zoë"}}
# FIPS 186-5: the order of P-256. RFC 8032, 5.1: the order of Ed25519's base point.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(signer, **changes):
    """Write a header; a member changed to `...` is left out."""
    members = {"alg": signer.public.algorithm.value, "typ": TYP, "kid": KID} | changes
    return json.dumps({n: v for n, v in members.items() if v is not ...})


def forge(signer, *, header=None, payload=None, make=None):
    """Write a token of any header and payload, with a signature that *make* makes."""
    header = header_of(signer) if header is None else header
    payload = json.dumps(CLAIMS) if payload is None else payload
    signed = f"{b64(header)}.{b64(payload)}"
    signature = (make or plain)(signer, signed.encode())
    return f"{signed}.{b64(signature)}"


def ours(token, signer):
    """Return the payload, or the code of the refusal."""
    try:
        return verify(read(token, limit=LIMIT), signer.public, expected_typ=TYP)
    except Refused as refusal:
        return refusal.code


def theirs(token, signer):
    """Return joserfc's payload as bytes, or None; key and algorithm are the same."""
    jwk = json.loads(signer.public.jwk)
    key = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}[jwk["kty"]].import_key(jwk)
    pinned = [signer.public.algorithm.value]
    try:
        with warnings.catch_warnings():
            # It warns of the name `EdDSA`, which RFC 9864 deprecates.
            warnings.simplefilter("ignore", SecurityWarning)
            token_ = joserfc.deserialize_compact(token, key, algorithms=pinned)
    except Exception:  # noqa: BLE001 - it has no one root for what it raises
        return None
    return bytes(token_.payload)


# Ways to sign


def plain(signer, signed):
    return signer.sign(signed)


def loaded(signer):
    return serialization.load_der_private_key(signer.pkcs8(), None)


def der(signer, signed):
    raw = signer.sign(signed)
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    return utils.encode_dss_signature(r, s)


def another_key(signer, signed):
    algorithm = signer.public.algorithm
    if algorithm in (Algorithm.PS256, Algorithm.RS256):
        return signer.sign(signed + b".")  # making RSA keys takes too long
    return generate(algorithm, kid=KID).sign(signed)


def mac_with_the_public_key(signer, signed):
    public = loaded(signer).public_key()
    secret = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hmac.digest(secret, signed, "sha256")


def the_other_padding(signer, signed):
    key, sha256 = loaded(signer), hashes.SHA256()
    if not hasattr(key, "decrypt"):  # not RSA
        return signer.sign(signed)
    if signer.public.algorithm is Algorithm.PS256:
        return key.sign(signed, padding.PKCS1v15(), sha256)
    pss = padding.PSS(mgf=padding.MGF1(sha256), salt_length=32)
    return key.sign(signed, pss, sha256)


def flipped(signer, signed):
    signature = bytearray(signer.sign(signed))
    signature[len(signed) % len(signature)] ^= 1
    return bytes(signature)


def hashed_first(signer, signed):
    return signer.sign(hashlib.sha256(signed).digest())


SIGNATURES = {
    "plain": plain,
    "another key": another_key,
    "flipped": flipped,
    "MAC with the public key": mac_with_the_public_key,
    "the other padding": the_other_padding,
    "hashed first": hashed_first,
    "one byte less": lambda signer, signed: signer.sign(signed)[:-1],
    "one byte more": lambda signer, signed: signer.sign(signed) + b"\0",
    "a zero in front": lambda signer, signed: b"\0" + signer.sign(signed),
    "twice": lambda signer, signed: signer.sign(signed) * 2,
    "zeros": lambda signer, signed: bytes(len(signer.sign(signed))),
    "none": lambda signer, signed: b"",
}


# What joserfc takes and we refuse, and with which code


def pairs_of(raw):
    """Parse leniently; objects come as lists of pairs, which are marked as tuples."""
    return json.loads(raw, object_pairs_hook=lambda pairs: tuple(map(tuple, pairs)))


def has_twins(parsed):
    if isinstance(parsed, tuple):
        names = [name for name, _ in parsed]
        members = [member for _, member in parsed]
        return len(set(names)) < len(names) or any(map(has_twins, members))
    return isinstance(parsed, list) and any(map(has_twins, parsed))


def is_strict(raw):
    """Whether *raw* is UTF-8, not nested without end, and all its values are JSON's."""
    try:
        value = json.loads(raw.decode("utf-8"))
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return True


def is_portable(value):
    """Whether every reader holds *value* the same (RFC 7493, 2.1 and 2.2)."""
    if isinstance(value, str):
        return not any(
            ord(each) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(each) <= 0xFDEF for each in value
        )
    if isinstance(value, dict):
        return all(is_portable(name) and is_portable(each) for name, each in value.items())
    if isinstance(value, list):
        return all(map(is_portable, value))
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e21):
        return True
    return value is None or abs(value) < 2**53


def levels(raw):
    """Count the deepest nesting by brackets, texts taken out."""
    depth = deepest = 0
    for character in re.sub(r'"(\\.|[^"\\])*"', "", raw.decode()):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(character, 0)
        deepest = max(deepest, depth)
    return deepest


def members(raw):
    parsed = json.loads(raw)
    return parsed if isinstance(parsed, dict) else {}


STRICTNESS = {
    "padding": (
        MalformedToken,
        lambda token, header, payload: "=" in token,
    ),
    "longer than the limit": (
        MalformedToken,
        lambda token, header, payload: len(token) > LIMIT,
    ),
    "a header of other members than alg, typ and kid": (
        MalformedToken,
        lambda token, header, payload: set(members(header)) != {"alg", "typ", "kid"},
    ),
    "a header member twice": (
        MalformedToken,
        lambda token, header, payload: has_twins(pairs_of(header)),
    ),
    "a header that is not strict JSON": (
        MalformedToken,
        lambda token, header, payload: not is_strict(header),
    ),
    "another typ": (
        WrongType,
        lambda token, header, payload: members(header).get("typ", TYP) != TYP,
    ),
    "another kid": (
        WrongKey,
        lambda token, header, payload: members(header).get("kid", KID) != KID,
    ),
    "a payload that is not strict JSON": (
        MalformedToken,
        lambda token, header, payload: not is_strict(payload),
    ),
    "a payload of more than 32 levels": (
        MalformedToken,
        lambda token, header, payload: is_strict(payload) and levels(payload) > 32,
    ),
    "a payload that not every reader holds": (
        MalformedToken,
        lambda token, header, payload: (
            is_strict(payload) and levels(payload) <= 32 and not is_portable(json.loads(payload))
        ),
    ),
    "a payload that is no object": (
        MalformedToken,
        lambda token, header, payload: (
            is_strict(payload) and not isinstance(json.loads(payload), dict)
        ),
    ),
    "a payload member twice": (
        MalformedToken,
        lambda token, header, payload: (
            is_strict(payload) and levels(payload) <= 32 and has_twins(pairs_of(payload))
        ),
    ),
}


def reasons_against(token):
    """List the reasons why we refuse a token that joserfc has taken."""
    header, payload, _ = token.split(".")
    raw = unb64(header), unb64(payload)
    return [name for name, (_, holds) in STRICTNESS.items() if holds(token, *raw)]


def verdict_of(token, signer):
    """Hold our verdict against joserfc's; return both."""
    mine, other = ours(token, signer), theirs(token, signer)
    if other is None:
        assert isinstance(mine, str), "joserfc refuses what we take"
    elif isinstance(mine, dict):
        assert json.loads(other) == mine
        assert reasons_against(token) == []
    else:
        codes = {STRICTNESS[name][0].code for name in reasons_against(token)}
        assert mine in codes, "joserfc takes what we refuse, for no reason on the list"
    return mine, other


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


@pytest.mark.parametrize("algorithm", Algorithm)
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


# The differential property


MEMBERS = {
    "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwI"},
    "jku": "https://evil.example/jwks",
    "x5u": "https://evil.example/cert",
    "x5c": ["MIIB"],
    "x5t": "AAAA",
    "cty": "json",
    "crit": ["b64"],
    "b64": False,
    "iss": "evil",
    "": "",
    "Alg": "none",
}
NAMES = ["none", "HS256", "RS256", "PS256", "ES256", "EdDSA", "ES384", "es256", ""]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(width=16) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
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


@pytest.mark.parametrize("algorithm", Algorithm)
@settings(max_examples=5 * settings.default.max_examples)
@given(recipe=RECIPES)
def test_joserfc_takes_what_we_take_and_little_else(signers, algorithm, recipe):
    signer = signers[algorithm]

    verdict_of(cook(signer, recipe), signer)


@pytest.mark.parametrize("algorithm", Algorithm)
@given(edits=st.lists(EDITS, min_size=1, max_size=2))
def test_no_edit_of_a_token_passes(signers, algorithm, edits):
    signer = signers[algorithm]
    token = changed = forge(signer)
    for edit in edits:
        changed = edited(changed, edit)

    mine, _ = verdict_of(changed, signer)
    assert isinstance(mine, dict) == (changed == token)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_no_flipped_character_passes(signers, algorithm):
    signer = signers[algorithm]
    token = forge(signer)
    assert ours(token, signer) == CLAIMS

    for at, character in enumerate(token):
        if character != ".":
            other = ALPHABET[ALPHABET.index(character) ^ (1 << at % 6)]
            assert isinstance(ours(token[:at] + other + token[at + 1 :], signer), str)


# One by one


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        *(({name: value}, "malformed_token") for name, value in MEMBERS.items()),
        *(({name: ...}, "malformed_token") for name in ("alg", "typ", "kid")),
        *(({name: None}, "malformed_token") for name in ("alg", "typ", "kid")),
        *(({name: 7}, "malformed_token") for name in ("alg", "typ", "kid")),
        *(({name: ["ES256"]}, "malformed_token") for name in ("alg", "typ", "kid")),
        ({"typ": "JWT"}, "wrong_type"),
        ({"typ": TYP.upper()}, "wrong_type"),
        ({"typ": f"application/{TYP}"}, "wrong_type"),
        ({"typ": "JWT", "kid": "kid-2", "alg": "none"}, "wrong_type"),
        ({"kid": "kid-2"}, "wrong_key"),
        ({"kid": ""}, "wrong_key"),
        ({"kid": "kid-2", "alg": "none"}, "wrong_key"),
        ({"alg": "none"}, "wrong_algorithm"),
        ({"alg": "None"}, "wrong_algorithm"),
        ({"alg": "HS256"}, "wrong_algorithm"),
        ({"alg": "ES384"}, "wrong_algorithm"),
        ({"alg": ""}, "wrong_algorithm"),
    ],
)
def test_a_header_that_says_something_else_is_refused(signers, algorithm, changes, code):
    signer = signers[algorithm]
    token = forge(signer, header=header_of(signer, **changes))

    assert verdict_of(token, signer)[0] == code


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("claimed", Algorithm)
@pytest.mark.parametrize("make", ["plain", "the other padding"])
def test_the_algorithm_is_the_keys(signers, algorithm, claimed, make):
    """RS256 to PS256 and back, too, with a signature of the kind that is named."""
    signer = signers[algorithm]
    header = header_of(signer, alg=claimed.value)
    mine, _ = verdict_of(forge(signer, header=header, make=SIGNATURES[make]), signer)

    if claimed is not algorithm:
        assert mine == "wrong_algorithm"
    elif make == "plain" or algorithm in (Algorithm.ES256, Algorithm.EDDSA):
        assert mine == CLAIMS
    else:
        assert mine == "wrong_signature"


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_mac_with_the_public_key_is_refused(signers, algorithm):
    signer = signers[algorithm]
    header = header_of(signer, alg="HS256")
    token = forge(signer, header=header, make=mac_with_the_public_key)

    assert verdict_of(token, signer)[0] == "wrong_algorithm"


@pytest.mark.parametrize("algorithm", Algorithm)
def test_alg_none_without_a_signature_is_refused(signers, algorithm):
    signer = signers[algorithm]
    header = header_of(signer, alg="none")

    assert ours(forge(signer, header=header, make=SIGNATURES["none"]), signer) == (
        "malformed_token"
    )


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("name", [n for n in SIGNATURES if n != "plain"])
def test_another_signature_is_refused(signers, algorithm, name):
    signer = signers[algorithm]
    mine, other = verdict_of(forge(signer, make=SIGNATURES[name]), signer)

    if name == "the other padding" and algorithm in (Algorithm.ES256, Algorithm.EDDSA):
        assert mine == CLAIMS
    else:
        assert mine == ("malformed_token" if name == "none" else "wrong_signature")
        assert other is None


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_token_that_brings_its_own_key_is_refused(signers, algorithm):
    """S13: the store's key is the only one that counts, whatever is signed how well."""
    signer = signers[algorithm]
    thief = generate(Algorithm.EDDSA, kid=KID)
    jwk = json.loads(thief.public.jwk)
    brought = forge(thief, header=header_of(thief, jwk=jwk))

    assert ours(brought, signer) == "malformed_token"
    assert ours(brought, thief) == "malformed_token"
    assert ours(forge(thief), signer) in {"wrong_algorithm", "wrong_signature"}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_token_of_another_kind_never_passes(signers, algorithm):
    """S12: what was signed for a bind or a proof is no answer."""
    signer = signers[algorithm]
    token = sign(signer, typ="counterseal-proof+jwt", claims=CLAIMS)
    jws = read(token, limit=LIMIT)

    assert verify(jws, signer.public, expected_typ="counterseal-proof+jwt") == CLAIMS
    with pytest.raises(WrongType):
        verify(jws, signer.public, expected_typ="counterseal-answer+jwt")


@pytest.mark.parametrize(
    "token",
    [
        None,
        b"a.b.c",
        7,
        "",
        ".",
        "..",
        "...",
        "e30.e30",
        "e30.e30.",
        "e30..AA",
        ".e30.AA",
        "e30.e30.AA",
        "e30.e30.AA.AA",
        "a\ud800.b.c",
    ],
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(MalformedToken):
        read(token, limit=LIMIT)


def test_all_refusals_of_evidence_look_alike_outside():
    kinds = (MalformedToken, WrongType, WrongKey, WrongAlgorithm, WrongSignature)

    assert {kind.public_code for kind in kinds} == {"denied"}


# Sizes


def test_a_token_may_reach_the_limit(signers):
    token = forge(signers[Algorithm.ES256])

    assert read(token, limit=len(token)).claimed == CLAIMS
    with pytest.raises(MalformedToken):
        read(token, limit=len(token) - 1)


def test_a_header_may_reach_its_limit(signers):
    signer = signers[Algorithm.ES256]
    header = header_of(signer)
    most = HEADER_LIMIT * 3 // 4

    assert ours(forge(signer, header=header.ljust(most)), signer) == CLAIMS
    longer = forge(signer, header=header.ljust(most + 1))
    assert ours(longer, signer) == "malformed_token"


@pytest.mark.parametrize("kid", ["k" * 128, "\\" * 128])
def test_every_kid_that_is_bound_fits_the_header(kid):
    signer = generate(Algorithm.ES256, kid=kid)
    token = sign(signer, typ="counterseal-endorsement+jwt", claims=CLAIMS)

    assert read(token, limit=LIMIT).header.kid == kid


# Reading without believing


@given(
    st.text(max_size=12)
    | st.text(ALPHABET + ".=", max_size=24)
    | st.lists(
        st.one_of(
            st.text(ALPHABET, max_size=8),
            JSON.map(json.dumps).map(b64),
            st.just(b64('{"alg":"ES256","typ":"t","kid":"k"}')),
            st.just(b64('{"kid":"k","alg":"","typ":""}')),
        ),
        min_size=2,
        max_size=4,
    ).map(".".join)
)
def test_any_text_is_malformed_or_read_as_it_is_written(token):
    try:
        jws = read(token, limit=LIMIT)
    except MalformedToken:
        return
    header, payload, signature = token.split(".")
    assert f"{jws.signed.decode()}.{b64(jws.signature)}" == token
    assert attrs.asdict(jws.header) == json.loads(unb64(header))
    assert jws.claimed == json.loads(unb64(payload))
    assert jws.signature == unb64(signature) != b""


def test_what_was_read_can_be_a_claim_only(signers):
    jws = read(forge(signers[Algorithm.ES256], make=flipped), limit=LIMIT)

    assert jws.claimed == CLAIMS
    with pytest.raises(WrongSignature):
        verify(jws, signers[Algorithm.ES256].public, expected_typ=TYP)


def test_what_was_read_does_not_show_its_claims(signers):
    """S34: an answer's claims hold the matching code."""
    signer = signers[Algorithm.ES256]
    token = sign(signer, typ=TYP, claims={"code": "canary-4711"})
    jws = read(token, limit=LIMIT)

    assert "canary" not in repr(jws)
    assert not any(part in repr(jws) for part in token.split("."))
    assert repr(jws.header) == f"Header(alg='ES256', typ='{TYP}', kid='kid-1')"


# Bare signatures


def holds(signature, data, key):
    try:
        verify_bytes(signature, data, key)
    except WrongSignature:
        return False
    return True


def test_es256_signatures_in_every_wrong_shape(signers):
    signer = signers[Algorithm.ES256]
    signature = signer.sign(b"data")
    r, s = signature[:32], signature[32:]
    n = P256_ORDER.to_bytes(32)
    zero, one, most = bytes(32), (1).to_bytes(32), b"\xff" * 32
    below = (P256_ORDER - 1).to_bytes(32)

    assert holds(signature, b"data", signer.public)
    for wrong in [
        b"",
        der(signer, b"data"),
        signature[:63],
        signature + b"\0",
        b"\0" + signature,
        s + r,
        *(r + other for other in (zero, one, n, below, most)),
        *(other + s for other in (zero, one, n, below, most)),
        *(x + y for x in (zero, one, n) for y in (zero, one, n)),
    ]:
        assert not holds(wrong, b"data", signer.public)
    assert not holds(signature, b"dat", signer.public)


def test_an_es256_signature_has_64_bytes_even_if_its_numbers_are_small(signers):
    """A zero less before a number, or one more, does not change the number."""
    signer = signers[Algorithm.ES256]
    signatures = ((data, signer.sign(data)) for data in (b"%d" % n for n in range(10_000)))
    data, signature = next(pair for pair in signatures if pair[1][32] == 0)
    r, s = signature[:32], signature[32:]

    assert holds(r + s, data, signer.public)
    assert not holds(r + s[1:], data, signer.public)
    assert not holds(r + b"\0" + s, data, signer.public)


def test_an_es256_signature_has_a_twin(signers):
    """Why no replay key is made of signature text: (r, n - s) holds as well."""
    signer = signers[Algorithm.ES256]
    signature = signer.sign(b"data")
    twin = (P256_ORDER - int.from_bytes(signature[32:])).to_bytes(32)

    assert holds(signature[:32] + twin, b"data", signer.public)


@given(data=st.binary(max_size=64))
def test_es256_tokens_are_written_with_the_lower_twin_whatever_signs(signers, data):
    signer = signers[Algorithm.ES256]

    def either(high):
        def sign_as(signed):
            raw = signer.sign(signed)
            s = int.from_bytes(raw[32:])
            if (s > P256_ORDER // 2) is not high:
                s = P256_ORDER - s
            return raw[:32] + s.to_bytes(32)

        return sign_as

    for high in (True, False):
        token = sign_bytes(either(high), signer.public, typ=TYP, payload=data)
        signed, _, signature = token.rpartition(".")
        assert int.from_bytes(unb64(signature)[32:]) <= P256_ORDER // 2
        assert holds(unb64(signature), signed.encode(), signer.public)


def test_eddsa_signatures_in_every_wrong_shape(signers):
    signer = signers[Algorithm.EDDSA]
    signature = signer.sign(b"data")
    s = int.from_bytes(signature[32:], "little")

    assert holds(signature, b"data", signer.public)
    for wrong in [
        b"",
        signature[:63],
        signature + b"\0",
        signature[32:] + signature[:32],
        bytes(64),
        (1).to_bytes(32, "little") + bytes(32),
        *(
            signature[:32] + (s + times * ED25519_ORDER).to_bytes(32, "little")
            for times in (1, 2, 7)  # the same number again, RFC 8032, 5.1.7
        ),
    ]:
        assert not holds(wrong, b"data", signer.public)


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64, 222])
def test_a_pss_salt_has_32_bytes(signers, salt):
    signer = signers[Algorithm.PS256]
    sha256 = hashes.SHA256()
    pss = padding.PSS(mgf=padding.MGF1(sha256), salt_length=salt)

    assert not holds(loaded(signer).sign(b"data", pss, sha256), b"data", signer.public)


def test_pss_has_sha256_throughout(signers):
    signer = signers[Algorithm.PS256]
    sha1, sha256, sha512 = hashes.SHA1(), hashes.SHA256(), hashes.SHA512()  # noqa: S303

    for inner, outer in [(sha1, sha256), (sha512, sha256), (sha256, sha512)]:
        pss = padding.PSS(mgf=padding.MGF1(inner), salt_length=32)
        signature = loaded(signer).sign(b"data", pss, outer)
        assert not holds(signature, b"data", signer.public)


def test_pkcs_1_blocks_in_every_wrong_shape(signers):
    """RFC 8017, 8.2.2: the block is compared, not parsed."""
    signer = signers[Algorithm.RS256]
    numbers = loaded(signer).private_numbers()
    digest = hashlib.sha256(b"data").digest()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest

    def raised(block):
        assert len(block) == 256
        return pow(int.from_bytes(block), numbers.d, numbers.public_numbers.n).to_bytes(256)

    def block(content, kind=b"\0\1", fill=b"\xff", rest=b""):
        size = 256 - 2 - 1 - len(content) - len(rest)
        return kind + fill * size + b"\0" + content + rest

    assert holds(raised(block(info)), b"data", signer.public)
    for wrong in [
        block(info, kind=b"\0\2"),
        block(info, kind=b"\0\0"),
        block(info, fill=b"\xfe"),
        block(digest),
        block(bytes.fromhex("302f300b0609608648016503040201") + b"\4\x20" + digest),
        block(bytes.fromhex("308131300d060960864801650304020105000420") + digest),
        block(bytes.fromhex("3021300906052b0e03021a05000414") + digest[:20]),
        block(info, rest=b"\0"),
        b"\0\1" + b"\xff" * 8 + b"\0" + info + bytes(256 - 11 - len(info)),
        block(info[:-1] + bytes([info[-1] ^ 1])),
    ]:
        assert not holds(raised(wrong), b"data", signer.public)
    signature = raised(block(info))
    n = numbers.public_numbers.n
    for wrong in [
        b"",
        signature[1:],
        signature + b"\0",
        b"\0" + signature,
        (int.from_bytes(signature) + n).to_bytes(257),
        bytes(256),
        (1).to_bytes(256),
        n.to_bytes(256),
        (n - 1).to_bytes(256),
    ]:
        assert not holds(wrong, b"data", signer.public)


RFC_PAYLOAD = (
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
    "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)


@pytest.mark.parametrize(
    ("jwk", "signed", "signature"),
    [
        pytest.param(
            {
                "alg": "RS256",
                "kty": "RSA",
                "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Va"
                "w-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r"
                "2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7"
                "WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK"
                "-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
                "e": "AQAB",
            },
            "eyJhbGciOiJSUzI1NiJ9" + RFC_PAYLOAD,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0"
            "Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnb"
            "yTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi1"
            "2jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs"
            "98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            id="RFC 7515, A.2",
        ),
        pytest.param(
            {
                "alg": "ES256",
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            },
            "eyJhbGciOiJFUzI1NiJ9" + RFC_PAYLOAD,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJq"
            "PP3-Kg6NU1Q",
            id="RFC 7515, A.3",
        ),
        pytest.param(
            {
                "alg": "EdDSA",
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            },
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVv"
            "pAr_MuM0KAg",
            id="RFC 8037, A.4",
        ),
    ],
)
def test_the_signatures_in_the_rfcs(jwk, signed, signature):
    """Their headers have no typ and kid, so that only the signature can be tried."""
    key = public_key(jwk | {"kid": KID}, algorithms=frozenset(Algorithm))
    data, raw = signed.encode(), unb64(signature)

    assert holds(raw, data, key)
    assert not holds(raw, data[:-1], key)
    with pytest.raises(MalformedToken):
        read(f"{signed}.{signature}", limit=LIMIT)


# The writer


@pytest.mark.parametrize("algorithm", Algorithm)
@given(claims=st.dictionaries(TEXTS, JSON, max_size=3))
def test_others_read_what_we_write(signers, algorithm, claims):
    signer = signers[algorithm]
    try:
        token = sign(signer, typ=TYP, claims=claims)
    except InvalidField as refusal:
        assert refusal.field == "claims"
        with pytest.raises(ValueError, match="JSON compliant"):
            json.dumps(claims, allow_nan=False)
        return

    jwk = json.loads(signer.public.jwk) | {"alg": algorithm.value}
    decoded = jwt.PyJWS().decode_complete(
        token, jwt.PyJWK.from_dict(jwk).key, algorithms=[algorithm.value]
    )
    assert json.loads(decoded["payload"]) == claims
    assert decoded["header"] == {"alg": algorithm.value, "typ": TYP, "kid": KID}
    assert json.loads(theirs(token, signer)) == claims
    if is_portable(claims):
        assert verify(read(token, limit=10**6), signer.public, expected_typ=TYP) == claims
    else:
        with pytest.raises(MalformedToken):
            read(token, limit=10**6)


def test_pyjwt_refuses_what_we_did_not_write(signers):
    """The second judge does look."""
    for algorithm, signer in signers.items():
        jwk = json.loads(signer.public.jwk) | {"alg": algorithm.value}
        key = jwt.PyJWK.from_dict(jwk).key
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.PyJWS().decode(forge(signer, make=flipped), key, [algorithm.value])


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_same_claims_are_always_spelled_the_same(signers, algorithm):
    signer = signers[algorithm]
    first, second = (sign(signer, typ=TYP, claims=CLAIMS) for _ in range(2))
    header, payload, _ = first.split(".")

    assert first.rpartition(".")[0] == second.rpartition(".")[0]
    assert unb64(header).decode() == json.dumps(
        {"alg": algorithm.value, "kid": KID, "typ": TYP}, separators=(",", ":")
    )
    assert unb64(payload).decode() == json.dumps(CLAIMS, separators=(",", ":"), ensure_ascii=False)


def test_whatever_signs_can_write(signers):
    signer = signers[Algorithm.EDDSA]
    payloads = []

    def hsm(data):
        payloads.append(data)
        return signer.sign(data)

    token = sign_with(hsm, signer.public, typ=TYP, claims=CLAIMS)

    assert payloads == [token.rpartition(".")[0].encode()]
    assert ours(token, signer) == CLAIMS


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", b"", {1}])
def test_claims_that_json_cannot_hold_are_not_signed(signers, value):
    with pytest.raises(InvalidField) as caught:
        sign(signers[Algorithm.EDDSA], typ=TYP, claims={"a": value})

    assert caught.value.field == "claims"
