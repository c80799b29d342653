"""The files of an inventory."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from stanchion.compose.adoption.notes import Adoption, Template, Variable
from stanchion.compose.render import Dumper

HOSTS = """\
# This machine, with everything on it.
stack:
  children:
    database:
      hosts:
        localhost:
    backend:
      hosts:
        localhost:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""

_HEAD = "# What this stack is, as `python runner.py adopt compose` has read it of {files}."
_ENCRYPT = "# Encrypt this before anything else: ansible-vault encrypt {path}\n"
_WIDTH = 110

# Headings, and the variables below each.
_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("stack_name", "stack_database_name", "stack_database_user")),
    (
        "The database: each default and its reason stands in roles/postgres/defaults/main.yml.",
        ("postgres_volume", "postgres_adopt_superuser", "postgres_memory", "postgres_cpus"),
    ),
    (
        "The pool contract: replicas x workers x (pool size + overflow), doubled while a replica is "
        "replaced, fits into max_connections.",
        (
            "stack_backend_replicas",
            "stack_backend_workers",
            "stack_db_pool_size",
            "stack_db_max_overflow",
            "backend_pool_timeout",
            "backend_pool_recycle",
        ),
    ),
    ("The backend: each default and its reason stands in roles/backend/defaults/main.yml.", ()),
)


class _Dumper(Dumper):
    """Marks text that is no template and looks like one; the items of a list stand below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Begin a level."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    tag = "!unsafe" if any(mark in text for mark in ("{{", "{%", "{#")) else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, text, style="'" if tag == "!unsafe" else None)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    Template, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)


def stack(adoption: Adoption, files: str) -> str:
    """Return the text of group_vars/stack/stack.yml."""
    left = dict(adoption.variables)
    blocks = [_HEAD.format(files=files)]
    for heading, names in _PARTS:
        found = {name: left.pop(name) for name in names or tuple(left) if name in left}
        if found:
            blocks += [f"\n{_comment(heading)}\n"] if heading else []
            blocks.append(_block(found))
    return "\n".join(blocks) + "\n"


def _block(variables: Mapping[str, Variable]) -> str:
    lines = []
    for name, variable in variables.items():
        lines += [_comment(variable.why)] if variable.why else []
        lines.append(_dump({name: variable.value}).rstrip("\n"))
    return "\n".join(lines)


def vault(adoption: Adoption, path: str) -> str:
    """Return the text of group_vars/stack/vault.yml.

    Args:
        adoption: with secrets.
        path: where it will be.
    """
    return _ENCRYPT.format(path=path) + _dump(dict(adoption.vault))


def _dump(values: Mapping[str, Any]) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)


def _comment(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# "))
