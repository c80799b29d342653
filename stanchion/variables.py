"""Which variables exist: the options of every role's argument_specs, and the few names of the playbooks.

A variable that begins with a role's name or with `stack_` and is none of these is a mistake; Ansible itself
would pass over it in silence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

# The C loader reads all specs in a few milliseconds, the other one in a tenth of a second.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Names that options of the command line set: the verb, and its option as a person writes it.
OPTION_VARIABLES: Mapping[str, tuple[str, str]] = {
    "stack_update_images": ("deploy", "--update-images"),
    "stack_delete_data": ("destroy", "--delete-data"),
    "stack_delete_backups": ("destroy", "--delete-backups"),
    "stack_no_validation": ("deploy", "--no-validate"),
    "stack_restore_from": ("deploy", "--restore-from"),
    "stack_restore_timeline": ("deploy", "--restore-timeline"),
    "stack_old_host_is_fenced": ("deploy", "--old-host-is-fenced"),
    "stack_export_file": ("secrets", "--to"),
    "stack_export_password_file": ("secrets", "--vault-password-file"),
}

# Names that no role declares, each with who sets it.
PLAYBOOK_VARIABLES: Mapping[str, str] = {
    **{name: " ".join(option) for name, option in OPTION_VARIABLES.items()},
    "stack_group": "inventory: the group of the whole stack",
    "stack_preflight_facts": "registered by a playbook that looks once for all its preflights",
    "backup_arguments": "backup: what the command on the host is told",
    "stack_watch": "status --watch: how often, how many times, and which figures",
    "stack_restoring": "restore --replace, --resume, --rollback: the database is being replaced by this run",
    "backup_prepared": "set by the role backup once what the database mounts is there",
    "backup_repository_open": "set by deploy.yml, which opens the repositories before the backend can write",
    "stack_preflight_passed": "set by deploy.yml after its preflights",
    "stack_lock": "registered by a playbook that takes the host's lock, so that it is given back",
    "stack_declared": "set by the look at a stack: what should run on the host",
    "stack_run_finished": "set by a playbook when all of it is done, for the record of the run",
    "container_image_refs": "set by the role container_image for whoever uses the image",
    "backup_declaration": "set by the role backup: what backups keep to, for the alerts",
    "validation_thresholds": "set by the role validation: from where on checks warn or fail, for the alerts",
    "postgres_declaration": "set by the role postgres: what it would make, for the checks",
    "backend_declaration": "set by the role backend: what it would make, for the checks",
    "recovery_declaration": "set by the role recovery: whether there is to be a watch, for the checks",
    "monitoring_declaration": "set by the role monitoring: what it would make, for the checks",
    "stack_composed": "set by compose.yml: what the roles would make, for the compose file that equals it",
    "validation_refusal": "set by the role validation: why a play stops, empty where it goes on",
    "recovery_acted": "set by the role recovery once it has the host's lock and does something",
    "recovery_moments": "set by the role recovery: when it detected, acted, was back, for the record",
    "recovery_refusal": "set by the role recovery: what critical is left, empty of nothing",
    "backend_addresses": "set by the role backend: where its replicas answer",
    "docker_engine_absent": "set by the role docker_engine in check mode, where no engine is there yet",
}

_SHARED_PREFIX = "stack_"
_LIKE = 0.75
# For names outside of our prefixes, which may be anybody's: only what is all but the same.
_MUCH_ALIKE = 0.92
_READABLE = (".yml", ".yaml", ".json", ".ini", ".cfg", "")
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Known:
    """The prefixes that are ours, and every name that may begin with one."""

    prefixes: tuple[str, ...]
    names: frozenset[str]


@dataclass(frozen=True)
class Unknown:
    """A variable that nothing reads."""

    name: str
    near: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        place = f" ({', '.join(self.places)})" if self.places else ""
        hint = f" Did you mean {' or '.join(self.near)}?" if self.near else ""
        return f"{self.name}{place}.{hint}"


def known(roles: Path) -> Known:
    """Read every role of the collection."""
    names = set(PLAYBOOK_VARIABLES)
    prefixes = {_SHARED_PREFIX}
    for role in sorted(path for path in roles.iterdir() if path.is_dir()):
        prefixes.add(f"{role.name}_")
        names |= _options(role / "meta" / "argument_specs.yml")
        for variables in sorted((role / "vars").glob("*.yml")):
            names |= set(_yaml(variables))
    return Known(tuple(sorted(prefixes)), frozenset(names))


def _options(path: Path) -> set[str]:
    if not path.exists():
        return set()
    entry_points = _yaml(path).get("argument_specs") or {}
    return {option for entry in entry_points.values() for option in entry.get("options") or {}}


def _yaml(path: Path) -> dict[str, Any]:
    return _LOADER(path.read_text()).get_single_data() or {}


def unknown(names: Iterable[str], known: Known) -> list[Unknown]:
    """Return the names with one of our prefixes that nothing knows, with what was probably meant."""
    public = [name for name in known.names if not name.startswith("_")]
    return [
        Unknown(name, difflib.get_close_matches(name, public, n=3, cutoff=_LIKE))
        for name in sorted(set(names))
        if name.startswith(known.prefixes) and name not in known.names
    ]


def suspicious(names: Iterable[str], known: Known) -> list[Unknown]:
    """Return names outside of our prefixes that are all but one of ours: postgress_memory, stak_name."""
    found = []
    for name in sorted(set(names)):
        if name.startswith((*known.prefixes, "ansible_", "_")):
            continue
        near = difflib.get_close_matches(name, known.names, n=1, cutoff=_MUCH_ALIKE)
        if near:
            found.append(Unknown(name, near))
    return found


def located(found: Unknown, sources: Iterable[str], extra: Iterable[str] = ()) -> Unknown:
    """Return it with the places that set it."""
    return replace(found, places=locate(found.name, sources, extra))


def locate(name: str, sources: Iterable[str], extra: Iterable[str] = ()) -> list[str]:
    """Return where an inventory or the command line sets a variable, as FILE:LINE, as far as it is found."""
    pattern = re.compile(rf"""(?:^|[\s{{,"']){re.escape(name)}["']?\s*[:=]""")
    places = []
    for path in _files(sources):
        lines = enumerate(_text(path).splitlines(), 1)
        places += [f"{_short(path)}:{number}" for number, line in lines if _sets(pattern, line)]
    for argument in extra:
        text = _text(Path(argument[1:])) if argument.startswith("@") else argument
        if any(_sets(pattern, line) for line in text.splitlines()):
            places.append("-e on the command line")
    return places


def shadowed(sources: Iterable[str]) -> list[tuple[str, str]]:
    """Return the files of variables that Ansible passes over in silence, each with the folder that it reads
    instead: group_vars/stack.yml beside group_vars/stack/."""
    files = (path for path in _files(sources) if path.parent.name in ("group_vars", "host_vars"))
    pairs = ((path, path.with_suffix("")) for path in files)
    return [(_short(path), _short(folder)) for path, folder in pairs if path != folder and folder.is_dir()]


def _sets(pattern: re.Pattern[str], line: str) -> bool:
    return bool(pattern.search(line)) and not line.lstrip().startswith("#")


def _files(sources: Iterable[str]) -> list[Path]:
    """Return an inventory's own files, and the group_vars and host_vars beside them."""
    found: dict[Path, None] = {}
    for source in map(Path, sources):
        folders = [source] if source.is_dir() else [source.parent / "group_vars", source.parent / "host_vars"]
        inside = [path for folder in folders for path in sorted(folder.rglob("*"))]
        for path in [source, *inside]:
            if path.is_file() and path.suffix in _READABLE:
                found.setdefault(path)
    return list(found)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return ""
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if text.startswith("$ANSIBLE_VAULT") else text


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
