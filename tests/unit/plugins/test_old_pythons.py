"""Modules and programs run on the hosts' own Python, which is older than the controller's."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OLDEST = (3, 9)
ON_HOSTS = sorted(
    path
    for pattern in ("plugins/modules/*.py", "plugins/module_utils/*.py", "roles/*/files/**/*.py")
    for path in ROOT.glob(pattern)
)

each_file = pytest.mark.parametrize("path", ON_HOSTS, ids=lambda path: str(path.relative_to(ROOT)))

# Names that came after the oldest Python, by the module that they are imported from or read of.
TOO_NEW = {
    "datetime": {"UTC"},
    "enum": {"StrEnum"},
    "itertools": {"batched", "pairwise"},
    "types": {"EllipsisType", "NoneType", "UnionType"},
    "typing": {"Concatenate", "ParamSpec", "Self", "TypeAlias", "TypeGuard", "assert_never", "override"},
}
TOO_NEW_MODULES = {"tomllib"}
# Keywords of calls, by the function's name.
TOO_NEW_KEYWORDS = {"dataclass": {"kw_only", "slots"}, "zip": {"strict"}}


def too_new(tree):
    """Return what of this source an older Python does not have, with its lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names} & TOO_NEW_MODULES
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names} & TOO_NEW.get(node.module, set())
            names |= {node.module} & TOO_NEW_MODULES
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = {node.attr} & TOO_NEW.get(node.value.id, set())
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names = {keyword.arg for keyword in node.keywords} & TOO_NEW_KEYWORDS.get(node.func.id, set())
            if node.func.id in ("isinstance", "issubclass") and isinstance(node.args[1], ast.BinOp):
                names.add("a union of types at run time")
        else:
            continue
        yield from (f"{name} in line {node.lineno}" for name in sorted(names))


def test_there_are_such_files():
    assert len(ON_HOSTS) > 80


@each_file
def test_an_older_python_reads_it(path):
    tree = ast.parse(path.read_text(), feature_version=OLDEST)
    assert list(too_new(tree)) == []


@each_file
def test_annotations_are_not_evaluated(path):
    """Unions and generics in them would be errors there."""
    tree = ast.parse(path.read_text())
    annotated = any(isinstance(node, (ast.FunctionDef, ast.AnnAssign)) for node in ast.walk(tree))
    future = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert future or not annotated


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC",
        "import datetime\ndatetime.UTC",
        "import tomllib",
        "zip(a, b, strict=True)",
        "isinstance(x, int | str)",
        "from typing import Self",
    ],
)
def test_what_is_too_new_is_seen(source):
    assert list(too_new(ast.parse(source)))


@pytest.mark.parametrize("source", ["match x:\n    case 1: pass", "try: pass\nexcept* OSError: pass"])
def test_syntax_that_is_too_new_is_seen(source):
    with pytest.raises(SyntaxError):
        ast.parse(source, feature_version=OLDEST)
