"""The documents of the example: what was approved is the file, byte for byte."""

import pytest
from approve_an_agent import a_site, trust_of
from ask_from_your_site import service
from sign_a_document import ADDRESS, ask_to_sign, conclude, describe, is_signed

from counterseal import jwks_document, trusted_keys
from counterseal_client import ArgumentsDiffer


def test_what_is_signed_is_the_file_byte_for_byte(tmp_path):
    world, _, server, url = service()
    client, trust = a_site(world, url), trust_of(world)
    phone = world.bind("user-42")
    lease, replaced = tmp_path / "lease.txt", tmp_path / "replaced.txt"
    lease.write_text("The rent is 900 EUR.", encoding="utf-8")
    replaced.write_text("The rent is 990 EUR.", encoding="utf-8")
    documents, others = ([describe(path, "text/plain", ADDRESS)] for path in (lease, replaced))
    concluded = []
    try:
        stored = ask_to_sign(client, "user-42", "Lease", documents)
        (waiting,) = phone.pending()
        phone.answer(phone.fetch(waiting.guid))
        with pytest.raises(ArgumentsDiffer):
            conclude(client, trust, stored, others, pytest.fail)
        receipt = conclude(client, trust, stored, documents, lambda: concluded.append(True))
    finally:
        client.close()
        server.shutdown()
        server.server_close()

    assert concluded == [True]
    trusted = trusted_keys(jwks_document(world.ports.signer.jwks()))
    assert is_signed(receipt, lease, trusted)
    assert not is_signed(receipt, replaced, trusted)
