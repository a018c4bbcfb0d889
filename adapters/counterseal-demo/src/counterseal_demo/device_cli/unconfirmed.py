"""
Answers that were signed and sent, but not confirmed.

An answer is stored before it is sent. If the reply is lost, the same bytes are sent again, and the
service returns the recorded result; a new signature would be a second answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import instance_of, optional

from counterseal import read_json
from counterseal.errors import InvalidField
from counterseal.models import Guid, RefusalReason
from counterseal_keys import private_files


@attrs.frozen(kw_only=True)
class SignedReply:
    """
    A signed answer or disown.

    Attributes:
        signed: The compact JWS.
        button: The pressed button; None for a disown.
        code: The signed matching code.
        reason: The signed reason of a refusal.
    """

    signed: str = attrs.field(validator=instance_of(str))
    button: int | None = attrs.field(default=None, validator=optional(instance_of(int)))
    code: str | None = attrs.field(default=None, repr=False, validator=optional(instance_of(str)))
    reason: str | None = attrs.field(default=None, validator=optional(instance_of(str)))

    def demand_same(
        self, button: int | None, code: str | None, reason: RefusalReason | None
    ) -> None:
        """
        Refuse another answer while the result of this one is unknown.

        Raises:
            InvalidField: The other answer has another button, another code or another reason.
        """
        if button != self.button:
            previous = "a disown" if self.button is None else f"button {self.button}"
            raise InvalidField(
                "button",
                f"{previous} was sent already, and the reply was lost: send the same again",
            )
        if code is not None and code != self.code:
            raise InvalidField(
                "code", "another was sent already, and the reply was lost: send the same again"
            )
        if (None if reason is None else reason.value) != self.reason:
            raise InvalidField(
                "reason", "another was sent already, and the reply was lost: send the same again"
            )


class UnconfirmedReplies:
    """
    A folder with one file for each unconfirmed answer.

    Args:
        path: It is made when something is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, challenge: Guid) -> SignedReply | None:
        """
        Return the unconfirmed answer to *challenge*, if there is one.

        Raises:
            InvalidField: The file was not written by this software.
            OSError: It cannot be read.
        """
        try:
            document: Any = read_json(self._file(challenge).read_bytes(), field="sent")
            return SignedReply(**document)
        except FileNotFoundError:
            return None
        except TypeError:
            raise InvalidField("home", "not written by this software") from None

    def keep(self, challenge: Guid, reply: SignedReply) -> None:
        """
        Store an answer before it is sent; return when it is on the disk.

        Raises:
            OSError: It cannot be written.
        """
        private_files.make_folder(self._path)
        private_files.write(self._file(challenge), json.dumps(attrs.asdict(reply)).encode())

    def confirm(self, challenge: Guid) -> None:
        """
        Delete an answer whose result is known.

        Raises:
            OSError: It cannot be removed.
        """
        self._file(challenge).unlink(missing_ok=True)

    def _file(self, challenge: Guid) -> Path:
        return self._path / f"{challenge}.json"
