"""A result as markdown, HTML and JUnit: the worst first, whole, and harmless whatever it is about."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from itertools import groupby
from types import ModuleType
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt
from samples import (
    FROZEN,
    HOSTILE,
    IDLE,
    LATE,
    POOL,
    WELL,
    checked,
    deployed,
    failed,
    hostile,
    seen,
    unsafe,
    validation,
)

from stanchion.report import github, html, junit, markdown, text
from stanchion.report.model import Result

RENDERERS = [text, markdown, html, junit]
each_renderer = pytest.mark.parametrize("renderer", RENDERERS, ids=lambda module: module.__name__)
# The hostile text as a reader sees it: nothing is obeyed, and nothing but control characters is lost.
SHOWN = "</style></details><script>alert(1)</script> | `x` ![i](http://x) $a$ [b](c) red \ufffd \ufffd ]]>"


def written(renderer: ModuleType, result: Result) -> str:
    stream = io.StringIO()
    renderer.render(result, stream)
    return stream.getvalue()


class Page(HTMLParser):
    """What a browser would make of a page: its tags, and its text without the style."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(result: Result) -> Page:
    return Page(written(html, result))


def suites(result: Result) -> list[tuple[str, dict[str, object]]]:
    document = JUnitXml.fromstring(written(junit, result).encode())
    return [(suite.name, {case.name: case for case in suite}) for suite in document]


# All of them


@each_renderer
def test_results_without_findings_are_written_too(renderer: ModuleType) -> None:
    for result in (deployed(), failed(), unsafe(validation()), unsafe(validation(deployed=False))):
        assert written(renderer, result)


# A reader of JUnit has an order of its own.
@pytest.mark.parametrize("renderer", [text, markdown, html], ids=lambda module: module.__name__)
def test_the_worst_is_first(renderer: ModuleType) -> None:
    told = written(renderer, unsafe())
    places = [told.index(word) for word in ("pool.arithmetic", "database.locks", "transaction.idle")]
    assert places == sorted(places)


@each_renderer
def test_every_host_is_told(renderer: ModuleType) -> None:
    told = written(renderer, unsafe(validation(WELL, host="alpha"), validation(POOL, LATE, host="beta")))
    assert "alpha" in told
    assert "beta" in told
    if renderer in (markdown, html):
        assert told.index("beta") < told.index("alpha"), "the worst host is first"


@each_renderer
def test_only_the_last_look_at_a_host_is_told(renderer: ModuleType) -> None:
    before = validation(LATE, phase="preflight")
    assert "transaction.idle" not in written(renderer, unsafe(before, validation(POOL, phase="deploy")))


@each_renderer
def test_evidence_why_and_remedy_are_told(renderer: ModuleType) -> None:
    told = " ".join(written(renderer, unsafe()).split())
    for part in (
        "up to 248 connections are wanted",
        POOL.why,
        "stack_db_pool_size",
        "python runner.py deploy",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("renderer", "end"),
    [
        (text, "and 496 more (--format json has them all)"),
        (markdown, "- and 481 more\n"),
        (html, "row 499"),
        (junit, "row 499"),
    ],
    ids=["text", "markdown", "html", "junit"],
)
def test_long_evidence_is_written_to_its_end_or_says_how_much_more_there_is(
    renderer: ModuleType, end: str
) -> None:
    long = [seen("x" * 50_000), *(seen(f"row {number}") for number in range(500))]
    told = written(renderer, unsafe(validation(checked("pool.usage", "fail", evidence=long))))
    assert "row 0" in told
    assert end in told


@each_renderer
def test_no_text_moves_a_terminal(renderer: ModuleType) -> None:
    told = written(renderer, hostile())
    assert not {"\x1b", "\x00", "\u202e"} & set(told)


# Markdown


def tokens(source: str) -> list[str]:
    """Return the kinds of what a reader of markdown makes of a page, links and raw HTML with their text."""
    found = []
    for block in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source):
        for token in [block, *(block.children or [])]:
            found.append(f"{token.type} {token.content}" if token.type.startswith("html") else token.type)
    return found


