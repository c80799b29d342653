"""Vacuum: ids used up by a loop, dead rows that nobody clears, autovacuum off."""

from __future__ import annotations

from fires.fire import Fire, by_sql

# Each turn takes an id of its own for the inner block, and one for two who hold the row.
USE_IDS = """
CREATE TABLE st_ids AS SELECT 1 AS id;
DO $$ BEGIN
  FOR turn IN 1..40 LOOP
    PERFORM 1 FROM st_ids FOR SHARE;
    BEGIN UPDATE st_ids SET id = turn; EXCEPTION WHEN division_by_zero THEN NULL; END;
  END LOOP;
END $$"""
LEAVE_DEAD = """
CREATE TABLE st_dead WITH (autovacuum_enabled = off) AS SELECT generate_series(1, 30000) AS id;
DELETE FROM st_dead WHERE id > 10000"""

FIRES = [
    Fire(
        "vacuum.wraparound",
        "content",
        by_sql(USE_IDS, "DROP TABLE st_ids"),
        r"medication_tracker: is \d+ transactions old",
        variables={"validation_vacuum_age": 30},
        outcome="fail",
    ),
    Fire("vacuum.multixact", "content", None, r"medication_tracker: is \d+ multixacts old", outcome="fail"),
    Fire("vacuum.autovacuum", "configuration", None, "autovacuum: is off"),
    Fire(
        "vacuum.dead_tuples",
        "content",
        by_sql(LEAVE_DEAD, "DROP TABLE st_dead"),
        "public.st_dead: 20,000 of its rows are dead, 67%; never vacuumed",
    ),
]
