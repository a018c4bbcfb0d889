"""Secrets: always ours, of full entropy, told once, and kept in a form that gives nothing back."""

import base64
from datetime import timedelta
from itertools import permutations

import attrs
import pytest

from counterseal import STANDARD, keys
from counterseal.credentials.decisions.authentication import SignedRequest
from counterseal.credentials.documents import write_basic, write_cx1, write_signature
from counterseal.errors import CredentialRefused, InvalidField, NotFound
from counterseal.models import Operator, Scheme
from counterseal.models.guid import mint

URI = "https://auth.example.com/api/request/add"
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
NOBODY = mint(0, bytes(15))
ROOT = Operator(name="root")


@pytest.fixture
def guid(service):
    return service.origin.origin.guid


def admitted(service, issued, guid=None, verb="authenticate") -> bool:
    """Tell whether a request with the secret is let in."""
    holder, now = guid or issued.guid, service.clock.now().timestamp()
    # Each request is another one: the replay guard is not what is asked about here.
    service.serial = getattr(service, "serial", 0) + 1
    message = {"method": "POST", "uri": URI, "body": b"%d" % service.serial}
    if issued.scheme is Scheme.BASIC:
        members = {"authorization": write_basic(issued.secret, guid=holder)}
    elif issued.scheme is Scheme.HMAC:
        header = write_cx1(issued.secret, milliseconds=int(now * 1000), guid=holder, **message)
        members = {"authorization": header}
    else:
        nonce = f"{service.serial:032x}"
        members = {
            "headers": write_signature(
                issued.secret, created=int(now), guid=holder, nonce=nonce, **message
            )
        }
    try:
        getattr(service.authentication, verb)(SignedRequest(**message, **members))
    except CredentialRefused:
        return False
    return True


@pytest.mark.parametrize("scheme", Scheme)
def test_a_secret_has_256_bits_and_is_returned_once(service, guid, scheme):
    issued = service.credentials.issue(guid, scheme)
    assert (issued.guid, issued.scheme) == (guid, scheme)
    assert len(base64.b64decode(issued.secret)) == 32
    assert issued.secret not in repr(issued)
    assert admitted(service, issued)
    assert service.last_event() == ("credential.issue", "")
    assert service.events[-1].subject == guid


def test_two_secrets_differ(service, guid):
    secrets = {service.credentials.issue(guid, Scheme.BASIC).secret for _ in range(10)}
    assert len(secrets) == 10


def test_a_basic_secret_is_stored_as_salted_sha_512(service, guid):
    issued = service.credentials.issue(guid, Scheme.BASIC)
    (stored,) = service.stored(guid).credentials
    assert (len(stored.salt), len(stored.digest), stored.sealed) == (16, 64, b"")
    assert stored.digest == keys.basic_digest(issued.secret, stored.salt)
    assert issued.secret not in repr(attrs.asdict(service.stored(guid)))
    service.credentials.issue(guid, Scheme.BASIC)
    assert service.stored(guid).credentials[0].salt != stored.salt


@pytest.mark.parametrize("scheme", [Scheme.HMAC, Scheme.SIGNATURE])
def test_a_secret_that_signs_is_stored_sealed_for_its_holder(service, guid, scheme):
    issued = service.credentials.issue(guid, scheme)
    (stored,) = service.stored(guid).credentials
    assert (stored.salt, stored.digest) == (b"", b"")
    assert issued.secret.encode() not in stored.sealed
    opened = service.ports.sealer.open(stored.sealed, f"credential:{guid}")
    assert opened.decode() == issued.secret


# Rotating, switching, revoking


@pytest.mark.parametrize("scheme", Scheme)
def test_without_an_overlap_a_new_secret_replaces_the_old_one_at_once(service, guid, scheme):
    old, new = (service.credentials.issue(guid, scheme) for _ in range(2))
    assert admitted(service, new)
    assert not admitted(service, old)
    assert len(service.stored(guid).credentials) == 1


@pytest.mark.parametrize("scheme", Scheme)
def test_s23_the_old_secret_counts_during_the_overlap_only(service, guid, scheme):
    old = service.credentials.issue(guid, scheme)
    new = service.credentials.issue(guid, scheme, overlap=HOUR)
    assert admitted(service, old)
    service.clock.advance(HOUR - TICK)
    assert admitted(service, old)
    assert admitted(service, new)
    service.clock.advance(TICK)
    assert not admitted(service, old)
    assert admitted(service, new)


