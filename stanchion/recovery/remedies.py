"""The remedies: what each does and what it costs. Role recovery has a tasks file of each slug.

Never automatic: what deletes data or WAL, ends a session, raises a limit, zeroes pages, restarts a database
that recovers, or lets a container go on that a person has paused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stanchion.recovery.model import Risk


@dataclass(frozen=True)
class Remedy:
    """What may be done about a cause.

    Attributes:
        does: what it does, in a sentence.
        cost: what that costs or interrupts.
        risk: of a remedy in general; a cause may ask for a word where another does not.
        whole: it mends every place at once, so it is used once for all of them.
    """

    slug: str
    risk: Risk
    does: str
    cost: str
    whole: bool = False


AUTOMATIC, APPROVE = Risk.AUTOMATIC, Risk.APPROVE

REMEDIES: Mapping[str, Remedy] = {
    remedy.slug: remedy
    for remedy in (
        Remedy(
            "start_engine", AUTOMATIC, "Starts the Docker engine.", "nothing: it does not run", whole=True
        ),
        Remedy(
            "take_over_lock",
            AUTOMATIC,
            "Takes over the host's lock of a dead run. What that began, the same command finishes.",
            "nothing: its holder is gone, and this run needs the lock itself",
            whole=True,
        ),
        Remedy(
            "make_network",
            AUTOMATIC,
            "Makes the network as it is declared.",
            "nothing: it is not there",
            whole=True,
        ),
        Remedy(
            "attach_network",
            AUTOMATIC,
            "Connects the container to its network again, under its names.",
            "where it is still on it, without a name: its open connections over that network; else nothing",
        ),
        Remedy(
            "unpause",
            APPROVE,
            "Lets the paused container go on.",
            "whoever paused it wanted it to stand still: ask first",
        ),
        Remedy(
            "wait_for_recovery",
            AUTOMATIC,
            "Waits until the database has replayed its log, and does not touch it.",
            "time: recovery_wait_seconds at most",
        ),
        Remedy(
            "start_database",
            AUTOMATIC,
            "Starts the database's container as it is, on its own volume.",
            "nothing: it does not run",
        ),
        Remedy(
            "make_database",
            APPROVE,
            "Makes the database's container again, on its volume (role postgres).",
            "what a deploy of the database does: a newer image or configuration comes with it",
        ),
        Remedy(
            "restart_database",
            APPROVE,
            "Writes out what is dirty where the server still answers, and restarts its container.",
            "all connections are ended, and what is not committed is rolled back; seconds without a database",
        ),
        Remedy(
            "end_session",
            APPROVE,
            "Ends the session.",
            "its transaction is rolled back, and its client gets an error",
        ),
        Remedy(
            "write_configuration",
            AUTOMATIC,
            "Writes the server's declared configuration, loads it, and sets the application's role right.",
            "what was changed in these files by hand is gone; no connection is ended",
            whole=True,
        ),
        Remedy(
            "settle_archive",
            AUTOMATIC,
            "Opens the repositories and has the server archive what waits.",
            "nothing",
            whole=True,
        ),
        Remedy(
            "drop_slot",
            APPROVE,
            "Drops the replication slot.",
            "its reader has to start anew, with a new copy of the data",
        ),
        Remedy(
            "reindex",
            APPROVE,
            "Builds the index anew beside the old one, without locking writers out.",
            "disk for a second copy of the index, and the I/O of reading its table",
        ),
        Remedy(
            "vacuum",
            APPROVE,
            "Vacuums the table, or freezes the database's old rows.",
            "the I/O of reading all of it; nobody is locked out",
        ),
        Remedy(
            "deploy",
            APPROVE,
            "Brings database, backend and monitoring to the declared definition (their roles).",
            "a database whose definition differs is restarted: seconds without it, all connections ended",
            whole=True,
        ),
        Remedy(
            "start_backend",
            AUTOMATIC,
            "Starts the backend's container as it is.",
            "nothing: it does not run",
        ),
        Remedy(
            "make_backend",
            APPROVE,
            "Makes the missing containers of the backend again (role backend).",
            "what a deploy of it does: a newer image is built, migrations run, what differs is replaced",
            whole=True,
        ),
        Remedy(
            "restart_backend",
            AUTOMATIC,
            "Restarts the backend's container.",
            "the requests that it has taken and does not answer",
        ),
        Remedy(
            "write_schedule",
            AUTOMATIC,
            "Writes the declared table of cron, and sees that cron runs now and at boot.",
            "what was changed in that file by hand is gone",
            whole=True,
        ),
        Remedy(
            "write_watch",
            AUTOMATIC,
            "Installs the watch job again.",
            "nothing",
            whole=True,
        ),
        Remedy(
            "run_watch",
            AUTOMATIC,
            "Runs the job of each minute once, a canary row and the metrics, and has it archived.",
            "nothing",
            whole=True,
        ),
        Remedy(
            "take_backup",
            AUTOMATIC,
            "Takes the backup that is overdue.",
            "the I/O of a backup, at low priority, and room; a full one lets the oldest go",
            whole=True,
        ),
        Remedy(
            "run_verify",
            AUTOMATIC,
            "Reads every file of the repositories against its checksum.",
            "the I/O of reading them, at low priority",
            whole=True,
        ),
        Remedy(
            "run_drill",
            AUTOMATIC,
            "Restores into a copy beside the database, proves it, and takes it away.",
            "disk for a copy of the data, and the I/O of it, at low priority",
            whole=True,
        ),
        Remedy(
            "start_monitoring",
            AUTOMATIC,
            "Makes and starts the monitoring's containers as they are declared (role monitoring).",
            "what a deploy of it does: containers whose definition differs are replaced; its figures stay",
            whole=True,
        ),
        Remedy(
            "write_monitoring",
            AUTOMATIC,
            "Writes the monitoring's files, and the job that writes the host's figures, again.",
            "what was changed in these files by hand is gone",
            whole=True,
        ),
    )
}
