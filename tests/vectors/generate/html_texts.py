"""Questions in HTML: the lines that a device shows, and those whose source it shows."""

NOTHING_LEFT_OUT = {"scripts": 0, "styles": 0, "comments": 0, "pictures": 0}
INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp"
    " small span strike strong sub sup time tt u var"
)
BLOCKS = (
    "address article aside blockquote center details div figcaption figure footer h1 h2 h3 h4 h5"
    " h6 header hgroup main nav p pre section summary"
)
UNKNOWN = (
    "applet audio button canvas dialog fieldset form frameset iframe legend listing marquee math"
    " nobr noembed noframes noscript object optgroup option picture plaintext ruby search select"
    " slot svg template textarea video xmp"
)
DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"'
    ' "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
)
MAIL = f"""{DOCTYPE}
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
  <meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
  <title>Order 7</title>
  <style type="text/css">p {{ color: red }} p > b:before {{ content: "<b>" }}</style>
</head>
<body bgcolor="#ffffff">
<!-- begin -->
<table width="100%" cellpadding="0"><tbody>
  <tr><td colspan="2"><h1>Pay for your order?</h1></td></tr>
  <tr><td>Amount</td><td><b>49,90&nbsp;&euro;</b></td></tr>
  <tr><td>To</td><td>Zo&euml; &amp; S&ouml;hne</td></tr>
</tbody></table>
<p>If this was not you,<br/>refuse.</p>
<img src="https://shop.example/logo.png" alt="The shop" />
</body>
</html>
"""


def case(subject, html, *lines, **left_out):
    text = {"lines": list(lines), **NOTHING_LEFT_OUT, **left_out}
    return {"about": subject, "html": html, "text": text}


def html_vectors():
    """Return those that are read, and those that are shown as they are."""
    return {
        "read": [
            *documents(),
            *texts(),
            *hidden(),
            *structures(),
            *references(),
            *(
                case(f"inline: {name}", f"<p>a<{name}>b</{name}>c</p>", "abc")
                for name in INLINE.split()
            ),
            *(
                case(f"block: {name}", f"a<{name}>b</{name}>c", "a", "b", "c")
                for name in BLOCKS.split()
            ),
        ],
        "source": [{"about": subject, "html": html} for subject, html in sources()],
    }


def documents():
    yield case("a document", "<html><body><p>Log in?</p></body></html>", "Log in?")
    yield case(
        "a mail",
        MAIL,
        *("Order 7", "Pay for your order?", "Amount", "49,90 €", "To", "Zoë & Söhne"),
        *("If this was not you,", "refuse."),
        styles=1,
        comments=1,
        pictures=1,
    )
    yield case("a document type", "<!DOCTYPE html><p>a", "a")
    yield case("in small letters", "<!doctype html>a", "a")
    yield case("with SYSTEM", '<!doctype html SYSTEM "about:legacy-compat">a', "a")
    yield case("in the middle", "a<!doctype html>b", "ab")
    yield case("nothing but text", "a", "a")
    yield case("tags in capitals", "<HTML><BODY><P>a</P><DIV>b</DIV></BODY></HTML>", "a", "b")
    yield case("text after the end", "<html><body>a</body></html> b", "a b")
    yield case("a paragraph after the end", "<body>a</body><p>b</p>", "a", "b")
    yield case("text in the head", "<html><head>a</head><body>b</body></html>", "ab")
    yield case("two bodies", "<body>a<body>b</body></body>", "ab")
    yield case("a body in a block", "<div>a<body class='x'>b</div>c", "ab", "c")
    yield case("a title", "<head><title>a &lt;b&gt;</title></head>c", "a <b>", "c")
    yield case("a title alone", "<title>a</title>", "a")
    yield case("a title after text", "a<title>b</title>c", "a", "b", "c")
    yield case("links and metadata", '<base href="/"><link rel=x><meta charset=utf-8>a', "a")
    yield case("a document within", "<p>a</p><html lang='en'><p>b</p></html>", "a", "b")
    yield case("begins with a line break", "\n\n<html>\n<p>a", "a")


