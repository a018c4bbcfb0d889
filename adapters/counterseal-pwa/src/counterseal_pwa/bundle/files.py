"""Files: all that browsers load, at addresses of which most never have another content."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from .modules import Sources
from .scripts import FIRST, GROUPS, OTHERS, WORKER, write_scripts

LIBRARY_PARTS = ("device/*.js", "wire/*.js", "wire/*.json")
"""The files of the device library, in its own folder or below the app's sources."""

INDEX = "index.html"
SERVICE = "service.json"
"""The one file that is not the same at every address: it names the service that the app calls."""

LASTING = ("icon-192.png", "icon-512.png", "icon.svg", "manifest.webmanifest")
"""Files whose addresses browsers and systems remember, so that they stay the same."""

STORED = ("icon.svg", "manifest.webmanifest")
"""Those of them that a page loads whenever it is opened."""

VERSION = re.compile(r"[0-9a-f]{16}/")
"""The folder of one version's files, below the app's address."""

_VERSIONED = ('href="style.css"', 'src="app.js"')
"""What the page loads from the folder of its version."""
_FOLDER = 'const FOLDER = "";'
_STORED_FILES = "const STORED_FILES = [];"


def build(static: Path, library: Path) -> dict[str, bytes]:
    """
    Return the files that browsers load, by their paths.

    Those of one version are in a folder whose name is a digest of all of them, and the service
    worker has a list of what it stores.

    Args:
        static: The folder of the app's sources.
        library: The folder of the device library.

    Raises:
        FileNotFoundError: *library* has no device library.
        ValueError: A module imports or exports what is not known here, or a file does not have
            what is filled in.
    """
    texts = {path.name: path.read_text("utf-8") for path in sorted(static.glob("*.js"))}
    for part in LIBRARY_PARTS:
        paths = sorted(library.glob(part))
        if not paths:
            raise FileNotFoundError(f"no device library in {library / part}")
        texts |= {path.relative_to(library).as_posix(): path.read_text("utf-8") for path in paths}
    scripts = write_scripts(Sources(texts))
    page = (static / INDEX).read_text("utf-8")
    lasting = {name: (static / name).read_bytes() for name in LASTING}
    versioned = {"style.css": (static / "style.css").read_bytes()}
    for path in sorted(static.glob("texts/*.json")):
        versioned[path.relative_to(static).as_posix()] = path.read_bytes()
    sources = {name: text.encode() for name, text in {**scripts, INDEX: page}.items()}
    folder = f"{_digest({**sources, **versioned, **lasting})}/"
    for name in {FIRST, *GROUPS, OTHERS} & scripts.keys():
        versioned[name] = _fill_folder(scripts.pop(name), folder).encode()
    for reference in _VERSIONED:
        page = _fill(page, reference, reference.replace('="', f'="{folder}'))
    files = {f"{folder}{name}": versioned[name] for name in sorted(versioned)}
    stored = {name: lasting[name] for name in STORED}
    list_of_files = _list_files({"./": page.encode(), **files, **stored})
    worker = _fill(_fill_folder(scripts.pop(WORKER), folder), _STORED_FILES, list_of_files)
    return {
        INDEX: page.encode(),
        WORKER: worker.encode(),
        SERVICE: (static / SERVICE).read_bytes(),
        **lasting,
        **{name: script.encode() for name, script in scripts.items()},
        **files,
    }


def _digest(files: Mapping[str, bytes]) -> str:
    digests = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
    text = json.dumps(digests, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _list_files(files: Mapping[str, bytes]) -> str:
    """Return the list of what the service worker stores, as its script has it."""
    rows = "".join(f"  {json.dumps([name, _integrity(body)])},\n" for name, body in files.items())
    return f"const STORED_FILES = [\n{rows}];"


def _integrity(body: bytes) -> str:
    """Return the digest of a file as browsers compare it (Subresource Integrity, 3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def _fill_folder(script: str, folder: str) -> str:
    # A script has the module in which it stands, or not.
    return script.replace(_FOLDER, f'const FOLDER = "{folder}";')


def _fill(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"{old} does not stand there once")
    return text.replace(old, new)
