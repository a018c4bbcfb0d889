"""The build copies the device library of npm into the package, as it stands."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("device/*.js", "wire/*.js", "wire/*.json")
STATIC = "counterseal_pwa/static"


class LibraryHook(BuildHookInterface):
    """Includes the sources of `@counterseal/device` in wheels and source distributions."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """
        Add the files; an editable install reads them where they are.

        Raises:
            FileNotFoundError: There is no library beside this folder, nor in it.
        """
        if version == "editable":
            return
        packed = Path(self.root, "src", STATIC)
        if (packed / "device").is_dir():  # a source distribution, which has them
            return
        library = Path(self.root).parent / "counterseal-js"
        prefix = STATIC if self.target_name == "wheel" else f"src/{STATIC}"
        for part in PARTS:
            sources = sorted(library.glob(part))
            if not sources:
                raise FileNotFoundError(f"no device library in {library / part}")
            for source in sources:
                target = f"{prefix}/{source.relative_to(library).as_posix()}"
                # The table of look-alikes is a link to the core's file.
                build_data["force_include"][str(source.resolve())] = target
