"""The tests of the vectors fail if a vector is changed."""

import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1]
VECTORS = PACKAGES.parents[1] / "tests" / "vectors"
CHANGES = [  # the file, its text before and after, and the test that fails
    ("display.json", r"\"10,00 EUR", r"\"10,01 EUR", "wire", "display documents"),
    ("action.json", '"digest": "', '"digest": "x', "wire", "actions"),
    ("answer.json", '"token": "eyJ', '"token": "eyK', "wire", "tokens: answer"),
    ("receipt.json", '"hash": "', '"hash": "x', "wire", "receipts"),
    (
        "use-receipt.json",
        '"arguments": "matched"',
        '"arguments": "not presented"',
        "wire",
        "use receipts",
    ),
    ("proof.json", '"receivedAt": 17', '"receivedAt": 18', "wire", "proofs"),
    ("language.json", '"language": "de-AT"', '"language": "de_AT"', "wire", "languages"),
    ("lookalikes.json", '"paypal"', '"paypaI"', "wire", "look-alikes"),
    ("cx1-hmac.json", "TYApbB", "TYApbC", "origin", "CX1"),
    ("event.json", r"\"sequence\":3", r"\"sequence\":4", "origin", "events"),
    ("signature.json", '"user-42', '"user-43', "origin", "message signatures"),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each[0])
def test_a_changed_vector_is_noticed(node, tmp_path, change):
    file, old, new, package, name = change
    for path in VECTORS.glob("*.json"):
        shutil.copy(path, tmp_path)
    text = (tmp_path / file).read_text("utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), "utf-8")
    ended = subprocess.run(
        [
            node.program,
            "--test",
            f"--test-name-pattern=^{name}",
            f"{package}/test/vectors.test.js",
        ],
        cwd=PACKAGES,
        env=node.environment() | {"VECTORS": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert ended.returncode != 0
    assert "fail 0\n" not in ended.stdout
