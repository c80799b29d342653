"""Settings: a configuration edited by hand, and a database that somebody started by hand."""

from __future__ import annotations

from fires.fire import Fire, by_shell

CONFIG = "/var/lib/stanchion/{stack}/postgres/config/postgresql.conf"
AUTO = "/var/lib/docker/volumes/{stack}-pgdata/_data/postgresql.auto.conf"
RELOAD = "docker exec {stack}-db psql -U postgres -XAtqc 'SELECT pg_reload_conf()'; sleep 1"

edited = by_shell(
    f"""
cp -p {CONFIG} /root/postgresql.conf; cp -p {AUTO} /root/auto.conf
cat >> {CONFIG} <<'END'
fsync = off
autovacuum = off
log_lock_waits = off
timezone = 'Europe/Berlin'
shared_buffers = 300MB
deadlock_timeout = nonsense
random_page_cost = 3
END
echo "archive_timeout = 5min" >> {AUTO}
{RELOAD}""",
    f"""
cat /root/postgresql.conf > {CONFIG}; cat /root/auto.conf > {AUTO}
{RELOAD}""",
)

UNTIL_IT_ANSWERS = (
    "for n in $(seq 60); do docker exec {stack}-db psql -U postgres -XAtqc 'SELECT 1' >/dev/null 2>&1"
    " && break; sleep 0.5; done"
)
CHECKSUMS = (
    "docker run --rm --user 999:999 --network none -v {stack}-pgdata:/var/lib/postgresql/data"
    ' --entrypoint pg_checksums "$image" -D /var/lib/postgresql/data'
)
SQL = "docker exec {stack}-db psql -U postgres -XAtq -d medication_tracker -c"

# Little memory, Docker's own /dev/shm, a published port, a log without an end, no checksums; and in it a
# crash and a prepared transaction. Its log goes with it.
by_hand = by_shell(
    f"""
docker stop -t 60 {{stack}}-db; docker rename {{stack}}-db {{stack}}-good
image=$(docker inspect -f '{{{{.Config.Image}}}}' {{stack}}-good)
{CHECKSUMS} --disable
docker run -d --name {{stack}}-db --network {{stack}}_app_network --network-alias db --user 999:999 --init \
  --label io.stanchion.stack={{stack}} --label io.stanchion.role=postgres -p 127.0.0.1:55432:5432 -m 600m \
  -v {{stack}}-pgdata:/var/lib/postgresql/data \
  -v /var/lib/stanchion/{{stack}}/postgres/config:/etc/postgresql:ro \
  -v /var/lib/stanchion/{{stack}}/postgres/socket:/run/postgresql \
  -e POSTGRES_REQUIRE_CLUSTER=1 "$image" \
  postgres -c config_file=/etc/postgresql/postgresql.conf -c max_prepared_transactions=3
{UNTIL_IT_ANSWERS}
pid=$({SQL} "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
docker exec {{stack}}-db sh -c "kill -9 $pid"; sleep 1
{UNTIL_IT_ANSWERS}
{SQL} "BEGIN; CREATE TABLE st_prepared (); PREPARE TRANSACTION 'st_left'"; sleep 1""",
    f"""
{SQL} "ROLLBACK PREPARED 'st_left'"
docker stop -t 60 {{stack}}-db; docker rm {{stack}}-db
image=$(docker inspect -f '{{{{.Config.Image}}}}' {{stack}}-good)
{CHECKSUMS} --enable
docker rename {{stack}}-good {{stack}}-db; docker start {{stack}}-db
for n in $(seq 90); do
  docker ps --filter label=io.stanchion.stack={{stack}} --format '{{{{.Status}}}}' \
    | grep -qv '(healthy)' || break
  sleep 1
done""",
)

FIRES = [
    Fire(
        "setting.file",
        "configuration",
        edited,
        "deadlock_timeout: setting could not be applied",
        outcome="fail",
    ),
    Fire("setting.pending_restart", "configuration", None, "shared_buffers: is 512MB until"),
    Fire("setting.drift", "configuration", None, "random_page_cost: is 3 .*, and declared is 1.1"),
    Fire("setting.log", "configuration", None, "log_lock_waits: is off"),
    Fire("setting.shm", "another database", by_hand, "medication-tracker-db: has 64MB of /dev/shm"),
    Fire("setting.shared_buffers", "another database", None, "shared_buffers: 512MB of 600MB, 85%"),
    Fire("setting.worst_case_memory", "another database", None, "at worst of 600 MB"),
    Fire("setting.effective_cache_size", "another database", None, "1536MB, and the container has 600MB"),
    Fire("setting.listen", "another database", None, "listens on all addresses, and is open to port 55432"),
]
