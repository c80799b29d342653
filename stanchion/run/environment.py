"""The environment Ansible gets: named variables only, since ansible-runner writes all of it to a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from stanchion.secret_names import is_secret_like

_PASSED = frozenset(
    {
        "COLUMNS",
        "CURL_CA_BUNDLE",
        "DOCKER_CERT_PATH",
        "DOCKER_HOST",
        "DOCKER_TLS_VERIFY",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LOGNAME",
        "PATH",
        "PYTHONUNBUFFERED",
        "REQUESTS_CA_BUNDLE",
        "SHELL",
        "SSH_AGENT_PID",
        "SSH_AUTH_SOCK",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "SUDO_USER",
        "TERM",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
        "all_proxy",
        "ftp_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "ALL_PROXY",
        "FTP_PROXY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
    }
)
_PASSED_PREFIXES = ("ANSIBLE_", "LC_", "STANCHION_", "XDG_")
# What ansible-runner adds for its own callback plugin.
_RUNNER_PREFIXES = ("AWX_", "RUNNER_")


def _passes(name: str) -> bool:
    if is_secret_like(name):
        return False
    return name in _PASSED or name.startswith(_PASSED_PREFIXES + _RUNNER_PREFIXES)


def scrub(environment: Mapping[str, str]) -> dict[str, str]:
    """Return only what Ansible needs; a proxy address loses nothing, a password never gets in."""
    return {name: value for name, value in environment.items() if _passes(name)}


def settings(root: Path) -> dict[str, str]:
    """Return what every run sets: this clone's configuration, strict host keys, a plain log."""
    config = root / "ansible.cfg"
    return {
        **({"ANSIBLE_CONFIG": str(config)} if config.is_file() else {}),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        # Results larger than this reach no event: the look at a stack must not be cut.
        "MAX_EVENT_RES": "4000000",
    }


def with_own_programs(path: str) -> str:
    """Put this Python's folder first: ansible-playbook is found without an activated environment."""
    own = str(Path(sys.executable).parent)
    return path if path.split(":")[0] == own else f"{own}:{path}"
