"""
Rules of logos: which bytes are a PNG that may be stored, and sent to anybody (PNG, Third Edition).

A logo comes from an administrator, and goes to browsers, whose decoders are written in C. So it is
stored only if it is one still picture and nothing else: the signature, chunks of known types with
right checksums, the pixels that the header announces and no more, and no byte after them.

Refused, although PNG allows it: interlacing, animation, ICC profiles, and texts or Exif, which tell
who made the picture, and where. What the pixels show is not looked at.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from counterseal.errors import InvalidField

LOGO_BYTES = 32_768
LOGO_PIXELS = 512
"""Of each side."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ANCILLARY = frozenset({b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"})
"""Chunks that may be there once each, before the pixels: colours, transparency and size."""

ANCILLARY_BYTES = 256
"""The longest is `tRNS` of a full palette."""

PALETTE = 3
"""The colour type whose pixels are places in `PLTE`."""

PALETTE_BYTES = 768
"""256 colours of three bytes."""

GREY_TYPES = frozenset({0, 4})
"""The colour types that may not have a palette."""

_SAMPLES = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, PALETTE: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""By colour type: samples of a pixel, and how many bits each may have (11.2.1)."""

_HEADER_BYTES = 13
_FRAME_BYTES = 12
"""Of a chunk: its length, type and checksum."""

_LAST_FILTER = 4


def logo_fits(png: bytes, field: str) -> None:
    """
    Refuse bytes that are not a logo.

    Raises:
        InvalidField: *png* is no PNG as above, or too large; *field* is its name.
    """
    if len(png) > LOGO_BYTES:
        raise InvalidField(field, f"longer than {LOGO_BYTES} bytes")
    chunks = list(_chunks(png, field))
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1] != (b"IEND", b""):
        raise InvalidField(field, "not a PNG from IHDR to an empty IEND")
    row_bytes, rows, colour_type = _read_header(chunks[0][1], field)
    pixels, names = b"", [b"IHDR"]
    for name, data in chunks[1:-1]:
        if name == b"IDAT":
            pixels += data
        elif name in names or b"IDAT" in names:
            raise InvalidField(field, f"a chunk twice, or after the pixels: {_printed(name)}")
        else:
            _fits_before_pixels(name, data, colour_type, field)
        names.append(name)
    _pixels_fit(pixels, row_bytes, rows, field)
    if colour_type == PALETTE and b"PLTE" not in names:
        raise InvalidField(field, "no PLTE")


def _chunks(png: bytes, field: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and data of each chunk, up to the last byte (5.3)."""
    if not png.startswith(SIGNATURE):
        raise InvalidField(field, "not a PNG: it has another signature")
    position = len(SIGNATURE)
    while position < len(png):
        length = int.from_bytes(png[position : position + 4])
        end = position + _FRAME_BYTES + length
        if end > len(png):
            raise InvalidField(field, "a chunk that is cut off, or bytes after IEND")
        chunk = png[position + 4 : end - 4]
        if zlib.crc32(chunk) != int.from_bytes(png[end - 4 : end]):
            raise InvalidField(field, f"a wrong checksum: {_printed(chunk[:4])}")
        yield chunk[:4], chunk[4:]
        position = end


def _read_header(data: bytes, field: str) -> tuple[int, int, int]:
    """Return the bytes of a row, the rows, and the colour type."""
    if len(data) != _HEADER_BYTES:
        raise InvalidField(field, "an IHDR of another length")
    width, height = int.from_bytes(data[:4]), int.from_bytes(data[4:8])
    depth, colour_type, *methods = data[8:]
    if not (1 <= width <= LOGO_PIXELS and 1 <= height <= LOGO_PIXELS):
        raise InvalidField(field, f"not 1 to {LOGO_PIXELS} pixels wide and high")
    if depth not in _DEPTHS.get(colour_type, ()):
        raise InvalidField(field, "no colour type of PNG, or not with this depth")
    if any(methods):
        raise InvalidField(field, "interlaced, or compressed in an unknown way")
    return (width * _SAMPLES[colour_type] * depth + 7) // 8, height, colour_type


def _fits_before_pixels(name: bytes, data: bytes, colour_type: int, field: str) -> None:
    if name == b"PLTE":
        if not data or len(data) % 3 or len(data) > PALETTE_BYTES or colour_type in GREY_TYPES:
            raise InvalidField(field, "a palette of another length, or of a grey picture")
    elif name not in ANCILLARY or len(data) > ANCILLARY_BYTES:
        raise InvalidField(field, f"a chunk that no logo has: {_printed(name)}")


def _pixels_fit(compressed: bytes, row_bytes: int, rows: int, field: str) -> None:
    """Refuse another number of bytes than the header announces; no more are decompressed."""
    size = rows * (1 + row_bytes)
    decompressor = zlib.decompressobj()
    try:
        raw = decompressor.decompress(compressed, size + 1)
    except zlib.error:
        raise InvalidField(field, "pixels that cannot be decompressed or are missing") from None
    if not raw:
        raise InvalidField(field, "pixels that cannot be decompressed or are missing")
    if len(raw) != size or not decompressor.eof or decompressor.unused_data:
        raise InvalidField(field, "more or fewer pixels than IHDR says")
    if max(raw[:: 1 + row_bytes]) > _LAST_FILTER:
        raise InvalidField(field, "a row with an unknown filter")


def _printed(name: bytes) -> str:
    return name.decode() if name.isalpha() else name.hex()
