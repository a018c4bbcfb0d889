"""Which pages have one structure, so that axe looks at one of them only."""

import pytest
from page_checks import STRUCTURE

FORM = '<label for="name">Name</label><input id="name"><p id="hint">Hint</p>'
ALIKE = [
    (FORM, FORM.replace("Name", "Label")),
    (FORM, FORM.replace("name", "title")),
    ('<nav aria-label="Main"></nav>', '<nav aria-label="Other"></nav>'),
]
DIFFERENT = [
    (FORM, FORM.replace('for="name"', 'for="label"')),
    (FORM, FORM.replace('for="name"', 'for="hint"')),
    (FORM, FORM.replace('"hint"', '"name"')),
    ('<nav aria-label="Main"></nav>', '<nav aria-label=" "></nav>'),
    ('<p aria-hidden="true">a</p>', '<p aria-hidden="false">a</p>'),
    ('<p style="color: black">a</p>', '<p style="color: silver">a</p>'),
    (
        '<b id="a">a</b><p aria-labelledby="a b">a</p>',
        '<b id="a">a</b><p aria-labelledby="a">a</p>',
    ),
]


@pytest.fixture(scope="module")
def read_structure(chromium):
    """Return a function that returns the structure of a page."""
    page = chromium.new_page()

    def read(body):
        page.set_content(body)
        return page.evaluate(STRUCTURE)

    yield read
    page.close()


def test_pages_that_differ_in_texts_and_names_are_alike(read_structure):
    for first, second in ALIKE:
        assert (first, read_structure(first)) == (first, read_structure(second))


def test_pages_in_which_axe_may_find_something_else_differ(read_structure):
    for first, second in DIFFERENT:
        assert (second, read_structure(first)) != (second, read_structure(second))
