"""Who is told of alerts: what is declared of them, with their secrets apart from what may be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# The dead-man's switch; and who hears what is told nobody.
RESERVED = frozenset({"heartbeat", "nobody"})

Severity = Literal["critical", "warning"]


class ReceiverError(ValueError):
    """A receiver is declared as none can be; the text says which and why, without its secrets."""


class _Receiver(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    # It names files and stands in the configuration.
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    severities: tuple[Severity, ...] = Field(default=("critical", "warning"), min_length=1)


class Webhook(_Receiver):
    """An address that is sent alerts as JSON, as Alertmanager does it."""

    url: str = Field(pattern=r"^https?://[^\s]+$")


class Mail(_Receiver):
    """An address that is sent mail."""

    to: str = Field(pattern=r"^[^\s@]+@[^\s@]+$")
    sender: str = Field(alias="from", pattern=r"^[^\s@]+@[^\s@]+$")
    smarthost: str = Field(pattern=r"^[^\s:]+:\d+$")
    username: str = ""
    password: str = ""
    require_tls: bool = True


Kind = TypeVar("Kind", bound=_Receiver)
Parsed = tuple[list[Webhook], list[Mail]]


def receivers(
    webhooks: Iterable[Mapping[str, Any]], mail: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return all receivers as the template of Alertmanager's configuration takes them: nothing secret.

    Raises:
        ReceiverError: one of them is declared as none can be.
    """
    hooks, mails = _parsed(webhooks, mail)
    return [
        *({"kind": "webhook", "name": each.name, "severities": list(each.severities)} for each in hooks),
        *(
            {"kind": "mail", **each.model_dump(mode="json", by_alias=True, exclude={"password"})}
            for each in mails
        ),
    ]


def secrets(
    webhooks: Iterable[Mapping[str, Any]], mail: Iterable[Mapping[str, Any]], heartbeat: str = ""
) -> dict[str, str]:
    """Return what is secret, by the names of the files that hold it.

    Raises:
        ReceiverError: one of them is declared as none can be.
    """
    hooks, mails = _parsed(webhooks, mail)
    return {
        **({"heartbeat_url": heartbeat} if heartbeat else {}),
        **{f"{each.name}_url": each.url for each in hooks},
        **{f"{each.name}_password": each.password for each in mails if each.password},
    }


def _parsed(webhooks: Iterable[Mapping[str, Any]], mail: Iterable[Mapping[str, Any]]) -> Parsed:
    hooks = [_one(Webhook, "monitoring_webhooks", index, each) for index, each in enumerate(webhooks)]
    mails = [_one(Mail, "monitoring_mail", index, each) for index, each in enumerate(mail)]
    taken = set(RESERVED)
    for each in [*hooks, *mails]:
        if each.name in taken:
            why = "is taken by the monitoring itself" if each.name in RESERVED else "stands twice"
            raise ReceiverError(f"The receiver's name {each.name} {why}. Give it another one.")
        taken.add(each.name)
    return hooks, mails


def _one(kind: type[Kind], variable: str, index: int, given: Any) -> Kind:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReceiverError(
            f"{variable}[{index}]{f'.{where}' if where else ''} can't be meant: {first['msg']}."
        ) from None
