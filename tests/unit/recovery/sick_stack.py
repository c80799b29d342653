"""A recorded look at a healthy stack, which a test breaks before it asks for a plan."""

from dataclasses import dataclass
from typing import Any

from stanchion.checks import Look, Phase, catalogue, decide, defaults, select
from stanchion.recovery import Found, Plan, plan

DATABASE = "medication-tracker-db"
BACKEND = "medication-tracker-backend-1"


@dataclass
class Sick:
    """A recorded look that a test breaks before it asks for a plan."""

    facts: dict[str, Any]
    declared: dict[str, Any]

    def look(self) -> Look:
        return Look(self.facts, self.declared, defaults(catalogue().values()), Phase.RUNTIME)

    def plan(self, **more: Any) -> Plan:
        look = self.look()
        return plan(look, decide(look, select(Phase.RUNTIME)), **more)

    def causes(self, **more: Any) -> dict[str, Found]:
        return {found.cause: found for found in self.plan(**more).causes}

    def container(self, name: str) -> dict[str, Any]:
        return next(each for each in self.facts["containers"]["entries"] if each["name"] == name)

    def rows(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.facts["sql"]["queries"][query]["rows"]
        return found

    def observed(self) -> dict[str, Any]:
        found: dict[str, Any] = self.facts["backup"]["observed"]
        return found

    def silent_database(self) -> None:
        """What every look shows behind a database that does not serve."""
        for source in ("sql", "backup"):
            self.facts[source] = {"ok": False, "error": "no such file: the socket"}
        for entry in self.facts["inside"].get("entries", {}).values():
            entry["query"] = {"asked": True, "ok": False, "error": "connection refused", "seconds": 0.1}

    def nameless_database(self) -> None:
        """What a backend sees of a database that is not on its network."""
        for entry in self.facts["inside"]["entries"].values():
            entry["names"]["db"] = {"addresses": [], "error": "Name or service not known"}
            entry["query"] = {"asked": True, "ok": False, "error": "could not translate", "seconds": 0.1}
