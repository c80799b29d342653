"""Makes somebody else's words harmless: what moves a terminal or turns its text around becomes a mark."""

from __future__ import annotations

import re
from typing import Any

# A colour's escape sequence goes as a whole.
_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# Control characters but tab and line break, lone surrogates, what turns the direction, what is no XML.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def printable(value: Any) -> Any:
    """Return texts, however deep in lists and mappings, without what a terminal or a document would obey."""
    if isinstance(value, str):
        return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCE.sub("", value.replace("\r\n", "\n")))
    if isinstance(value, list):
        return [printable(each) for each in value]
    if isinstance(value, dict):
        return {printable(key): printable(each) for key, each in value.items()}
    return value


def one_line(text: str) -> str:
    """Return a text with its white space folded."""
    return " ".join(text.split())
