"""Keeps what Python compiles out of zip files; each interpreter of a test machine starts with it.

Ansible sends a module as a zip file of sources, and Python throws away what it compiles out of one: for the
thousands of modules that run on a test machine, two fifths of their time. Code is kept by the hash of its
source. Without pathlib: every interpreter would wait for it.
"""

import marshal
import os
import sys
import zipimport
from importlib.util import source_hash

FOLDER = f"/var/cache/compile_once/{sys.implementation.cache_tag}"
compile_anew = zipimport._compile_source


def compile_source(path, source):
    """Return the code of a source, compiled by this process or by an earlier one."""
    kept = f"{FOLDER}/{source_hash(source).hex()}"
    try:
        with open(kept, "rb") as file:
            return marshal.load(file)
    except (OSError, EOFError, ValueError):
        return keep(kept, compile_anew(path, source))


def keep(place, code):
    """Write the code where the next process looks for it, if there is a way to; return it."""
    draft = f"{place}.{os.getpid()}"
    try:
        os.makedirs(FOLDER, exist_ok=True)
        with open(draft, "wb") as file:
            marshal.dump(code, file)
        os.rename(draft, place)
    except OSError:
        return code
    return code


zipimport._compile_source = compile_source
