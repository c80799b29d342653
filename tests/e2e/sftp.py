"""A real OpenSSH server in a container: one user, who can do nothing but SFTP below one folder."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

USER = "keeper"
FOLDER = "/srv/sftp/backups"
# From the image of the test machines, which has an OpenSSH server. A password of `*` is none, and no lock.
_START = f"""
set -eu
useradd --password '*' --shell /usr/sbin/nologin {USER}
install -d -m 0755 /srv/sftp /run/sshd /etc/ssh/keys
install -d -o {USER} -g {USER} -m 0700 {FOLDER}
ssh-keygen -A
printf '%s\\n' 'AuthorizedKeysFile /etc/ssh/keys/%u' 'PasswordAuthentication no' \
    'Subsystem sftp internal-sftp' 'ChrootDirectory /srv/sftp' 'ForceCommand internal-sftp' \
    'AllowTcpForwarding no' > /etc/ssh/sshd_config
exec /usr/sbin/sshd -D -e
"""


def docker(*argv: str, stdin: str | None = None) -> str:
    """Run docker on this machine's engine."""
    done = subprocess.run(
        ["docker", *argv], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(argv)}: {done.stderr}"
    return done.stdout.strip()


@dataclass(frozen=True)
class Server:
    """The server's container."""

    container: str

    def start(self) -> None:
        """Make it anew."""
        self.remove()
        image = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "stanchion-test/docker-host")
        labels = ["--label", "io.stanchion.test=true"]
        docker(
            *("run", "--detach", "--init", "--name", self.container, *labels),
            *(image.split()[0], "sh", "-c", _START),
        )
        self.run("timeout 30 sh -c 'until [ -s /etc/ssh/ssh_host_rsa_key.pub ]; do sleep 0.1; done'")

    def remove(self) -> None:
        """Take it away with all that it holds."""
        docker("rm", "--force", "--volumes", self.container)

    def run(self, script: str, stdin: str | None = None) -> str:
        """Run a shell script in it as root."""
        return docker("exec", "-i", self.container, "sh", "-c", script, stdin=stdin)

    def declared(self) -> dict[str, object]:
        """Return it as stack_backup_offsite."""
        address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", self.container)
        keys = self.run("cat /etc/ssh/ssh_host_*_key.pub").splitlines()
        return {
            "type": "sftp",
            "host": address,
            "user": USER,
            "path": "/backups",
            "host_keys": [" ".join(key.split()[:2]) for key in keys],
        }

    def let_in(self, public_key: str) -> None:
        """Let a key in, and no other."""
        self.run(f"cat > /etc/ssh/keys/{USER}", stdin=public_key)

    def pause(self) -> None:
        """Let it answer nobody."""
        docker("pause", self.container)

    def go_on(self) -> None:
        """Let it answer again."""
        docker("unpause", self.container)
