"""
Sphinx builds the documentation from what lies in this repository, with no network.

Run it by `nox -s docs`, which makes every warning an error.
"""

import enum
import gc
import importlib
import importlib.metadata
import os
import pkgutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from docutils.utils import new_document
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import counterseal

sys.path.insert(0, str(Path(__file__).parent))  # for our extensions
gc.set_threshold(100_000)  # trees of documents live until they are written

project = "Counterseal"
author = "The Counterseal authors"
release = importlib.metadata.version("counterseal")
version = ".".join(release.split(".")[:2])

extensions = [
    "changes",
    "diagrams",
    "file_links",
    "myst_parser",
    "navigation",
    "package_pages",
    "python_names",
    "search_words",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "changelog.d", "examples", "how-to/parts"]

# Docstrings: Google sections, `names` as code, members in the order they are written.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # "Attributes:" describes them; autodoc would list them twice
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 88

# Every reference to a public name of ours has to resolve. Others' names would need an
# inventory from the network; type variables are one capital letter.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!counterseal\b).*"),
    (r"py:.*", r".*\.(_\w+(\.\w+)*|[A-Z])"),
    (r"py:.*", r"counterseal\.\w+\.(decisions|records)\b.*"),
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"Counterseal {version}"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["pages.js"]
html_search_scorer = str(Path(__file__).with_name("search.js"))
html_favicon = "_static/logo-light.svg"

# Where the repository is, such as https://forge.example/counterseal: it gives each page a link to
# edit it, and links the names of files. Without it, the site shows the files itself.
repository = os.environ.get("COUNTERSEAL_REPOSITORY", "")
branch = os.environ.get("COUNTERSEAL_BRANCH", "main")

html_theme_options = {
    "light_logo": "logo-light.svg",
    "dark_logo": "logo-dark.svg",
    "light_css_variables": {
        "color-brand-primary": "#0b5f66",
        "color-brand-content": "#0b5f66",
        "color-brand-visited": "#4a4580",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6cc4c6",
        "color-brand-content": "#6cc4c6",
        "color-brand-visited": "#b3acec",
    },
}
if repository:
    html_theme_options |= {
        "source_repository": repository,
        "source_branch": branch,
        "source_directory": "docs/",
    }

# What a program prints is not copied, and neither is a prompt.
copybutton_selector = (
    "div[class*=highlight-]:not(.highlight-text):not(.highlight-default) div.highlight pre"
)
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"

# Where the pages are hosted; only a release says it.
if html_baseurl := os.environ.get("DOCS_URL", ""):
    extensions += ["notfound.extension", "sphinx_sitemap"]
    notfound_urls_prefix = urlsplit(html_baseurl).path
    sitemap_url_scheme = "{link}"
    sitemap_show_lastmod = False


class Markdown(SphinxDirective):
    """Markdown within RST, which is what autodoc writes."""

    has_content = True

    def run(self):
        document = new_document(self.get_source_info()[0], self.state.document.settings)
        MystParser().parse("\n".join(self.content), document)
        return document.children


def read_docstring(_app, what, _name, _obj, _options, lines):
    """Hand a docstring to the parser that it is written for."""
    if what == "module":
        # Prose, tables and fences, as on the pages; the others have Google's sections.
        lines[:] = [".. markdown::", "", *(f"   {line}" for line in lines), ""]
    elif what in {"attribute", "data", "property"}:
        # Napoleon takes "word: text" in the first line for "type: description",
        # so let that be an empty comment.
        lines[:0] = ["..", ""]


def keep_members_of_enums(_app, _what, _name, obj, _skip, _options):
    """List them with or without a docstring."""
    return False if isinstance(obj, enum.Enum) else None


def share_attribute_docs(_app):
    """Show the docstring of a constant where users import it."""
    for package in pkgutil.iter_modules(counterseal.__path__, "counterseal."):
        if not package.ispkg:
            continue
        face = ModuleAnalyzer.for_module(package.name)
        face.analyze()
        module = importlib.import_module(package.name)
        for part in pkgutil.iter_modules(module.__path__, f"{package.name}."):
            inner = ModuleAnalyzer.for_module(part.name)
            inner.analyze()
            for (scope, name), doc in inner.attr_docs.items():
                if not scope and name in getattr(module, "__all__", ()):
                    face.attr_docs[scope, name] = doc


def resolve_at_public_name(app, env, node, content):
    """Find `counterseal.models.guid.Guid` as users import it: from its package."""
    domain = env.domains.python_domain
    parts = node.get("reftarget", "").split(".")
    public = ".".join([*parts[:2], *parts[-1:]])
    found = domain.objects.get(public) if node.get("refdomain") == "py" else None
    return found and make_refnode(
        app.builder, node["refdoc"], found.docname, found.node_id, content, public
    )


def setup(app):
    app.add_directive("markdown", Markdown)
    app.connect("missing-reference", resolve_at_public_name)
    app.connect("autodoc-process-docstring", read_docstring, priority=400)
    app.connect("autodoc-skip-member", keep_members_of_enums)
    app.connect("builder-inited", share_attribute_docs)
