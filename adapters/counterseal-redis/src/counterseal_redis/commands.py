"""
What is sent to a server: commands, and calls of scripts.

The scripts are the files in `lua`; the first lines of each say what its keys and arguments are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import TypeAlias

import attrs

Argument: TypeAlias = str | bytes | int
Command: TypeAlias = tuple[Argument, ...]


@attrs.frozen
class Script:
    """
    A script in Lua.

    Attributes:
        text: The argument of `EVAL`.
        sha: The argument of `EVALSHA`.
    """

    text: str
    sha: str


@attrs.frozen
class Call:
    """
    One command, or one call of a script.

    Attributes:
        command: The command; for a script, the arguments after its name or text.
        key: A key of the slot of every key that the call touches.
        script: The script, if it is a call of one.
    """

    command: Command
    key: str
    script: Script | None = None

    def to_command(self, *, with_text: bool) -> Command:
        """Return the command to send, *with_text* of the script or with its name."""
        if self.script is None:
            return self.command
        if with_text:
            return ("EVAL", self.script.text, *self.command)
        return ("EVALSHA", self.script.sha, *self.command)


def script_call(script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Call:
    """Return a call of *script*."""
    return Call((len(keys), *keys, *arguments), keys[0], script)


def _load_script(*names: str) -> Script:
    folder = files(__package__) / "lua"
    text = "".join((folder / f"{name}.lua").read_text("utf-8") for name in names)
    # Not for security: Redis names scripts by this hash.
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


GET_WITH_ACCOUNT = _load_script("get_with_account")
ACCOUNT = _load_script("account")
BEGIN = _load_script("begin")
CHAIN = _load_script("chain")
COMMIT = _load_script("gauges", "commit")
COUNT = _load_script("count")
DROP_CHAINED = _load_script("drop_chained")
FINISH = _load_script("finish")
FIRST_SEEN = _load_script("first_seen")
GAUGE = _load_script("gauges", "gauge")
APPLIED_OPERATION = _load_script("applied_operation")
INDEX_ACCOUNT = _load_script("index_account")
OWNED = _load_script("owned")
RECORD = _load_script("record")
RECORDS = _load_script("records")
SIGN = _load_script("sign")
UNCHAINED = _load_script("unchained")
