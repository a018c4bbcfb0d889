"""Logos: one still PNG and nothing else is stored; every change of a byte that matters is seen."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import InvalidField
from counterseal.tenancy.rules.logos import LOGO_BYTES, LOGO_PIXELS, logo_fits
from counterseal_testing.pictures import SIGNATURE, build_chunk, build_header, build_png

END = build_chunk(b"IEND", b"")
GREY, TRUE, PALETTE, GREY_ALPHA, ALPHA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, TRUE: 3, PALETTE: 1, GREY_ALPHA: 2, ALPHA: 4}
FORMATS = [
    *((GREY, depth) for depth in (1, 2, 4, 8, 16)),
    *((PALETTE, depth) for depth in (1, 2, 4, 8)),
    *((kind, depth) for kind in (TRUE, GREY_ALPHA, ALPHA) for depth in (8, 16)),
]


def pixels(size, *, filters=0):
    """Return the pixels of a picture, whose rows have *size* bytes each, compressed."""
    return build_chunk(
        b"IDAT", zlib.compress(b"".join(bytes([filters]) + bytes(one) for one in size))
    )


def picture(*middle, width=3, height=2, depth=8, colour_type=TRUE, end=END):
    """Return a PNG with *middle* between its header and its end."""
    header = build_header(width, height, depth=depth, colour_type=colour_type)
    return SIGNATURE + header + b"".join(middle) + end


ROWS = pixels([9, 9])


def refused(png):
    with pytest.raises(InvalidField) as caught:
        logo_fits(png, "brandInfo.logo")
    assert caught.value.field == "brandInfo.logo"
    return caught.value.problem


@pytest.mark.parametrize(("colour_type", "depth"), FORMATS)
@given(width=st.integers(1, 20), height=st.integers(1, 20), filters=st.integers(0, 4))
def test_every_format_is_accepted_with_exactly_its_bytes(
    colour_type, depth, width, height, filters
):
    bits = width * depth * SAMPLES[colour_type]
    row = bits // 8 + (bits % 8 > 0)
    palette = [build_chunk(b"PLTE", bytes(6))] if colour_type == PALETTE else []
    shape = {"width": width, "height": height, "depth": depth, "colour_type": colour_type}

    logo_fits(picture(*palette, pixels([row] * height, filters=filters), **shape), "logo")
    for rows in ([row] * (height + 1), [row] * (height - 1), [row + 1] + [row] * (height - 1)):
        refused(picture(*palette, pixels(rows), **shape))


@pytest.mark.parametrize(
    ("colour_type", "depth"),
    sorted({(kind, depth) for kind in range(8) for depth in range(33)} - set(FORMATS)),
)
def test_no_other_format_is_accepted(colour_type, depth):
    png = picture(build_chunk(b"PLTE", bytes(3)), ROWS, depth=depth, colour_type=colour_type)
    assert refused(png) == "no colour type of PNG, or not with this depth"


def test_every_single_bit_counts():
    png = build_png()
    logo_fits(png, "logo")
    for index in range(len(png)):
        for bit in range(8):
            refused(png[:index] + bytes([png[index] ^ (1 << bit)]) + png[index + 1 :])
    for length in range(len(png)):
        refused(png[:length])


@pytest.mark.parametrize("trailer", [b"\x00", b"<script>", END, build_png()])
def test_nothing_follows_the_end(trailer):
    refused(build_png() + trailer)


SOME = build_chunk(b"sRGB", b"\x00")
PARTS = zlib.compress(bytes(20))


def largest():
    """Return a picture of as many bytes as a logo may have."""
    shape = {"width": 180, "height": 180, "colour_type": GREY}
    stored = build_chunk(b"IDAT", zlib.compress(bytes(180 * 181), 0))
    missing = LOGO_BYTES - len(picture(build_chunk(b"pHYs", b""), stored, **shape))
    return picture(build_chunk(b"pHYs", bytes(missing)), stored, **shape)


@pytest.mark.parametrize(
    "png",
    [
        picture(SOME, ROWS),
        picture(build_chunk(b"PLTE", bytes(768)), build_chunk(b"tRNS", bytes(256)), ROWS),
        picture(build_chunk(b"pHYs", bytes(9)), build_chunk(b"gAMA", bytes(4)), ROWS),
        picture(build_chunk(b"IDAT", PARTS[:3]), build_chunk(b"IDAT", PARTS[3:])),
        largest(),
        picture(pixels([3 * LOGO_PIXELS] * LOGO_PIXELS), width=LOGO_PIXELS, height=LOGO_PIXELS),
    ],
)
def test_what_is_accepted(png):
    logo_fits(png, "logo")


@pytest.mark.parametrize(
    ("png", "problem"),
    [
        (b"", "not a PNG: it has another signature"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG: it has another signature"),
        (b"GIF89a", "not a PNG: it has another signature"),
        (SIGNATURE, "not a PNG from IHDR to an empty IEND"),
        (SIGNATURE + END, "not a PNG from IHDR to an empty IEND"),
        (SIGNATURE + ROWS + END, "not a PNG from IHDR to an empty IEND"),
        (picture(ROWS, end=b""), "not a PNG from IHDR to an empty IEND"),
        (picture(ROWS, end=build_chunk(b"IEND", b"x")), "not a PNG from IHDR to an empty IEND"),
        (SIGNATURE + build_chunk(b"IHDR", bytes(12)) + END, "an IHDR of another length"),
        (picture(ROWS, width=0), f"not 1 to {LOGO_PIXELS} pixels wide and high"),
        (picture(ROWS, height=0), f"not 1 to {LOGO_PIXELS} pixels wide and high"),
        (picture(ROWS, width=LOGO_PIXELS + 1), f"not 1 to {LOGO_PIXELS} pixels wide and high"),
        (picture(ROWS, width=2**24 + 3), f"not 1 to {LOGO_PIXELS} pixels wide and high"),
        (picture(ROWS, height=2**24 + 2), f"not 1 to {LOGO_PIXELS} pixels wide and high"),
        (picture(), "pixels that cannot be decompressed or are missing"),
        (picture(build_chunk(b"IDAT", b"")), "pixels that cannot be decompressed or are missing"),
        (picture(build_chunk(b"IDAT", b"no")), "pixels that cannot be decompressed or are missing"),
        (picture(ROWS, SOME, ROWS), "a chunk twice, or after the pixels: sRGB"),
        (picture(ROWS, SOME), "a chunk twice, or after the pixels: sRGB"),
        (picture(SOME, SOME, ROWS), "a chunk twice, or after the pixels: sRGB"),
        (picture(build_header(3, 2), ROWS), "a chunk twice, or after the pixels: IHDR"),
        (picture(ROWS, END), "a chunk twice, or after the pixels: IEND"),
        (picture(build_chunk(b"tRNS", bytes(257)), ROWS), "a chunk that no logo has: tRNS"),
        *(
            (picture(build_chunk(name, b""), ROWS), f"a chunk that no logo has: {name.decode()}")
            for name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"IEND")
        ),
        (picture(build_chunk(b"a\x00b<", b""), ROWS), "a chunk that no logo has: 6100623c"),
        (picture(ROWS, colour_type=PALETTE), "more or fewer pixels than IHDR says"),
        (picture(pixels([3, 3]), colour_type=PALETTE), "no PLTE"),
        *(
            (
                picture(build_chunk(b"PLTE", bytes(size)), ROWS),
                "a palette of another length, or of a grey picture",
            )
            for size in (0, 1, 4, 771)
        ),
        (
            picture(build_chunk(b"PLTE", bytes(3)), pixels([3, 3]), colour_type=GREY),
            "a palette of another length, or of a grey picture",
        ),
        (picture(pixels([9, 9], filters=5)), "a row with an unknown filter"),
        (
            picture(build_chunk(b"IDAT", zlib.compress(bytes(20)) + b"x")),
            "more or fewer pixels than IHDR says",
        ),
        (build_png() + bytes(LOGO_BYTES), f"longer than {LOGO_BYTES} bytes"),
    ],
)
def test_what_is_refused_and_why(png, problem):
    assert refused(png) == problem


@pytest.mark.parametrize("index", [10, 11, 12])
def test_what_is_interlaced_or_compressed_otherwise_is_refused(index):
    header = bytearray((3).to_bytes(4) + (2).to_bytes(4) + bytes([8, TRUE, 0, 0, 0]))
    header[index] = 1
    png = SIGNATURE + build_chunk(b"IHDR", bytes(header)) + ROWS + END
    assert refused(png) == "interlaced, or compressed in an unknown way"


def test_a_picture_that_grows_when_it_is_decompressed_takes_no_memory():
    tracemalloc = pytest.importorskip("tracemalloc")
    bomb = picture(build_chunk(b"IDAT", zlib.compress(bytes(30_000_000), 9)))
    assert len(bomb) < LOGO_BYTES
    tracemalloc.start()
    try:
        assert refused(bomb) == "more or fewer pixels than IHDR says"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: SIGNATURE + tail))
def test_any_bytes_are_refused_by_name(png):
    refused(png)
