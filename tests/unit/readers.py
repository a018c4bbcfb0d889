"""
Properties of readers: whatever comes is read or refused, and enough of it is read.

A property whose examples are all refused asserts nothing about what is read.
"""

import copy
import functools
from collections import Counter

from hypothesis import strategies as st

SHARE = 10
"""Of so many examples, at least one has to be read."""

ROUNDS = 5
"""Chance alone leaves too few in one round of some fifty, but not in as many one after another."""

ATTEMPTS = Counter()
"""How many examples of the property that runs were read, and how many were refused."""

PIECES = st.text(max_size=2) | st.sampled_from(list("=&%+/.-_:; 0A"))
VALUES = st.none() | st.booleans() | st.integers(-1, 9) | st.text(max_size=3) | st.just([])


def read_or_refuse(reader, value, refusal):
    """Return what *reader* returns of *value*; None if it raises *refusal*."""
    try:
        result = reader(value)
    except refusal:
        ATTEMPTS["refused"] += 1
        return None
    ATTEMPTS["read"] += 1
    return result


def enough_is_read(test):
    """Let a property fail if fewer than a tenth of its examples are read."""

    @functools.wraps(test)
    def counting(*args, **kwargs):
        for _ in range(ROUNDS):
            ATTEMPTS.clear()
            test(*args, **kwargs)
            if ATTEMPTS["read"] * SHARE >= ATTEMPTS.total() > 0:
                return
        raise AssertionError(dict(ATTEMPTS))

    return counting


def mostly_sound(sound, other):
    """
    Return *sound* values, and as many that are not: spoiled in one place, or *other* ones.

    There have to be many sound values: Hypothesis draws none of them again.
    """
    # Not `sound | spoiled(sound) | other`, which would give each part of a union the same share.
    kinds = (sound, sound, spoiled(sound), other)
    return st.sampled_from(kinds).flatmap(lambda strategy: strategy)


@st.composite
def spoiled(draw, sound):
    """Draw a text, bytes or JSON of *sound*, and put something else into one place of it."""
    value = draw(sound)
    if isinstance(value, str | bytes):
        begin = draw(st.integers(0, len(value)))
        end = min(begin + draw(st.integers(0, 1)), len(value))
        piece = draw(PIECES if isinstance(value, str) else st.binary(max_size=2))
        return value[:begin] + piece + value[end:]
    value = copy.deepcopy(value)
    holder, name = draw(st.sampled_from(list(places_in(value))))
    if draw(st.booleans()):
        del holder[name]
    else:
        holder[name] = draw(VALUES)
    return value


def places_in(value):
    """Return each place in *value*: what holds it, and its name or index there."""
    names = value if isinstance(value, dict) else range(len(value))
    for name in names:
        yield value, name
        if isinstance(value[name], dict | list):
            yield from places_in(value[name])