def texts():
    yield case("white space", "<p> a \t\n\f b  c </p>", "a b c")
    yield case("between elements", "<b>a</b> <i>b</i>\n<u>c</u>", "a b c")
    yield case("none between elements", "<b>a</b><i>b</i>", "ab")
    yield case("across elements", "a <b> b </b> c", "a b c")
    yield case("carriage returns", "a\r\nb\rc<br>d", "a b c", "d")
    yield case("no-break spaces", "10&nbsp;EUR\u00a0now&#160;&nbsp;", "10 EUR now")
    yield case("other spaces stay", "a\u2003b\u3000c\u2028d", "a\u2003b\u3000c\u2028d")
    yield case("at the ends they stay", "<p>\u2003a\u200b</p>", "\u2003a\u200b")
    yield case("vertical tab stays", "a\u000bb", "a\u000bb")
    yield case("bidirectional controls stay", "\u202ea\u2066", "\u202ea\u2066")
    yield case("beyond the basic plane", "👩\u200d💻 \U000e0061", "👩\u200d💻 \U000e0061")
    yield case("a byte order mark within", "a\ufeffb", "a\ufeffb")
    yield case("greater than", "1 > 0 >> -1", "1 > 0 >> -1")
    yield case("quotes", "\"a\" 'b' `c`", "\"a\" 'b' `c`")
    yield case("preformatted", "<pre>\na  b\n\n\tc\n</pre>d", "a b", "c", "d")
    yield case("preformatted within", "<pre>a<b>b\nc</b>d</pre>", "ab", "cd")
    yield case("preformatted by a reference", "<pre>a&#10;b</pre>", "a", "b")
    yield case("not preformatted by a reference", "<p>a&#10;b</p>", "a b")
    yield case("after preformatted", "<pre>a\nb</pre><p>c\nd</p>", "a", "b", "c d")
    yield case("line breaks", "a<br>b<br/>c<br />d<BR>e", "a", "b", "c", "d", "e")
    yield case("several line breaks", "a<br><br>b", "a", "b")
    yield case("a line break with attributes", "a<br clear='all'>b", "a", "b")
    yield case("a rule", "a<hr>b<hr/>c", "a", "b", "c")
    yield case("where a line may break", "long<wbr>word", "longword")
    yield case("65,536 characters", "<p>" + "x" * 65_533, "x" * 65_533)


def hidden():
    yield case("not displayed", '<p>a<span style="display:none">b</span></p>', "ab")
    yield case("hidden", "<p hidden>a</p>b", "a", "b")
    yield case("white on white", '<font color="#fff">a</font>b', "ab")
    yield case("of no size", '<span style="font-size:0">10</span>49', "1049")
    yield case("struck", "<p><s>100</s> <del>50</del> <strike>20</strike> 10</p>", "100 50 20 10")
    yield case("closed details", "<details><summary>a</summary>b</details>", "a", "b")
    yield case("moved away", '<div style="position:absolute;left:-9999px">a</div>b', "a", "b")
    yield case("turned around", '<bdo dir="rtl">01</bdo> EUR', "01 EUR")
    yield case("a script", "<script>a = '<b>';</script>b", "b", scripts=1)
    yield case("a script in capitals", "<SCRIPT>x</SCRIPT >b", "b", scripts=1)
    yield case("two scripts", "<script src='x'></script>a<script>y</script>b", "ab", scripts=2)
    yield case("a style", "<style>p > b {} /* <p> */</style>a", "a", styles=1)
    yield case("a style with a comment", "<style><!-- p {} --></style>a", "a", styles=1)
    yield case("a style in a paragraph", "<p>a<style>b</style>c</p>", "ac", styles=1)
    yield case("a script in a table", "<table><script>x</script><tr><td>a</table>", "a", scripts=1)
    yield case("comments", "a<!-- b -->c<!----><!-- <p> -->d", "acd", comments=3)
    yield case("a conditional comment", "<!--[if mso]><p>a</p><![endif]-->b", "b", comments=1)
    yield case("a comment of two lines", "<!--\na\n-->b", "b", comments=1)
    yield case("a comment before all", "<!-- a --><!DOCTYPE html><p>b", "b", comments=1)
    yield case("a comment after all", "<html>a</html><!-- b -->", "a", comments=1)
    yield case("a picture", '<img src="a.png" alt="49 EUR">a', "a", pictures=1)
    yield case("pictures", "a<img><IMG/>b", "ab", pictures=2)
    yield case("a link", '<a href="https://x.example/?a=1&b=2">a</a>', "a")
    yield case("listeners", "<p onclick=\"alert('a')\">b</p>", "b")
    yield case("attributes", "<p\n id=a  class = 'b' @c data-d.e=\"f\" g>h</p >", "h")
    yield case("tags in an attribute", '<p title="</p><script>">a</p>b', "a", "b")
    yield case("unquoted attributes", "<p a=#x b=/c/d?e=f&g align=left>h</p>", "h")
    yield case("an attribute twice", "<p a=1 a=2>b</p>", "b")


