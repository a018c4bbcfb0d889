"""The QR code: beside another encoder, module by module, and read by a decoder that is not ours."""

import json
import random
import subprocess
from pathlib import Path

import pytest
import segno
import zxingcpp

ENCODER = Path(__file__).parents[1] / "src" / "counterseal_pwa" / "static" / "qr_code.js"
PROGRAM = """
import { readFileSync } from "node:fs";
import { encodeQrCode } from "URL";
const texts = JSON.parse(readFileSync(0, "utf-8"));
const codes = texts.map((text) => encodeQrCode(text)?.map((row) => row.map(Number)) ?? null);
process.stdout.write(JSON.stringify(codes));
"""
CAPACITIES = (
    *(17, 32, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520, 586, 644, 718, 792),
    *(858, 929, 1003, 1091, 1171, 1273),
)
"""Bytes that each version holds at level L: ISO/IEC 18004:2015, table 7."""

LETTERS = "abcxyzABCXYZ0123456789:/#?&=%-"
MARGIN, SCALE = 4, 3


def encode(node, texts):
    program = PROGRAM.replace("URL", ENCODER.as_uri())
    command = [node / "bin" / "node", "--input-type=module", "--eval", program]
    ended = subprocess.run(
        command, input=json.dumps(texts), capture_output=True, encoding="utf-8", check=True
    )
    return json.loads(ended.stdout)


def decode(code):
    """Return the text of the modules, drawn as a picture."""
    size = (len(code) + 2 * MARGIN) * SCALE
    pixels = bytearray(b"\xff" * size * size)
    for y, row in enumerate(code):
        for x, module in enumerate(row):
            for line in range(SCALE if module else 0):
                at = ((y + MARGIN) * SCALE + line) * size + (x + MARGIN) * SCALE
                pixels[at : at + SCALE] = bytes(SCALE)
    picture = memoryview(bytes(pixels)).cast("B", (size, size))
    (barcode,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    return barcode.text


@pytest.fixture(scope="module")
def entropy():
    return random.Random(18004)  # noqa: S311 (not cryptographic)


def test_each_version_is_as_another_encoder_draws_it(node, entropy):
    """Full codes only: segno pads others by one byte more than the standard does."""
    texts = ["".join(entropy.choices(LETTERS, k=length)) for length in CAPACITIES]
    for text, code in zip(texts, encode(node, texts), strict=True):
        rows = tuple(map(bytes, code))
        options = {"error": "l", "mode": "byte", "micro": False, "boost_error": False}
        masks = [
            tuple(map(bytes, segno.make(text, mask=mask, **options).matrix)) for mask in range(8)
        ]
        assert rows in masks, len(text)


def test_a_decoder_reads_what_was_encoded(node, entropy):
    lengths = {1, 2, *CAPACITIES[:12], *(capacity + 1 for capacity in CAPACITIES[:12])}
    texts = ["".join(entropy.choices(LETTERS, k=length)) for length in sorted(lengths)]
    texts += ["https://app.example/#bind?appSpaceName=Zoë's Bänk ☂", "ÿ" * 100]
    for text, code in zip(texts, encode(node, texts), strict=True):
        assert decode(code) == text


def test_what_is_too_long_has_no_code(node):
    longest = CAPACITIES[-1]
    code, none = encode(node, ["x" * longest, "x" * (longest + 1)])
    assert (len(code), none) == (17 + 4 * len(CAPACITIES), None)
