"""The engine's answers, and every way in which it may not answer."""

import time

import pytest
from ansible_collections.stanchion.stack.plugins.module_utils._docker_api import Engine, EngineError


def test_answer_is_decoded(fake_engine):
    engine = fake_engine({"/info": {"Driver": "overlay2"}})
    assert Engine(engine.host, 5).get("/info") == {"Driver": "overlay2"}


def test_query_is_encoded(fake_engine):
    engine = fake_engine({"/containers/json": []})
    Engine(engine.host, 5).get("/containers/json", all="1", filters={"label": ["a=b c"]})
    assert engine.asked == ["/containers/json?all=1&filters=%7B%22label%22%3A+%5B%22a%3Db+c%22%5D%7D"]


def test_error_carries_the_engines_message(fake_engine):
    engine = fake_engine({"/info": 500})
    with pytest.raises(EngineError, match="answered 500 to /info: status 500") as caught:
        Engine(engine.host, 5).get("/info")
    assert caught.value.status == 500


def test_frozen_engine_is_an_error_in_time(fake_engine):
    engine = fake_engine({"/info": None})
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"did not answer within 0\.3 s"):
        Engine(engine.host, 0.3).get("/info")
    assert time.monotonic() - began < 2


def test_something_else_on_the_socket(fake_engine):
    engine = fake_engine({"/info": b"<html>"})
    with pytest.raises(EngineError, match="not a Docker engine"):
        Engine(engine.host, 5).get("/info")


def test_missing_socket(tmp_path):
    with pytest.raises(EngineError) as caught:
        Engine(f"unix://{tmp_path}/none.sock", 5).get("/info")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert caught.value.status == 0


def test_refused_tcp():
    with pytest.raises(EngineError, match="no answer from the engine at tcp://127"):
        Engine("tcp://127.0.0.1:1", 5).get("/info")


def test_unsupported_transport():
    with pytest.raises(EngineError, match="neither unix:// nor tcp://"):
        Engine("ssh://somewhere", 5).get("/info")


@pytest.mark.parametrize(("api", "can"), [("1.41", False), ("1.43", False), ("1.44", True), ("1.51", True)])
def test_whether_health_checks_can_run_more_often_at_the_start(fake_engine, api, can):
    engine = fake_engine({"/version": {"ApiVersion": api}})
    assert Engine(engine.host, 5).has_start_interval() is can
