"""HTML as text: the lines that Chromium reads are those of the vectors, and of Python."""

import json
import random
from pathlib import Path

import attrs
import pytest

from counterseal.device import read_html

VECTORS = Path(__file__).parents[3] / "tests" / "vectors"
READ = "sources => import('../../device/html.js').then(m => sources.map(m.readHtml))"
PLAIN = """
import { strip } from "./device/html.js";
console.log(JSON.stringify(input.map((source) => strip(source) !== null)));
"""
ELEMENTS = (
    *("a", "b", "body", "br", "caption", "center", "col", "colgroup", "dd", "div", "dl", "dt"),
    *("font", "h1", "h2", "head", "hr", "html", "i", "img", "li", "link", "ol", "p", "pre", "s"),
    *(
        "script",
        "span",
        "style",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "title",
    ),
    *("tr", "ul", "form", "select", "svg", "textarea", "template", "button"),
)
FLOW = (
    "b",
    "br",
    "center",
    "div",
    "font",
    "h1",
    "hr",
    "p",
    "p",
    "pre",
    "span",
    "ul",
    "table",
    "dl",
)
CHILDREN = {
    "dl": ("dt", "dd"),
    "ol": ("li",),
    "table": ("tr", "tr", "tbody", "thead", "caption"),
    "tbody": ("tr",),
    "thead": ("tr",),
    "tr": ("td", "th"),
    "ul": ("li",),
}
VOID = {"br", "col", "hr", "img", "link"}
MAY_BE_LEFT_OUT = {"p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead"}
TEXTS = ("x", " y ", "z\n", "&amp;", "&#65;", "&nbsp;", "&notit;", " ", "\n", "\r\n", "1 > 0", "&")
SOURCES = 2_500
MARKS = ("<!-- c -->", "<!---->", "<!doctype html>", "<script>q</script>", "<style>q</style>")


@pytest.fixture(scope="module")
def page(chromium, url):
    page = chromium.new_page()
    page.set_default_timeout(240_000)
    page.goto(url)
    yield page
    page.close()


@pytest.fixture(scope="module")
def read_in_chromium(page):
    return lambda sources: page.evaluate(READ, sources)


@pytest.fixture(scope="module")
def documents():
    return json.loads((VECTORS / "html.json").read_text("utf-8"))


def read_in_python(source):
    text = read_html(source)
    return None if text is None else attrs.asdict(text) | {"lines": list(text.lines)}


def differences(sources, read_in_chromium):
    return {
        source: (here, there)
        for source, there in zip(sources, read_in_chromium(sources), strict=True)
        if (here := read_in_python(source)) != there
    }


def test_chromium_reads_the_vectors(documents, read_in_chromium):
    cases = documents["read"]
    assert len(cases) + len(documents["source"]) >= 200
    texts = read_in_chromium([case["html"] for case in cases])
    assert {
        case["about"]: text for case, text in zip(cases, texts, strict=True) if text != case["text"]
    } == {}


def test_chromium_shows_the_source_of_the_others(documents, read_in_chromium):
    cases = documents["source"]
    texts = read_in_chromium([case["html"] for case in cases])
    assert [case["about"] for case, text in zip(cases, texts, strict=True) if text] == []


@pytest.mark.parametrize(
    ("allowed", "lines"),
    [("counterseal-html", ["a"]), ("counterseal-html another", ["a"]), ("another", None)],
)
def test_a_page_that_does_not_allow_the_policy_shows_the_source(chromium, url, allowed, lines):
    page = chromium.new_page()
    content_policy = f"require-trusted-types-for 'script'; trusted-types {allowed}"

    def add_policy(route):
        reply = route.fetch()
        headers = reply.headers | {"content-security-policy": content_policy}
        route.fulfill(response=reply, headers=headers)

    page.route(url, add_policy)
    page.goto(url)
    (text,) = page.evaluate(READ, ["<p>a</p>"])
    page.close()
    assert (text and text["lines"]) == lines


def test_node_has_no_parser_and_tells_what_is_written_plainly(documents, node):
    sources = [case["html"] for case in documents["read"]]
    unified = [source.replace("\r\n", "\n").replace("\r", "\n") for source in sources]
    assert all(node.evaluate(PLAIN, unified))
    without_text = {"", " \n&nbsp;", "<!-- a -->", "<p></p><img src=x>"}
    sources = [case["html"] for case in documents["source"] if case["html"] not in without_text]
    assert not any(node.evaluate(PLAIN, sources))


def random_tokens(generator):
    """Return a source that is rarely written plainly."""
    tokens = []
    for _ in range(generator.randint(1, 12)):
        name = generator.choice(ELEMENTS)
        tokens.append(
            generator.choice(
                (f"<{name}>", f"<{name}>", f"</{name}>", *TEXTS[: generator.randint(1, 4)])
            )
            if generator.random() < 0.9
            else generator.choice((*MARKS, f"<{name}/>", f"<{name} a='>'>"))
        )
    return "".join(tokens)


def random_flow(generator, depth=0, names=FLOW):
    """Return a source that is written plainly, but for what is left out or changed by chance."""
    parts = []
    for _ in range(generator.randint(1, 3)):
        name = generator.choice(names)
        parts.append(
            generator.choice((" ", "\n", "<!-- c -->", "") if names is not FLOW else TEXTS)
        )
        if name in VOID:
            parts.append(f"<{name}>")
            continue
        content = "x" if depth > 4 and name not in CHILDREN else ""
        if depth <= 4:
            content = random_flow(generator, depth + 1, CHILDREN.get(name, FLOW))
        end = f"</{name}>"
        if generator.random() < (0.5 if name in MAY_BE_LEFT_OUT else 0.01):
            end = ""
        parts += [f"<{name}>", content, end]
    if names is FLOW:
        parts.append(generator.choice(TEXTS))
    return "".join(parts)


@pytest.mark.parametrize("make", [random_tokens, random_flow])
def test_python_and_chromium_agree_on_random_sources(read_in_chromium, make):
    generator = random.Random(29)  # noqa: S311 (the same sources each time)
    sources = [make(generator) for _ in range(SOURCES)]
    assert differences(sources, read_in_chromium) == {}
    plain = sum(read_html(source) is not None for source in sources)
    assert SOURCES // 20 < plain < SOURCES * 19 // 20
