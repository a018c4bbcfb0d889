"""The documentation for a web server: pages, a site map, robots.txt, and a page for error 404."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from release.archives import pack
from release.packages import documentation_url, python_packages


def build_site(
    root: Path, archive: Path, work: Path, epoch: int, environment: Mapping[str, str]
) -> None:
    """
    Build the pages of the commit in *root* into *archive*.

    Args:
        root: The exported commit.
        archive: The file to write.
        work: An empty folder.
        epoch: The time of the commit.
        environment: That of the build.
    """
    pages, trees = work / "pages", work / "trees"
    address = documentation_url(root)
    # The modules of the commit, and not those that the environment would find in the clone.
    modules = os.pathsep.join(str(root / each.folder / "src") for each in python_packages(root))
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-E", "-q"]
    subprocess.run(
        [*command, "-d", trees, root / "docs", pages],
        env=dict(environment) | {"DOCS_URL": address, "PYTHONPATH": modules},
        check=True,
    )
    subprocess.run([sys.executable, root / "docs" / "offline.py", pages], check=True)
    (pages / ".buildinfo").unlink(missing_ok=True)
    shutil.rmtree(pages / ".doctrees", ignore_errors=True)
    robots = f"User-agent: *\nAllow: /\n\nSitemap: {address}sitemap.xml\n"
    (pages / "robots.txt").write_text(robots, "ascii")
    pack(pages, archive, epoch)
