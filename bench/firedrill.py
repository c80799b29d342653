"""The other drill: `firedrill physical pgbackrest`, on the image and the repository of a stack.

It is a measuring stick, no dependency. It builds its image from the official one, with gosu, and takes a
local repository that is not encrypted. Neither is so here: an image under the tag that it looks for has what
it calls, and a `docker` before the real one mounts the repository and the configuration into its containers.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

VERSION = "firedrill>=0.6,<0.7"
BASE = "stanchion-bench:17"
# firedrill.physical.tool_image(): built only where it is not there.
IMAGE = "firedrill-pgbackrest:" + BASE.replace(":", "-")
DOCKERFILE = """\
FROM {image}
USER root
RUN printf '#!/bin/sh\\nshift\\nexec setpriv --reuid 999 --regid 999 --clear-groups "$@"\\n' \\
    > /usr/local/bin/gosu \\
 && printf 'local all all trust\\n' > /etc/trust.conf \\
 && printf '#!/bin/sh\\nshift\\nexec gosu postgres postgres "$@" -c hba_file=/etc/trust.conf %s\\n' \\
    '-c hot_standby=off' \\
    > /usr/local/bin/docker-entrypoint.sh \\
 && chmod 0755 /usr/local/bin/gosu /usr/local/bin/docker-entrypoint.sh /etc/trust.conf \\
 && install -d -o 999 -g 999 /tmp/pgbr
"""
SHIM = """\
#!/bin/sh
if [ "$1" = run ]; then
    shift
    exec {docker} run -v {repository}:/var/lib/pgbackrest:ro -v {config}:/etc/pgbackrest:ro "$@"
fi
exec {docker} "$@"
"""


def prepare(folder: Path, image: str, repository: str, config: str, docker: str = "/usr/bin/docker") -> None:
    """Build the image and write the `docker` of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    build = ["docker", "build", "-q", "-t", IMAGE, "-"]
    written = DOCKERFILE.format(image=image)
    subprocess.run(build, input=written, text=True, check=True, capture_output=True)  # noqa: S603
    shim = folder / "docker"
    shim.write_text(SHIM.format(docker=docker, repository=repository, config=config))
    shim.chmod(0o755)


def command(program: Path, stanza: str, database: str, report: Path) -> list[str]:
    """Return its command line; the folder of `prepare` has to be first in PATH."""
    where = ["--stanza", stanza, "--postgres", "17", "--image", "stanchion-bench:{major}"]
    asked = ["--database", database, "--no-config", "--quiet", "--json", str(report)]
    return [str(program), "physical", "pgbackrest", *where, *asked]
