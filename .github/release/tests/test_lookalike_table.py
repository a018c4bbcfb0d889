"""The table of look-alikes: what an excerpt of Unicode's files becomes."""

import json

from release.lookalike_table import read_characters, read_confusables, table_of, write

CONFUSABLES = """\
# confusables.txt
# Date: 2024-08-14, 23:39:57 GMT
# Version: 16.0.0
0049 ;\t006C ;\tMA\t# I and l
0430 ;\t0061 ;\tMA\t# a Cyrillic letter and a Latin one
043D ;\t029C ;\tMA\t# a Cyrillic letter and a small capital
0391 ;\t0041 ;\tMA\t# a Greek capital and a Latin one
03B2 ;\t00DF ;\tMA\t# beta and sharp s
4E00 ;\t30FC ;\tMA\t# not of the scripts that are compared
"""
DATABASE = """\
ucd;16.0.0
defaults;0000..10FFFF;age=NA;gc=Cn;sc=Zzzz
block;0000..007F;age=1.1;gc=Ll;sc=Latn
cp;0041;gc=Lu;na=LATIN CAPITAL LETTER A;slc=0061
cp;0048;gc=Lu;na=LATIN CAPITAL LETTER H;slc=0068
cp;0049;gc=Lu;na=LATIN CAPITAL LETTER I;slc=0069
cp;0061;na=LATIN SMALL LETTER A
cp;0068;na=LATIN SMALL LETTER H
cp;0069;na=LATIN SMALL LETTER I
cp;006C;na=LATIN SMALL LETTER L
cp;0073;na=LATIN SMALL LETTER S
block;0080..00FF;age=1.1;gc=Ll;sc=Latn
cp;00AD;DI;gc=Cf;na=SOFT HYPHEN;sc=Zyyy
cp;00DF;cf=0073 0073;na=LATIN SMALL LETTER SHARP S
block;0250..02AF;age=1.1;gc=Ll;sc=Latn
cp;029C;na=LATIN LETTER SMALL CAPITAL H
block;0390..03B2;age=1.1;gc=Ll;sc=Grek
cp;0391;gc=Lu;na=GREEK CAPITAL LETTER ALPHA;slc=03B1
cp;03B1;na=GREEK SMALL LETTER ALPHA
cp;03B2;na=GREEK SMALL LETTER BETA
block;0400..04FF;age=1.1;gc=Ll;sc=Cyrl
cp;0430;na=CYRILLIC SMALL LETTER A
cp;043D;na=CYRILLIC SMALL LETTER EN
block;4E00..9FFF;age=1.1;gc=Lo;sc=Hani
block;1E030..1E08F;age=15.0;gc=Lm;sc=Cyrl
cp;1E030;dm=0430;na=MODIFIER LETTER CYRILLIC SMALL A
unassigned;E0002..E001F;DI
"""


def test_an_excerpt_becomes_the_table():
    version, date, prototypes = read_confusables(CONFUSABLES.splitlines())
    table = table_of(version, date, read_characters(DATABASE.splitlines()), prototypes)
    assert json.loads(write(table)) == table
    assert (table["unicode"], date) == ("16.0.0", "2024-08-14")
    assert "2024-08-14" in table["about"]
    assert table["ignorable"] == [[0xAD, 0xAD], [0xE0002, 0xE001F]]
    spaces = table["lowerCase"].pop(" ")
    assert spaces == "\t\n\v\f\r\u0085"
    cyrillic = "\N{CYRILLIC SMALL LETTER A}\U0001e030"
    small_capital = "\N{LATIN LETTER SMALL CAPITAL H}\N{CYRILLIC SMALL LETTER EN}"
    assert table["lowerCase"] == {"a": cyrillic, "h": small_capital, "ss": "ß"}
    # As drawn, a Greek capital Alpha is like A, and a sharp s like beta.
    expected = {"a": "\N{GREEK CAPITAL LETTER ALPHA}", "l": "I", "\N{GREEK SMALL LETTER BETA}": "ß"}
    assert table["outlines"] == expected
