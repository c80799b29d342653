"""Who may log in to the database, from where, how, and with which rights."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from stanchion.checks.address import addresses as addresses_in
from stanchion.checks.container import BACKEND, POSTGRES
from stanchion.checks.look import Look, Row
from stanchion.checks.model import Evidence, Phase, SkipError, UnreadableError, bad, note, warn
from stanchion.checks.registry import (
    CRITICAL,
    DEPLOY,
    FILE,
    PREFLIGHT,
    RUNTIME,
    WARNING,
    Threshold,
    check,
)
from stanchion.checks.subjects.connection import queries

CIS = "CIS PostgreSQL 17 Benchmark"
# Methods that prove nothing, or whose proof can be read on the way or in a stolen table.
WEAK = ("trust", "password", "md5", "ident")
AUTH_METHOD = "POSTGRES_HOST_AUTH_METHOD"
DEPLOY_AGAIN = "Take the line out of pg_hba.conf: `python runner.py deploy` writes the role's own file again."
# What libpq says where the server did not let the role in.
REFUSED = (
    "authentication failed",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "no password supplied",
    "is not permitted to log in",
)
DAY = 86400


def admitting(look: Look) -> list[Row]:
    """Return the rules of pg_hba.conf that could let somebody in."""
    return [row for row in look.rows("hba") if row["error"] is None and row["method"] != "reject"]


def remote(row: Row) -> bool:
    """Say whether a rule is about connections by TCP."""
    return str(row["type"]).startswith("host")


def where(row: Row) -> str:
    """Name a rule by its line."""
    return f"pg_hba.conf line {row['line']}"


@check(
    "auth.hba_errors",
    rows="AUTH-01",
    title="pg_hba.conf has no line that the server cannot read",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="With one bad line the server keeps its old rules at a reload, and does not come up at its next "
    "start.",
    remedy=DEPLOY_AGAIN,
    source="PostgreSQL manual, pg_hba_file_rules",
    reads=("sql.hba",),
    part=POSTGRES,
)
def hba_errors(look: Look) -> Iterator[Evidence]:
    rows = look.rows("hba")
    wrong = [row for row in rows if row["error"] is not None]
    for row in wrong:
        yield bad(str(row["error"]), where(row))
    if not wrong:
        yield note(f"{len(rows)} rules, all read")


@check(
    "auth.weak_methods",
    rows="AUTH-02",
    title="Nobody logs in without a proof that holds",
    phases=(DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="trust lets in everybody who reaches the port, by whatever name. password sends it in plain "
    "text, and an md5 hash is as good as the password to whoever gets hold of it.",
    remedy=f"{DEPLOY_AGAIN} In a compose file take {AUTH_METHOD} out, or make it scram-sha-256.",
    source=f"{CIS} 5.4; documentation of the official image, {AUTH_METHOD}",
    reads=("containers",),
    reads_running=("sql.hba",),
    part=POSTGRES,
)
def weak_methods(look: Look) -> Iterator[Evidence]:
    for container in look.containers(POSTGRES):
        method = container.values.get(AUTH_METHOD)
        if method in WEAK:
            yield bad(f"{AUTH_METHOD} is {method}", container.name, f"environment.{AUTH_METHOD}")
        else:
            yield note(f"{AUTH_METHOD} is {method or 'not set'}", container.name)
    if look.of_declared:
        return
    for row in admitting(look):
        if row["method"] in WEAK:
            source = row["address"] or "the socket"
            users = ", ".join(row["users"])
            yield bad(f"{row['method']} for {users} from {source}", where(row))
    methods = sorted({str(row["method"]) for row in admitting(look)})
    yield note(f"methods in use: {', '.join(methods)}")


@check(
    "auth.addresses",
    rows="AUTH-03",
    title="Only the application's network may log in",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="The network keeps strangers away until one day a port is published or a container is joined; "
    "this rule would have refused them still.",
    remedy=DEPLOY_AGAIN,
    source=f"{CIS} 5.9; the official image's own rule is for all addresses",
    reads=("sql.hba",),
    part=POSTGRES,
)
def addresses(look: Look) -> Iterator[Evidence]:
    subnet = look.stack["app_subnet"]
    for row in admitting(look):
        if not remote(row):
            continue
        if _within(row, subnet):
            yield note(f"{row['address']} is within {subnet} or the server itself", where(row))
        else:
            mask = f"/{row['netmask']}" if row["netmask"] else ""
            yield bad(f"{row['address']}{mask} is wider than the application's network {subnet}", where(row))


def _within(row: Row, subnet: str) -> bool:
    """Say whether a rule's addresses are the server itself, or within the application's network."""
    if row["address"] == "samehost":
        return True
    try:
        bits = int(ipaddress.ip_address(row["netmask"])).bit_count()
        found = ipaddress.ip_network(f"{row['address']}/{bits}", strict=False)
        network = ipaddress.ip_network(subnet)
    except ValueError:  # all, samenet or a name, which DNS decides
        return False
    if found.is_loopback:
        return True
    if isinstance(found, ipaddress.IPv4Network):
        return isinstance(network, ipaddress.IPv4Network) and found.subnet_of(network)
    return isinstance(network, ipaddress.IPv6Network) and found.subnet_of(network)


@check(
    "auth.all_all",
    rows="AUTH-04",
    title="Every rule for the network names its database and its role",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="A rule for all and all also lets in the superuser, and every role that is made later.",
    remedy=DEPLOY_AGAIN,
    source=f"{CIS} 5.10",
    reads=("sql.hba",),
    part=POSTGRES,
)
def all_all(look: Look) -> Iterator[Evidence]:
    rules = [row for row in admitting(look) if remote(row)]
    broad = [row for row in rules if "all" in row["database"] and "all" in row["users"]]
    for row in broad:
        yield bad(f"every role may log in to every database from {row['address']}", where(row))
    if not broad:
        yield note(f"{len(rules)} rules for the network, each for named databases and roles")


@check(
    "auth.superuser",
    rows="AUTH-05",
    title="The application is no superuser, and no superuser comes by the network",
    phases=(PREFLIGHT, DEPLOY, RUNTIME, FILE),
    severity=CRITICAL,
    why="A superuser reads every database and runs programs on the server: one injected statement is the "
    "whole machine. No limit of connections or time holds it.",
    remedy="Set stack_database_user to a role of its own and deploy: the role postgres takes its rights "
    "away. Operators use the socket. In a compose file connect as another role than POSTGRES_USER.",
    source=f"{CIS} 4.3, 5.11",
    reads=("containers",),
    reads_running=("sql.roles", "sql.hba"),
    part=POSTGRES,
)
def superuser(look: Look) -> Iterator[Evidence]:
    if look.phase is Phase.FILE:
        yield from _superuser_in_file(look)
    elif look.phase is Phase.PREFLIGHT:
        user = look.stack["database_user"]
        yield bad("is the superuser", user) if user == "postgres" else note("is a role of its own", user)
    else:
        yield from _superuser_really(look)


def _superuser_in_file(look: Look) -> Iterator[Evidence]:
    owner = look.database.values.get("POSTGRES_USER", "postgres")
    named = [(c.name, *each) for c in look.containers(BACKEND) for each in addresses_in(c.values)]
    if not named:
        raise SkipError("no container's environment has an address of the database")
    for name, variable, found in named:
        key = f"environment.{variable}"
        if found.user in (owner, "postgres"):
            yield bad(f"connects as {found.user}, the superuser that the image makes", name, key)
        elif found.user:
            yield note(f"connects as {found.user}", name, key)


def _superuser_really(look: Look) -> Iterator[Evidence]:
    user = look.stack["database_user"]
    roles = {row["name"]: row for row in look.rows("roles")}
    if user not in roles:
        yield bad("does not exist", user)
    else:
        rights = [
            right
            for right in ("superuser", "createrole", "createdb", "replication", "bypassrls")
            if roles[user][right]
        ]
        yield bad(f"has the rights {', '.join(rights)}", user) if rights else note("has no such right", user)
    superusers = {name for name, row in roles.items() if row["superuser"] and row["login"]}
    for row in admitting(look):
        if remote(row):
            for name in sorted(each for each in superusers if _is_meant(each, row["users"])):
                yield bad(f"lets the superuser {name} in from {row['address']}", where(row))
            for group in sorted(each for each in row["users"] if each.startswith("+")):
                text = (
                    f"lets the members of {group[1:]} in from {row['address']}, and who that is was not seen"
                )
                yield warn(text, where(row))


def _is_meant(name: str, users: list[str]) -> bool:
    """Say whether a rule is about a role: by name, by `all`, or by a regular expression after a slash."""
    return any(
        bool(re.search(each[1:], name)) if each.startswith("/") else each in ("all", name) for each in users
    )


@check(
    "auth.scram",
    rows="AUTH-06",
    title="Passwords are kept as SCRAM verifiers",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="An md5 hash logs in by itself, and is broken in hours when a dump is lost.",
    remedy="Leave password_encryption out of postgres_settings and deploy; set each named role's "
    "password again.",
    source=f"{CIS} 5.12",
    reads=("sql.roles", "sql.settings"),
    part=POSTGRES,
)
def scram(look: Look) -> Iterator[Evidence]:
    encryption = look.settings["password_encryption"]["setting"]
    if encryption != "scram-sha-256":
        yield bad(f"password_encryption is {encryption}")
    roles = [row for row in look.rows("roles") if row["password"] not in (None, "none")]
    weak = [row for row in roles if row["password"] in ("md5", "other")]
    yield from (bad(f"its password is kept as {row['password']}", row["name"]) for row in weak)
    if not weak:
        yield note(f"{len(roles)} passwords, each a SCRAM verifier")


@check(
    "auth.expiry",
    rows="AUTH-07",
    title="No role's password runs out soon",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="At that moment every new connection of the role is refused; those that are open hide it until "
    "the next restart.",
    remedy="`ALTER ROLE name VALID UNTIL 'infinity'`, or a new password with a later date.",
    source="ours: two weeks are enough for a change that has to be planned",
    reads=("sql.roles",),
    thresholds=(
        Threshold("validation_auth_expiry_days", 14, "d", "ours: a change of password has to be planned"),
    ),
    part=POSTGRES,
)
def expiry(look: Look) -> Iterator[Evidence]:
    least = look.threshold("validation_auth_expiry_days")
    roles = [row for row in look.rows("roles") if row["login"]]
    ending = [row for row in roles if row["valid_seconds"] is not None]
    for row in ending:
        days = row["valid_seconds"] / DAY
        text = (
            f"its password runs out in {days:.1f} d"
            if days > 0
            else f"its password ran out {-days:.1f} d ago"
        )
        yield bad(text, row["name"]) if days < least else note(text, row["name"])
    if not ending:
        yield note(f"{len(roles)} roles that log in, none with an end")


@check(
    "auth.public_create",
    rows="AUTH-08",
    title="Not everybody may create in schema public",
    phases=(DEPLOY, RUNTIME),
    severity=WARNING,
    why="Whoever may create there can put a function or a table in the way of the application's own.",
    remedy="`REVOKE CREATE ON SCHEMA public FROM PUBLIC`, or deploy: the role postgres says it.",
    source=f"{CIS} 4.10",
    reads=("sql.public_schema",),
    part=POSTGRES,
)
def public_create(look: Look) -> Iterator[Evidence]:
    if look.row("public_schema")["everybody_creates"]:
        yield bad("PUBLIC may create in it", "schema public")
    else:
        yield note("PUBLIC may not create in it", "schema public")


@check(
    "auth.configured_password",
    rows="AUTH-09",
    title="The password that the application is given opens the database",
    phases=(DEPLOY, RUNTIME),
    severity=CRITICAL,
    why="Pooled connections live on for a while with the old password; then every request fails. A changed "
    "variable or secret file does not change the password of a role that exists.",
    remedy="`python runner.py deploy` sets the role's password from the secret file. By hand: `ALTER "
    "ROLE name PASSWORD ...`.",
    source="documentation of the official image: its variables act on an empty data folder only",
    reads=("inside",),
    part=BACKEND,
)
def configured_password(look: Look) -> Iterator[Evidence]:
    answers = queries(look)
    refused = {
        n: q["error"] for n, q in answers.items() if any(words in str(q["error"]) for words in REFUSED)
    }
    let_in = [name for name, query in answers.items() if query["ok"]]
    if not refused and not let_in:
        errors = "; ".join(sorted({str(query["error"]) for query in answers.values()}))
        raise UnreadableError(f"nobody got as far as the password: {errors}")
    yield from (bad(str(error), name) for name, error in refused.items())
    yield from (note("its own login works", name) for name in let_in)
