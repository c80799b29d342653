"""The pool contract's arithmetic, and the numbers that it proposes."""

from __future__ import annotations

import re

import pytest

from stanchion.contract import pool

DECLARED = {"replicas": 2, "workers": 2, "pool_size": 5, "max_overflow": 10}


def test_the_default_contract_adds_up():
    figures = pool.contract(DECLARED)
    assert figures.demand == 60
    assert figures.connection_limit == 121
    assert figures.needed == figures.max_connections == 121 + 3 + 5 + 10


def test_every_host_that_runs_backends_counts():
    figures = pool.contract({**DECLARED, "hosts": 3})
    assert figures.demand == 3 * 60
    assert figures.connection_limit == 2 * 180 + 3
    (problem,) = pool.problems({**DECLARED, "hosts": 3, "max_connections": 139})
    assert "3 hosts x 2 replicas x 2 workers" in problem.what
    assert "each of 3 hosts" in problem.what


def test_every_companion_counts_as_a_replica_does():
    figures = pool.contract({**DECLARED, "companions": 1, "hosts": 2})
    assert figures.demand == 2 * 3 * 2 * 15
    (problem,) = pool.problems({**DECLARED, "companions": 1, "max_connections": 139})
    assert "(2 replicas + 1 companion) x 2 workers x (5 + 10) = 90 connections" in problem.what


def test_a_wider_override_leaves_the_application_its_limit():
    figures = pool.contract({**DECLARED, "max_connections": 500})
    assert (figures.connection_limit, figures.max_connections) == (121, 500)


def test_strings_from_templates_count():
    assert pool.contract({name: str(value) for name, value in DECLARED.items()}).demand == 60


def test_the_exact_fit_is_no_problem_and_one_less_is():
    assert pool.problems({**DECLARED, "max_connections": 139}) == []
    assert [p.slug for p in pool.problems({**DECLARED, "max_connections": 138})] == ["pool-contract"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("replicas", 0), ("workers", 0), ("pool_size", 0), ("max_overflow", -1), ("superuser_reserved", 0)],
)
def test_a_pool_without_an_end_is_refused(name, value):
    assert [p.slug for p in pool.problems({**DECLARED, name: value})] == ["pool-range"]


@pytest.mark.parametrize(("name", "most"), [("workers", 64), ("pool_size", 200), ("max_overflow", 200)])
def test_more_than_an_image_has_to_take_is_refused(name, most):
    (problem,) = pool.problems({**DECLARED, name: most + 1})
    assert problem.slug == "pool-range"
    assert problem.remedy == f"Set it to {most} or less."


def test_words_are_refused_and_named():
    (problem,) = pool.problems({**DECLARED, "workers": "many"})
    assert problem.slug == "pool-unreadable"
    assert "many" in problem.what


def test_the_message_shows_the_sum_and_the_way_up():
    (problem,) = pool.problems({**DECLARED, "max_connections": 100})
    assert "2 replicas x 2 workers x (5 + 10) = 60" in problem.what
    assert "139" in problem.what
    assert "max_connections is 100" in problem.what
    assert "to 139" in problem.remedy


@pytest.mark.parametrize("companions", [0, 2])
@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize("replicas", [1, 2, 7])
def test_every_proposal_fits(replicas, hosts, companions):
    names = {
        "stack_backend_replicas": "replicas",
        "stack_backend_workers": "workers",
        "stack_db_pool_size": "pool_size",
        "stack_db_max_overflow": "max_overflow",
    }
    pools = {**DECLARED, "replicas": replicas, "hosts": hosts, "companions": companions}
    for most in range(18 + 3 * hosts + 2 * companions * hosts, 139):
        declared = {**pools, "max_connections": most}
        text = pool.proposal(declared, most)
        assert text is not None
        proposed = {names[name]: int(value) for name, value in re.findall(r"(\w+)=(\d+)", text)}
        assert pool.problems({**declared, **proposed}) == [], text


def test_where_no_pool_fits_none_is_proposed():
    assert pool.proposal(DECLARED, 20) is None
    assert pool.proposal({**DECLARED, "hosts": 3}, 26) is None
    assert pool.proposal({**DECLARED, "companions": 1}, 22) is None
    (problem,) = pool.problems({**DECLARED, "max_connections": 20})
    assert "stack_db_pool_size" not in problem.remedy


def test_more_than_a_server_can_hold_is_refused():
    (problem,) = pool.problems({**DECLARED, "replicas": 300})
    assert problem.slug == "pool-contract"
    assert problem.remedy.startswith("Make the pool smaller")


@pytest.mark.parametrize("kept", ["other", "superuser_reserved", "reserved"])
def test_what_is_kept_away_alone_is_more_than_a_server_can_hold(kept):
    (problem,) = pool.problems({**DECLARED, kept: 10_000})
    assert problem.slug == "pool-contract"
    assert problem.remedy.startswith("Lower postgres_other_connections, or the reserved connections")
