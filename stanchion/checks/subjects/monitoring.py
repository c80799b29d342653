"""The monitoring itself: whether it sees what its alerts are about, and whether anybody hears them."""

from __future__ import annotations

from collections.abc import Iterator

from stanchion.alerts.names import names_in, optional
from stanchion.checks.backup_view import age, elapsed
from stanchion.checks.container import POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, SkipError, UnreadableError, bad, note, warn
from stanchion.checks.monitoring_view import (
    ALERTMANAGER,
    FIGURES,
    PRESENT,
    PROMETHEUS,
    SETTLE,
    SWITCH,
    declared,
    is_settling,
    part,
)
from stanchion.checks.registry import CRITICAL, DEPLOY, PREFLIGHT, RUNTIME, WARNING, Threshold, check
from stanchion.checks.words import count, span

_ALERTS = "awesome-prometheus-alerts"
_BY_HAND = "docker logs of the container that is named has its own words; a deploy writes everything anew."
_RIGHTS = ("superuser", "createrole", "createdb", "replication", "bypassrls")
_MONITOR = "pg_monitor"
# Evaluations of a rule that may be missing before nobody can rely on it.
_MISSED = 3
_SWITCH_SECONDS = Threshold(
    "validation_monitoring_switch_seconds", 600, "s", f"{_ALERTS}: ten minutes without it"
)
# As the watch: a busy minute may pass without figures.
_FIGURES_SECONDS = 300


@check(
    "monitoring.declared",
    rows="ours",
    title="The stack is monitored",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="What breaks at night is found by the users in the morning, and what fills up slowly by nobody.",
    remedy="Set stack_monitoring to true and deploy; or keep it false where something else monitors this "
    "stack, and prove that its alerts arrive.",
    source="ours: everything else of the monitoring is skipped then, and that has to be seen",
)
def is_declared(look: Look) -> Iterator[Evidence]:
    found = look.declared.get("monitoring")
    if found is None:
        raise SkipError("nothing is declared of a monitoring")
    if found["enabled"]:
        yield note(f"by {count(len(found['containers']), 'container')}")
    else:
        yield bad("stack_monitoring is false: nobody is told when something breaks")


@check(
    "monitoring.receiver",
    rows="ours",
    title="Alerts go to somebody, and a host that is gone is noticed elsewhere",
    phases=(PREFLIGHT, DEPLOY, RUNTIME),
    severity=WARNING,
    why="An alert that is sent to nobody waits on a page that nobody opens. And a host that dies takes its "
    "monitoring along: only somebody outside notices that it has fallen silent.",
    remedy="Set monitoring_webhooks or monitoring_mail, and monitoring_heartbeat_url to a service elsewhere "
    "that tells when it is not asked any more, and deploy.",
    source=f"{_ALERTS}, PrometheusAlertmanagerE2eDeadManSwitch; ours: a default that nobody sees is silence",
)
def receiver(look: Look) -> Iterator[Evidence]:
    found = declared(look)
    if found["receivers"]:
        yield note(f"alerts go to {', '.join(found['receivers'])}")
    else:
        yield bad("monitoring_webhooks and monitoring_mail are empty: nobody is told of an alert")
    if found["heartbeat"]:
        yield note("somebody outside is told that all is well")
    else:
        yield bad("monitoring_heartbeat_url is empty: of a host that is gone nobody is told")


@check(
    "monitoring.targets",
    rows="MON-01",
    title="Prometheus reads every target, and the exporter gets into the database",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="Over figures that do not come no alert ever fires: it looks like a stack that is well.",
    remedy="python runner.py recover starts what does not run. " + _BY_HAND,
    source=f"{_ALERTS}, PrometheusTargetMissing, PostgresqlDown and PostgresqlExporterError",
    reads=("monitoring",),
    thresholds=(SETTLE,),
)
def targets(look: Look) -> Iterator[Evidence]:
    told = part(look, PROMETHEUS)
    settling = is_settling(look, look.threshold(SETTLE.variable), told)
    if not told["targets"]:
        yield bad("it has nothing to read", "Prometheus")
    for each in told["targets"]:
        yield _target(look, each, settling)
    exporter = told["exporter"]
    if exporter["up"] == 0:
        say = warn if settling or exporter["up_lately"] else bad
        yield say("gets no connection to the database", "postgres exporter")
    elif exporter["scrape_error"]:
        yield warn("could not ask the database all that it should", "postgres exporter")


