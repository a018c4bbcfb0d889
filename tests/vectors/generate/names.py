"""Who and when: the names and times that all vectors share."""

import hashlib
from datetime import UTC, datetime, timedelta

from counterseal.models import Account, AppSpace, Origin
from counterseal.models.guid import account_partition, mint

BOUND_AT = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
ISSUED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEADLINE = ISSUED_AT + timedelta(minutes=2)
ANSWERED_AT = ISSUED_AT + timedelta(seconds=20, milliseconds=250)
SIGNED_AT = int(ANSWERED_AT.timestamp())


def entropy(name, size):
    return hashlib.sha256(f"counterseal test vector {name}".encode()).digest()[:size]


def guid(name, partition):
    return mint(partition, entropy(name, 15))


SPACE = AppSpace(
    guid=guid("app space", 7),
    company=guid("company", 7),
    name="Bank",
    created_at=BOUND_AT,
)
ORIGIN = Origin(guid=guid("origin", 7), app_space=SPACE.guid, name="Shop", created_at=BOUND_AT)
OTHER_SPACE = guid("other app space", 7)
PARTITION = account_partition(SPACE.guid, "user-7")
ACCOUNT = Account(
    guid=guid("account", PARTITION),
    app_space=SPACE.guid,
    account_id="user-7",
    created_at=BOUND_AT,
)
OTHER_ACCOUNT = guid("other account", PARTITION)
DEVICES = {name: guid(f"device {name}", PARTITION) for name in ("ES256", "EdDSA", "PS256", "RS256")}
CONTEXT = {
    "appSpace": {"guid": SPACE.guid, "name": SPACE.name},
    "origin": {"guid": ORIGIN.guid, "name": ORIGIN.name},
    "account": {"guid": ACCOUNT.guid, "id": ACCOUNT.account_id},
    "devices": DEVICES,
}
