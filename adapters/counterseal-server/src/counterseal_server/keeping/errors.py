"""What goes wrong with keys at rest; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse


class UnfitMasterKey(Misuse):
    """A master key is not 32 bytes in base64."""

    code = "unfit_master_key"


class MasterKeyMissing(Misuse):
    """There is no master key: neither in the environment nor in its file."""

    code = "master_key_missing"


class KeysExist(Misuse):
    """There are keys already, and new ones would leave unreadable what they have sealed."""

    code = "keys_exist"
