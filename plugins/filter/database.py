# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The database's figures for templates: thin wrappers of stanchion.contract.database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.stanchion.stack.plugins.plugin_utils._package import part

DOCUMENTATION = r"""
name: pool_contract
short_description: Connections that the backend can ask for, and that the database must offer
description:
  - From a declared database (see C(stanchion.contract.database)), the pool's figures.
  - C(postgres_settings) gives the lines of postgresql.conf, each with its reason.
  - C(postgres_limits) gives what the container needs for them.
"""


def _checked(declared: dict[str, Any]) -> Any:
    database = part("contract.database")
    problems = database.problems(declared)
    if problems:
        raise AnsibleFilterError(" ".join(f"{problem.what} {problem.remedy}" for problem in problems))
    return database


def pool_contract(declared: dict[str, Any]) -> dict[str, int]:
    """demand, connection_limit, needed, max_connections, …"""
    return dict(_checked(declared).contract(declared).as_dict())


def postgres_settings(declared: dict[str, Any]) -> list[dict[str, Any]]:
    """Each line of postgresql.conf: section, name, value, reason."""
    return [asdict(setting) for setting in _checked(declared).settings(declared)]


def postgres_limits(declared: dict[str, Any]) -> dict[str, int | str]:
    """stop_seconds, shm_bytes and pids of the container; temp_file_limit of the application's role."""
    return dict(_checked(declared).limits(declared))


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "pool_contract": pool_contract,
            "postgres_settings": postgres_settings,
            "postgres_limits": postgres_limits,
        }
