import runpy
from pathlib import Path

import pytest

remote_loads = runpy.run_path(Path(__file__).with_name("offline.py"))["remote_loads"]

LOADED = [
    '<script src="https://cdn.example/x.js"></script>',
    '<script src="//cdn.example/x.js"></script>',
    '<link rel="stylesheet" href="https://fonts.example/css">',
    '<link rel="preconnect" href="https://fonts.example">',
    '<img src="http://img.example/x.png">',
    '<img srcset="a.png 1x, https://img.example/x.png 2x">',
    '<iframe src="https://video.example"></iframe>',
    "<style>@import 'https://fonts.example/css';</style>",
    "<style>p::after {content: '</p>'} @import 'https://fonts.example/css';</style>",
    '<a class="x" href="x.html"><img src="https://img.example/x.png"></a>',
    "<img alt='<a class=\"x\">' src='https://img.example/x.png'>",
    '<p style="background: url(https://img.example/x.png)">',
    '<svg><use href="https://img.example/x.svg#a"/></svg>',
]
NOT_LOADED = [
    '<a href="https://example.org">elsewhere</a>',
    '<link rel="canonical" href="https://docs.example">',
    '<script src="_static/x.js"></script>',
    '<img src="data:image/svg+xml;base64,AAAA">',
    "<p>@import 'https://fonts.example/css'</p>",
    "<style>p {color: red}</style><p>@import 'https://fonts.example/css'</p>",
]


@pytest.mark.parametrize("html", LOADED)
def test_what_a_page_loads_from_elsewhere_is_found(tmp_path, html):
    (tmp_path / "page.html").write_text(html)
    assert len(remote_loads(tmp_path)) == 1


@pytest.mark.parametrize("html", NOT_LOADED)
def test_what_a_page_only_names_is_left_alone(tmp_path, html):
    (tmp_path / "page.html").write_text(html)
    assert remote_loads(tmp_path) == []


def test_a_font_in_a_stylesheet_is_found(tmp_path):
    (tmp_path / "x.css").write_text('@font-face { src: url("https://fonts.example/f.woff2") }')
    assert remote_loads(tmp_path) == ["x.css: https://fonts.example/f.woff2"]
