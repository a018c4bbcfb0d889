"""
The oracle of renderings: what a person reads, turned back into the action.

It is written from the descriptions of the rows, and uses nothing of what renders them.
"""

import json
import re

LABELS = {
    "payment": {
        "Amount": ("amount", "amount"),
        "Amount is an estimate": ("amount_estimated", "flag"),
        "Amount is blocked at once": ("amount_earmarked", "flag"),
        "Payee": ("payee.name", "text"),
        "Payee's identifier": ("payee.id", "text"),
        "Payee's website": ("payee.website", "text"),
        "Execution date": ("execution_date", "text"),
        "Instant transfer": ("sct_inst", "flag"),
        "Repeats": ("recurrence.frequency", "frequency"),
        "First payment": ("recurrence.start_date", "text"),
        "Last payment": ("recurrence.end_date", "text"),
        "Number of payments": ("recurrence.number", "count"),
        "Amount may vary": ("recurrence.mit_options.amount_variable", "flag"),
        "Least amount": ("recurrence.mit_options.min_amount", "amount"),
        "Greatest amount": ("recurrence.mit_options.max_amount", "amount"),
        "Total amount": ("recurrence.mit_options.total_amount", "amount"),
        "Initial amount": ("recurrence.mit_options.initial_amount", "amount"),
        "Payments of the initial amount": ("recurrence.mit_options.initial_amount_number", "count"),
        "Annual percentage rate": ("recurrence.mit_options.apr", "percentage"),
        "Payment initiation service": ("pisp.legal_name", "text"),
        "Brand of this service": ("pisp.brand_name", "text"),
        "Domain of this service": ("pisp.domain_name", "text"),
        "Transaction": ("transaction_id", "text"),
        "Begun at": ("date_time", "text"),
    },
    "login": {
        "Action": ("action", "text"),
        "Service": ("service", "text"),
        "Client": ("client", "text"),
        "Browser": ("browser", "text"),
        "Place": ("place", "text"),
        "IP address": ("ip_address", "text"),
        "Begun at": ("date_time", "text"),
        "Transaction": ("transaction_id", "text"),
    },
    "document": {
        "Document": ("name", "text"),
        "Size": ("size", "bytes"),
        "Type": ("type", "text"),
        "SHA-256": ("sha256", "text"),
        "Address": ("url", "text"),
    },
}
RESOURCES = {
    "payment": "Paid from",
    "login": "Where",
    "document": "Subject",
    "tool-call": "Tool",
}
TITLES = {
    "Confirm a payment": "payment",
    "Confirm a log-in": "login",
    "Approve documents": "document",
    "Run a tool": "tool-call",
}
COMMON = {"Agent": "agent", "Run": "run", "Purpose": "purpose"}
FREQUENCIES = {
    "several times a day": "INDA",
    "daily": "DAIL",
    "weekly": "WEEK",
    "every two weeks": "TOWK",
    "twice a month": "TWMN",
    "monthly": "MNTH",
    "every two months": "TOMN",
    "quarterly": "QUTR",
    "every four months": "FOMN",
    "twice a year": "SEMI",
    "yearly": "YEAR",
    "every two years": "TYEA",
}


def read_text(text):
    """Undo the notation of characters that a screen would not show."""
    return re.sub(r"<U\+([0-9A-F]{4,6})>", lambda match: chr(int(match[1], 16)), text)


def read_amount(text, arguments):
    number, currency = text.rsplit(" ", 1)
    assert arguments.setdefault("currency", currency) == currency
    return number.replace(" ", "")


READERS = {
    "amount": read_amount,
    "flag": lambda text, _: {"yes": True, "no": False}[text],
    "text": lambda text, _: read_text(text),
    "count": lambda text, _: int(text),
    "bytes": lambda text, _: int(text.removesuffix(" bytes").replace(" ", "")),
    "percentage": lambda text, _: text.removesuffix(" %"),
    "frequency": lambda text, _: FREQUENCIES[text],
}

STEP = re.compile(r'\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]')


def steps(path):
    """Return the names and indexes of a JSONPath; RFC 9535 read anew, for the rows alone."""
    assert path[0] == "$"
    position, names = 1, []
    while position < len(path):
        match = STEP.match(path, position)
        assert match, path
        name, index, quoted = match.groups()
        names.append(name if name is not None else int(index) if index else json.loads(quoted))
        position = match.end()
    return names


def tool_arguments(rows):
    """Return the arguments that rows of path and JSON display."""
    top = {}
    for key, text in rows:
        path = ["$", *steps(read_text(key))]
        node = top
        for step, following in zip(path, [*path[1:], None], strict=True):
            last = following is None
            value = json.loads(read_text(text)) if last else [] if following == 0 else {}
            if isinstance(node, list):
                assert step in (len(node), len(node) - 1)
                if step == len(node):
                    node.append(value)
            else:
                value = node.setdefault(step, value)
            node = node[step]
    return top["$"]


def member_arguments(kind, rows):
    arguments = {}
    for label, text in rows:
        path, reader = LABELS[kind][label]
        *branches, name = path.split(".")
        node = arguments
        for branch in branches:
            node = node.setdefault(branch, {})
        assert name not in node
        node[name] = READERS[reader](text, arguments)
    return arguments


def document_arguments(rows):
    documents = []
    for label, text in rows:
        words = label.split(" ")
        assert len(words) == 1 or int(words[1]) - 1 in (len(documents), len(documents) - 1)
        name, reader = LABELS["document"][words[0]]
        if name == "name":
            documents.append({})
        documents[-1][name] = READERS[reader](text, {})
    return {"documents": documents}


def inverse(content):
    """Return the members of the action that *content*, of an English rendering, displays."""
    kind = TITLES[content.title]
    rows = [(pair.key, pair.value) for pair in content.pairs]
    members = {"type": kind}
    label, members["validUntil"] = rows.pop()
    assert label == "Valid until"
    while rows[-1][0] in COMMON:
        label, text = rows.pop()
        assert COMMON[label] not in members
        members[COMMON[label]] = read_text(text)
    (index,) = [index for index, row in enumerate(rows) if row[0] == RESOURCES[kind]]
    members["resource"] = read_text(rows.pop(index)[1])
    if kind == "tool-call":
        members["arguments"] = tool_arguments(rows)
    elif kind == "document":
        members["arguments"] = document_arguments(rows)
    else:
        members["arguments"] = member_arguments(kind, rows)
    return members
