"""The receipt: whoever trusts the service's key needs nothing else, and nobody else is believed."""

import copy
import hashlib
import json
from datetime import UTC, datetime, timedelta

import attrs
import jwt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from readers import enough_is_read, read_or_refuse

from counterseal import ijson, keys
from counterseal.challenges.documents.answer import Answer, answer_claims
from counterseal.challenges.documents.display import display_document, display_text
from counterseal.challenges.documents.receipt import (
    RECEIPT_LIMIT,
    RECEIPT_TYP,
    receipt_hash,
    receipt_payload,
    verify_receipt,
)
from counterseal.errors import IssuerUntrusted, ReceiptChanged
from counterseal.ijson import INTEGER_LIMIT
from counterseal.models import (
    Account,
    Algorithm,
    AppSpace,
    Binding,
    BindingState,
    Button,
    Challenge,
    ChallengeState,
    DeviceKey,
    KeyChange,
    Origin,
    Question,
    Role,
    TextContent,
    guid,
)
from counterseal.wire.members import format_time
from counterseal_testing.strategies import texts

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=2)
ACCEPTED = NOW + timedelta(seconds=9)
COMPANY, SPACE, ORIGIN, ACCOUNT, CHALLENGE, DEVICE = (
    guid.mint(7, bytes([0xA0 + n]) * 15) for n in range(6)
)
OTHER = guid.mint(8, bytes(15))
QUESTION = Question(
    account_id="user-42",
    content=TextContent(text="Pay 10 EUR to Zoë?"),
    buttons=(
        Button(title="Pay", strong=True, approving=True),
        Button(title="No", strong=False),
        Button(title="Pay a little", strong=False, approving=True),
    ),
)
USER = Account(guid=ACCOUNT, app_space=SPACE, account_id="user-42", created_at=NOW)


class Case:
    """Everything that one receipt is made of; each part can be another."""

    def __init__(self, issuer, own, strong):
        self.issuer = issuer
        self.signers = {Role.DEVICE: own, Role.STRONG: strong}
        self.device_keys = tuple(
            DeviceKey(role=role, key=key.public) for role, key in self.signers.items()
        )

    def challenge(self, *, code=False):
        text = display_text(
            display_document(
                QUESTION,
                challenge=CHALLENGE,
                app_space=AppSpace(guid=SPACE, company=COMPANY, name="Bank", created_at=NOW),
                origin=Origin(guid=ORIGIN, app_space=SPACE, name="Shop", created_at=NOW),
                account=USER,
                code_asked=code,
                issued_at=NOW,
                deadline=DEADLINE,
            )
        )
        return Challenge(
            guid=CHALLENGE,
            state=ChallengeState.SEEN,
            app_space=SPACE,
            origin=ORIGIN,
            account=ACCOUNT,
            display=text,
            display_hash=keys.digest(text.encode()),
            buttons=QUESTION.buttons,
            code_asked=code,
            issued_at=NOW,
            deadline=DEADLINE,
            keep_until=DEADLINE,
        )

    def answer(self, challenge, button, role, /, *, by=None, **changes):
        """What the device signs; *by* signs in its place."""
        answer = Answer(
            device=DEVICE,
            account=ACCOUNT,
            app_space=SPACE,
            challenge=challenge.guid,
            display_hash=challenge.display_hash,
            button=button,
            title=None if button is None else QUESTION.buttons[button].title,
            issued_at=1795521600,
            id="jti",
        )
        answer = attrs.evolve(answer, **changes)
        return keys.sign(by or self.signers[role], typ=answer.typ, claims=answer_claims(answer))

    def claims(self, button=0, role=Role.STRONG, /, *, code=False, receipts=0, **answer):
        challenge = self.challenge(code=code)
        signer = next(device_key for device_key in self.device_keys if device_key.role is role)
        payload = receipt_payload(
            challenge,
            issuer=self.issuer.public,
            account=attrs.evolve(
                USER, receipts=receipts, receipt_hash="p" * 43 if receipts else ""
            ),
            binding=Binding(
                guid=DEVICE,
                state=BindingState.ACTIVE,
                account=ACCOUNT,
                app_space=SPACE,
                origin=ORIGIN,
                token_hash=b"",
                deadline=NOW,
                keys=self.device_keys,
                key_changes=tuple(
                    KeyChange(at=NOW, role=device_key.role, thumbprint=device_key.key.thumbprint)
                    for device_key in self.device_keys
                ),
                created_at=NOW,
            ),
            signer=signer,
            token=self.answer(challenge, button, role, **answer),
            state=ChallengeState.DISOWNED if button is None else ChallengeState.ANSWERED,
            button=button,
            at=ACCEPTED,
        )
        return json.loads(payload)

    def sign(self, claims, by=None, typ=RECEIPT_TYP):
        return keys.sign(by or self.issuer, typ=typ, claims=claims)

    def jwk(self, key):
        return {
            **json.loads(key.public.jwk),
            "kid": key.public.kid,
            "alg": key.public.algorithm.value,
        }


