"""GUIDs: version 8 UUIDs that name their record's partition."""

import hashlib
import uuid
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal.errors import InvalidField
from counterseal.models import guid

PARTITIONS = st.integers(0, 255)
ENTROPY = st.binary(min_size=15, max_size=15)
VERSION_AND_VARIANT = 0xF << 76 | 0x3 << 62


@given(PARTITIONS, ENTROPY)
def test_a_new_guid_is_a_uuid_of_version_8(partition, entropy):
    minted = guid.mint(partition, entropy)
    parsed = uuid.UUID(minted)

    assert str(parsed) == minted
    assert parsed.version == 8
    assert parsed.variant == uuid.RFC_4122


@given(PARTITIONS, ENTROPY)
def test_a_guid_holds_its_partition_and_all_entropy_but_six_bits(partition, entropy):
    minted = uuid.UUID(guid.mint(partition, entropy)).int
    given_bits = int.from_bytes(bytes([partition]) + entropy)

    assert minted & ~VERSION_AND_VARIANT == given_bits & ~VERSION_AND_VARIANT


@given(PARTITIONS, ENTROPY)
def test_a_guid_is_read_as_it_was_written(partition, entropy):
    minted = guid.mint(partition, entropy)

    assert guid.parse(minted, field="guid") == minted
    assert guid.partition_of(minted) == partition


@pytest.mark.parametrize("partition", [-1, 256])
def test_there_are_256_partitions(partition):
    with pytest.raises(ValueError, match="range"):
        guid.mint(partition, bytes(15))


@pytest.mark.parametrize("size", [0, 7, 14, 16])
def test_a_guid_takes_15_bytes_of_entropy(size):
    with pytest.raises(ValueError, match="15 bytes"):
        guid.mint(0, bytes(size))


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        b"00000000-0000-8000-8000-000000000000",
        "",
        "00000000-0000-8000-8000-00000000000",
        "00000000-0000-8000-8000-0000000000000",
        "00000000-0000-8000-8000-000000000000\n",
        " 00000000-0000-8000-8000-000000000000",
        "00000000-0000-8000-8000-00000000000A",
        "00000000000080008000000000000000",
        "{00000000-0000-8000-8000-000000000000}",
        "urn:uuid:00000000-0000-8000-8000-000000000000",
        "00000000-0000-4000-8000-000000000000",  # version 4
        "00000000-0000-7000-8000-000000000000",  # version 7
        "00000000-0000-8000-7000-000000000000",  # variants of others
        "00000000-0000-8000-c000-000000000000",
        "0000000\u0660-0000-8000-8000-000000000000",  # a digit, but not ASCII
    ],
)
def test_other_spellings_are_refused_by_name(text):
    with pytest.raises(InvalidField) as caught:
        guid.parse(text, field="requestGuid")

    assert caught.value.field == "requestGuid"


OTHER = (
    st.uuids(version=4).map(str)
    | st.uuids().map(str)
    | st.from_regex(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
)


@enough_is_read
@given(mostly_sound(st.builds(guid.mint, PARTITIONS, ENTROPY), OTHER))
def test_what_is_read_is_a_canonical_uuid_of_version_8(text):
    parsed = read_or_refuse(partial(guid.parse, field="guid"), text, InvalidField)
    if parsed is None:
        return
    assert parsed == text == str(uuid.UUID(text))
    assert uuid.UUID(text).version == 8
    assert uuid.UUID(text).variant == uuid.RFC_4122


@given(PARTITIONS, ENTROPY, st.text(st.characters(exclude_categories=["Cs"])))
def test_an_account_lives_where_its_hash_says(partition, entropy, account_id):
    app_space = guid.mint(partition, entropy)
    hashed = hashlib.sha256()
    hashed.update(app_space.encode("ascii"))
    hashed.update(account_id.encode("utf-8"))

    assert guid.account_partition(app_space, account_id) == hashed.digest()[0]


def test_accounts_spread_over_the_partitions():
    app_space = guid.mint(0, bytes(15))
    homes = {guid.account_partition(app_space, f"user-{n}") for n in range(4000)}

    assert homes == set(range(256))


def test_account_ids_lie_elsewhere_in_another_app_space():
    spaces = [guid.mint(0, bytes([n]) * 15) for n in range(64)]

    assert len({guid.account_partition(space, "ann") for space in spaces}) > 32
