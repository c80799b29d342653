"""Every route: what it does, and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from medication_tracker.app import MOST_BODY_BYTES, create_app
from medication_tracker.config import Settings
from werkzeug.test import TestResponse

ASPIRIN = {"name": "Aspirin", "dosage": "500 mg"}
MORNING = {"time_of_day": "08:00", "amount": 1.5, "starts_on": "2025-01-01"}
TAKEN = {"amount": 1, "taken_at": "2025-01-31T08:00:00+01:00"}
UNKNOWN_IDS = ["7", "0", "-1", "x", "9" * 18, str(2**63), "9" * 30]


@pytest.fixture
def aspirin(client: FlaskClient) -> str:
    """The path of a medication that exists."""
    path: str = client.post("/medications", json=ASPIRIN).headers["Location"]
    return path


def complaint(response: TestResponse, status: int) -> dict[str, Any]:
    """The error of a response that has this status."""
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.get_json()["error"]
    assert error["code"] and error["message"]
    return error


def test_medication_from_creation_to_deletion(client: FlaskClient) -> None:
    created = client.post("/medications", json={**ASPIRIN, "notes": "with water\nnot on an empty stomach"})
    assert created.status_code == 201
    path = created.headers["Location"]
    assert path == f"/medications/{created.get_json()['id']}"
    assert client.get(path).get_json() == created.get_json()

    changed = client.patch(path, json={"dosage": "100 mg"}).get_json()
    assert changed["dosage"] == "100 mg"
    assert changed["notes"] == created.get_json()["notes"]
    assert changed["updated_at"] > changed["created_at"] == created.get_json()["created_at"]

    replaced = client.put(path, json={"name": "ASS", "dosage": "100 mg"}).get_json()
    assert (replaced["name"], replaced["notes"]) == ("ASS", None)
    assert client.get(path).get_json() == replaced

    deleted = client.delete(path)
    assert (deleted.status_code, deleted.data) == (204, b"")
    complaint(client.get(path), 404)


def test_text_survives_the_round_trip(client: FlaskClient) -> None:
    name = "Ибупрофен 🩹 \N{ZERO WIDTH JOINER} O'Neill; DROP TABLE medications; -- %s"
    path = client.post("/medications", json={"name": f"  {name} ", "dosage": "1"}).headers["Location"]
    assert client.get(path).get_json()["name"] == name


def test_list_is_paged(client: FlaskClient) -> None:
    for number in range(5):
        client.post("/medications", json={"name": f"number {number}", "dosage": "1"})
    page = client.get("/medications?page=2&per_page=2").get_json()
    assert [item["name"] for item in page.pop("items")] == ["number 2", "number 3"]
    assert page == {"page": 2, "per_page": 2, "total": 5}
    beyond = client.get("/medications?page=1000000&per_page=100").get_json()
    assert (beyond["items"], beyond["total"]) == ([], 5)
    assert len(client.get("/medications").get_json()["items"]) == 5


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=two", "page"),
        ("page=", "page"),
        ("page=1000001", "page"),
        ("per_page=101", "per_page"),
        ("per_page=0", "per_page"),
        ("pgae=1", "pgae"),
    ],
)
def test_bad_page(client: FlaskClient, aspirin: str, query: str, field: str) -> None:
    for path in ("/medications", f"{aspirin}/schedules", f"{aspirin}/doses"):
        assert field in complaint(client.get(f"{path}?{query}"), 400)["fields"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "dosage"),
        ({**ASPIRIN, "colour": "white"}, "colour"),
        ({**ASPIRIN, "id": 1}, "id"),
        ({**ASPIRIN, "name": 5}, "name"),
        ({**ASPIRIN, "name": None}, "name"),
        ({**ASPIRIN, "name": ""}, "name"),
        ({**ASPIRIN, "name": " \t "}, "name"),
        ({**ASPIRIN, "name": "x" * 201}, "name"),
        ({**ASPIRIN, "name": "nul\0"}, "name"),
        ({**ASPIRIN, "name": "\ud800"}, "name"),
        ({**ASPIRIN, "dosage": "x" * 101}, "dosage"),
        ({**ASPIRIN, "dosage": ["500 mg"]}, "dosage"),
        ({**ASPIRIN, "notes": "x" * 2001}, "notes"),
        ({**ASPIRIN, "notes": {}}, "notes"),
    ],
)
def test_bad_medication(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    assert list(complaint(client.post("/medications", json=body), 400)["fields"]) == [field]
    assert client.get("/medications").get_json()["total"] == 0


def test_longest_texts_are_taken(client: FlaskClient) -> None:
    body = {"name": "ü" * 200, "dosage": "ü" * 100, "notes": "🩹" * 2000}
    assert client.post("/medications", json=body).status_code == 201


def test_all_complaints_come_at_once(client: FlaskClient) -> None:
    error = complaint(client.post("/medications", json={"name": 1, "notes": 2, "x": 3}), 400)
    assert set(error["fields"]) == {"name", "dosage", "notes", "x"}


def test_empty_change(client: FlaskClient, aspirin: str) -> None:
    complaint(client.patch(aspirin, json={}), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"no",
        b"\xff\xfe",
        b'{"name": NaN}',
        b"[" * 60_000,
        b"1" * 5000,
        b"null",
        b"[]",
        b'"x"',
    ],
)
def test_body_that_is_no_json_object(client: FlaskClient, body: bytes) -> None:
    error = complaint(client.post("/medications", data=body, content_type="application/json"), 400)
    assert error["code"] == "not_json"


def test_body_of_another_type(client: FlaskClient) -> None:
    complaint(client.post("/medications", data={"name": "x"}), 415)


def test_body_too_large(client: FlaskClient) -> None:
    body = b" " * (MOST_BODY_BYTES + 1)
    complaint(client.post("/medications", data=body, content_type="application/json"), 413)


def test_name_is_unique_whatever_its_case(client: FlaskClient, aspirin: str) -> None:
    assert (
        complaint(client.post("/medications", json={**ASPIRIN, "name": "ASPIRIN"}), 409)["code"] == "conflict"
    )
    other = client.post("/medications", json={**ASPIRIN, "name": "Ibuprofen"}).headers["Location"]
    complaint(client.patch(other, json={"name": "aspirin"}), 409)


@pytest.mark.parametrize("wrong", UNKNOWN_IDS)
def test_unknown_medication(client: FlaskClient, wrong: str) -> None:
    path = f"/medications/{wrong}"
    for response in (
        client.get(path),
        client.patch(path, json=ASPIRIN),
        client.put(path, json=ASPIRIN),
        client.delete(path),
        client.get(f"{path}/schedules"),
        client.post(f"{path}/schedules", json=MORNING),
        client.get(f"{path}/doses"),
        client.post(f"{path}/doses", json=TAKEN),
    ):
        complaint(response, 404)


@pytest.mark.parametrize("wrong", UNKNOWN_IDS)
@pytest.mark.parametrize("kind", ["schedules", "doses"])
def test_unknown_schedule_or_dose(client: FlaskClient, aspirin: str, kind: str, wrong: str) -> None:
    path = f"{aspirin}/{kind}/{wrong}"
    complaint(client.get(path), 404)
    complaint(client.delete(path), 404)


def test_schedule_from_creation_to_deletion(client: FlaskClient, aspirin: str) -> None:
    created = client.post(f"{aspirin}/schedules", json=MORNING)
    assert created.status_code == 201
    path = created.headers["Location"]
    assert created.get_json() == {**MORNING, "id": 1, "medication_id": 1, "ends_on": None}
    assert client.get(path).get_json() == created.get_json()
    assert client.patch(path, json={"ends_on": "2025-02-01"}).get_json()["ends_on"] == "2025-02-01"
    assert client.put(path, json={**MORNING, "amount": 0.125}).get_json() == {
        **created.get_json(),
        "amount": 0.125,
    }
    listed = client.get(f"{aspirin}/schedules").get_json()
    assert (listed["items"], listed["total"]) == ([client.get(path).get_json()], 1)
    assert client.delete(path).status_code == 204
    complaint(client.get(path), 404)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_of_day": "8:00"}, "time_of_day"),
        ({"time_of_day": "24:00"}, "time_of_day"),
        ({"time_of_day": 8}, "time_of_day"),
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 1.2345}, "amount"),
        ({"amount": 100000}, "amount"),
        ({"amount": 10**400}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "1"}, "amount"),
        ({"starts_on": "2025-02-30"}, "starts_on"),
        ({"starts_on": "20250101"}, "starts_on"),
        ({"starts_on": None}, "starts_on"),
        ({"ends_on": "2024-12-31"}, "ends_on"),
        ({"medication_id": 2}, "medication_id"),
    ],
)
def test_bad_schedule(client: FlaskClient, aspirin: str, change: dict[str, Any], field: str) -> None:
    response = client.post(f"{aspirin}/schedules", json={**MORNING, **change})
    assert list(complaint(response, 400)["fields"]) == [field]


def test_schedule_is_unique(client: FlaskClient, aspirin: str) -> None:
    client.post(f"{aspirin}/schedules", json=MORNING)
    complaint(client.post(f"{aspirin}/schedules", json=MORNING), 409)


def test_schedule_is_found_under_its_own_medication_only(client: FlaskClient, aspirin: str) -> None:
    other = client.post("/medications", json={**ASPIRIN, "name": "Ibuprofen"}).headers["Location"]
    client.post(f"{aspirin}/schedules", json=MORNING)
    client.post(f"{aspirin}/doses", json=TAKEN)
    for path in (f"{other}/schedules/1", f"{other}/doses/1"):
        complaint(client.get(path), 404)
        complaint(client.delete(path), 404)
    complaint(client.patch(f"{other}/schedules/1", json={"amount": 2}), 404)


def test_dose_from_creation_to_deletion(client: FlaskClient, aspirin: str) -> None:
    created = client.post(f"{aspirin}/doses", json=TAKEN)
    assert created.status_code == 201
    path = created.headers["Location"]
    dose = {"id": 1, "medication_id": 1, "amount": 1.0, "taken_at": "2025-01-31T07:00:00+00:00"}
    assert created.get_json() == client.get(path).get_json() == dose
    client.post(f"{aspirin}/doses", json={**TAKEN, "taken_at": "2025-02-01T08:00:00Z"})
    assert [item["id"] for item in client.get(f"{aspirin}/doses").get_json()["items"]] == [2, 1]
    assert client.delete(path).status_code == 204
    complaint(client.get(path), 404)


@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        1738310400,
        "2025-01-31",
        "2025-01-31T08:00:00",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        (datetime.now(UTC) + timedelta(days=1)).isoformat(),
    ],
)
def test_bad_moment(client: FlaskClient, aspirin: str, moment: object) -> None:
    response = client.post(f"{aspirin}/doses", json={**TAKEN, "taken_at": moment})
    assert list(complaint(response, 400)["fields"]) == ["taken_at"]


def test_dose_is_recorded_once(client: FlaskClient, aspirin: str) -> None:
    client.post(f"{aspirin}/doses", json=TAKEN)
    complaint(client.post(f"{aspirin}/doses", json={**TAKEN, "taken_at": "2025-01-31T07:00:00Z"}), 409)


def test_medication_with_doses_stays_and_one_with_schedules_goes(client: FlaskClient, aspirin: str) -> None:
    client.post(f"{aspirin}/schedules", json=MORNING)
    client.post(f"{aspirin}/doses", json=TAKEN)
    assert "doses" in complaint(client.delete(aspirin), 409)["message"]
    client.delete(f"{aspirin}/doses/1")
    assert client.delete(aspirin).status_code == 204


def test_changes_of_one_row_take_turns(app: Flask, client: FlaskClient, aspirin: str) -> None:
    """Some change it while one deletes it: each is served or told 404, none fails."""

    def change(number: int) -> int:
        own = app.test_client()
        response = own.delete(aspirin) if number == 5 else own.patch(aspirin, json={"dosage": str(number)})
        return response.status_code

    with ThreadPoolExecutor(10) as threads:
        statuses = list(threads.map(change, range(10)))
    assert set(statuses) <= {200, 204, 404}
    assert statuses.count(204) == 1


def test_unknown_path_and_method(client: FlaskClient) -> None:
    complaint(client.get("/nowhere"), 404)
    response = client.delete("/medications")
    complaint(response, 405)
    assert "POST" in response.headers["Allow"]


def test_health_and_livez(client: FlaskClient) -> None:
    for path in ("/health", "/livez"):
        response = client.get(path)
        assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


def test_an_error_of_ours_is_500_without_details(app: Flask, client: FlaskClient) -> None:
    with app.extensions["database"].engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE doses RENAME TO gone")
    try:
        response = client.get(client.post("/medications", json=ASPIRIN).headers["Location"] + "/doses")
        assert complaint(response, 500)["code"] == "internal"
        assert "gone" not in response.text and "SELECT" not in response.text
    finally:
        with app.extensions["database"].engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gone RENAME TO doses")


def test_debug_route_is_off_by_default(database_url: str, client: FlaskClient) -> None:
    assert client.get("/debug/sleep?seconds=0.1").get_json() == {"slept": 0.1}
    complaint(client.get("/debug/sleep?seconds=61"), 400)
    complaint(client.get("/debug/sleep?seconds=x"), 400)
    plain = create_app(Settings.from_environment({"DATABASE_URL": database_url}))
    complaint(plain.test_client().get("/debug/sleep?seconds=0"), 404)
