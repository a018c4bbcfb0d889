"""
Accounts as origins name them: `accountId`, and the `userInfo` that is stored with it.

Both are texts.
Clients of the CX service may also send an integer as `accountId`, which is read as its decimal
text, and an object as `userInfo`, which is read as its JSON text.
Other numbers are refused: programs disagree about the text of `1.0` and `1e3`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterseal import ijson
from counterseal.errors import InvalidField
from counterseal.models import ClientProfile


def read_account_id(body: Mapping[str, Any], profile: ClientProfile) -> str:
    """Return the `accountId` of *body*; refuse one that is missing, empty or of another type."""
    value = body.get("accountId")
    if profile.number_ids and isinstance(value, int) and not isinstance(value, bool):
        ijson.check(value, field="accountId")
        return str(value)
    if not isinstance(value, str) or not value:
        allowed = "a text or a whole number" if profile.number_ids else "a text"
        raise InvalidField("accountId", f"missing, empty or not {allowed}")
    return value


def read_user_info(body: Mapping[str, Any], profile: ClientProfile) -> str | None:
    """Return the `userInfo` of *body*; None if absent. Refuse what I-JSON cannot hold."""
    value = body.get("userInfo")
    if value is None or isinstance(value, str):
        return value
    if profile.object_user_info and isinstance(value, (dict, Mapping)):
        return ijson.compact(value, field="userInfo").decode()
    allowed = "a text or an object" if profile.object_user_info else "a text"
    raise InvalidField("userInfo", f"not {allowed}")
