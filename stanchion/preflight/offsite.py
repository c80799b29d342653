"""Would the repository off the host outlive it? Can a lost host's be restored here?

Of the subject `backup`. Declared: `stack_name`, `stack_backup_offsite`, `given_secrets` (what the filter
secret_kinds says of those from a vault), and where they apply `unexported` and `missing` (variables whose
secret on the host was not exported as it is, or is not there) and `restore_from` (what `deploy
--restore-from` names), with `old_host_is_fenced`.
"""

from __future__ import annotations

from stanchion.contract import offsite
from stanchion.preflight.problem import Problem
from stanchion.preflight.reading import Declared, Facts

_S3_KEYS = ("backup_s3_access_key", "backup_s3_secret_key")
# The passphrase of each repository.
_PASSPHRASES = {"repo1": "backup_passphrase", "repo2": "backup_offsite_passphrase"}
_VARIABLE = "the variable stack_backup_offsite"


def look(declared: Declared, facts: Facts) -> list[Problem]:
    """Return everything about the second repository, and a restore from one, that cannot be meant."""
    given = declared.get("given_secrets", {})
    return [
        *_offsite(declared, given),
        *_restore(declared, facts, given),
    ]


def _offsite(declared: Declared, given: dict[str, str]) -> list[Problem]:
    repository = declared.get("stack_backup_offsite", {})
    if not repository:
        return []
    wrong = offsite.problems(repository)
    if wrong:
        return [
            Problem(
                slug="backup.offsite",
                what=f"stack_backup_offsite can't be meant: {text}",
                where=_VARIABLE,
                remedy="The README of the role backup has every field.",
            )
            for text in wrong
        ]
    found = [
        Problem(
            slug="backup.s3_keys",
            what=f"The second repository is a bucket, and {name} is not given.",
            where=_VARIABLE,
            remedy="Put both keys of the bucket into a vault file of the inventory (ansible-vault edit).",
        )
        for name in _S3_KEYS
        if repository["type"] == "s3" and name not in given
    ]
    name = _PASSPHRASES["repo2"]
    if name not in given and name in declared.get("unexported", []):
        found.append(_dies_with_the_host(offsite.read(repository).where))
    return found


def _dies_with_the_host(where: str) -> Problem:
    return Problem(
        slug="backup.passphrase",
        what=f"The second repository ({where}) is there for the day on which this host is lost, and its "
        "passphrase would be on this host alone: nobody could read a backup then.",
        where=_VARIABLE,
        remedy="Run `python runner.py secrets export -i INVENTORY --to FILE --vault-password-file FILE`, "
        "which makes the passphrase and hands it over encrypted, and keep that file elsewhere; or put "
        "backup_offsite_passphrase into a vault file of the inventory.",
    )


def _restore(declared: Declared, facts: Facts, given: dict[str, str]) -> list[Problem]:
    name = declared.text("restore_from", "")
    if not name:
        return []
    if name not in _PASSPHRASES or (name == "repo2" and not declared.get("stack_backup_offsite", {})):
        known = "repo1 and repo2" if declared.get("stack_backup_offsite", {}) else "repo1"
        return [
            _refused("from", f"--restore-from {name}: this stack declares {known}.", "Name one of those.")
        ]
    found = []
    if declared.text("old_host_is_fenced", "") != declared.text("stack_name"):
        found.append(
            _refused(
                "fenced",
                "A restore onto another host asks for the word that the old one is fenced: two databases "
                "that archive into one repository destroy it.",
                f"Shut the old host off, then say --old-host-is-fenced {declared.text('stack_name')}.",
            )
        )
    record = facts["volume_record"]
    # A record that could not be read is told where the repository is looked at. A restore onto this host that
    # was interrupted goes on.
    if record["ok"] and record["exists"] and "bare_metal" not in (record["record"] or {}):
        found.append(
            _refused(
                "occupied",
                f"This host has a database of the stack already ({record['path']}): it is not restored over.",
                "Leave --restore-from out to deploy it as it is; `restore` brings an earlier state "
                "back; `destroy --delete-data` takes it away for good.",
            )
        )
    passphrase = _PASSPHRASES[name]
    if passphrase not in given and passphrase in declared.get("missing", []):
        found.append(
            _refused(
                "secret",
                f"{name} was encrypted with a passphrase of the old host, and {passphrase} is not given.",
                "Put the file that `secrets export` wrote into group_vars/ of the inventory.",
            )
        )
    return found


def _refused(slug: str, what: str, remedy: str) -> Problem:
    return Problem(slug=f"backup.{slug}", what=what, where="the command line", remedy=remedy)
