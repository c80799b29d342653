"""The monitoring itself: a target that is gone, a configuration that is refused, a message that nobody
takes."""

from __future__ import annotations

from fires.fire import by_shell

from alarms.alarm import Alarm

OWN = "monitoring"
FOLDER = "/var/lib/stanchion/{stack}/monitoring"


def refused(program: str, file: str):
    """Have a program read a file that is none."""
    path = f"{FOLDER}/{program}/{file}"
    reload = f"docker kill -s HUP {{stack}}-{program}"
    return by_shell(
        f"cp -p {path} /run/{program}.kept; echo 'nonsense: [' >> {path}; {reload}",
        f"cp -p /run/{program}.kept {path}; {reload}",
    )


ALARMS = [
    Alarm(
        "TargetMissing",
        OWN,
        "the blackbox exporter is taken off its network",
        by_shell(
            "docker network disconnect {stack}_monitoring_network {stack}-blackbox-exporter",
            "docker network connect --alias blackbox-exporter {stack}_monitoring_network "
            "{stack}-blackbox-exporter",
        ),
        "blackbox",
        silences=("MetricMissing",),
    ),
    Alarm("PrometheusTrouble", OWN, "its configuration is spoilt", refused("prometheus", "prometheus.yml")),
    Alarm(
        "AlertmanagerTrouble", OWN, "its configuration is spoilt", refused("alertmanager", "alertmanager.yml")
    ),
    Alarm(
        "NotificationsFailing",
        OWN,
        "one of two receivers does not listen any more",
        by_shell(
            "kill $(cat /run/second.pid)",
            "nohup python3 /run/receiver.py 8098 /run/second.jsonl > /dev/null 2>&1 & echo $! > "
            "/run/second.pid",
        ),
        "second",
    ),
    Alarm(
        "MetricMissing",
        "no figures of backups",
        "the file with the figures of backups is away",
        by_shell(
            "mv /var/lib/stanchion/{stack}/backup/metrics/stanchion_backup.prom /run/",
            "mv /run/stanchion_backup.prom /var/lib/stanchion/{stack}/backup/metrics/",
        ),
        "stanchion_backup_",
    ),
    Alarm(
        "AlertmanagerUnreachable",
        "no Alertmanager",
        "it is paused: the message comes once it is back",
        by_shell("docker pause {stack}-alertmanager; sleep 20; docker unpause {stack}-alertmanager", "true"),
    ),
]
