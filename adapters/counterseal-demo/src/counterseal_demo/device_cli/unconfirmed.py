"""
What a device has signed and sent, and not heard of yet.

It is kept before it is sent: if the reply is lost, the very same goes out again, and the service
gives the recorded result, where another signature would be an answer too many.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from attrs.validators import instance_of, optional

from counterseal import read_json
from counterseal.errors import InvalidField
from counterseal.models import Guid
from counterseal_keys import private_files


@attrs.frozen(kw_only=True)
class SignedReply:
    """
    A signed answer or disown.

    Attributes:
        signed: What is sent, a compact JWS.
        button: The pressed button; None for a disown.
        code: The matching code that is signed with it.
    """

    signed: str = attrs.field(validator=instance_of(str))
    button: int | None = attrs.field(default=None, validator=optional(instance_of(int)))
    code: str | None = attrs.field(default=None, repr=False, validator=optional(instance_of(str)))

    def demand_same(self, button: int | None, code: str | None) -> None:
        """
        Refuse to send another answer as long as nobody knows what became of this one.

        Raises:
            InvalidField: Another button is pressed now, or another code was typed.
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


class UnconfirmedReplies:
    """
    A folder with what was sent, a file for each question.

    Args:
        path: It is made when something is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, challenge: Guid) -> SignedReply | None:
        """
        Return what was sent for *challenge*, if no reply to it was heard.

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
        Keep what is about to be sent; it is on the disk when this returns.

        Raises:
            OSError: It cannot be written.
        """
        private_files.make_folder(self._path)
        private_files.write(self._file(challenge), json.dumps(attrs.asdict(reply)).encode())

    def confirm(self, challenge: Guid) -> None:
        """
        Drop what was sent: the service has said what became of it.

        Raises:
            OSError: It cannot be removed.
        """
        self._file(challenge).unlink(missing_ok=True)

    def _file(self, challenge: Guid) -> Path:
        return self._path / f"{challenge}.json"