def test_markdown_of_findings() -> None:
    told = written(markdown, unsafe())
    assert told.startswith("### unsafe: demo on 1 host in 2.1 s")
    assert (
        "#### Failed: What all replicas may open at once fits into max_connections (`pool.arithmetic`)"
        in told
    )
    assert "- medication-tracker: up to 248 connections are wanted, and 84 are there" in told
    assert "#### Could not look: 4 critical checks" in told
    assert "`database.settings`, `database.locks`, `database.roles`, `database.slots`" in told
    assert "| `transaction.idle` No transaction is left open and idle | pid 4711: idle in transaction" in told
    assert "<details><summary>1 passed</summary>" in told
    assert "| `container.memory_limit` | medication-tracker-db: 2048MB |" in told


def test_markdown_of_several_hosts_begins_with_a_table() -> None:
    told = written(markdown, unsafe(validation(WELL, host="alpha"), validation(POOL, LATE, host="beta")))
    assert "| beta | 1 | 0 | 1 | 0 | 0 |\n| alpha | 0 | 0 | 0 | 0 | 1 |" in told


def test_nothing_breaks_out_of_markdown() -> None:
    kinds = tokens(written(markdown, hostile()))
    assert not {"link_open", "image", "s_open"} & set(kinds)
    raw = " ".join(kind for kind in kinds if kind.startswith("html"))
    assert "script" not in raw
    assert raw.count("<details>") == raw.count("</details>") == 2
    # A text that ended its cell would make one more in its row.
    lines = written(markdown, hostile()).splitlines()
    tables = [list(rows) for in_table, rows in groupby(lines, lambda line: line.startswith("|")) if in_table]
    assert len(tables) == 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table}) == 1, table


def test_code_is_fenced_by_more_than_it_has() -> None:
    assert markdown.code("a`b") == "``a`b``"
    assert markdown.code("`a") == "`` `a ``"
    assert markdown.code("a|b") == "`a\\|b`"
    assert markdown.code("") == ""


def test_prose_with_an_odd_backtick_has_no_code() -> None:
    assert markdown.prose("run `x` now") == "run `x` now"
    assert markdown.prose("5 o`clock") == "5 o\\`clock"


def test_markdown_stays_below_its_limit() -> None:
    rows = [seen("x" * 500) for _ in range(20)]
    many = [checked(f"pool.number_{number}", "fail", evidence=rows) for number in range(150)]
    hosts = [validation(*many, host=f"host-{number}") for number in range(2)]
    assert len(hosts) * len(many) * sum(len(row.what) for row in rows) > markdown.MOST_BYTES
    told = markdown.page(unsafe(*hosts))
    assert len(told.encode()) <= markdown.MOST_BYTES
    assert "Shortened to fit." in told
    assert tokens(told)[-1] == "paragraph_close"


def test_where_nothing_fits_nothing_is_written() -> None:
    assert markdown.page(unsafe(), 10) == ""


# HTML


def test_html_of_findings() -> None:
    told = page(unsafe())
    assert told.open == []
    assert "unsafe demo" in told.text
    assert "1 failed 4 could not look 1 warning 1 skipped 1 passed" in told.text
    assert "Why A pool that runs dry makes every request wait." in told.text
    opened = [tag for tag in told.named("details") if "open" in tag]
    assert len(opened) == 2, "what failed and what could not look is open, the rest is folded"


def test_a_few_warnings_are_shown_in_full() -> None:
    assert all("open" in tag for tag in page(unsafe(validation(LATE))).named("details"))


