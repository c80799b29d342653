# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Encrypts on the controller what the module of its name hands over; that one is the documentation."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret, get_file_vault_secret
from ansible.plugins.action import ActionBase

MODULE = "stanchion.stack.secret_export"
HEAD = """# Secrets of the stack {stack}, exported from {host}.
# Put this file into group_vars/ of the inventory, and keep a copy, and the vault's password, where the loss
# of that host and of this one does not reach.
"""


class _Dumper(yaml.SafeDumper):
    """Writes a key of many lines as a block, as people do."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, "|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_str)


class ActionModule(ActionBase):
    """Nothing that it returns holds a secret; what the module returns to it goes no further."""

    def run(self, tmp: object = None, task_vars: dict | None = None) -> dict:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = dict(self._task.args)
        output, password = args.pop("output", None), args.pop("vault_password_file", None)
        if args.get("state") != "exported":
            return {**result, **self._on_host(args, task_vars)}
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "Nothing is exported in check mode."}
        if constants.DEFAULT_DEBUG:
            message = (
                "With ANSIBLE_DEBUG, all that a host answers is printed: unset it. Nothing was exported."
            )
            return refused(result, message)
        try:
            secret = self._vault_secret(password)
        except AnsibleError as error:
            return refused(result, f"{error} Nothing was exported.")
        if Path(output).exists():
            return refused(result, f"{output} is there already, and is not written over. Name another file.")
        return {**result, **self._export(args, Path(output), secret, task_vars)}

    def _on_host(self, args: dict, task_vars: dict) -> dict:
        return self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)

    def _read(self, args: dict, task_vars: dict) -> dict:
        with silent(self._connection):
            return self._on_host({**args, "state": "read"}, task_vars)

    def _vault_secret(self, path: str | None) -> VaultSecret:
        if path:
            secret = get_file_vault_secret(filename=path, loader=self._loader)
            secret.load()
            return secret
        known = [secret for _, secret in self._loader._vault.secrets or []]
        if not known:
            raise AnsibleError(
                "There is no password to encrypt with: name its file with --vault-password-file, or in the "
                "environment as ANSIBLE_VAULT_PASSWORD_FILE."
            )
        return known[0]

    def _export(self, args: dict, output: Path, secret: VaultSecret, task_vars: dict) -> dict:
        found = self._read(args, task_vars)
        if found.get("failed"):
            return {"failed": True, "msg": str(found.get("msg", "The secrets could not be read."))}
        secrets: dict[str, str] = found["secrets"]
        if not secrets:
            return {
                "failed": True,
                "msg": "There is no secret of this stack on the host yet. Nothing was exported.",
                "stanchion": {"exit": "configuration"},
            }
        values = {name: text if "\n" in text.strip() else text.strip() for name, text in secrets.items()}
        head = HEAD.format(stack=task_vars.get("stack_name"), host=task_vars.get("inventory_hostname"))
        write_new(output, VaultLib().encrypt(head + yaml.dump(values, Dumper=_Dumper), secret))
        fingerprints = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in secrets.items()}
        marked = self._on_host({**args, "state": "marked", "fingerprints": fingerprints}, task_vars)
        if marked.get("failed"):
            return {"failed": True, "msg": f"{output} was written, but not remembered: {marked.get('msg')}"}
        told = {"stack": task_vars.get("stack_name"), "file": str(output), "exported": sorted(secrets)}
        return {"changed": True, "backups": {"verb": "export", "result": told}}


@contextlib.contextmanager
def silent(connection: Any) -> Iterator[None]:
    """Keep what the host answers out of the output: at -vvv ssh prints it, unless the task has no_log.

    The task itself cannot have it: that would hide the result as well.
    """
    context = connection._play_context
    before, context.no_log = context.no_log, True
    try:
        yield
    finally:
        context.no_log = before


def refused(result: dict, message: str) -> dict:
    """Return a failure before anything was changed."""
    return {**result, "failed": True, "msg": message, "stanchion": {"exit": "configuration"}}


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, for its owner only: whole, or not at all."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
    except BaseException:
        # Half of it opens nothing, and would be in the way of the next try.
        path.unlink()
        raise
