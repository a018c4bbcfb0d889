"""The problem: what is written is read again, and nothing else gets into a log."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson
from counterseal.wire.problem import DETAIL_LIMIT, Problem, problem_document, read_problem
from counterseal_testing import strategies

CODES = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)
SENTENCES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=80)
PROBLEMS = st.builds(
    Problem,
    code=CODES,
    title=SENTENCES,
    status=st.integers(400, 599),
    attempts_left=st.none() | st.integers(0, 9),
    reason=st.none() | CODES,
    field=st.none() | st.from_regex(r"[A-Za-z0-9_.\[\]-]{1,128}", fullmatch=True),
    detail=st.none() | SENTENCES,
    request_id=st.none() | st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
)


@given(PROBLEMS)
def test_what_is_written_is_read_again(problem):
    document = json.loads(ijson.compact(problem_document(problem)))
    assert document["type"] == f"urn:counterseal:error:{problem.code}"
    assert read_problem(document, status=problem.status) == problem


@given(
    strategies.i_json(),
    st.sampled_from(
        sorted(
            problem_document(
                Problem(
                    code="x",
                    title="x",
                    status=400,
                    attempts_left=1,
                    reason="x",
                    field="x",
                    detail="x",
                    request_id="x",
                )
            )
        )
    ),
)
def test_whatever_comes_is_read_and_can_be_logged(value, name):
    for document in (value, {name: value}, {"code": "denied", name: value}):
        problem = read_problem(document, status=403)
        assert problem.status == 403
        texts = (problem.code, problem.title, problem.reason, problem.field, problem.detail)
        for text in (*texts, problem.request_id):
            assert text is None or (text.isprintable() and len(text) <= DETAIL_LIMIT + 1)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"code": "Not A Code"}, {"code": 1}])
def test_a_problem_without_a_code_is_unknown(document):
    assert read_problem(document, status=400).code == "unknown"


@pytest.mark.parametrize("count", [True, "3", 3.0, None])
def test_attempts_left_are_a_whole_number_or_unknown(count):
    assert read_problem({"code": "denied", "attemptsLeft": count}, status=403) == Problem(
        code="denied", title="", status=403
    )


def test_a_long_text_is_cut():
    long = "x" * (2 * DETAIL_LIMIT)
    problem = read_problem({"title": long, "detail": long}, status=403)
    assert problem.title == problem.detail
    assert problem.title.startswith("x" * (DETAIL_LIMIT - 10))
    assert len(problem.title) <= DETAIL_LIMIT + 1


def test_what_is_none_is_left_out():
    assert problem_document(Problem(code="denied", title="Refused.", status=403)) == {
        "type": "urn:counterseal:error:denied",
        "title": "Refused.",
        "status": 403,
        "code": "denied",
    }
