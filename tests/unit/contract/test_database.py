"""Settings from the memory limit, the processors and the pool contract."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.text.formatters import human_to_bytes

from stanchion.contract import database, memory

DECLARED = {
    "stack_name": "unit",
    "memory": 2 * memory.GB,
    "cpus": 2,
    "pool": {"replicas": 2, "workers": 2, "pool_size": 5, "max_overflow": 10},
    "settings": {},
}


def settings(**changes):
    return {s.name: s for s in database.settings({**DECLARED, **changes})}


def worst_case(found):
    def size(name):
        return memory.size(name, found[name].value)

    connections = int(found["max_connections"].value)
    return (
        size("shared_buffers")
        + connections * size("work_mem") * float(found["hash_mem_multiplier"].value)
        + int(found["autovacuum_max_workers"].value) * size("maintenance_work_mem")
    )


@pytest.mark.parametrize("megabytes", [617, 700, 1024, 2048, 4096, 65536, 1024 * 1024])
def test_the_worst_case_stays_within_the_limit(megabytes):
    limit = megabytes * memory.MB
    found = settings(memory=limit)
    assert database.problems({**DECLARED, "memory": limit}) == []
    assert worst_case(found) + limit / 5 <= limit


def test_shared_buffers_is_a_quarter_and_the_cache_no_more_than_the_limit():
    found = settings()
    assert found["shared_buffers"].value == "512MB"
    assert memory.size("effective_cache_size", found["effective_cache_size"].value) <= 2 * memory.GB


def test_every_setting_has_its_reason():
    assert all(s.reason for s in settings().values())


def test_durable_by_default():
    found = settings()
    for name, value in {"fsync": "on", "full_page_writes": "on", "wal_level": "replica"}.items():
        assert found[name].value == value


def test_nothing_is_set_beside_the_file():
    assert settings()["allow_alter_system"].value == "off"


def test_max_connections_comes_from_the_pool():
    assert settings()["max_connections"].value == "139"
    assert settings(pool={**DECLARED["pool"], "replicas": 3})["max_connections"].value == "199"


def test_an_override_wins_and_says_so():
    found = settings(settings={"jit": True, "TimeZone": "Europe/Oslo", "autovacuum_naptime": "10s"})
    assert (found["jit"].value, found["jit"].reason) == ("on", "set in postgres_settings")
    assert found["timezone"].value == "'Europe/Oslo'"
    assert found["autovacuum_naptime"].value == "10s"
    assert "TimeZone" not in found


def test_an_overridden_reserve_moves_the_sum():
    found = settings(settings={"reserved_connections": 15})
    assert found["max_connections"].value == "149"


@pytest.mark.parametrize(
    ("changes", "slug", "words"),
    [
        ({"memory": 512 * memory.MB}, "memory-limit", ["at least 617MB", "would fit"]),
        ({"settings": {"work_mem": "64MB"}}, "memory-limit", ["leave work_mem out"]),
        ({"settings": {"shared_buffers": "1900MB"}}, "memory-limit", ["leave shared_buffers out"]),
        ({"settings": {"work_men": "4MB"}}, "settings-unknown", ["work_mem"]),
        ({"settings": {"port": 5433}}, "settings-owned", ["Leave it out"]),
        ({"settings": {"include": "x"}}, "settings-unknown", []),
        ({"settings": {"search_path": ["a", "b"]}}, "settings-value", []),
        ({"settings": {"work_mem": "lots"}}, "settings-value", []),
        ({"settings": {"cluster_name": "a\nfsync = off"}}, "settings-value", []),
        ({"settings": {"max_connections": 50}}, "pool-contract", ["139"]),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(changes, slug, words):
    (problem,) = database.problems({**DECLARED, **changes})
    assert problem.slug == slug
    for word in words:
        assert word in problem.remedy


def test_the_smallest_limit_is_exact():
    smallest = memory.smallest_limit(141)
    assert smallest is not None
    assert memory.plan(smallest, 141).fits
    assert not memory.plan(smallest - memory.MB, 141).fits


def test_the_pool_proposed_for_a_small_limit_fits_it():
    small = {**DECLARED, "memory": 512 * memory.MB}
    (problem,) = database.problems(small)
    assert "stack_db_pool_size=5 and stack_db_max_overflow=6" in problem.remedy
    assert database.problems({**small, "pool": {**DECLARED["pool"], "max_overflow": 6}}) == []


def test_no_limit_is_enough_for_a_share_of_everything():
    assert memory.smallest_limit(10, {"shared_buffers": f"{5000}GB"}) is None


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("work_mem", "4MB", 4 * memory.MB),
        ("work_mem", 4096, 4 * memory.MB),
        ("shared_buffers", 16384, 128 * memory.MB),
        ("shared_buffers", "1 GB", memory.GB),
    ],
)
def test_sizes_are_read_as_postgres_reads_them(setting, value, expected):
    assert memory.size(setting, value) == expected


@pytest.mark.parametrize("value", ["512m", "512M", "512MB", "1.5g", "2g", "1t", "64k", "10b", "1024", 1024])
def test_limits_are_read_as_the_module_that_sets_them_reads_them(value):
    assert memory.docker_size(value) == human_to_bytes(value)


@pytest.mark.parametrize("value", ["512mb", "1GiB", "1 x", "-1", "", "2 gigs", None])
def test_what_that_module_does_not_take_is_no_limit(value):
    with pytest.raises(ValueError, match="is no size"):
        memory.docker_size(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "on"), (0, "0"), (1.1, "1.1"), ("on", "on"), ("%m [%p]", "'%m [%p]'"), ("it's", "'it''s'")],
)
def test_values_are_quoted_where_they_must_be(value, expected):
    assert database.literal(value) == expected


def test_a_stop_has_time_for_the_last_checkpoint():
    assert database.limits(DECLARED)["stop_seconds"] == 120
    assert database.limits({**DECLARED, "memory": 64 * memory.GB})["stop_seconds"] > 800


@pytest.mark.parametrize(
    ("wanted", "limit"), [({}, "4096MB"), ({"temp_file_limit": ""}, "4096MB"), ({"temp_file_limit": 0}, "0")]
)
def test_temporary_files_are_limited_for_the_application_alone(wanted, limit):
    assert database.limits({**DECLARED, **wanted})["temp_file_limit"] == limit
    assert "temp_file_limit" not in settings(**wanted)


def test_temporary_files_stay_within_what_postgres_can_count():
    limits = database.limits({**DECLARED, "memory": 2048 * memory.GB})
    assert memory.size("temp_file_limit", limits["temp_file_limit"]) == database.MOST_TEMP_FILES


def test_the_container_holds_every_connection():
    limits = database.limits(DECLARED)
    assert limits["pids"] > 139
    assert limits["shm_bytes"] == 256 * memory.MB
