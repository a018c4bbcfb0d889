"""Names: whoever knows the field reads them at first sight, so that these old words are gone."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from folders import paths_of
from trees import tree_of

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
ADAPTERS: tuple[str, ...] = (
    "aap",
    "asgi",
    "ciba",
    "client",
    "demo",
    "django",
    "fcm",
    "flask",
    "http",
    "keycloak",
    "keys",
    "mcp",
    "oidc",
    "otel",
    "portal",
    "pwa",
    "records",
    "redis",
    "relay",
    "server",
    "sql",
    "testing",
    "web",
    "webpush",
)
"""The adapters whose names are looked at, without `counterseal-`."""

ROOTS = [
    *("src", "tests", ".github/release"),
    *(f"adapters/counterseal-{name}" for name in ADAPTERS),
]
FILES = sorted(path for root in ROOTS for path in (ROOT / root).rglob("*.py"))

PARTICIPLES = """
asked buried carried come decided departed drawn found given gone got heard held judged kept known
left lent looked made named noted owed put queued read rung said seen sent settled shown stamped
taken talked told vouched wanted welcomed written
"""
"""A variable is a noun: these alone do not say what is in it."""

WORDS = """
about act acts animal animals bell bells bite bites book branching bury burying caller callers
carries carry carrying cast clerk clerks crowd crowds dawdle dawdled dawdling debt debts deed
deed_on deeds depart departing departs departure departures handed handset handsets hearing house
houses judge judges judging keeper keepers keeping leave leave_for leaving lend lender lending
lends let_go letting_go lets_go look looking looks luck news noting oddities oddity outward
outward_word owe owes owing place places puts putting rack racks require_same ring ringer ringers
ringing rings rival rivals road roads same says scene scenes settle settles settling shelf shelves
silence speak_of spoken_of stage stages stamp stamping stamps straight talk talking talks tell
telling tells trouble troubles turn turns unstamp unstamped unstamps vault vaults vouch vouches
vouching welcome welcomes welcoming whole wish wishes witness witnesses zoo
"""
"""
Words of ours for what the field names otherwise; each may still stand in a longer name.

It is every old name of the table, with the inflections of the verbs, but what `TYPES` and
`FUNCTIONS` have.
"""

PARTS = """
animal animals bell bells bites buried burying buries cast clerk clerks crowd crowds dawdle dawdled
dawdles debt debts deed deeds depart departs departures handset handsets held house houses judge
judged judges judging kept lender lends lent luck news oddities oddity outward rack racks ring
ringer ringers ringing rings rival rivals rung scene scenes settle settled settles settling shelf
shelves stage stages told trouble troubles unstamp vault vouch vouched vouches vouching wanted
welcome wish wishes witness witnesses zoo
"""
"""What no part of a name is; a sentence that names a test has parts too."""

FUNCTIONS = "issued"
"""What no function is: the verb is `issue`, and a result is issued."""

TYPES = "letter line part proven rounds values"
"""
What no class, function or module is, and a variable may be.

A letter and a line are a text's, parts are what is split, rounds are a measurement's, values are a
mapping's, and what is proven is true.
"""

EXCEPTIONS: dict[str, tuple[str, str, str]] = {
    "GONE": (r".*", "variable", "HTTP's own name of 410, and what push services say"),
    "SEEN": (
        r"challenges/records\.py",
        "variable",
        "a state, in what stores hold and devices are sent",
    ),
    "QUEUED": (r"outbox/records\.py", "variable", "a state, in what stores hold and logs say"),
    "act": (r"_transaction\.py", "function", "the verb of who does something"),
    "put": (r"counterseal-web/tests/conftest\.py", "function", "a method of HTTP"),
    "read": (r".*", "function", "a file's verb, which its fakes have"),
    "place": (r"challenges/records\.py", "variable", "where an act comes from, as its origin says"),
    "issued": (r"tests/unit/.*", "function", "a fixture: the result of an issue"),
}
"""Names that stay: where, as the end of a path, what they name, and why."""

NOT_YET: tuple[str, ...] = ()
"""Files and folders whose names are still to be changed; nothing new is added here."""

NAMES = dict.fromkeys(PARTICIPLES.split(), "participle") | dict.fromkeys(WORDS.split(), "word")


DEFINING = {
    *(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.arg, ast.Name, ast.Attribute),
    *(ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.alias),
}
"""The nodes that may define a name: one node of three."""


class Definition(NamedTuple):
    """A name that we define: what it names, and where."""

    name: str
    kind: str
    line: int


def relative(path: Path) -> str:
    """Return *path* as it is said from the repository's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def definitions_of(path: str) -> tuple[Definition, ...]:
    """Return what the file at *path* defines; a kept tree would slow the collection of garbage."""
    parse = tree_of if "src/" in path else ast.parse  # other tests read no test
    return tuple(definitions(parse((ROOT / path).read_text("utf-8"))))


