"""The application and its containers: a pool used up, errors, a limit reached, a replica that dies or
hangs."""

from __future__ import annotations

from fires.fire import by_shell

from alarms.alarm import Alarm

BUSY, NARROW, DEAD, HUNG = "a busy replica", "a slow replica", "a dead replica", "a replica that hangs"
# Clients that each ask replica 2 for a slow query again as soon as it has its answer.
ASK = """
touch /tmp/busy
ask() { while [ -e /tmp/busy ]; do curl -s -m 10 'http://127.0.0.1:{port}/debug/sleep?seconds=3'; done; }
for _ in $(seq 16); do (exec > /dev/null 2>&1; ask) & done
sleep 1
"""
# All of them but init, which would end with its child.
FROZEN = "$(docker top {stack}-backend-2 -eo pid,ppid | awk 'NR > 2 {print $1}')"
EAT = "import time; eaten = bytearray(450 * 2 ** 20); time.sleep(600)"
DIE = """
for _ in 1 2 3 4; do
    kill -9 $(docker inspect --format '{{.State.Pid}}' {stack}-backend-2)
    sleep 2
    until [ "$(docker inspect --format '{{.State.Running}}' {stack}-backend-2)" = true ]; do sleep 0.5; done
done
"""

ALARMS = [
    Alarm(
        "PoolSaturated",
        BUSY,
        "16 clients ask for slow statements, and the pool has 5 connections",
        by_shell(
            ASK.replace("{port}", "5101"), "rm /tmp/busy; while pgrep -x curl > /dev/null; do sleep 0.1; done"
        ),
        "backend-2",
    ),
    Alarm("PoolTimeouts", BUSY, "the same", of="backend-2"),
    Alarm("ErrorRate", BUSY, "the same: those that wait in vain are answered 503", of="backend-2"),
    Alarm(
        "EndpointSlow",
        NARROW,
        "a replica is given a fiftieth of a processor",
        by_shell("docker update --cpus 0.02 {stack}-backend-1", "docker update --cpus 1 {stack}-backend-1"),
        "backend-1",
    ),
    Alarm("CpuThrottled", NARROW, "the same", of="backend-1"),
    Alarm(
        "MemoryNearLimit",
        NARROW,
        "a process in a replica's container takes 450 of its 512 MB",
        by_shell(
            f"docker exec -d {{stack}}-backend-2 python3 -c '{EAT}'",
            "kill $(docker top {stack}-backend-2 -eo pid,args | awk '/eaten/ {print $1}')",
        ),
        "backend-2",
    ),
    Alarm(
        "ContainerDown",
        DEAD,
        "a replica is stopped",
        by_shell("docker stop {stack}-backend-2", "docker start {stack}-backend-2"),
        "backend-2",
        silences=("TargetMissing",),
    ),
    Alarm("EndpointDown", DEAD, "the same", of="backend-2"),
    Alarm(
        "RestartLoop",
        "a replica that ends",
        "a replica is killed four times",
        by_shell(DIE, "true"),
        "backend-2",
    ),
    Alarm(
        "ContainerUnhealthy",
        HUNG,
        "all processes of a replica are stopped (SIGSTOP)",
        by_shell(f"kill -STOP {FROZEN}", f"kill -CONT {FROZEN}"),
        "backend-2",
    ),
]