def _target(look: Look, each: Row, settling: bool) -> Evidence:
    of, old = f"{each['job']} {each['instance']}", age(look, each["scraped"])
    if each["health"] == "down":
        # A container that was replaced, or started a moment ago, is read again in a moment.
        say = warn if settling or each["up_lately"] else bad
        return say(f"gives no figures: {each['error'] or 'it does not say why'}", of)
    if old is None:
        return (note if settling else bad)("has not been read yet", of)
    if old > PRESENT:
        return bad(f"was last read {span(old)} ago", of)
    return note(f"read {span(old)} ago", of)


@check(
    "monitoring.metrics",
    rows=("MON-02", "MON-07"),
    title="Every metric that an alert is built on has a value",
    phases=(RUNTIME,),
    severity=WARNING,
    why="An exporter that was renamed, updated or left out takes its metrics with it. The rule stays, is "
    "evaluated without an error, and never fires again.",
    remedy="Deploy, which brings exporters and rules together again. See monitoring.figures for metrics that "
    "begin with stanchion_, monitoring.targets for all others.",
    source="ours: collections of alert rules in the field name metrics that no exporter has",
    reads=("monitoring",),
    thresholds=(SETTLE,),
)
def metrics(look: Look) -> Iterator[Evidence]:
    """Look for metrics without a value.

    MON-07 is met by what is shipped: alerts over too few connections, commits or transaction ids
    (PostgresqlNotEnoughConnections, CommitRateLow, LowXidConsumption) are none of ours, since a small stack
    that is idle is well. What is left tells of what is too much, or is not there.
    """
    told = part(look, PROMETHEUS)
    settling = is_settling(look, look.threshold(SETTLE.variable), told)
    named = _named(told["rules"])
    if not named:
        yield bad("has no rule that reads a metric", "Prometheus")
        return
    for name in sorted(named.keys() - set(told["metrics"])):
        why = optional(name, backups=bool(look.stack.get("backup")))
        if why:
            yield note(f"has no value: {why}", name)
        elif settling:
            yield note("has no value yet: something has begun just now", name)
        else:
            yield bad(f"has no value, so {' and '.join(named[name])} cannot fire", name)
    yield note(f"{count(len(named), 'metric')} in {count(len(told['rules']), 'alert')}")


def _named(rules: list[Row]) -> dict[str, list[str]]:
    """Return the alerts that read a metric, by its name."""
    named: dict[str, list[str]] = {}
    for rule in rules:
        for name in names_in(rule["expr"]):
            named.setdefault(name, []).append(rule["alert"])
    return named


@check(
    "monitoring.configuration",
    rows="MON-03",
    title="Prometheus and Alertmanager run what was written, and every rule is evaluated",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Of a configuration that it refuses Prometheus says a line in its log, and goes on with the one "
    "before: new targets, alerts and receivers are not there, and nothing else shows it.",
    remedy=_BY_HAND,
    source=f"{_ALERTS}, PrometheusConfigurationReloadFailure, PrometheusAlertmanagerConfigurationReload"
    "Failure and PrometheusRuleEvaluationFailures. promtool and amtool check what is shipped",
    reads=("monitoring",),
    thresholds=(SETTLE,),
)
def configuration(look: Look) -> Iterator[Evidence]:
    told = part(look, PROMETHEUS)
    yield _loaded(look, told, "Prometheus")
    yield _loaded(look, part(look, ALERTMANAGER), "Alertmanager")
    if not told["rules"]:
        yield bad("has no alert", "Prometheus")
    wrong = [seen for rule in told["rules"] if (seen := _evaluated(look, told, rule))]
    yield from wrong
    yield note(f"{count(len(told['rules']), 'alert')}, figures are kept for {told['retention']}")


def _loaded(look: Look, told: Row, of: str) -> Evidence:
    old = age(look, told["loaded"])
    before = "it had none before" if old is None else f"it goes on with the one of {span(old)} ago"
    if not told["reload_ok"]:
        return bad(f"has refused its last configuration; {before}", of)
    return note("loaded" if old is None else f"loaded {span(old)} ago", of)


def _evaluated(look: Look, told: Row, rule: Row) -> Evidence | None:
    old = age(look, rule["evaluated"])
    if rule["health"] == "err":
        return bad(f"could not be evaluated: {rule['error']}", rule["alert"])
    if old is None:
        settling = is_settling(look, look.threshold(SETTLE.variable), told)
        return None if settling else bad("was never evaluated", rule["alert"])
    if old > max(PRESENT, _MISSED * rule["interval"]):
        return bad(f"was last evaluated {span(old)} ago", rule["alert"])
    return None


