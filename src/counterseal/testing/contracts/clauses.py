"""The numbered clauses, as the ports' docstrings say them, and what a test skips of them."""

from __future__ import annotations

import functools
import inspect
import re
from types import MappingProxyType

import pytest

from counterseal import ports

_CLAUSE = re.compile(r"^- ([A-Z]+-[0-9]+): (.*(?:\n  .*)*)", re.MULTILINE)


@functools.cache
def clauses() -> MappingProxyType[str, str]:
    """
    Return each clause of every port, by its number.

    Raises:
        LookupError: A number is given twice.
    """
    found: dict[str, str] = {}
    for doc in _docstrings():
        for number, text in _CLAUSE.findall(inspect.cleandoc(doc)):
            if number in found:
                message = f"{number} is given twice"
                raise LookupError(message)
            found[number] = " ".join(text.split())
    return MappingProxyType(found)


def needs(contract: object, capability: str, number: str) -> None:
    """
    Skip the test, and print the clause, unless *contract* declares the capability.

    Args:
        contract: The class of the author's tests, as an instance.
        capability: A class attribute that is true if the adapter can do it.
        number: The clause.
    """
    if not getattr(contract, capability):
        pytest.skip(f"{number} is not shown, without `{capability}`: {clauses()[number]}")


def _docstrings() -> list[str]:
    docs = [ports.__doc__ or ""]
    for name in ports.__all__:
        port = getattr(ports, name)
        docs.append(port.__doc__ or "")
        docs += [made.__doc__ or "" for made in vars(port).values() if inspect.isfunction(made)]
    return docs
