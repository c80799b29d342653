"""The declared watch: patient enough, and able to ask."""

import pytest

from stanchion.preflight import recovery
from stanchion.preflight.reading import Declared

DECLARED = {
    "stack_name": "medication-tracker",
    "state_dir": "/var/lib/stanchion/medication-tracker",
    "recovery_backend_patience": 120,
    "recovery_database_patience": 600,
    "recovery_liveness_path": "/livez",
    "recovery_mailto": "",
    "backend_start_period": "30s",
    "database_start_period": "300s",
}


def found(**changed):
    return {each.slug: str(each) for each in recovery.look(Declared({**DECLARED, **changed}), {})}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"recovery_backend_patience": "30"},
        {"recovery_database_patience": 300},
        {"backend_start_period": "2m"},
        # What Docker would not take is told by the preflight of its own role.
        {"backend_start_period": "soon"},
        {"recovery_liveness_path": "/health/live?brief=1"},
        {"recovery_mailto": "ops@example.com,root"},
        {"stack_name": "recovery-of-things"},
    ],
)
def test_what_can_be_meant(changed):
    assert found(**changed) == {}


@pytest.mark.parametrize(
    ("changed", "slug", "says"),
    [
        ({"recovery_backend_patience": 0}, "recovery.count", "recovery_backend_patience"),
        ({"recovery_backend_patience": 29}, "recovery.patience", "is 29 s, and the backend may take 30s"),
        ({"backend_start_period": "2m1s"}, "recovery.patience", "Set it to 121 or more"),
        ({"recovery_database_patience": 299}, "recovery.patience", "the database may take 300s to start"),
        ({"recovery_liveness_path": "livez"}, "recovery.liveness_path", "no path"),
        ({"recovery_liveness_path": "/li vez"}, "recovery.liveness_path", "no path"),
        ({"recovery_liveness_path": "/livez\r\nX: y"}, "recovery.liveness_path", "no path"),
        ({"recovery_mailto": "ops@example.com; root"}, "recovery.mailto", "no address"),
        ({"stack_name": "shop-recovery"}, "recovery.stack_name", "a stack shop"),
        ({"stack_name": "shop.eu"}, "recovery.stack_name", "name with a dot"),
    ],
)
def test_what_can_not(changed, slug, says):
    assert list(found(**changed)) == [slug]
    assert says in found(**changed)[slug].replace("does not take for an address", "takes for no address")
