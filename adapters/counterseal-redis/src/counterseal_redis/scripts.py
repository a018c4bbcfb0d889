"""The scripts: files beside this one, each with its clauses in its head."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import attrs


@attrs.frozen
class Script:
    """
    A script in Lua.

    Attributes:
        text: What `EVAL` is given.
        sha: What `EVALSHA` is given.
    """

    text: str
    sha: str


def _script(name: str) -> Script:
    text = (files(__package__) / "lua" / f"{name}.lua").read_text("utf-8")
    # Not for security: it is how Redis names scripts.
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


GET_WITH_ACCOUNT = _script("get_with_account")
ACCOUNT = _script("account")
BEGIN = _script("begin")
COMMIT = _script("commit")
COUNT = _script("count")
FINISH = _script("finish")
FIRST_SEEN = _script("first_seen")
KNOWN = _script("known")
OWNED = _script("owned")
RECORD = _script("record")
RECORDS = _script("records")
