"""Errors about key files; all other errors are the core's."""

from __future__ import annotations

from counterseal.errors import Misuse


class UnfitMasterKey(Misuse, code="unfit_master_key"):
    """A master key is not 32 bytes in base64."""


class MasterKeyMissing(Misuse, code="master_key_missing"):
    """There is no master key: neither in the environment nor in its file."""


class MasterKeyInEnvironment(Misuse, code="master_key_in_environment"):
    """The newest master key comes from the environment, so that no file can renew it."""


class KeysExist(Misuse, code="keys_exist"):
    """There are signing keys already, and a new file would lose them."""


class KeyPrepared(Misuse, code="key_prepared"):
    """A signing key is prepared already."""