# Seconds. A failure is seen when Prometheus next looks, in the next step of the query; and what is being
# tried while Alertmanager reads its files anew is tried on for a while.
_SEEN_LATER = 60.0


@check(
    "monitoring.delivery",
    rows="MON-05",
    title="Alerts reach Alertmanager, and Alertmanager reaches its receivers",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="A receiver that has moved, a token that has run out, a mail server that refuses: alerts fire, and "
    "nobody hears of them.",
    remedy="docker logs of the alertmanager container has the receiver's answer. A new address or password "
    "goes into monitoring_webhooks or monitoring_mail; deploy.",
    source=f"{_ALERTS}, PrometheusNotConnectedToAlertmanager and PrometheusAlertmanagerNotificationFailing",
    reads=("monitoring",),
    thresholds=(SETTLE,),
)
def delivery(look: Look) -> Iterator[Evidence]:
    told, manager = part(look, PROMETHEUS), part(look, ALERTMANAGER)
    if not told["alertmanagers"]:
        yield bad("knows no Alertmanager", "Prometheus")
    if told["dropped"]:
        over = is_settling(look, look.threshold(SETTLE.variable), manager)
        text = f"could hand {told['dropped']:.0f} alerts to nobody in the last five minutes"
        yield (warn if over else bad)(text, "Prometheus")
    for each in told["deliveries"]:
        yield _delivered(look, each, manager["loaded"] or 0.0)
    if not told["deliveries"]:
        yield note("nothing was to be delivered")


def _delivered(look: Look, each: Row, loaded: float) -> Evidence:
    """Say how a receiver's messages fare; what failed before it was set up anew says nothing of now."""
    of = f"{each['receiver']} ({each['integration']})" if each["receiver"] else each["integration"]
    figures = f"{each['failed']} of {each['tried']} messages failed within the hour"
    arrived, refused = each["delivered"], each["refused"]
    if refused is not None and refused > max(arrived or 0.0, loaded + _SEEN_LATER):
        return bad(f"the last message failed {span(elapsed(look, refused))} ago; {figures}", of)
    if refused is not None:
        since = "the last one arrived" if arrived and arrived >= refused else "none since it was set up anew"
        return warn(f"{figures}; {since}", of)
    if arrived is None:
        return note("nothing was to be delivered within the hour", of)
    return note(f"the last message arrived {span(elapsed(look, arrived))} ago", of)


@check(
    "monitoring.switch",
    rows="MON-04",
    title="The dead-man's switch arrives",
    phases=(RUNTIME,),
    severity=CRITICAL,
    why="It always fires, so that its silence is the alarm. Where it does not arrive, no other alert would.",
    remedy="See monitoring.configuration and monitoring.delivery; docker logs of the alertmanager container "
    "has what its receiver answered, whose address is monitoring_heartbeat_url.",
    source=f"{_ALERTS}, PrometheusAlertmanagerE2eDeadManSwitch",
    reads=("monitoring",),
    thresholds=(_SWITCH_SECONDS,),
)
def switch(look: Look) -> Iterator[Evidence]:
    found, told, manager = declared(look), part(look, PROMETHEUS), part(look, ALERTMANAGER)
    limit = look.threshold(_SWITCH_SECONDS.variable)
    settling = is_settling(look, limit, told, manager)
    if not any(each["alert"] == SWITCH and each["state"] == "firing" for each in told["alerts"]):
        yield (note if settling else bad)("does not fire", "Prometheus")
    yield from _came(look, manager["switch"], limit, settling)
    if not found["heartbeat"]:
        yield note("goes to nobody outside: monitoring_heartbeat_url is empty")
    elif manager["switch"] is not None:
        for name in manager["switch"]["receivers"]:
            yield _beat(look, _last_delivery(told, name), name, settling)


def _came(look: Look, seen: Row | None, limit: float, settling: bool) -> Iterator[Evidence]:
    """Say when it last came from Prometheus."""
    of, old = "Alertmanager", None if seen is None else age(look, seen["came"])
    if seen is None or old is None:
        yield (note if settling else bad)("has never got it", of)
        return
    if old <= limit:
        yield note(f"got it {span(old)} ago", of)
    else:
        yield (note if settling else bad)(f"got it {span(old)} ago, allowed are {span(limit)}", of)
    if seen["silenced"]:
        yield bad("is told to keep silent about it", of)