def defining_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes of *tree* that may define a name."""
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if type(node) in DEFINING and type(getattr(node, "ctx", None)) is not ast.Load:
            yield node
        for value in vars(node).values():
            if isinstance(value, list):
                nodes += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                nodes.append(value)


def definitions(tree: ast.Module) -> Iterator[Definition]:
    """Yield every class, function, parameter, variable and attribute that *tree* defines."""
    for node in defining_nodes(tree):
        match node:
            case ast.ClassDef(name=name):
                yield Definition(name, "class", node.lineno)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield Definition(name, "function", node.lineno)
            case ast.arg(arg=name):
                yield Definition(name, "parameter", node.lineno)
            case ast.Name(id=name, ctx=ast.Store()):
                yield Definition(name, "variable", node.lineno)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield Definition(name, "attribute", node.lineno)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
                | ast.alias(asname=str(name))
            ):
                yield Definition(name, "variable", node.lineno)


def parts(name: str) -> set[str]:
    """Return the words that *name* is put together from."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


@cache
def is_old(name: str, kind: str) -> bool:
    """Tell whether *name* is, or has in it, one of the old words."""
    word = name.strip("_").lower()
    return (
        word in NAMES
        or (kind in {"class", "function", "module"} and word in TYPES.split())
        or (kind == "function" and word in FUNCTIONS.split())
        or not parts(name).isdisjoint(PARTS.split())
    )


def old_names(path: str, names: Iterable[Definition]) -> list[Definition]:
    """Return the old ones of *names*, and that of the file at *path*; without the exceptions."""
    module = Definition(Path(path).stem, "module", 1)
    return [
        definition
        for definition in (module, *names)
        if is_old(definition.name, definition.kind) and not is_exception(definition, path)
    ]


def is_exception(definition: Definition, path: str) -> bool:
    """Tell whether *definition*, in the file at *path*, is one of the exceptions."""
    where, kind, _ = EXCEPTIONS.get(definition.name, ("", "", ""))
    return kind == definition.kind and re.search(f"(?:{where})$", path) is not None


@pytest.mark.parametrize("root", ROOTS)
def test_no_name_is_an_old_word(root):
    violations = {
        f"{path}:{definition.line}": definition.name
        for path in map(relative, FILES)
        if path.startswith(f"{root}/") and not path.startswith(NOT_YET)
        for definition in old_names(path, definitions_of(path))
    }
    assert violations == {}


VERDICTS = {"Ruling", "Tampering"}
"""What rules return, which a noun in -ing names."""