@pytest.mark.parametrize("scheme", Scheme)
def test_at_most_two_secrets_live(service, guid, scheme):
    first, second, third = (service.credentials.issue(guid, scheme, overlap=HOUR) for _ in range(3))
    assert len(service.stored(guid).credentials) == 2
    assert [admitted(service, one) for one in (first, second, third)] == [False, True, True]


def test_a_later_rotation_makes_no_old_secret_live_longer(service, guid):
    old = service.credentials.issue(guid, Scheme.BASIC)
    service.credentials.issue(guid, Scheme.BASIC, overlap=HOUR)
    service.clock.advance(HOUR - TICK)
    service.credentials.revoke(guid)
    assert not admitted(service, old)


def test_an_old_secret_that_has_ended_is_not_brought_back_by_a_rotation(service, guid):
    """It is the newest that is kept beside the new one."""
    first = service.credentials.issue(guid, Scheme.BASIC)
    second = service.credentials.issue(guid, Scheme.BASIC, overlap=HOUR)
    service.clock.advance(2 * HOUR)
    service.credentials.issue(guid, Scheme.BASIC, overlap=HOUR)
    assert (admitted(service, first), admitted(service, second)) == (False, True)


@pytest.mark.parametrize(("scheme", "other"), list(permutations(Scheme, 2)))
def test_switching_the_scheme_ends_the_old_secret_at_once(service, guid, scheme, other):
    old = service.credentials.issue(guid, scheme)
    new = service.credentials.issue(guid, other, overlap=HOUR)
    assert admitted(service, new)
    assert not admitted(service, old)
    assert [stored.scheme for stored in service.stored(guid).credentials] == [other]


@pytest.mark.parametrize("scheme", Scheme)
def test_a_revoked_origin_stays_and_is_not_let_in(service, guid, scheme):
    old = service.credentials.issue(guid, scheme)
    new = service.credentials.issue(guid, scheme, overlap=HOUR)
    bare = service.by(ROOT).credentials.revoke(guid)
    assert bare == service.stored(guid)
    assert bare.credentials == ()
    assert (admitted(service, old), admitted(service, new)) == (False, False)
    event = service.happened("credential.revoke")[-1]
    assert (event.actor, event.subject) == ("root", guid)
    assert service.credentials.revoke(guid) == bare
    assert admitted(service, service.credentials.issue(guid, scheme))


def names_of(service, guid):
    """Return the GUIDs of an origin's credentials, the newest first."""
    origin = service.stored(guid)
    return [origin.credential_guid(each) for each in origin.credentials]


def rotate_twice(service, guid, scheme=Scheme.HMAC):
    """Return the old and the new secret of an origin, and their GUIDs."""
    old = service.credentials.issue(guid, scheme)
    new = service.credentials.issue(guid, scheme, overlap=HOUR)
    new_name, old_name = names_of(service, guid)
    return old, new, old_name, new_name


@pytest.mark.parametrize("scheme", Scheme)
def test_one_of_two_secrets_is_revoked_and_the_other_one_stays(service, guid, scheme):
    old, new, old_name, new_name = rotate_twice(service, guid, scheme)
    newest = service.stored(guid).credentials[0]
    updated_origin = service.by(ROOT).credentials.revoke_credential(guid, old_name)
    assert updated_origin == service.stored(guid)
    assert updated_origin.credentials[0] == newest
    assert updated_origin.credentials[1].ends_at == service.clock.now()
    assert (admitted(service, old), admitted(service, new)) == (False, True)
    event = service.happened("credential.revoke_one")[-1]
    assert (event.actor, event.subject, event.reason) == ("root", guid, "")
    assert names_of(service, guid) == [new_name, old_name]


@pytest.mark.parametrize("scheme", Scheme)
def test_the_newest_secret_is_revoked_and_the_old_one_ends_when_it_would(service, guid, scheme):
    old, new, _, new_name = rotate_twice(service, guid, scheme)
    service.credentials.revoke_credential(guid, new_name)
    assert (admitted(service, old), admitted(service, new)) == (True, False)
    service.clock.advance(HOUR)
    assert not admitted(service, old)


