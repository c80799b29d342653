"""Whether keys are about to run out."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look
from stanchion.checks.model import Evidence, bad, note, warn
from stanchion.checks.registry import CRITICAL, DEPLOY, RUNTIME, Threshold, check


@check(
    "sequence.used",
    rows="SEQ-01",
    title="No sequence is used up",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="At its end every insert into the table fails. A sequence that feeds an integer column ends at "
    "2,147,483,647, however large its own type is.",
    remedy="Make the column bigint (ALTER TABLE … ALTER COLUMN … TYPE bigint rewrites the table: plan for "
    "it) and the sequence too (ALTER SEQUENCE … AS bigint).",
    source="check_postgres sequence: 85 and 95 %",
    reads=("sql.sequences",),
    thresholds=(
        Threshold("validation_sequence_share_warn", 0.85, "of its values", "check_postgres sequence"),
        Threshold("validation_sequence_share", 0.95, "of its values", "check_postgres sequence"),
    ),
    part=POSTGRES,
)
def used(look: Look) -> Iterator[Evidence]:
    first, most = (
        look.threshold("validation_sequence_share_warn"),
        look.threshold("validation_sequence_share"),
    )
    shares = [(row["last"] / row["most"], row) for row in look.rows("sequences")]
    for share, row in shares:
        text = f"{share:.1%} used: {row['last']:,} of {row['most']:,}"
        if share >= most:
            yield bad(text, row["name"])
        elif share >= first:
            yield warn(text, row["name"])
    if shares:
        share, row = max(shares, key=lambda pair: pair[0])
        yield note(f"{share:.1%} used at most, of {len(shares)}", row["name"])
    else:
        yield note("no sequence has been used yet")
