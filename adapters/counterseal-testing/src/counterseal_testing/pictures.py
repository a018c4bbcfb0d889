"""Pictures: PNGs for tests, which need no library for them."""

from __future__ import annotations

import zlib

__all__ = [
    "build_chunk",
    "build_header",
    "build_png",
]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUE_COLOUR = 2
BITS = 8


def build_chunk(name: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG, with its length and checksum."""
    return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)


def build_header(
    width: int, height: int, *, depth: int = BITS, colour_type: int = TRUE_COLOUR
) -> bytes:
    """Return the `IHDR` of a picture that is not interlaced."""
    return build_chunk(
        b"IHDR", width.to_bytes(4) + height.to_bytes(4) + bytes([depth, colour_type, 0, 0, 0])
    )


def build_png(color: str = "#F0B700", width: int = 8, height: int = 8) -> bytes:
    """Return a PNG of one colour, `#RRGGBB`."""
    row = b"\x00" + bytes.fromhex(color.removeprefix("#")) * width
    pixels = build_chunk(b"IDAT", zlib.compress(row * height))
    return SIGNATURE + build_header(width, height) + pixels + build_chunk(b"IEND", b"")
