"""The build makes the files that browsers load; a source distribution has what they are made of."""

import atexit
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path("src", "counterseal_pwa")


class FilesHook(BuildHookInterface):
    """Builds the files for wheels, and includes the device library in source distributions."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """
        Add the files; an editable install builds them when it serves them.

        Raises:
            FileNotFoundError: There is no library beside this folder, nor in it.
        """
        if version == "editable":
            return
        static = Path(self.root, SOURCES, "static")
        # A source distribution has the library in its own sources.
        is_packed = (static / "device").is_dir()
        library = static if is_packed else Path(self.root).parent / "counterseal-js"
        # The package itself cannot be imported: what it needs is not installed here.
        sys.path.insert(0, str(Path(self.root, SOURCES)))
        from bundle.files import LIBRARY_PARTS, build  # noqa: PLC0415 (the path is new)

        files = build(static, library)
        if self.target_name == "wheel":
            folder = tempfile.TemporaryDirectory()
            atexit.register(folder.cleanup)
            for name, body in files.items():
                path = Path(folder.name, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
                build_data["force_include"][str(path)] = f"counterseal_pwa/built/{name}"
        elif not is_packed:
            for source in (source for part in LIBRARY_PARTS for source in library.glob(part)):
                target = SOURCES / "static" / source.relative_to(library)
                # The table of look-alikes is a link to the core's file.
                build_data["force_include"][str(source.resolve())] = target.as_posix()
