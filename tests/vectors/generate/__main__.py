"""
Write the test vectors: `python tests/vectors/generate`, or only compare them, with `--check`.

Keys (keys.json), names, times and inputs are fixed, so that every run writes the same files.
Randomised signatures (ES256, PS256) are kept from the files that are there,
as long as they are over the same bytes.
"""

import json
import sys

from actions import action_vectors
from answers import answer_vectors, disown_vectors
from binds import bind_vectors, rotation_vectors, unfit_key_vectors
from confirmations import confirmation_vectors
from displays import display_vectors
from document_hosts import document_host_vectors
from events import event_vectors
from html_texts import html_vectors
from languages import language_vectors
from links import basic_vectors, link_vectors, webhook_vectors
from lookalikes import lookalike_vectors
from ml_dsa import ml_dsa_vectors
from passkeys import passkey_vectors
from pins import pin_vectors
from proofs import proof_vectors
from receipts import keyset_vectors, receipt_vectors
from signatures import signature_vectors
from signing import VECTORS
from use_receipts import use_receipt_vectors


def documents():
    """Return every file that this script writes, by its name."""
    answers, disowns = answer_vectors(), disown_vectors()
    return {
        "action.json": action_vectors(),
        "answer.json": answers,
        "basic.json": basic_vectors(),
        "bind.json": bind_vectors(),
        "confirmation.json": confirmation_vectors(),
        "disown.json": disowns,
        "display.json": display_vectors(),
        "document-hosts.json": document_host_vectors(),
        "event.json": event_vectors(),
        "html.json": html_vectors(),
        "keyset.json": keyset_vectors(),
        "language.json": language_vectors(),
        "link.json": link_vectors(),
        "lookalikes.json": lookalike_vectors(),
        "ml-dsa.json": ml_dsa_vectors(),
        "passkey.json": passkey_vectors(),
        "pin.json": pin_vectors(),
        "proof.json": proof_vectors(),
        "receipt.json": receipt_vectors(answers, disowns),
        "rotation.json": rotation_vectors(),
        "signature.json": signature_vectors(),
        "unfit-keys.json": unfit_key_vectors(),
        "use-receipt.json": use_receipt_vectors(),
        "webhook.json": webhook_vectors(),
    }


def main():
    differing = []
    for name, document in documents().items():
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        path = VECTORS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if "--check" in sys.argv and differing:
        sys.exit(f"not as generated: {', '.join(differing)}")


if __name__ == "__main__":
    main()
