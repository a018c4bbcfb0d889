"""The CBOR (RFC 8949) that authenticators write: whole numbers, bytes, text, arrays and maps."""

from __future__ import annotations

from typing import Any

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP = range(6)
_DEPTH = 8


def encode(value: Any) -> bytes:
    """
    Write *value*, each head as short as can be; a map keeps its order.

    Raises:
        TypeError: It is of another type.
    """
    if type(value) is int:
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return _head(_TEXT, len(data)) + data
    if isinstance(value, (list, tuple)):
        return _head(_ARRAY, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        members = (encode(name) + encode(member) for name, member in value.items())
        return _head(_MAP, len(value)) + b"".join(members)
    raise TypeError(type(value).__name__)


def decode(data: bytes) -> tuple[Any, bytes]:
    """
    Read the first value of *data*, and return it with the bytes that follow.

    Raises:
        ValueError: It is cut off, too deep, of another type, not in its shortest form, or has a
            name twice.
    """
    return _decode(data, _DEPTH)


def _decode(data: bytes, depth: int) -> tuple[Any, bytes]:
    if not data or depth == 0:
        raise ValueError("cut off, or too deep")
    kind, number, rest = _read_head(data)
    if kind == _UNSIGNED:
        return number, rest
    if kind == _NEGATIVE:
        return -1 - number, rest
    if number > len(rest):
        raise ValueError("cut off")
    if kind == _BYTES:
        return rest[:number], rest[number:]
    if kind == _TEXT:
        return rest[:number].decode(), rest[number:]
    if kind == _ARRAY:
        return _decode_array(number, rest, depth - 1)
    if kind == _MAP:
        return _decode_map(number, rest, depth - 1)
    raise ValueError("of another type")


def _decode_array(number: int, rest: bytes, depth: int) -> tuple[list[Any], bytes]:
    values = []
    for _ in range(number):
        value, rest = _decode(rest, depth)
        values.append(value)
    return values, rest


def _decode_map(number: int, rest: bytes, depth: int) -> tuple[dict[Any, Any], bytes]:
    members: dict[Any, Any] = {}
    for _ in range(number):
        name, rest = _decode(rest, depth)
        if not isinstance(name, (int, str)) or name in members:
            raise ValueError("a name twice, or not a name")
        members[name], rest = _decode(rest, depth)
    return members, rest


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    for more, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([kind << 5 | more]) + number.to_bytes(size)
    raise TypeError("a number of more than 64 bits")


def _read_head(data: bytes) -> tuple[int, int, bytes]:
    kind, more = data[0] >> 5, data[0] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(more, 0)
    if more > 27 or len(data) <= size:
        raise ValueError("cut off, or not of a known length")
    number = int.from_bytes(data[1 : 1 + size]) if size else more
    if _head(kind, number) != data[: 1 + size]:
        raise ValueError("not in its shortest form")
    return kind, number, data[1 + size :]