@pytest.fixture(scope="module")
def case(ed25519):
    return Case(ed25519("issuer"), ed25519("own"), ed25519("strong"))


@pytest.fixture(scope="module")
def receipt(case):
    return case.sign(case.claims())


@pytest.fixture
def changed():
    """Demand that the receipt is refused as one that does not hold together."""
    return lambda: pytest.raises(ReceiptChanged)


class TestASoundReceipt:
    def test_says_who_answered_what_with_which_key(self, case, receipt):
        parsed = verify_receipt(receipt, trusted=(case.issuer.public,))
        assert parsed.proven is True
        assert parsed.issuer == case.issuer.public
        assert parsed.display == json.loads(case.challenge().display)
        assert parsed.display["content"] == {"text": "Pay 10 EUR to Zoë?"}
        assert (parsed.answer.button, parsed.answer.title) == (0, "Pay")
        assert parsed.answer.device == DEVICE
        assert (parsed.key, parsed.role) == (case.signers[Role.STRONG].public, Role.STRONG)
        assert (parsed.state, parsed.approved) == (ChallengeState.ANSWERED, True)
        assert (parsed.at, parsed.number, parsed.previous) == (ACCEPTED, 1, "")
        assert parsed.hash == receipt_hash(receipt)

    @pytest.mark.parametrize(
        ("button", "role", "state", "approved"),
        [
            (0, Role.STRONG, ChallengeState.ANSWERED, True),
            (1, Role.STRONG, ChallengeState.ANSWERED, False),
            (1, Role.DEVICE, ChallengeState.ANSWERED, False),
            (2, Role.DEVICE, ChallengeState.ANSWERED, True),
            (None, Role.DEVICE, ChallengeState.DISOWNED, False),
            (None, Role.STRONG, ChallengeState.DISOWNED, False),
        ],
    )
    def test_of_every_outcome(self, case, button, role, state, approved):
        parsed = verify_receipt(case.sign(case.claims(button, role)), trusted=(case.issuer.public,))
        assert (parsed.state, parsed.approved, parsed.role) == (state, approved, role)
        assert parsed.answer.button == button

    def test_of_an_approval_with_its_code(self, case):
        challenge = case.challenge(code=True)
        claims = case.claims(code=True)
        claims["answer"] = case.answer(challenge, 0, Role.STRONG, code="042137")
        parsed = verify_receipt(case.sign(claims))
        assert (parsed.approved, parsed.answer.code) == (True, "042137")

    @pytest.mark.parametrize("which", ["issuer", "signer"])
    def test_by_keys_of_every_algorithm(self, algorithm, which, every_kind, ed25519):
        parts = [ed25519("issuer"), ed25519("own"), ed25519("strong")]
        parts[0 if which == "issuer" else 2] = every_kind[algorithm]
        case = Case(*parts)
        parsed = verify_receipt(case.sign(case.claims()), trusted=(case.issuer.public,))
        assert parsed.approved
        assert {parsed.issuer.algorithm, parsed.key.algorithm} == {Algorithm.EDDSA, algorithm}

    def test_names_the_one_before_it(self, case, receipt):
        second = case.claims(receipts=1)
        second["previous"] = receipt_hash(receipt)
        parsed = verify_receipt(case.sign(second))
        assert (parsed.number, parsed.previous) == (2, receipt_hash(receipt))
        signed, _, _ = receipt.rpartition(".")
        assert receipt_hash(receipt) == keys.b64url(hashlib.sha256(signed.encode()).digest())

    def test_is_read_by_a_stranger_too(self, case, receipt):
        claims = jwt.decode(
            receipt,
            jwt.PyJWK(case.jwk(case.issuer)),
            algorithms=["EdDSA"],
            options={"verify_aud": False},
        )
        answer = jwt.decode(
            claims["answer"],
            jwt.PyJWK(claims["key"]),
            algorithms=["EdDSA"],
            options={"verify_aud": False, "verify_iat": False},
        )
        assert answer["display"] == keys.digest(claims["display"].encode())

    def test_has_these_claims_and_no_others(self, case):
        claims = case.claims(1, Role.DEVICE)
        assert claims == {
            "version": 1,
            "issuer": case.jwk(case.issuer),
            "display": case.challenge().display,
            "answer": claims["answer"],
            "device": DEVICE,
            "account": ACCOUNT,
            "key": case.jwk(case.signers[Role.DEVICE]),
            "role": "device",
            "history": [
                {
                    "at": "2026-11-24T12:00:00.000Z",
                    "role": device_key.role.value,
                    "thumbprint": device_key.key.thumbprint,
                }
                for device_key in case.device_keys
            ],
            "outcome": "ANSWERED",
            "approved": False,
            "at": "2026-11-24T12:00:09.000Z",
            "number": 1,
            "previous": "",
        }