def test_html_needs_nothing_else() -> None:
    told = page(deployed(validations=[validation(POOL, *FROZEN, LATE, IDLE, WELL)]))
    assert told.named("script") == []
    assert [link["href"] for link in told.named("link")] == ["data:,"]
    assert not told.named("img")
    assert "url(" not in written(html, unsafe())
    (policy,) = [meta["content"] for meta in told.named("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in str(policy)


def test_html_is_marked_up_for_all_readers() -> None:
    told = page(deployed(validations=[validation(POOL, LATE)]))
    for landmark in ("header", "main", "footer", "h1"):
        assert len(told.named(landmark)) == 1, landmark
    (language,) = told.named("html")
    assert language == {"lang": "en"}
    ids = {attributes["id"] for _, attributes in told.tags if "id" in attributes}
    for section in told.named("section"):
        assert section["aria-labelledby"] in ids
    assert len(told.named("legend")) == len(told.named("fieldset")) == 1


def test_nothing_breaks_out_of_html() -> None:
    told = page(hostile())
    assert told.named("script") == []
    assert len(told.named("style")) == 1
    assert told.open == []
    assert SHOWN in told.text


def test_where_all_is_well_what_passed_is_shown() -> None:
    told = page(unsafe(validation(WELL, IDLE), status="safe", exit_code=0))
    assert all("checked" in box for box in told.named("input"))
    assert "Nothing to mend." in told.text


def test_a_host_without_the_stack() -> None:
    assert "Nothing of the stack is deployed here." in page(unsafe(validation(deployed=False))).text


# JUnit


def test_junit_has_a_suite_for_each_host_and_a_case_for_each_check() -> None:
    two = unsafe(validation(WELL, host="alpha"), validation(POOL, *FROZEN, LATE, IDLE, host="beta"))
    (alpha, well), (beta, cases) = suites(two)
    assert (alpha, beta) == ("alpha", "beta")
    assert well["container.memory_limit"].is_passed
    assert len(cases) == 7
    assert cases["pool.arithmetic"].classname == "beta.pool"
    assert isinstance(cases["pool.arithmetic"].result[0], Failure)
    assert "84 are there" in cases["pool.arithmetic"].result[0].message
    assert "do: Set stack_db_pool_size" in cases["pool.arithmetic"].result[0].text
    assert isinstance(cases["database.locks"].result[0], Error)
    assert isinstance(cases["replication.slots"].result[0], Skipped)


def test_a_warning_passes_in_junit_and_is_told() -> None:
    ((_, cases),) = suites(unsafe(validation(LATE)))
    assert cases["transaction.idle"].is_passed
    assert cases["transaction.idle"].system_out.startswith("warning: No transaction is left open")


def test_a_warning_fails_in_junit_where_it_ends_with_1() -> None:
    ((_, cases),) = suites(unsafe(validation(LATE), fail_on="warn"))
    assert isinstance(cases["transaction.idle"].result[0], Failure)


def test_a_run_that_came_to_no_answer_is_an_error_in_junit() -> None:
    ((name, cases),) = suites(failed())
    assert name == "deploy"
    assert isinstance(cases["deploy"].result[0], Error)
    assert "boom: cannot import app" in cases["deploy"].result[0].text


def test_junit_counts_and_times() -> None:
    document = JUnitXml.fromstring(written(junit, unsafe()).encode())
    (suite,) = document
    assert (suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) == (8, 1, 4, 1, 0.8)


def test_nothing_breaks_out_of_xml() -> None:
    root = ElementTree.fromstring(written(junit, hostile()))
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == SHOWN
    assert {element.tag for element in root.iter()} == {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
    }


# GitHub


def test_findings_become_annotations_the_worst_first() -> None:
    lines = github.workflow_commands(unsafe())
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error", "::warning"]
    assert lines[0].startswith("::error title=pool.arithmetic::one: medication-tracker: up to 248")
    assert "title=4 critical checks could not look::one: sql could not be read" in lines[1]
    assert "database.settings, database.locks" in lines[1]


def test_a_finding_about_a_file_is_shown_at_its_line() -> None:
    located = checked("image.pinned", "fail", evidence=[seen("has no tag", file="compose,x.yml", line=7)])
    (line,) = github.workflow_commands(unsafe(validation(located, host="compose.yml", phase="file")))
    assert line.startswith("::error file=compose%2Cx.yml,line=7,title=image.pinned::image.pinned was")


def test_the_worst_nine_findings_and_how_many_more() -> None:
    many = [checked(f"pool.number_{number}", "fail") for number in range(7)]
    late = [checked(f"pool.late_{number}", "warn", severity="warning") for number in range(5)]
    lines = github.workflow_commands(unsafe(validation(*late, *many)))
    assert len(lines) == 10
    assert [line.partition(" ")[0] for line in lines[:9]] == ["::error"] * 7 + ["::warning"] * 2
    assert lines[-1] == "::warning::and 3 more in the summary"


def test_nothing_breaks_out_of_a_workflow_command() -> None:
    bad = checked("pool.usage", "fail", summary="100 %\n::error::mine", evidence=[])
    (line,) = github.workflow_commands(unsafe(validation(bad)))
    assert "\n" not in line
    assert HOSTILE not in line


def test_what_is_well_is_no_annotation() -> None:
    assert github.workflow_commands(unsafe(validation(WELL, IDLE), status="safe", exit_code=0)) == []