def test_a_secret_that_was_revoked_alone_is_not_brought_back_by_a_rotation(service, guid):
    old, new, _, new_name = rotate_twice(service, guid)
    ends_at = service.stored(guid).credentials[1].ends_at
    service.credentials.revoke_credential(guid, new_name)
    next_secret = service.credentials.issue(guid, Scheme.HMAC, overlap=2 * HOUR)
    assert [admitted(service, one) for one in (old, new, next_secret)] == [True, False, True]
    # The old one ends when it would have ended.
    assert [each.ends_at for each in service.stored(guid).credentials] == [None, ends_at]
    service.clock.advance(HOUR)
    assert [admitted(service, one) for one in (old, next_secret)] == [False, True]


def test_the_only_secret_is_revoked_and_a_new_one_is_made(service, guid):
    old = service.credentials.issue(guid, Scheme.BASIC)
    (name,) = names_of(service, guid)
    service.credentials.revoke_credential(guid, name)
    assert not admitted(service, old)
    new = service.credentials.issue(guid, Scheme.BASIC, overlap=HOUR)
    assert (admitted(service, old), admitted(service, new)) == (False, True)
    assert len(service.stored(guid).credentials) == 1


@pytest.mark.parametrize("ended", ["revoked", "overlap"])
def test_a_secret_that_has_ended_stays_as_it_is(service, guid, ended):
    *_, old_name, _ = rotate_twice(service, guid)
    if ended == "revoked":
        service.credentials.revoke_credential(guid, old_name)
        service.clock.advance(TICK)
    else:
        service.clock.advance(HOUR)
    before = service.records()
    assert service.credentials.revoke_credential(guid, old_name) == service.stored(guid)
    assert service.records() == before


def test_a_secret_of_another_origin_is_not_found(service, guid):
    *_, old_name, _ = rotate_twice(service, guid)
    other = service.new_origin(service.app_space, "Another shop").origin.guid
    service.credentials.issue(other, Scheme.HMAC)
    (other_name,) = names_of(service, other)
    before = service.records()
    for origin, name in ((guid, other_name), (other, old_name), (guid, NOBODY), (NOBODY, old_name)):
        with pytest.raises(NotFound):
            service.credentials.revoke_credential(origin, name)
        assert service.last_event() == ("credential.revoke_one", "not_found")
    assert service.records() == before


def test_secrets_that_were_made_at_the_same_time_have_names_of_their_own(service, guid):
    for scheme in Scheme:
        *_, old_name, new_name = rotate_twice(service, guid, scheme)
        stored_credentials = service.stored(guid).credentials
        assert len({each.created_at for each in stored_credentials}) == 1
        assert old_name != new_name


@pytest.mark.parametrize("verb", ["issue", "issue_webhook_key"])
@pytest.mark.parametrize("overlap", [-TICK, STANDARD.credential_overlap_limit + TICK])
def test_an_overlap_is_within_the_policys_limit(service, guid, verb, overlap):
    scheme = (Scheme.BASIC,) if verb == "issue" else ()
    before = service.records()
    with pytest.raises(InvalidField) as caught:
        getattr(service.credentials, verb)(guid, *scheme, overlap=overlap)
    assert caught.value.field == "overlap"
    assert caught.value.problem.endswith("longer than credential_overlap_limit: 7 days, 0:00:00")
    assert service.records() == before
    limit = STANDARD.credential_overlap_limit
    getattr(service.credentials, verb)(guid, *scheme, overlap=limit)


def test_what_is_no_origin_is_not_found(service):
    for nobody in (NOBODY, service.app_space.guid):
        for call in (
            lambda guid: service.credentials.issue(guid, Scheme.BASIC),
            service.credentials.revoke,
            service.credentials.issue_webhook_key,
        ):
            with pytest.raises(NotFound):
                call(nobody)
    with pytest.raises(NotFound):
        service.credentials.create_admin("root", company=NOBODY)


def test_of_two_secrets_made_at_once_the_last_one_counts(service, guid, meeting, at_once):
    racing = service.but(store=meeting(service.store, 2))
    secrets = at_once(*[lambda: racing.credentials.issue(guid, Scheme.BASIC)] * 2)
    assert [admitted(service, one) for one in secrets].count(True) == 1


