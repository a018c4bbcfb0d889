"""The VAPID key of Web Push, a file beside the service's other keys."""

from __future__ import annotations

import base64
from importlib import import_module

from counterseal.errors import InvalidField
from counterseal.ports import Entropy
from counterseal_keys import private_files
from counterseal_server import files
from counterseal_server.settings import Settings

KEY_BYTES = 32
FILE_LIMIT = 4_096


def webpush_key(settings: Settings) -> str:
    """
    Return the private key, from the environment or from its file.

    Raises:
        InvalidField: The file is missing, or cannot be read.
    """
    if settings.webpush_key is not None:
        return settings.webpush_key
    path = str(settings.webpush_key_file)
    if not settings.webpush_key_file.exists():
        raise InvalidField("webpush_key_file", f"no {path}: counterseal keys webpush creates one")
    return files.read(path, field="webpush_key_file", limit=FILE_LIMIT).decode("utf-8", "replace")


def ensure_public_key(settings: Settings, entropy: Entropy) -> str:
    """
    Return the public key; create the pair if there is none.

    Raises:
        InvalidField: The file contains no key.
        OSError: The file cannot be written.
    """
    path = settings.webpush_key_file
    if settings.webpush_key is None:
        with private_files.lock(private_files.make_parent(path)):
            if not path.exists():
                new_key = base64.urlsafe_b64encode(entropy.token(KEY_BYTES)).rstrip(b"=")
                private_files.write(path, new_key + b"\n")
    return _public(webpush_key(settings))


def public_webpush_key(settings: Settings) -> str | None:
    """
    Return the public key that devices subscribe with; None if the service sends no Web Push.

    Raises:
        InvalidField: The key is missing, or is no key.
    """
    if settings.webpush_contact is None:
        return None
    return _public(webpush_key(settings))


def _public(key: str) -> str:
    try:
        public: str = import_module("counterseal_webpush").public_key(key)
    except InvalidField as error:
        raise InvalidField(f"webpush_{error.field}", error.problem) from None
    return public
