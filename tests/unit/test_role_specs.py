"""Every role's argument_specs, defaults, README and names say the same."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from stanchion.variables import PLAYBOOK_VARIABLES, known

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
BEGIN = "<!-- variables: generated from meta/argument_specs.yml -->"
END = "<!-- /variables -->"

SHARED: dict[str, Any] = yaml.safe_load((ROOT / "roles" / "stack" / "defaults" / "main.yml").read_text())

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


@cache
def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) or {}


def specs(role: Path) -> dict[str, Any]:
    entry_points: dict[str, Any] = load(role / "meta" / "argument_specs.yml")["argument_specs"]
    return entry_points


def defaults(role: Path) -> dict[str, Any]:
    """Return the role's own defaults and those of the stack contract that it says it uses."""
    own: dict[str, Any] = load(role / "defaults" / "main.yml")
    options = specs(role)["main"]["options"]
    return {**own, **{name: value for name, value in SHARED.items() if name in options}}


def tasks(path: Path) -> Iterator[dict[str, Any]]:
    def walk(node: object) -> Iterator[dict[str, Any]]:
        if isinstance(node, list):
            for item in node:
                yield from walk(item)
        elif isinstance(node, dict):
            yield node
            for key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
                yield from walk(node.get(key))

    yield from walk(load(path))


def names_set_in(path: Path) -> Iterator[str]:
    for task in tasks(path):
        yield from (name for name in task.get("ansible.builtin.set_fact") or {} if name != "cacheable")
        if "register" in task:
            yield task["register"]


def test_there_are_roles():
    assert ROLES


@each_role
def test_entry_points_take_the_same_options(role):
    entry_points = specs(role)
    assert {"main", "preflight"} <= set(entry_points)
    for name, entry in entry_points.items():
        assert entry["options"] == entry_points["main"]["options"], name
        assert entry["short_description"], name
    for name in entry_points:
        assert (role / "tasks" / f"{name}.yml").is_file(), name


@each_role
def test_options_and_defaults_are_the_same_names(role):
    options = specs(role)["main"]["options"]
    with_default = {name for name, spec in options.items() if "default" in spec}
    assert with_default == set(defaults(role))
    text = (role / "defaults" / "main.yml").read_text()
    for name in set(options) - with_default:
        assert re.search(rf"^#.*\b{name}:", text, re.MULTILINE), f"{name} has to stand there, commented out"


@each_role
def test_options_and_defaults_are_the_same_values(role):
    options, values = specs(role)["main"]["options"], defaults(role)
    specified = {name: spec["default"] for name, spec in options.items() if "default" in spec}
    assert {name: squeeze(value) for name, value in specified.items()} == {
        name: squeeze(value) for name, value in values.items()
    }


def squeeze(value: Any) -> Any:
    """Folded scalars end with a newline or not; that is no difference."""
    return value.strip() if isinstance(value, str) else value


@each_role
def test_what_a_role_reads_of_the_contract_is_among_its_options(role):
    read = {
        name
        for folder in ("tasks", "vars", "templates")
        for path in (role / folder).rglob("*.*")
        # Behind a dot it is a module's name, or what a look has found; a label has the name of a role.
        for name in re.findall(r"(?<![\w.])stack_\w+", path.read_text())
    }
    declared = {*specs(role)["main"]["options"], *PLAYBOOK_VARIABLES, *(each.name for each in ROLES)}
    assert read - declared == set()


@each_role
def test_options_are_described_and_typed(role):
    for name, spec in specs(role)["main"]["options"].items():
        assert spec.get("description"), name
        assert spec.get("type"), name
        if spec["type"] == "list":
            assert spec.get("elements"), name


@each_role
def test_names_begin_with_the_role_or_are_shared(role):
    for name in specs(role)["main"]["options"]:
        assert name.startswith((f"{role.name}_", "stack_")), name
    for path in (role / "vars").glob("*.yml"):
        for name in load(path):
            assert name.startswith(f"__{role.name}_"), f"{path}: {name}"


@each_role
def test_a_role_that_uses_the_contract_depends_on_it(role):
    uses = set(SHARED) & set(specs(role)["main"]["options"])
    depends = {"role": "stanchion.stack.stack"} in load(role / "meta" / "main.yml")["dependencies"]
    assert depends == bool(uses)


def test_the_contract_is_specified_as_it_is_defaulted():
    options = specs(ROOT / "roles" / "stack")["main"]["options"]
    assert {name: spec["default"] for name, spec in options.items()} == SHARED


def test_shared_options_are_the_same_in_every_role():
    seen: dict[str, tuple[str, Any]] = {}
    for role in ROLES:
        for name, spec in specs(role)["main"]["options"].items():
            if name.startswith(f"{role.name}_") or not name.startswith("stack_"):
                continue
            what = {key: squeeze(value) for key, value in spec.items() if key != "description"}
            first, other = seen.setdefault(name, (role.name, what))
            assert what == other, f"{name} differs between {first} and {role.name}"


@each_role
def test_readme_has_a_table_of_variables(role):
    text = (role / "README.md").read_text()
    assert text.count(BEGIN) == 1
    assert text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)


def test_what_tasks_set_is_internal_or_known():
    """Registers and facts outlive their role; with a role's prefix, known_variables has to know them."""
    ours = known(ROOT / "roles")
    loose = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").glob("*/tasks/**/*.yml")]
        for name in names_set_in(path)
        if name.startswith(ours.prefixes) and name not in ours.names
    ]
    assert loose == []


@each_role
def test_what_a_roles_tasks_set_carries_the_roles_name(role):
    for path in (role / "tasks").rglob("*.yml"):
        for name in names_set_in(path):
            assert name in PLAYBOOK_VARIABLES or name.startswith(f"__{role.name}_"), f"{path.name}: {name}"


def test_a_preview_of_the_backups_asks_nothing_of_apt():
    """Its own preview needs packages that a fresh host may lack."""
    asks = [
        task
        for path in (ROOT / "roles/backup/tasks").glob("*.yml")
        for task in tasks(path)
        if "ansible.builtin.apt" in task
    ]
    assert asks
    assert [task["name"] for task in asks if "not ansible_check_mode" not in task["when"]] == []


def test_playbook_variables_are_no_roles_options():
    options = {name for path in ROLES for name in specs(path)["main"]["options"]} | set(SHARED)
    assert options & set(PLAYBOOK_VARIABLES) == set()


def test_playbook_variables_are_used():
    """A name that nothing reads or sets any more would let a misspelt one pass."""
    files = [
        *(ROOT / "playbooks").rglob("*.yml"),
        *(ROOT / "roles").rglob("*.yml"),
        *(ROOT / "plugins").rglob("*.py"),
        *(ROOT / "stanchion" / "cli").rglob("*.py"),
    ]
    text = "\n".join(path.read_text() for path in files)
    assert {name for name in PLAYBOOK_VARIABLES if name not in text} == set()
