"""
Write the navigation of the pages, while Sphinx builds.

The theme renders all titles of the site anew for each page. The pages of a folder have the same
navigation, but for the marks of a page and of the lists that it is in, so it is rendered once.
"""

from __future__ import annotations

import posixpath
from typing import Any

from bs4 import BeautifulSoup, Tag
from furo.navigation import get_navigation_tree
from sphinx.environment.adapters.toctree import TocTree

OPTIONS = {"collapse": False, "titles_only": True, "maxdepth": -1, "includehidden": True}
"""What the theme asks for."""

ABSENT = "-"
"""The name of a page that no folder has."""


class Navigation:
    """
    The navigation of the pages of a folder.

    Args:
        html: As the theme writes it for a page that is not in it.
    """

    def __init__(self, html: str) -> None:
        self._html = html
        self._tree = BeautifulSoup(html, "html.parser")
        self._links = {str(link["href"]): link for link in self._tree.find_all("a")}

    def marked(self, address: str) -> str:
        """Return it as the theme writes it for the page at *address*, from the folder."""
        link = self._links.get(address)
        if link is None:
            return self._html
        items = link.find_parents("li")
        boxes = [item.find("input", recursive=False) for item in items]
        lists = link.find_parents("ul")
        elements = [link, *items, *lists, *(box for box in boxes if isinstance(box, Tag))]
        unmarked = [(element, dict(element.attrs)) for element in elements]
        for element in elements:
            mark(element)
        items[0].attrs["class"] = [*items[0].attrs["class"], "current-page"]
        text = str(self._tree)
        for element, attributes in unmarked:
            element.attrs.clear()
            element.attrs.update(attributes)
        return text


def mark(element: Tag) -> None:
    """Mark the link to a page, or what the link is in: an item, its box, or a list."""
    classes = list(element.attrs.get("class", ()))
    if element.name == "a":
        element.attrs |= {"class": ["current", *classes], "href": "#"}
    elif element.name == "li":
        level, *others = classes
        element.attrs["class"] = [level, "current", *others]
    elif element.name == "ul":
        element.attrs["class"] = ["current"]
    else:
        element.attrs["checked"] = ""


def navigation_of(app: Any, page: str) -> Navigation:
    """Return the navigation of the pages in the folder of *page*, rendered once."""
    if not hasattr(app, "navigations"):
        app.navigations = {}
    folder = posixpath.dirname(page)
    listed = any(posixpath.dirname(each) == folder for each in app.env.all_docs)
    # Folders without pages of the site have the same addresses where they are equally deep.
    key = folder if listed else page.count("/")
    if key not in app.navigations:
        absent = posixpath.join(folder, ABSENT)
        toctree = TocTree(app.env).get_toctree_for(absent, app.builder, **OPTIONS)
        html = app.builder.render_partial(toctree)["fragment"]
        app.navigations[key] = Navigation(get_navigation_tree(html))
    return app.navigations[key]


def is_written(app: Any, page: str) -> bool:
    """Tell whether *page* has this navigation; the page for absent addresses has its own."""
    return app.builder.format == "html" and page != getattr(app.config, "notfound_pagename", None)


def hide_toctree(app: Any, page: str, _template: str, context: Any, _doctree: Any) -> None:
    """Let the theme find no titles to render."""
    if is_written(app, page):
        context["hidden_toctree"] = context.pop("toctree")


def write(app: Any, page: str, _template: str, context: Any, _doctree: Any) -> None:
    """Write the navigation of *page* for the theme."""
    if not is_written(app, page):
        return
    context["toctree"] = context.pop("hidden_toctree")
    address = posixpath.basename(app.builder.get_target_uri(page))
    context["furo_navigation_tree"] = navigation_of(app, page).marked(address)


def setup(app: Any) -> dict[str, bool]:
    """Write it around the theme."""
    app.connect("html-page-context", hide_toctree, priority=400)  # before the theme's
    app.connect("html-page-context", write, priority=600)  # after it
    return {"parallel_read_safe": True, "parallel_write_safe": True}