# Webhook secrets


def test_a_webhook_secret_is_written_as_receivers_read_it_and_stored_sealed(service, guid):
    secret = service.by(ROOT).credentials.issue_webhook_key(guid)
    prefix, _, encoded = secret.partition("_")
    assert (prefix, len(base64.b64decode(encoded))) == ("whsec", 32)
    (stored,) = service.stored(guid).webhook_keys
    assert service.ports.sealer.open(stored.sealed, f"webhook:{guid}") == base64.b64decode(encoded)
    assert (service.events[-1].event, service.events[-1].actor) == ("webhook_key.issue", "root")


def test_at_most_two_webhook_secrets_live_and_the_newest_is_first(service, guid):
    for _ in range(3):
        service.credentials.issue_webhook_key(guid, overlap=HOUR)
    newest, older = service.stored(guid).webhook_keys
    assert (newest.ends_at, older.ends_at) == (None, service.clock.now() + HOUR)


def test_a_webhook_secret_is_no_credential(service, guid):
    service.credentials.issue_webhook_key(guid)
    assert service.stored(guid).credentials == ()


# Administrators


@pytest.mark.alone
def test_an_administrator_of_a_company_and_one_of_all(service):
    root = service.credentials.create_admin("root", all_companies=True)
    local = service.credentials.create_admin("local", company=service.company.guid, life=HOUR)
    assert service.stored(root.guid).company is None
    assert service.stored(root.guid).ends_at is None
    stored = service.stored(local.guid)
    assert (stored.name, stored.company, stored.version) == ("local", service.company.guid, 1)
    assert stored.ends_at == service.clock.now() + HOUR
    assert [one.scheme for one in stored.credentials] == [Scheme.HMAC]
    assert service.last_event() == ("admin.create", "")
    assert service.events[-1].subject == local.guid


def test_an_administrator_signs_in_the_scheme_it_was_made_with(service):
    admin = service.credentials.create_admin("root", all_companies=True, scheme=Scheme.SIGNATURE)
    stored = [one.scheme for one in service.stored(admin.guid).credentials]
    assert (admin.scheme, stored) == (Scheme.SIGNATURE, [Scheme.SIGNATURE])
    assert admitted(service, admin, verb="authenticate_admin")
    for other in (Scheme.HMAC, Scheme.BASIC):
        members = attrs.evolve(admin, scheme=other)
        assert not admitted(service, members, verb="authenticate_admin")


@pytest.mark.alone
def test_an_administrators_rotation_keeps_its_scheme_or_switches(service):
    old = service.credentials.create_admin("root", all_companies=True, scheme=Scheme.SIGNATURE)
    new = service.credentials.rotate_admin(old.guid, overlap=HOUR)
    assert new.scheme is Scheme.SIGNATURE
    assert all(admitted(service, one, verb="authenticate_admin") for one in (old, new))
    last = service.credentials.rotate_admin(old.guid, scheme=Scheme.HMAC, overlap=HOUR)
    assert admitted(service, last, verb="authenticate_admin")
    assert not admitted(service, new, verb="authenticate_admin")
    service.credentials.revoke_admin(old.guid)
    assert service.credentials.rotate_admin(old.guid).scheme is Scheme.HMAC


def test_an_administrator_has_no_password(service):
    admin = service.credentials.create_admin("root", all_companies=True)
    before = service.records()
    for call in (
        lambda: service.credentials.create_admin("other", all_companies=True, scheme=Scheme.BASIC),
        lambda: service.credentials.rotate_admin(admin.guid, scheme=Scheme.BASIC),
    ):
        with pytest.raises(InvalidField) as caught:
            call()
        assert caught.value.field == "keyType"
    assert service.records() == before


@pytest.mark.parametrize("life", [timedelta(0), -HOUR, timedelta.max])
def test_an_administrator_lives_for_some_time(service, life):
    with pytest.raises(InvalidField) as caught:
        service.credentials.create_admin("root", all_companies=True, life=life)
    assert caught.value.field == "life"


def test_an_administrators_secret_lets_no_origin_in(service):
    admin = service.credentials.create_admin("root", all_companies=True)
    assert not admitted(service, admin)
    assert not admitted(service, admin, service.origin.origin.guid)
