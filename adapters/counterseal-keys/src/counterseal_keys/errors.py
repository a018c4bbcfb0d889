"""Errors about key files; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse


class UnfitMasterKey(Misuse):
    """A master key is not 32 bytes in base64."""

    code = "unfit_master_key"


class MasterKeyMissing(Misuse):
    """There is no master key: neither in the environment nor in its file."""

    code = "master_key_missing"


class MasterKeyInEnvironment(Misuse):
    """The newest master key comes from the environment, so that no file can renew it."""

    code = "master_key_in_environment"


class KeysExist(Misuse):
    """There are signing keys already, and a new file would lose them."""

    code = "keys_exist"