class TestTheIssuer:
    def test_is_unproven_where_nobody_is_trusted(self, receipt):
        assert verify_receipt(receipt).proven is False

    def test_is_proven_by_its_key_or_by_its_thumbprint(self, case, receipt, ed25519):
        others = (ed25519("a").public, case.issuer.public, ed25519("b").public)
        thumbprint = case.issuer.public.thumbprint
        assert verify_receipt(receipt, trusted=others).proven is True
        assert verify_receipt(receipt, thumbprint=thumbprint).proven is True
        assert verify_receipt(receipt, trusted=others, thumbprint=thumbprint).proven is True

    def test_that_is_not_trusted_is_refused(self, case, receipt, ed25519):
        other = ed25519("other").public
        for trust in (
            {"trusted": (other,)},
            {"thumbprint": other.thumbprint},
            {"thumbprint": ""},
            {"trusted": (case.issuer.public,), "thumbprint": other.thumbprint},
            {"trusted": (other,), "thumbprint": case.issuer.public.thumbprint},
        ):
            with pytest.raises(IssuerUntrusted):
                verify_receipt(receipt, **trust)

    def test_that_forges_with_a_fresh_key_is_unproven_and_never_trusted(self, case, ed25519):
        fresh = ed25519("fresh")
        forged = case.sign({**case.claims(), "issuer": case.jwk(fresh)}, by=fresh)
        assert verify_receipt(forged).proven is False
        for trust in (
            {"trusted": (case.issuer.public,)},
            {"thumbprint": case.issuer.public.thumbprint},
        ):
            with pytest.raises(IssuerUntrusted):
                verify_receipt(forged, **trust)

    def test_that_forges_under_the_trusted_name_is_refused(self, case, ed25519):
        fresh = keys.private_key(ed25519("fresh").scalar(), kid="issuer", algorithm=Algorithm.EDDSA)
        claims = case.claims()
        with pytest.raises(IssuerUntrusted):
            verify_receipt(
                case.sign({**claims, "issuer": case.jwk(fresh)}, by=fresh),
                trusted=(case.issuer.public,),
            )
        # With the trusted key named, its signature does not hold.
        for trusted in ((), (case.issuer.public,)):
            with pytest.raises(ReceiptChanged):
                verify_receipt(case.sign(claims, by=fresh), trusted=trusted)

    def test_that_names_the_trusted_key_by_another_name_is_refused(self, case):
        renamed = keys.private_key(case.issuer.scalar(), kid="renamed", algorithm=Algorithm.EDDSA)
        token = case.sign({**case.claims(), "issuer": case.jwk(renamed)}, by=renamed)
        with pytest.raises(IssuerUntrusted):
            verify_receipt(token, trusted=(case.issuer.public,))

    @pytest.mark.parametrize(
        "change",
        [
            {"kty": "oct", "k": "AAAA"},
            {"alg": "HS256"},
            {"alg": "none"},
            {"x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
            {"kid": ""},
            {"d": "AAAA"},
        ],
        ids=str,
    )
    def test_with_an_unfit_key_is_refused(self, case, change, changed):
        jwk = {**case.jwk(case.issuer), **change}
        with changed():
            verify_receipt(case.sign({**case.claims(), "issuer": jwk}))


class TestAChangedReceipt:
    @given(data=st.data())
    def test_in_any_one_character_is_refused(self, case, receipt, data):
        index = data.draw(st.integers(0, len(receipt) - 1))
        other = data.draw(st.sampled_from("ABab01-_.=~").filter(lambda c: c != receipt[index]))
        with pytest.raises(ReceiptChanged):
            verify_receipt(receipt[:index] + other + receipt[index + 1 :])

    @given(data=st.data())
    def test_in_any_one_bit_is_refused(self, case, receipt, data):
        part = data.draw(st.integers(0, 2))
        parts = receipt.split(".")
        raw = bytearray(keys.unb64url(parts[part]))
        bit = data.draw(st.integers(0, len(raw) * 8 - 1))
        raw[bit // 8] ^= 1 << bit % 8
        parts[part] = keys.b64url(bytes(raw))
        for trusted in ((), (case.issuer.public,)):
            with pytest.raises((ReceiptChanged, IssuerUntrusted)):
                verify_receipt(".".join(parts), trusted=trusted)

    def test_of_another_type_is_refused(self, case, changed):
        for typ in ("JWT", "counterseal-answer+jwt", "counterseal-keys+jwt"):
            with changed():
                verify_receipt(case.sign(case.claims(), typ=typ))

    @pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "..", "é.é.é", None, 7, b"a.b.c"])
    def test_that_is_no_token_is_refused(self, token, changed):
        with changed():
            verify_receipt(token)

    def test_that_is_too_long_is_refused(self, case, changed):
        claims = {**case.claims(), "history": ["x" * RECEIPT_LIMIT]}
        with changed():
            verify_receipt(case.sign(claims))


