"""Which variables of the environment reach Ansible."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stanchion.run import environment


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "LC_ALL",
        "SSH_AUTH_SOCK",
        "https_proxy",
        "REQUESTS_CA_BUNDLE",
        "DOCKER_HOST",
        "ANSIBLE_REMOTE_USER",
        "ANSIBLE_VAULT_PASSWORD_FILE",
        "ANSIBLE_BECOME_PASSWORD_FILE",
        "ANSIBLE_PRIVATE_KEY_FILE",
    ],
)
def test_passes(name: str) -> None:
    assert environment.scrub({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "ANSIBLE_BECOME_PASSWORD",
        "ANSIBLE_BECOME_PASS",
        "ANSIBLE_SUDO_PASS",
        "ANSIBLE_API_KEY",
        "STANCHION_CREDENTIALS",
        "ANSIBLE_GALAXY_SERVER_HUB_TOKEN",
        "STANCHION_SECRET",
        "PGPASSWORD",
        "EDITOR",
    ],
)
def test_stays_out(name: str) -> None:
    assert environment.scrub({name: "x"}) == {}


def test_host_keys_are_checked_and_the_clones_configuration_is_used(tmp_path: Path) -> None:
    assert "ANSIBLE_CONFIG" not in environment.settings(tmp_path)
    (tmp_path / "ansible.cfg").write_text("")
    settings = environment.settings(tmp_path)
    assert settings["ANSIBLE_CONFIG"] == str(tmp_path / "ansible.cfg")
    assert settings["ANSIBLE_HOST_KEY_CHECKING"] == "True"


def test_this_pythons_programs_come_first() -> None:
    own = str(Path(sys.executable).parent)
    assert environment.with_own_programs("/usr/bin") == f"{own}:/usr/bin"
    assert environment.with_own_programs(f"{own}:/usr/bin") == f"{own}:/usr/bin"
