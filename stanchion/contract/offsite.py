"""The second repository, off the host: what stack_backup_offsite may say, and what pgBackRest makes of it.

Options are those of pgBackRest 2.55, section "Repository Options" of its configuration reference.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# The fields of each type: the required ones, and those that may be left out.
SFTP = (("host", "user", "path"), ("port", "host_keys", "host_key_fingerprint"))
S3 = (("bucket", "endpoint", "region"), ("path", "port", "uri_style", "ca_file"))
_SHARED = ("type", "retention_full", "retention_full_type", "retention_diff")
# Beside pgbackrest.conf, in the containers that read it.
KEY_FILE = "sftp_key"
KNOWN_HOSTS = "known_hosts"

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,63}")
_PATH = re.compile(r"/[A-Za-z0-9._/-]{1,255}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,63}")
_KEY = re.compile(r"(?:ssh|ecdsa)-[a-z0-9-]{3,32} ([A-Za-z0-9+/]{32,2048}={0,3})")
_FINGERPRINT = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?|([0-9a-f]{64})")
_TRUSTED = re.compile(r"/[A-Za-z0-9._/-]{1,255}\.(?:pem|crt)")


class Offsite(NamedTuple):
    """A repository as the roles use it. `options` are pgBackRest's, without `repo2-` and without secrets."""

    kind: str
    where: str
    options: dict[str, str]
    known_hosts: str


def problems(declared: Mapping[str, Any]) -> list[str]:
    """Return everything in stack_backup_offsite that cannot be meant, each as one sentence."""
    kind = str(declared.get("type", ""))
    if kind not in ("sftp", "s3"):
        return [f"type is {kind!r}: there are sftp and s3."]
    required, optional = SFTP if kind == "sftp" else S3
    known = (*_SHARED, *required, *optional)
    found = [
        f"{name} is no field of type {kind}; it has {', '.join(known)}."
        for name in sorted(map(str, declared))
        if name not in known
    ]
    found += [f"{name} is missing." for name in required if not declared.get(name)]
    found += [
        f"{name} is {_shown(name, declared[name])!r}: {why}."
        for name, (accepts, why) in _RULES.items()
        if name in known and declared.get(name) not in (None, "") and not accepts(declared[name])
    ]
    if kind == "sftp" and not declared.get("host_keys") and not declared.get("host_key_fingerprint"):
        found.append(
            "host_keys is missing: without it any machine could take the server's place. `ssh-keyscan HOST` "
            "prints them: name all, and compare them with the server's own."
        )
    return found


def _shown(name: str, value: Any) -> Any:
    """Return what is wrong of a value: keys are long, and one bad line is hard to find among them."""
    if name == "host_keys" and isinstance(value, list):
        return next(key for key in value if not _is_key(key))
    return value


def read(declared: Mapping[str, Any]) -> Offsite:
    """Return the repository; ValueError with all that is wrong."""
    wrong = problems(declared)
    if wrong:
        raise ValueError("stack_backup_offsite: " + " ".join(wrong))
    return _sftp(declared) if declared["type"] == "sftp" else _s3(declared)


def fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint in hexadecimal, as pgBackRest compares it, from that or OpenSSH's form."""
    match = _FINGERPRINT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no SHA-256 fingerprint, like SHA256:nThbg6kX…")
    return match[2] or base64.b64decode(f"{match[1]}=").hex()


def _sftp(declared: Mapping[str, Any]) -> Offsite:
    host, port = str(declared["host"]), int(declared.get("port") or 22)
    options = {
        "type": "sftp",
        "path": str(declared["path"]),
        "sftp-host": host,
        "sftp-host-port": str(port),
        "sftp-host-user": str(declared["user"]),
        "sftp-host-key-hash-type": "sha256",
        "sftp-private-key-file": f"/etc/pgbackrest/{KEY_FILE}",
    }
    keys = [" ".join(str(key).split()[:2]) for key in declared.get("host_keys") or []]
    if keys:
        options |= {"sftp-host-key-check-type": "strict", "sftp-known-host": f"/etc/pgbackrest/{KNOWN_HOSTS}"}
    else:
        options |= {
            "sftp-host-key-check-type": "fingerprint",
            "sftp-host-fingerprint": fingerprint(str(declared["host_key_fingerprint"])),
        }
    named = host if port == 22 else f"[{host}]:{port}"
    place = f"sftp://{declared['user']}@{host}{'' if port == 22 else f':{port}'}{declared['path']}"
    return Offsite("sftp", place, options, "".join(f"{named} {key}\n" for key in keys))


def _s3(declared: Mapping[str, Any]) -> Offsite:
    path = str(declared.get("path") or "/pgbackrest")
    options = {
        "type": "s3",
        "path": path,
        "s3-bucket": str(declared["bucket"]),
        "s3-endpoint": str(declared["endpoint"]),
        "s3-region": str(declared["region"]),
        "s3-uri-style": str(declared.get("uri_style") or "host"),
    }
    if declared.get("port"):
        options["storage-port"] = str(declared["port"])
    if declared.get("ca_file"):
        options["storage-ca-file"] = str(declared["ca_file"])
    return Offsite("s3", f"s3://{declared['bucket']}{path}", options, "")


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_port(value: Any) -> bool:
    return str(value).isdigit() and 0 < int(value) < 65536


def _is_path(value: Any) -> bool:
    return _matches(_PATH)(value) and ".." not in value.split("/")


def _are_keys(value: Any) -> bool:
    return isinstance(value, list) and all(_is_key(key) for key in value)


def _is_key(value: Any) -> bool:
    match = _KEY.fullmatch(" ".join(str(value).split()[:2]))
    try:
        return match is not None and bool(base64.b64decode(match[1], validate=True))
    except binascii.Error:
        return False


def _is_count(value: Any) -> bool:
    return str(value).isdigit() and int(value) > 0


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "host": (_matches(_HOST), "no host name or address"),
    "port": (_is_port, "no port"),
    "user": (_matches(_USER), "no name of a user"),
    "path": (_is_path, "no absolute path of letters, digits, dots, dashes and underscores"),
    "host_keys": (
        _are_keys,
        "no key like 'ssh-ed25519 AAAA…', as ssh-keyscan prints them without the host, in a list",
    ),
    "host_key_fingerprint": (_matches(_FINGERPRINT), "no SHA-256 fingerprint, like SHA256:nThbg6kX…"),
    "bucket": (_matches(_BUCKET), "no name of a bucket"),
    "endpoint": (_matches(_HOST), "no host name; without https://"),
    "region": (_matches(_REGION), "no region, like eu-central-1"),
    "uri_style": (lambda value: value in ("host", "path"), "neither host nor path"),
    "ca_file": (_matches(_TRUSTED), "no absolute path of a .pem or .crt file in the database's image"),
    "retention_full": (_is_count, "no number from 1 on"),
    "retention_full_type": (lambda value: value in ("count", "time"), "neither count nor time"),
    "retention_diff": (_is_count, "no number from 1 on"),
}