class TestAReceiptThatContradictsItself:
    """Signed by the very issuer: who reads it has to see that it does not hold together."""

    @pytest.mark.parametrize(
        "change",
        [
            {"version": 2},
            {"version": 0},
            {"version": True},
            {"device": OTHER},
            {"account": OTHER},
            {"role": "device"},
            {"role": "STRONG"},
            {"outcome": "DISOWNED"},
            {"outcome": "PENDING"},
            {"outcome": "answered"},
            {"approved": False},
            {"history": []},
            {"history": ["x"]},
            {"history": [{}]},
            {"history": [None]},
            {"at": "2026-11-24T11:59:59.999Z"},
            {"at": "2026-11-24T12:02:00.000Z"},
            {"at": "2026-11-24T12:02:00.001Z"},
            {"at": "2026-11-24T12:00:09Z"},
            {"number": 0},
            {"number": -1},
            {"number": 2},
            {"previous": "p" * 43},
            {"extra": 1},
        ],
        ids=str,
    )
    def test_in_one_claim_is_refused(self, case, change, changed):
        with changed():
            verify_receipt(case.sign({**case.claims(), **change}))

    @pytest.mark.parametrize(
        "change",
        [
            {"at": "2026-11-24"},
            {"at": "2026-11-24T12:00:00Z"},
            {"at": 0},
            {"role": None},
            {"thumbprint": 1},
            {"by": "x"},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("index", [0, 1])
    def test_in_a_line_of_history_is_refused(self, case, index, change, changed):
        claims = case.claims()
        claims["history"][index] |= change
        with changed():
            verify_receipt(case.sign(claims))

    def test_from_its_issue_to_the_last_moment_before_the_deadline_it_may_be_accepted(self, case):
        for at in (NOW, DEADLINE - timedelta(milliseconds=1)):
            claims = {**case.claims(), "at": format_time(at)}
            assert verify_receipt(case.sign(claims)).at == at

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda line: {**line, "at": "now"},
            lambda line: {**line, "at": 0},
            lambda line: {**line, "role": None},
            lambda line: {**line, "kid": "k"},
            lambda line: {"role": line["role"], "thumbprint": line["thumbprint"]},
            lambda _: "line",
            lambda _: None,
        ],
    )
    def test_with_a_line_of_history_of_another_shape_is_refused(self, case, spoil, changed):
        claims = case.claims()
        own, strong = claims["history"]
        for history in ([spoil(own), strong], [own, spoil(strong)], [own, strong, spoil(own)]):
            with changed():
                verify_receipt(case.sign({**claims, "history": history}))

    @pytest.mark.parametrize("name", ["version", "issuer", "display", "answer", "previous"])
    def test_without_a_claim_is_refused(self, case, name, changed):
        claims = {key: value for key, value in case.claims().items() if key != name}
        with changed():
            verify_receipt(case.sign(claims))

    def test_a_second_receipt_names_the_one_before(self, case, changed):
        with changed():
            verify_receipt(case.sign({**case.claims(receipts=1), "previous": ""}))

    @pytest.mark.parametrize(
        "change",
        [
            {"device": OTHER},
            {"account": OTHER},
            {"app_space": OTHER},
            {"challenge": OTHER},
            {"display_hash": keys.digest(b"something else")},
            {"button": 1},
            {"button": 3},
            {"title": "pay"},
            {"title": "No"},
        ],
        ids=str,
    )
    def test_in_what_the_device_signed_is_refused(self, case, change, changed):
        with changed():
            verify_receipt(case.sign(case.claims(**change)))

    def test_in_who_signed_the_answer_is_refused(self, case, ed25519, changed):
        stranger = ed25519("stranger")
        with changed():
            verify_receipt(case.sign(case.claims(by=stranger)))
        # Even with the stranger's own key named: it is in no line of the history.
        claims = {**case.claims(by=stranger), "key": case.jwk(stranger)}
        with changed():
            verify_receipt(case.sign(claims))

    def test_a_strong_button_signed_by_a_device_key_is_refused(self, case, changed):
        with changed():
            verify_receipt(case.sign(case.claims(0, Role.DEVICE)))
        # Nor is the device key strong because the receipt says so: its history does not.
        claims = {**case.claims(0, Role.DEVICE), "role": "strong"}
        with changed():
            verify_receipt(case.sign(claims))

    def test_a_refusal_that_says_approval_is_refused(self, case, changed):
        with changed():
            verify_receipt(case.sign({**case.claims(1), "approved": True}))
        with changed():
            verify_receipt(case.sign({**case.claims(None), "approved": True}))

    def test_a_disown_that_says_answer_is_refused(self, case, changed):
        with changed():
            verify_receipt(case.sign({**case.claims(None), "outcome": "ANSWERED"}))

    def test_an_approval_without_the_code_that_was_asked_for_is_refused(self, case, changed):
        with changed():
            verify_receipt(case.sign(case.claims(code=True)))

    @pytest.mark.parametrize("button", [1, None])
    def test_a_refusal_needs_no_code(self, case, button):
        parsed = verify_receipt(case.sign(case.claims(button, Role.DEVICE, code=True)))
        assert parsed.approved is False

    def test_a_display_document_that_is_not_canonical_is_refused(self, case, changed):
        claims = case.claims()
        loose = json.dumps(json.loads(claims["display"]))
        challenge = attrs.evolve(
            case.challenge(), display=loose, display_hash=keys.digest(loose.encode())
        )
        claims |= {"display": loose, "answer": case.answer(challenge, 0, Role.STRONG)}
        with changed():
            verify_receipt(case.sign(claims))

    @given(data=st.data())
    def test_in_one_byte_of_what_was_shown_is_refused(self, case, data):
        claims = case.claims()
        text = claims["display"]
        index = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != text[index]))
        claims["display"] = text[:index] + other + text[index + 1 :]
        with pytest.raises(ReceiptChanged):
            verify_receipt(case.sign(claims))


