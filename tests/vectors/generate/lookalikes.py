"""
Pairs of names that a person sorted by their look; the skeletons are those of our own code.

ICU 76's SpoofChecker agrees, of names in NFKC and case folded, on all but the Cyrillic small
letters: it does not take small capitals for letters (`docs/decisions/0129`).
"""

from counterseal.wire.lookalikes import skeletons

ALIKE = [
    ("the same name", "Harbour Bank", "Harbour Bank"),
    ("another case", "HARBOUR BANK", "harbour bank"),
    ("more spaces, and others", " Harbour\u00a0 Bank\u2003", "Harbour Bank"),
    ("characters that are not displayed", "Har\u200bbour\u2060 Ba\u00adnk\u202c", "Harbour Bank"),
    ("Cyrillic letters", "Наrbоur Ваnк", "Harbour Bank"),
    ("Cyrillic capitals", "НАRВОUR ВАNК", "HARBOUR BANK"),
    ("Greek capitals", "ΗΑRΒΟUR ΒΑΝΚ", "HARBOUR BANK"),
    ("Cherokee and Lisu letters", "ᎻᎪRBOUR ꓐꓮꓠꓗ", "HARBOUR BANK"),
    ("Armenian letters", "hօսse", "house"),
    ("letters of full width", "Ｈａｒｂｏｕｒ　Ｂａｎｋ", "Harbour Bank"),
    ("letters of mathematics", "𝐇𝐚𝐫𝐛𝐨𝐮𝐫 𝔅𝔞𝔫𝔨", "Harbour Bank"),
    ("a capital I and a small l", "PayPaI", "PayPal"),
    ("the digit 1 and a small l", "Whee1s", "Wheels"),
    ("the digit 0 and a capital O", "B0NUS", "BONUS"),
    ("r and n as m", "Modern Loans", "Modem Loans"),
    ("a dotless i", "Cıty Mıll", "City Mill"),
    ("a sharp s and a double s", "Straßenbahn", "STRASSENBAHN"),
    ("a sharp s and a Greek beta", "Straßenbahn", "Straβenbahn"),
    ("a final sigma", "ΤΡΑΠΕΖΙΤΗΣ", "τραπεζιτης"),
    ("a letter with an accent, composed and not", "Zoë & Co", "Zoe\u0308 & Co"),
]
DIFFERENT = [
    ("a letter with an accent and one without", "Zoë & Co", "Zoe & Co"),
    ("a letter more", "Harbour Banks", "Harbour Bank"),
    ("a space more", "Harbour Bank", "HarbourBank"),
    ("another word order", "Harbour Bank", "Bank Harbour"),
    ("a hyphen", "Harbour-Bank", "Harbour Bank"),
    ("an abbreviation", "Harbour B.", "Harbour Bank"),
    ("another spelling", "Harbour Bank", "Harbor Bank"),
    ("i and l in lower case", "Harbour Mail", "Harbour Mall"),
    ("n and v, though a Greek capital Nu is like N", "Van Houten", "Nan Houten"),
    ("u and y, though a Greek capital Upsilon is like Y", "Eula", "Eyla"),
    ("two v and a w", "Evvie", "Ewie"),
    ("c and l, and a d", "clover", "dover"),
    ("5 and S", "5even", "Seven"),
    ("8 and B", "8ank", "Bank"),
    ("a translation", "Harbour Bank", "Hafenbank"),
    ("a transliteration", "Банк", "Bank"),
    ("letters of Arabic", "بنك", "بيت"),
    ("letters of Hebrew", "בנק", "בנה"),
    ("letters of Armenian", "Բանկ", "Բակ"),
    ("ideographs", "港銀行", "湾銀行"),
]


def lookalike_vectors():
    def pairs(rows):
        return [
            {"about": title, "names": names, "skeletons": [list(skeletons(name)) for name in names]}
            for title, *names in rows
        ]

    return {
        "about": "Pairs of names that look alike, and that do not, with the two skeletons of each:"
        " in lower case, and as drawn.",
        "alike": pairs(ALIKE),
        "different": pairs(DIFFERENT),
    }
