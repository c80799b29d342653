"""Writes the JSON schemas of what the command line prints: python -m stanchion.report.schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from stanchion.history.model import Period
from stanchion.report.model import Adopted, Catalogue, History, Result

_SCHEMAS: dict[str, type[BaseModel]] = {
    "result": Result,
    "history": History,
    "checks": Catalogue,
    "adopted": Adopted,
    "report": Period,
}


def schemas() -> dict[str, str]:
    """Return the text of each file under schemas/."""
    return {f"{name}.json": _text(name, model) for name, model in _SCHEMAS.items()}


def _text(name: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"stanchion/{name}"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write them all."""
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("schemas"))
