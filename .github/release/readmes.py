"""READMEs as a package index shows them: what a repository's links mean there."""

import posixpath
import re
from pathlib import Path

LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>(?!\w+:|#)[^)\s]+)\)")


def absolute_links(text: str, folder: Path, repository: str, version: str) -> str:
    """
    Return *text* with links that work outside of the repository.

    A package index shows the README of each version for ever, so its links name the version's tag.

    Args:
        text: Markdown.
        folder: Where the file is, relative to the repository.
        repository: The address of the repository at the forge.
        version: The version that is released.
    """

    def absolute(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder.as_posix(), link["target"]))
        view = "raw" if link["image"] else "blob"
        return f"{link['image']}[{link['text']}]({repository}/{view}/v{version}/{path})"

    return LINK.sub(absolute, text)
