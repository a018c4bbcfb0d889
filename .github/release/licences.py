"""
The licences of components, as SPDX expressions.

Most packages state theirs in their metadata; `REVIEWED` has those of the others, with the reason.
"""

import importlib.metadata
from typing import NamedTuple

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

CLASSIFIERS = {"License :: OSI Approved :: MIT License": "MIT"}
"""What names one licence; the classifiers of BSD and Apache, for example, name several."""


class Reviewed(NamedTuple):
    """A licence that a person has read: the SPDX expression, and why it is this one."""

    expression: str
    reason: str


APACHE = "Apache License, Version 2.0"
THREE_CLAUSES = "the text of its licence, which has three clauses"
REVIEWED = {
    "async-timeout": Reviewed("Apache-2.0", f"{APACHE}; only Python below 3.11.3 needs it"),
    "colorama": Reviewed("BSD-3-Clause", f"{THREE_CLAUSES}; only Windows needs it"),
    "django": Reviewed("BSD-3-Clause", "its metadata; this Python has the version before"),
    "google-auth": Reviewed("Apache-2.0", APACHE),
    "httpx2-jsfetch": Reviewed("BSD-3-Clause", "its metadata; only Emscripten needs it"),
    "itsdangerous": Reviewed("BSD-3-Clause", THREE_CLAUSES),
    "jinja2": Reviewed("BSD-3-Clause", THREE_CLAUSES),
    "protobuf": Reviewed("BSD-3-Clause", THREE_CLAUSES),
    "pyasn1-modules": Reviewed("BSD-2-Clause", "the text of its licence, which has two clauses"),
    "pyopenssl": Reviewed("Apache-2.0", APACHE),
    "pywin32": Reviewed(
        "PSF-2.0 AND BSD-3-Clause AND HPND AND LGPL-2.1-or-later AND MIT",
        "its classifier, and the texts that its parts have; only Windows needs it",
    ),
    "rfc8785": Reviewed("Apache-2.0", APACHE),
    "segno": Reviewed("BSD-3-Clause", THREE_CLAUSES),
    "sortedcontainers": Reviewed("Apache-2.0", APACHE),
    "sqlparse": Reviewed("BSD-3-Clause", THREE_CLAUSES),
    "tzdata": Reviewed("Apache-2.0", "its metadata; only Windows needs it"),
}
"""Packages whose metadata names no licence exactly, or that this machine does not install."""


def stated_licence(metadata: importlib.metadata.PackageMetadata) -> str | None:
    """Return the SPDX expression that *metadata* states: PEP 639, or an older field."""
    stated = [metadata[name] for name in ("License-Expression", "License") if name in metadata]
    stated += [CLASSIFIERS.get(name, "") for name in metadata.get_all("Classifier") or []]
    for text in stated:
        try:
            return str(canonicalize_license_expression(text))
        except InvalidLicenseExpression:
            continue
    return None


def find_licence(name: str, version: str) -> str | None:
    """
    Return the SPDX expression of a package's licence, or None if nothing states it.

    Args:
        name: The package's.
        version: The one in uv.lock; an installed other one says nothing about it.
    """
    try:
        installed = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        stated = None
    else:
        stated = stated_licence(installed.metadata) if installed.version == version else None
    reviewed = REVIEWED.get(name)
    return stated or (reviewed.expression if reviewed else None)