def test_facts_are_no_gerunds():
    """A rule's facts are named by what they are, as `AnswerFacts`, not by what somebody does."""
    classes = {
        node.name
        for path in paths_of("rules")
        for node in ast.walk(tree_of(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    assert {name for name in classes if re.fullmatch("[A-Z][a-z]+ing", name)} == VERDICTS
    assert len({name for name in classes if name.endswith("Facts")}) > 20


CORE = ROOT / "src" / "counterseal"
CORE_FILES = [
    relative(path)
    for path in FILES
    if path.is_relative_to(CORE) and not path.is_relative_to(CORE / "testing")
]

CORE_NAMES = {
    **dict.fromkeys(
        ["one", "each", "own", "other", "others", "one_", "each_"],
        "a pronoun: only the variable of a comprehension may be one",
    ),
    "happening": "a `NewAccountEvent`",
    "happenings": "several `NewAccountEvent`s",
    "graced": "`within_grace`",
    "in_turn": "`find_next`",
    "looking_past": "`read_further`",
    "with_events": "`build_account_events`",
    **dict.fromkeys(
        ["Happening", "Token", "Call", "Progress", "Slots"],
        "several things: a class is named by what it is, such as `SubmittedAnswer`",
    ),
}
"""Names that the core does not define, and what it says in their place."""

CORE_MODULES = """
asking attempts channel endings parts reactions readings sizes standing texts tickets
"""
"""Modules of the core are named by the noun that is in them, so by none of these."""

ONE_MEANING = {"Kind": "actions/members.py", "Outcome": "challenges/records.py"}
"""Classes whose names had several meanings, and the only module of the core that has one."""

CORE_PARTS = {"stands", "standing"}
"""What no part of a function's name in the core is: a rule is named by what it requires."""

PLURAL_FIELD = ("bindings/decisions/device_requests.py", "others")
"""A field of the public `AuthenticatedDevice`."""

CORE_SENTENCES = re.compile(
    r"\b[Ww]hat (?:came|became) of\b|\b[Ww]hoever\b|(?<!there )\bis none\b|\b[Ss]tand(?:s|ing)?\b"
    r"|\b(?:that|[Ww]hat|which|once|device|setting|policy|one) counts?\b(?! (?:it|the))"
    r"|\bcounts? (?:as|only|no more|once|for|again|while)\b|\b(?:do(?:es)? not|never) counts?\b"
)
"""
What docstrings of the core say plainly.

It is the outcome, the person who does it, what something is not, the setting that applies, and the
device that is active.
"""


def sentences(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings in *tree*, those of constants too, each on one line."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield " ".join(text.split())


def core_violations(path: str, source: str) -> list[str]:
    """Return the names and the sentences in *source* that the core does not have."""
    tree = tree_of(source)
    names_of_source = tuple(definitions(tree))
    in_comprehensions = {
        (name.id, name.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    names = [
        definition.name
        for definition in names_of_source
        if definition.name.strip("_") in CORE_NAMES
        and (definition.name, definition.line) not in in_comprehensions
        and not (path.endswith(PLURAL_FIELD[0]) and definition.name == PLURAL_FIELD[1])
    ]
    names += [
        definition.name
        for definition in names_of_source
        if definition.kind in {"class", "function"}
        and (
            not path.endswith(ONE_MEANING.get(definition.name, ""))
            or not parts(definition.name).isdisjoint(CORE_PARTS)
        )
    ]
    modules = {Path(path).stem.strip("_"), *Path(path).parent.parts} & {*CORE_MODULES.split()}
    return [*names, *modules, *(text for text in sentences(tree) if CORE_SENTENCES.search(text))]


@pytest.mark.parametrize("path", CORE_FILES)
def test_the_core_says_it_plainly(path):
    assert core_violations(path, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        *(("a.py", f"{name} = 1") for name in CORE_NAMES),
        *((f"src/counterseal/{name}.py", "") for name in CORE_MODULES.split()),
        ("src/counterseal/_sizes.py", ""),
        ("src/counterseal/tickets/decisions/backchannel.py", ""),
        ("a.py", "for one in []: ..."),
        ("a.py", "sorted([], key=lambda each: each)"),
        ("a.py", "def reading(*others): ..."),
        ("a.py", "class Token: ..."),
        ("a.py", "class Kind: ..."),
        ("challenges/decisions/answers.py", "class Outcome: ..."),
        ("a.py", "def confirmer_stands(): ..."),
        ("a.py", "def demand_standing(): ..."),
        ("a.py", '"""Return what\n\ncame of it."""'),
        ("a.py", 'LIMIT = 1\n"""Whoever asks waits."""'),
        ("a.py", 'def read():\n    """\n    Read it.\n\n    Raises: It is none.\n    """'),
        ("a.py", '"""The policy that counts."""'),
        ("a.py", '"""It counts only once it is confirmed."""'),
        ("a.py", '"""Return the request as it stands."""'),
    ],
)
def test_such_a_word_in_the_core_is_found(path, source):
    assert len(core_violations(path, source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "[one for one in []]",
        "class SubmittedAnswer: ...",
        "own_limits = 1",
        "understand = 1",
        '"""None if there is none."""',
        '"""The gauge that counts it."""',
        '"""The hourly counts."""',
    ],
)
def test_other_words_of_the_core_are_not(source):
    assert core_violations("a.py", source) == []


def test_what_is_not_done_yet_is_not_done():
    paths = [path for path in map(relative, FILES) if path.startswith(NOT_YET)]
    todo = [path for path in paths if old_names(path, definitions_of(path))]
    assert [prefix for prefix in NOT_YET if not any(path.startswith(prefix) for path in todo)] == []


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("class Bell: ...", "class"),
        ("def settle(): ...", "function"),
        ("async def settle(): ...", "function"),
        ("class Receipt:\n    def told(self): ...", "function"),
        ("def load(act): ...", "parameter"),
        ("def load(act, /): ...", "parameter"),
        ("def load(*, act): ...", "parameter"),
        ("def load(*kept): ...", "parameter"),
        ("def load(**kept): ...", "parameter"),
        ("sorted([], key=lambda held: held)", "parameter"),
        ("held = 1", "variable"),
        ("held: int = 1", "variable"),
        ("held += 1", "variable"),
        ("one, (two, *held) = 1, (2, 3)", "variable"),
        ("print(held := 1)", "variable"),
        ("for held in []: ...", "variable"),
        ("[held for held in []]", "variable"),
        ("{held: 1 for held in []}", "variable"),
        ("with open('a') as held: ...", "variable"),
        ("try: ...\nexcept OSError as told: ...", "variable"),
        ("import json as told", "variable"),
        ("from json import loads as told", "variable"),
        ("match 1:\n    case int() as held: ...", "variable"),
        ("match []:\n    case [*held]: ...", "variable"),
        ("match {}:\n    case {**held}: ...", "variable"),
        ("class Account:\n    held: int", "variable"),
        ("self.held = 1", "attribute"),
        ("HELD = 1", "variable"),
        ("_held = 1", "variable"),
        ("def test_a_secret_is_told_once(): ...", "function"),
        ("def ringNow(): ...", "function"),
        ("class KeyVault: ...", "class"),
        ("class Line: ...", "class"),
        ("def issued(): ...", "function"),
        ("vouched_at = 1", "variable"),
        ("class VouchesForEver: ...", "class"),
        ("def _let_go(): ...", "function"),
    ],
)
def test_an_old_name_of_each_kind_is_found(source, kind):
    assert [
        definition.kind for definition in old_names("src/model.py", definitions(ast.parse(source)))
    ] == [kind]


@pytest.mark.parametrize("word", sorted(NAMES.keys() | PARTS.split()))
def test_every_old_word_is_found(word):
    (definition,) = old_names("src/model.py", definitions(ast.parse(f"{word} = 1")))
    assert definition.name == word


@pytest.mark.parametrize("path", ["src/house.py", "tests/unit/test_bell.py", "src/values.py"])
def test_an_old_name_of_a_module_is_found(path):
    assert [definition.kind for definition in old_names(path, ())] == ["module"]


@pytest.mark.parametrize(
    "source",
    [
        "stored_challenge = 1",
        "for line in []: ...",
        "values = {}",
        "class RecordRead: ...",
        "account.held",
        "def test_a_challenge_that_was_asked_twice_is_left_alone(): ...",
    ],
)
def test_other_names_are_not(source):
    assert old_names("src/model.py", definitions(ast.parse(source))) == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_every_exception_is_needed(name):
    where, _, reason = EXCEPTIONS[name]
    assert reason
    assert any(
        definition.name == name and is_exception(definition, path)
        for path in map(relative, FILES)
        if re.search(f"(?:{where})$", path) and name in (ROOT / path).read_text()
        for definition in definitions_of(path)
    )