def structures():
    yield case("paragraphs that are not ended", "<p>a<p>b", "a", "b")
    yield case("a block ends a paragraph", "<p>a<div>b</div>c</p>d", "a", "b", "c", "d")
    yield case("a list ends a paragraph", "<p>a<ul><li>b</ul>c", "a", "b", "c")
    yield case("a table ends a paragraph", "<p>a<table><tr><td>b</table>c", "a", "b", "c")
    yield case("a rule ends a paragraph", "<p>a<hr>b</p>c", "a", "b", "c")
    yield case("a paragraph that was not begun", "a</p>b", "a", "b")
    yield case("a paragraph in a cell", "<table><tr><td><p>a</p>b</table>", "a", "b")
    yield case("an end in a cell", "<table><tr><td>a</p>b</table>", "a", "b")
    yield case("empty elements", "<p></p><div></div>a<p> </p>", "a")
    yield case("a list", "<ul><li>a</li><li>b</li></ul>", "a", "b")
    yield case("items that are not ended", "<ol><li>a<li>b</ol>c", "a", "b", "c")
    yield case("a list in a list", "<ul><li>a<ul><li>b<li>c</ul><li>d</ul>", *"abcd")
    yield case("paragraphs in items", "<ul><li><p>a<li><p>b</ul>", "a", "b")
    yield case("text in a list", "<ul>a<li>b</ul>", "a", "b")
    yield case("other lists", "<menu><li>a</menu><dir><li>b</dir>", "a", "b")
    yield case("definitions", "<dl><dt>a<dd>b<dt>c</dt><dd>d</dd></dl>", *"abcd")
    yield case("a table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>", *"abc")
    yield case(
        "a table with all parts",
        "<table><caption>a</caption><colgroup><col><col/></colgroup><thead><tr><th>b</thead>"
        "<tfoot><tr><td>c</tfoot><tbody><tr><td>d</tbody></table>",
        *"abcd",
    )
    yield case("a caption after a row", "<table><tr><caption>a</caption></table>", "a")
    yield case("column groups", "<table><colgroup><col><tr><td>a</table>", "a")
    yield case("a table in a table", "<table><tr><td>a<table><tr><td>b</table>c</table>", *"abc")
    yield case("white space in a table", "<table>\n<tr>\n <td>a</td>\n</tr>\n</table>", "a")
    yield case("a comment in a table", "<table><!-- a --><tr><td>b</table>", "b", comments=1)
    yield case("a block in a link", "<a href=x>a<div>b</div>c</a>", "a", "b", "c")
    yield case("a block in bold", "<b>a<p>b</p>c</b>d", "a", "b", "cd")
    yield case("inline in inline", "<b><i><u>a</u></i></b>b", "ab")
    yield case("a heading in a block in a heading", "<h1>a<div><h2>b</h2></div></h1>", "a", "b")
    yield case("headings", "<h1>a</h1><h2>b</h2>c", "a", "b", "c")
    yield case("elements that are not ended", "<div><b>a", "a")
    yield case("64 elements in one another", "<div>" * 64 + "a", "a")
    yield case(
        "a caption with a paragraph", "<table><caption><p>a</caption><tr><td>b</table>", *"ab"
    )


def references():
    yield case("named", "&lt;b&gt; &amp;amp; &quot;&apos;", "<b> &amp; \"'")
    yield case("letters", "&Auml;&szlig;&euro;&copy;&hellip;", "Äß€©…")
    yield case("two code points", "&NotEqualTilde;", "\u2242\u0338")
    yield case("the longest name", "&CounterClockwiseContourIntegral;", "\u2233")
    yield case("without a semicolon", "&copy 2030 &lt &ampx", "© 2030 < &x")
    yield case("the longest that fits", "&notin; &notit; &notinx", "∉ ¬it; ¬inx")
    yield case("of no name", "&nosuch; & && &; a&b=c", "&nosuch; & && &; a&b=c")
    yield case("that need a semicolon", "&hellip &Zopf", "&hellip &Zopf")
    yield case("decimal", "&#65;&#8364;&#128512;", "A€😀")
    yield case("hexadecimal", "&#x41;&#X20aC;&#x1F600;", "A€😀")
    yield case("without a semicolon, by number", "&#65B &#x41g", "AB Ag")
    yield case("of no number", "&#; &#x; &#xg;", "&#; &#x; &#xg;")
    yield case("not across tags", "&am<b>p;</b>", "&amp;")
    yield case("not across a script", "&am<script>x</script>p;", "&amp;", scripts=1)
    yield case("not across a comment", "&am<!-- x -->p;", "&amp;", comments=1)
    yield case("not across a document type", "&am<!doctype html>p;", "&amp;")
    yield case("not twice", "&amp;lt;p&amp;gt;", "&lt;p&gt;")
    yield case("a tab and a line feed", "a&#9;b&#10;c", "a b c")
    yield case(
        "to a hidden character", "a&#x202e;b&ZeroWidthSpace;c&shy;d", "a\u202eb\u200bc\u00add"
    )


