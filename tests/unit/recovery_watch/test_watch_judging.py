"""How the watch judges a container: alive, left alone, or dead."""

import pytest
from stanchion_watch import judging
from stanchion_watch.judging import ALIVE, DEAD, LEFT
from watched_containers import BACKEND, DATABASE, inspected, sick, stamp

EXITED = {"Status": "exited", "FinishedAt": stamp(2000.5)}
GONE = "TCP: 127.0.0.1:5432 - no response"


def judged(container, answered, role="backend", stopped_by_watch=False):
    return judging.judge(judging.seen(container, role, 5000), answered, stopped_by_watch)


@pytest.mark.parametrize("status", ["paused", "created", "restarting", "removing", "dead"])
@pytest.mark.parametrize("role", ["backend", "database"])
def test_what_somebody_else_works_at_is_left_alone(status, role):
    found = inspected(Status=status, Error="no space left", Health=sick(GONE))
    assert not judging.is_asked(judging.seen(found, role, 5000))
    assert judged(found, None, role).state == LEFT


@pytest.mark.parametrize("role", ["backend", "database"])
class TestExited:
    def test_by_hand(self, role):
        told = judged(inspected(**EXITED, ExitCode=137), None, role)
        assert (told.state, told.why, told.remedy) == (LEFT, "was stopped by hand", "")

    def test_the_engine_could_not_start_it(self, role):
        told = judged(inspected(**EXITED, Error="port is already allocated"), None, role)
        assert (told.state, told.remedy) == (DEAD, f"start_{role}")
        assert "port is already allocated" in told.why

    @pytest.mark.parametrize("policy", ["no", "", "on-failure"])
    def test_one_that_is_not_to_be_started_again(self, role, policy):
        assert judged(inspected(**EXITED, Error="no network", policy=policy), None, role).state == LEFT

    def test_a_restart_of_the_watch_that_was_interrupted(self, role):
        told = judged(inspected(**EXITED), None, role, stopped_by_watch=True)
        assert (told.state, told.remedy) == (DEAD, f"start_{role}")


class TestBackend:
    def test_any_answer_is_life_whatever_docker_says(self):
        found = inspected(Health=sick("503"))
        assert judging.is_asked(judging.seen(found, "backend", 5000))
        assert judged(found, True).state == ALIVE

    def test_none_is_death_whatever_docker_says(self):
        told = judged(inspected(), False)
        assert (told.state, told.remedy) == (DEAD, "restart_backend")

    def test_one_that_cannot_be_asked(self):
        found = inspected(network={"Ports": {}, "Networks": {}})
        assert not judging.is_asked(judging.seen(found, "backend", 5000))
        assert judged(found, None).state == LEFT

    def test_where_it_is_asked(self):
        seen = judging.seen(inspected(), "backend", 5000)
        assert seen.addresses == (("127.0.0.1", 5001), ("172.30.240.3", 5000))
        network = {
            "Ports": {"5000/tcp": None},
            "Networks": {"a": {"IPAddress": ""}, "b": {"IPAddress": "10.0.0.2"}},
        }
        assert judging.seen(inspected(network=network), "backend", 5000).addresses == (("10.0.0.2", 5000),)
        six = {"Ports": {"5000/tcp": [{"HostIp": "::", "HostPort": "1"}]}}
        assert judging.seen(inspected(network=six), "backend", 5000).addresses == (("::1", 1),)


class TestDatabase:
    @pytest.mark.parametrize("health", ["healthy", "starting"])
    def test_not_ill_is_not_asked(self, health):
        found = inspected(DATABASE, Health={"Status": health, "Log": []})
        assert not judging.is_asked(judging.seen(found, "database", 5000))
        assert judged(found, None, "database").state == ALIVE

    @pytest.mark.parametrize(
        "said",
        [
            "recovering",
            "starting or recovering: TCP is answered, connections are not taken yet",
            "query: FATAL:  the database system is starting up",
            "query: FATAL:  sorry, too many clients already",
            "query: FATAL:  remaining connection slots are reserved",
            "saturated",
        ],
    )
    def test_one_that_recovers_or_is_saturated_is_not_even_asked(self, said):
        found = inspected(DATABASE, Health=sick(said))
        assert not judging.is_asked(judging.seen(found, "database", 5000))
        told = judged(found, None, "database")
        assert told.state == ALIVE
        assert said in told.why

    @pytest.mark.parametrize(
        "said", [GONE, "query: timeout expired", "Health check exceeded timeout (5s)", ""]
    )
    def test_one_that_is_silent_is_asked(self, said):
        found = inspected(DATABASE, Health=sick(said))
        assert judging.is_asked(judging.seen(found, "database", 5000))
        assert judged(found, True, "database").state == ALIVE
        told = judged(found, False, "database")
        assert (told.state, told.remedy) == (DEAD, "restart_database")

    def test_without_a_health_check_nobody_knows(self):
        for health in (None, {"Status": "none"}):
            assert judged(inspected(DATABASE, Health=health), None, "database").state == LEFT

    def test_its_volume(self):
        assert judging.seen(inspected(DATABASE), "database", 5000).data == "demo-pgdata"


def test_the_stop_time_out_is_the_declared_one():
    assert judging.seen(inspected(stop=300), "database", 5000).stop_seconds == 300
    assert judging.seen(inspected(stop=None), "database", 5000).stop_seconds == 10


def test_another_start_is_another_life():
    one, two = (judging.seen(inspected(started=each), "backend", 5000).life for each in (1000.0, 1000.5))
    assert one != two
    assert judging.seen(inspected(BACKEND, id="new"), "backend", 5000).life != one