def at_after(milliseconds):
    """Return a time at which the answer of the case could have been accepted."""
    return format_time(ACCEPTED + timedelta(milliseconds=milliseconds))


def history_of(times):
    """Return lines of the history of a key that signed nothing here."""
    return [{"at": at, "role": "device", "thumbprint": "x" * 43} for at in times]


class TestAMisshapenReceipt:
    """Signed by an issuer, and a device, that put odd things in odd places."""

    JSON = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-INTEGER_LIMIT, INTEGER_LIMIT)
        | st.floats(-1e6, 1e6)
        | texts(limit=16, blank=True)
        | st.sampled_from(["strong", "ANSWERED", DEVICE, "2026-11-24T12:00:00.000Z"]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["thumbprint", "role", "guid", "title", "strong", "kid"]), inner
            )
        ),
        max_leaves=4,
    )

    def paths(self, value, path=()):
        yield path
        if isinstance(value, dict):
            for name, member in value.items():
                yield from self.paths(member, (*path, name))
        if isinstance(value, list):
            for index, member in enumerate(value):
                yield from self.paths(member, (*path, index))

    def spoiled(self, value, data):
        """Put something else in one place of *value*, or take the place away."""
        value = copy.deepcopy(value)
        path = data.draw(st.sampled_from(list(self.paths(value))[1:]))
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        if data.draw(st.booleans()):
            del holder[path[-1]]
        else:
            holder[path[-1]] = data.draw(self.JSON)
        return value, path

    PLAUSIBLE = st.tuples(st.just("at"), st.integers(0, 60_000).map(at_after)) | st.tuples(
        st.just("history"),
        st.lists(st.integers(0, 60_000).map(at_after), min_size=1, max_size=2).map(history_of),
    )
    """Claims that only the issuer knows, and what else it could have put there."""

    @enough_is_read
    @given(data=st.data())
    def test_in_its_claims_is_refused_and_by_nothing_but_our_own_error(self, case, data):
        sound = case.claims()
        if data.draw(st.booleans()):
            name, value = data.draw(self.PLAUSIBLE)
            lines = sound["history"] if name == "history" else []
            claims, path = sound | {name: lines + value if lines else value}, (name,)
        else:
            claims, path = self.spoiled(sound, data)
        assume(claims != sound)
        refusal = (ReceiptChanged, IssuerUntrusted)
        parsed = read_or_refuse(verify_receipt, case.sign(claims), refusal)
        if parsed is None:
            return
        # What only the issuer knows may be another; what the device signed may not.
        assert path[0] in {"history", "at", "previous", "number", "key"}
        assert (parsed.approved, parsed.state) == (True, ChallengeState.ANSWERED)
        assert parsed.key.thumbprint == case.signers[Role.STRONG].public.thumbprint

    @enough_is_read
    @given(data=st.data())
    def test_in_its_display_document_is_refused_by_nothing_but_our_own_error(self, case, data):
        challenge = case.challenge()
        document = json.loads(challenge.display)
        if data.draw(st.booleans()):
            document["content"] = {"text": data.draw(st.text("Pay?", min_size=1))}
        else:
            document, _ = self.spoiled(document, data)
        text = ijson.canonical(document).decode()
        challenge = attrs.evolve(challenge, display=text, display_hash=keys.digest(text.encode()))
        claims = case.claims()
        claims |= {"display": text, "answer": case.answer(challenge, 0, Role.STRONG)}
        parsed = read_or_refuse(verify_receipt, case.sign(claims), ReceiptChanged)
        assert parsed is None or parsed.display == document

    @given(JSON)
    def test_with_any_json_as_what_was_shown_is_refused(self, case, display):
        text = ijson.canonical(display).decode()
        challenge = attrs.evolve(
            case.challenge(), display=text, display_hash=keys.digest(text.encode())
        )
        claims = case.claims()
        claims |= {"display": text, "answer": case.answer(challenge, 0, Role.STRONG)}
        with pytest.raises(ReceiptChanged):
            verify_receipt(case.sign(claims))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("version",), True),
            (("version",), 1.5),
            (("version",), 2),
            (("code",), None),
            (("code",), 0),
            (("footer",), "small print"),
            (("origin",), "Shop"),
            (("content", "markdown"), "x"),
            (("buttons", 1, "hidden"), True),
            (("buttons",), []),
            (("buttons",), {"0": {}}),
            (("buttons",), "Pay"),
            (("buttons", 0, "approves"), 1),
            (("buttons", 0, "approves"), "true"),
            (("appSpace",), SPACE),
            (("account", "guid"), OTHER),
            (("challenge",), OTHER),
            (("expiresAt",), None),
            (("expiresAt",), 1795521600),
            (("expiresAt",), "2026-11-24T12:00:09.000Z"),
        ],
        ids=str,
    )
    def test_in_what_counts_of_the_display_document_is_refused(self, case, path, value, changed):
        challenge = case.challenge()
        document = json.loads(challenge.display)
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value
        text = ijson.canonical(document).decode()
        challenge = attrs.evolve(challenge, display=text, display_hash=keys.digest(text.encode()))
        claims = case.claims()
        claims |= {"display": text, "answer": case.answer(challenge, 0, Role.STRONG)}
        with changed():
            verify_receipt(case.sign(claims))

    @pytest.mark.parametrize("strong", [0, None, "false", "", True])
    def test_a_button_that_is_not_plainly_weak_is_not_for_a_device_key(self, case, strong, changed):
        challenge = case.challenge()
        document = json.loads(challenge.display)
        document["buttons"][1]["strong"] = strong
        text = ijson.canonical(document).decode()
        challenge = attrs.evolve(challenge, display=text, display_hash=keys.digest(text.encode()))
        claims = case.claims(1, Role.DEVICE)
        claims |= {"display": text, "answer": case.answer(challenge, 1, Role.DEVICE)}
        with changed():
            verify_receipt(case.sign(claims))