def sources():
    yield from ((f"element: {name}", f"<p>a</p><{name}>b</{name}>") for name in UNKNOWN.split())
    yield from (
        ("no text", "<p></p><img src=x>"),
        ("nothing", ""),
        ("white space", " \n&nbsp;"),
        ("only a comment", "<!-- a -->"),
        ("less than", "a < b"),
        ("less than, without spaces", "a<1"),
        ("a tag that is not ended", "a<b"),
        ("a tag without a name", "a<>b"),
        ("an end tag without a name", "a</>b"),
        ("an end tag with an attribute", "<p>a</p x>"),
        ("a custom element", "<x-y>a</x-y>"),
        ("a namespace", "<o:p>a</o:p>"),
        ("an unknown element", "<blink>a</blink>"),
        ("an input", "<input value='a'>b"),
        ("a quote that is not ended", '<p title="a>b</p>'),
        ("attributes without a space", '<p a="b"c="d">e</p>'),
        ("an odd attribute", "<p a<b='c'>d</p>"),
        ("a slash in a tag", "<p / a>b</p>"),
        ("a closed block", "<div/>a"),
        ("a closed script", "<script/>a</script>"),
        ("an end of a void element", "a</br>b"),
        ("an end that closes nothing", "a</div>b"),
        ("an inline end that closes nothing", "a</b>c"),
        ("elements that overlap", "<b>a<i>b</b>c</i>"),
        ("a block that overlaps", "<div>a<b>b</div>c</b>"),
        ("a paragraph in bold in a paragraph", "<p><b>a<p>b</b>"),
        ("bold beyond a paragraph", "<p><b>a</p>b"),
        ("a link in a link", "<a>a<a>b</a></a>"),
        ("a heading in a heading", "<h1>a<h2>b</h2></h1>"),
        ("a heading that ends as another one", "<h1>a</h2>"),
        ("an item without a list", "<li>a</li>"),
        ("an item in a block of an item", "<ul><li><div>a<li>b</div></ul>"),
        ("a definition without a list", "<dt>a"),
        ("a cell without a table", "<td>a</td>"),
        ("a row without a table", "<tr><td>a"),
        ("a cell without a row", "<table><td>a</table>"),
        ("text in a table", "<table>a<tr><td>b</table>"),
        ("text in a row", "<table><tr>a<td>b</table>"),
        ("text after a row", "<table><tr><td>a</td></tr>b</table>"),
        ("a space by a reference in a table", "<table>&#32;<tr><td>b</table>"),
        ("a no-break space in a table", "<table>\u00a0<tr><td>b</table>"),
        ("an element in a table", "<table><b>a</b><tr><td>b</table>"),
        ("a line break in a table", "<table><br><tr><td>b</table>"),
        ("a picture in a table", "<table><img><tr><td>b</table>"),
        ("a paragraph's end in a table", "<table></p><tr><td>b</table>"),
        ("a table directly in a table", "<table><table><tr><td>a</table></table>"),
        ("a caption in a block", "<table><tr><td><div><caption>a</caption></table>"),
        ("a title in a block", "<div><title>a</title></div>b"),
        ("a tag in a title", "<title>a<b>b</b></title>"),
        ("a comment in a title", "<title>a<!-- b --></title>c"),
        ("a body in a title", "<title>a</body></title>b"),
        ("a script that is not ended", "<script>a"),
        ("a script with an end tag", "<script>'</p>'</script>a"),
        ("a script with a comment", "<script><!-- a --></script>b"),
        ("a style with an end tag", "<style></p></style>a"),
        ("a script's end alone", "a</script>b"),
        ("a comment that is not ended", "a<!-- b"),
        ("a comment that ends at once", "a<!-->b-->"),
        ("a comment that ends with a dash at once", "a<!--->b-->"),
        ("a comment with dashes", "<!-- a -- b -->c"),
        ("a comment with a dash at its end", "<!-- a --->b"),
        ("a comment that ends oddly", "<!-- a --!>b-->"),
        ("a comment with a space in its end", "<!-- a -- >b -->"),
        ("a comment of one dash", "<!- a ->b"),
        ("an instruction", "<?xml version='1.0'?><p>a</p>"),
        ("character data", "<![CDATA[a]]>b"),
        ("a declaration", "<!ELEMENT a>b"),
        ("a bracket in a type", "<!DOCTYPE html [<a>]>b"),
        ("a reference to a control", "a&#1;b"),
        ("a reference to a C1 control", "a&#128;b"),
        ("a reference to zero", "a&#0;b"),
        ("a reference to a carriage return", "a&#13;b"),
        ("a reference to a surrogate", "a&#xd800;b"),
        ("a reference to no character", "a&#xFDD0;b"),
        ("a reference to the last of a plane", "a&#x1FFFF;b"),
        ("a reference beyond Unicode", "a&#x110000;b"),
        ("a reference of many digits", "a&#00000065;b"),
        ("a zero", "a\u0000b"),
        ("a byte order mark", "\ufeffa"),
        ("65,537 characters", "<p>" + "x" * 65_534),
        ("65 elements in one another", "<div>" * 65 + "a"),
    )