def _last_delivery(told: Row, name: str) -> float | None:
    """Return when a message last arrived at a receiver, None where none did within the hour.

    Raises:
        UnreadableError: Alertmanager counts all receivers together.
    """
    if any(not each["receiver"] for each in told["deliveries"]):
        how = "it has to run with the feature receiver-name-in-metrics"
        raise UnreadableError(f"Alertmanager does not tell its receivers apart: {how}")
    known = [each["delivered"] for each in told["deliveries"] if each["receiver"] == name]
    return max((at for at in known if at is not None), default=None)


def _beat(look: Look, arrived: float | None, name: str, settling: bool) -> Evidence:
    """Say when it last arrived at a receiver."""
    limit, old = look.threshold(_SWITCH_SECONDS.variable), age(look, arrived)
    if old is not None and old <= limit:
        return note(f"it arrived {span(old)} ago", name)
    since = "has not arrived for an hour at least" if old is None else f"arrived {span(old)} ago"
    return (note if settling else bad)(f"it {since}, allowed are {span(limit)}", name)


@check(
    "monitoring.exporter_role",
    rows="MON-06",
    title="The exporter's role may look and nothing else, with connections that the pool counts on",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Its password lies in a container that listens on the network. As a superuser it would be the whole "
    "database, and without a limit an exporter that hangs takes the application's connections.",
    remedy="Deploy, which sets the role right. More connections: stack_monitoring_connections, which are "
    "among postgres_other_connections.",
    source="postgres_exporter's README: pg_monitor, and no superuser; PostgreSQL manual, Predefined Roles",
    reads=("sql.roles", "sql.memberships"),
    part=POSTGRES,
)
def exporter_role(look: Look) -> Iterator[Evidence]:
    found = declared(look)
    name = found["role"]
    row = next((each for each in look.rows("roles") if each["name"] == name), None)
    if row is None:
        yield bad("does not exist", name)
        return
    rights = [right for right in _RIGHTS if row[right]]
    if rights:
        yield bad(f"has the rights {', '.join(rights)}", name)
    groups = {each["role"] for each in look.rows("memberships") if each["member"] == name}
    if _MONITOR not in groups:
        yield bad(f"is no member of {_MONITOR}: it does not see other roles' sessions", name)
    if groups - {_MONITOR}:
        yield bad(f"is a member of {', '.join(sorted(groups - {_MONITOR}))} too", name)
    yield _connections(look, name, row["connection_limit"], found["connection_limit"])


def _connections(look: Look, name: str, limit: int, wanted: int) -> Evidence:
    other = int(look.postgres["declared"]["pool"]["other"])
    if limit < 0:
        return bad("has no limit of connections", name)
    if limit != wanted:
        return bad(f"may have {count(limit, 'connection')}, declared are {wanted}", name)
    if limit > other:
        left = f"postgres_other_connections leaves {other} to all others"
        return bad(f"may have {count(limit, 'connection')}, and {left}", name)
    return note(f"{count(limit, 'connection')} of the {other} that are kept away from the application", name)


@check(
    "monitoring.figures",
    rows="ours",
    title="The host writes its figures each minute",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Containers, their limits, disks and restarts are known to the engine and the host alone. Figures "
    "that stand still look like a stack that is well.",
    remedy="Deploy, which installs the job anew. See schedule.cron for a cron that does not run; by hand it "
    "tells its error: python3 /var/lib/stanchion/NAME/monitoring/figures.pyz.",
    source="ours: five minutes, as the watch has them",
    reads=("monitoring",),
)
def figures(look: Look) -> Iterator[Evidence]:
    told = part(look, FIGURES)
    path = told["cron_path"]
    if not told["installed"] or told["cron_file"] == "missing":
        yield bad("is not there", path)
        return
    if told["cron_file"] == "differs":
        yield bad(f"is not as it was written, {told['cron_difference']}", path)
    old, since = age(look, told["written"]), age(look, told["cron_since"])
    if old is not None and old <= _FIGURES_SECONDS:
        yield note(f"written {span(old)} ago", told["path"])
    elif since is not None and since <= _FIGURES_SECONDS:
        text = f"the job was installed {span(since)} ago, and has to write within {span(_FIGURES_SECONDS)}"
        yield note(text, told["path"])
    elif old is None:
        yield bad("was never written", told["path"])
    else:
        yield bad(f"was written {span(old)} ago, allowed are {span(_FIGURES_SECONDS)}", told["path"])
