"""Export of the audit log: events as CSV or JSON lines, in pieces, and whether they are all."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import attrs

import counterseal as cs
from counterseal.audit.documents import entry_document
from counterseal.models import ChainedEvent
from counterseal_portal.event_labels import event_label
from counterseal_web.messages import encode
from counterseal_web.slots import Slot, WaitSlots

EXPORTS = 4
"""At once in one process: each has a thread of it, for as long as its reader takes."""

COLUMNS = (
    "at",
    "event",
    "label",
    "actor",
    "subject",
    "appSpaceGuid",
    "reason",
    "attributes",
    "partition",
    "position",
    "hash",
)
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""
With these, a spreadsheet takes a cell for a formula; with an apostrophe before, for a text.

The last four are =, +, - and @ in full width. Every cell is quoted: some spreadsheets also split at
`;`, and what follows would be a cell that begins anew (OWASP, CSV Injection).
"""

COMPLETE, INCOMPLETE = "complete", "incomplete"

log = logging.getLogger("counterseal_portal")

Page = tuple[ChainedEvent, ...]


def write_lines(events: Page) -> bytes:
    """Return events as JSON lines, as the API of administrators has them."""
    return b"".join(b"%b\n" % encode(entry_document(each)) for each in events)


def end_lines(count: int, *, is_complete: bool) -> bytes:
    """Return the last line: whether it is all, and how many events are before it."""
    return b"%b\n" % encode({"complete": is_complete, "count": count})


def begin_rows() -> bytes:
    """Return the row of names."""
    return _rows([COLUMNS])


def write_rows(events: Page) -> bytes:
    """Return events as rows of CSV (RFC 4180); no cell of them is a formula."""
    return _rows([_row(each) for each in events])


def end_rows(count: int, *, is_complete: bool) -> bytes:
    """Return the last row: whether it is all, and how many events are before it."""
    return _rows([(COMPLETE if is_complete else INCOMPLETE, str(count))])


def _row(chained: ChainedEvent) -> tuple[str, ...]:
    document = entry_document(chained)
    attributes = document.get("attributes")
    if attributes:
        document["attributes"] = json.dumps(attributes, ensure_ascii=False)
    document["label"] = event_label(document.get("event", ""))
    return tuple(text_cell(str(document.get(name, ""))) for name in COLUMNS)


def text_cell(text: str) -> str:
    """Return *text* for a cell, with an apostrophe where a spreadsheet would calculate it."""
    return f"'{text}" if text.startswith(FORMULAS) else text


def _rows(rows: list[tuple[str, ...]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    return file.getvalue().encode(errors="replace")


@attrs.frozen(kw_only=True)
class ExportForm:
    """
    What an export is written as.

    Attributes:
        media_type: Of the body.
        suffix: Of the file's name.
        begin: Returns what is before the events.
        write: Returns some events.
        end: Returns what is behind them: whether they are all, and how many.
    """

    media_type: str
    suffix: str
    begin: Callable[[], bytes]
    write: Callable[[Page], bytes]
    end: Callable[..., bytes]


FORMS: Mapping[str, ExportForm] = {
    "csv": ExportForm(
        media_type="text/csv; charset=utf-8; header=present",
        suffix="csv",
        begin=begin_rows,
        write=write_rows,
        end=end_rows,
    ),
    "jsonl": ExportForm(
        media_type="application/jsonl",
        suffix="jsonl",
        begin=bytes,
        write=write_lines,
        end=end_lines,
    ),
}
"""By the value of the form's button."""


class ExportStream:
    """
    The body of an export, page by page.

    Its last line says whether it has all events that were searched for. A body without that line
    was broken off: the service stopped, or the connection was lost.

    Args:
        form: What it is written as.
        pages: What `AuditLog.export` returned.
        call: What each page is read within.
        slots: Of all exports.
        slot: This one's; it ends when another person needs the slot.
    """

    def __init__(
        self,
        form: ExportForm,
        pages: Iterator[cs.FoundEvents],
        call: Callable[[], AbstractContextManager[None]],
        slots: WaitSlots,
        slot: Slot,
    ) -> None:
        self._form, self._pages, self._call = form, pages, call
        self._slots, self._slot = slots, slot

    def __iter__(self) -> Iterator[bytes]:
        count, is_complete = 0, False
        if first_piece := self._form.begin():
            yield first_piece
        while not self._slot.revoked:
            try:
                with self._call():
                    found_events = next(self._pages, None)
            except (cs.Refused, cs.Unavailable) as error:
                log.warning("an export ended early: %s", error.code)
                break
            if found_events is None:
                break
            is_complete = found_events.after is None
            count += len(found_events.events)
            yield self._form.write(found_events.events)
        yield self._form.end(count, is_complete=is_complete)

    def close(self) -> None:
        """Free the slot; the face calls it, whether the body was sent or not."""
        self._slots.free(self._slot)
