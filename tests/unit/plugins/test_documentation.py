"""Every plugin's documentation can be read, and names the options that the code takes."""

import ast
from pathlib import Path

import pytest
import yaml

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
ACTIONS = sorted((PLUGINS / "action").glob("*.py"))

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def constants(path):
    """Return the texts that stand at the top of a module, by their names."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found[node.targets[0].id] = node.value.value
    return found


def argument_spec(path):
    """Return the options that the code takes, or None where they can't be read from it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AnsibleModule":
            spec = next(keyword.value for keyword in node.keywords if keyword.arg == "argument_spec")
            if isinstance(spec, ast.Dict):
                return {key.value for key in spec.keys}
    return None


def valid_args(path):
    """Return the options that an action refuses all others beside, or None for one that has no such list."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_VALID_ARGS":
            return {name for names in node.value.args for name in ast.literal_eval(names)}
    return None


def documented(path):
    return set(yaml.safe_load(constants(path)["DOCUMENTATION"]).get("options") or {})


def is_stub(path):
    """Say whether a module has no code: it documents an action that does all of it on the controller."""
    return not any(isinstance(node, ast.FunctionDef) for node in ast.parse(path.read_text()).body)


@each_module
def test_documentation_can_be_read(path):
    texts = constants(path)
    documentation = yaml.safe_load(texts["DOCUMENTATION"])
    assert documentation["module"] == path.stem
    assert documentation["short_description"]
    assert documentation["description"]
    assert isinstance(yaml.safe_load(texts["EXAMPLES"]), list)
    for name, value in (yaml.safe_load(texts["RETURN"]) or {}).items():
        assert value["description"], name
        assert value["type"], name


@each_module
def test_examples_use_options_that_exist(path):
    texts = constants(path)
    options = documented(path)

    def tasks(node):
        if isinstance(node, list):
            for item in node:
                yield from tasks(item)
        elif isinstance(node, dict):
            yield node
            for key in ("block", "rescue", "always"):
                yield from tasks(node.get(key))

    used = [
        task[f"stanchion.stack.{path.stem}"]
        for task in tasks(yaml.safe_load(texts["EXAMPLES"]))
        if f"stanchion.stack.{path.stem}" in task
    ]
    assert used
    for arguments in used:
        assert set(arguments or {}) <= options


@pytest.mark.parametrize("path", [p for p in MODULES if not is_stub(p)], ids=lambda path: path.stem)
def test_documented_options_are_the_codes(path):
    assert documented(path) == argument_spec(path)


# image_request refuses none: which ones it reads depends on the source.
@pytest.mark.parametrize("name", sorted({p.stem for p in MODULES if is_stub(p)} - {"image_request"}))
def test_the_documented_options_of_a_stub_are_its_actions(name):
    assert documented(PLUGINS / "modules" / f"{name}.py") == valid_args(PLUGINS / "action" / f"{name}.py")


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_every_action_is_documented_by_a_module(path):
    assert (PLUGINS / "modules" / path.name).exists()
