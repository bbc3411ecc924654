"""Who is alive but deaf, named: the queues whose canary does not sing, and the worker processes at fault.

The leading dispatcher judges the queues and keeps what it thinks in its sign; processes tell of themselves.
`watch` reads both, so that the dispatcher's log, the control room and the metrics say the same. A queue is
deaf when a canary was answered by nobody for a while, and heard again only when it has sung for a while: one
late canary changes nothing. Does not restart anybody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from inventory_sync.pipeline.models import Sign
from inventory_sync.pipeline.models_workers import Worker
from inventory_sync.pipeline.routes import QUEUES, ROUTES

DEAF_AFTER = timedelta(seconds=30)
"""A canary that nobody took for so long."""
MISSED_AFTER = timedelta(seconds=15)
"""A canary that nobody took for so long: a queue that was deaf does not sing yet."""
HEARD_AFTER = timedelta(seconds=30)
"""A queue that was deaf has sung for so long before it counts as heard."""
SILENT_AFTER = timedelta(seconds=45)
"""A process writes every five seconds; one that does not is stopped, starved or gone."""
IDLE_AFTER = timedelta(seconds=60)
"""A worker that took nothing for so long, per worker on its queue, while others took canaries."""
FORGET_AFTER = timedelta(minutes=30)
"""Then a silent process is no longer waited for: its host is gone, or its name was given anew."""


@dataclass(frozen=True, slots=True)
class Named:
    """One worker process that is not doing its work."""

    host: str
    pid: int
    queues: str
    since: datetime
    why: str
    """`holds`: at one task for too long. `silent`: its row is not renewed. `deaf`: takes nothing."""
    at: str = ""
    task_id: str = ""

    @property
    def in_words(self) -> str:
        what = {
            "holds": f"is still at {self.at}",
            "silent": "gives no sign" + (f"; it was at {self.at}" if self.at else ""),
            "deaf": "takes no message",
        }[self.why]
        return f"{self.queues} worker {self.pid} on {self.host} {what} since {self.since:%H:%M:%S} UTC"


THOUGHTS = ("unanswered", "deaf_since", "sings_since")


@dataclass(frozen=True, slots=True)
class Ear:
    """What the leader thinks of one queue."""

    unanswered: datetime | None = None
    """When the first canary flew that nobody has answered yet."""
    deaf_since: datetime | None = None
    sings_since: datetime | None = None
    """Since when a deaf queue sings again."""

    def hear(self, song: datetime | None, now: datetime, *, at_work: bool = False) -> Ear:
        """Return what to think after looking for songs; `song` is when the last canary that sang was sent.

        at_work: whoever could take the canary is at something that may last; it waits in line.
        """
        ear = self
        if ear.unanswered is not None and song is not None and song >= ear.unanswered:
            sings = ear.sings_since or (now if ear.deaf_since is not None else None)
            ear = replace(ear, unanswered=None, sings_since=sings)
        if at_work and ear.deaf_since is None:
            return ear
        if ear.unanswered is not None and now - ear.unanswered > DEAF_AFTER:
            return replace(ear, deaf_since=ear.deaf_since or ear.unanswered, sings_since=None)
        if ear.unanswered is not None and now - ear.unanswered > MISSED_AFTER:
            return replace(ear, sings_since=None)
        if ear.sings_since is not None and now - ear.sings_since >= HEARD_AFTER:
            return replace(ear, deaf_since=None, sings_since=None)
        return ear

    def send(self, now: datetime) -> Ear:
        """Return what to think when another canary has flown."""
        return self if self.unanswered is not None else replace(self, unanswered=now)

    def to_json(self) -> dict[str, str]:
        kept = {name: getattr(self, name) for name in THOUGHTS}
        return {name: value.isoformat() for name, value in kept.items() if value is not None}

    @classmethod
    def from_json(cls, kept: Mapping[str, str]) -> Ear:
        """Read what a leader left, perhaps one of another version: what it knew besides is passed over."""
        return cls(**{name: datetime.fromisoformat(kept[name]) for name in THOUGHTS if name in kept})


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as its canary tells it. `deaf_since` is None while it is heard."""

    name: str
    sang_at: datetime | None
    deaf_since: datetime | None
    processes: int


@dataclass(frozen=True, slots=True)
class Watch:
    """What the watchdog sees now."""

    queues: tuple[Queue, ...]
    named: tuple[Named, ...]

    @property
    def deaf(self) -> frozenset[str]:
        return frozenset(queue.name for queue in self.queues if queue.deaf_since is not None)


def watch(now: datetime) -> Watch:
    """Return every queue, deaf or not, and the processes to look at, the longest at fault first."""
    signs = {sign.name: sign for sign in Sign.objects.all()}
    leader = signs.get("dispatcher")
    detail = leader.detail if leader is not None else {}
    ears = ears_of(leader)
    flying = datetime.fromisoformat(detail["flying_since"]) if detail.get("flying_since") else None
    workers = list(Worker.objects.filter(seen_at__gt=now - FORGET_AFTER).order_by("host", "pid"))
    queues = tuple(
        Queue(
            name=name,
            sang_at=signs[f"canary:{name}"].at if f"canary:{name}" in signs else None,
            deaf_since=ears[name].deaf_since,
            processes=sum(name in each.queues.split(",") and _is_seen(each, now) for each in workers),
        )
        for name in QUEUES
    )
    return Watch(queues, _named(workers, queues, flying=flying, now=now))


def ears_of(leader: Sign | None) -> dict[str, Ear]:
    """Return what the leader thought of each queue when it signed last."""
    kept = leader.detail.get("ears", {}) if leader is not None else {}
    return {name: Ear.from_json(kept.get(name, {})) for name in QUEUES}


def songs() -> dict[str, datetime | None]:
    """Return per queue when the canary was sent that sang last."""
    sent = {sign.name: sign.sent_at for sign in Sign.objects.filter(name__startswith="canary:")}
    return {name: sent.get(f"canary:{name}") for name in QUEUES}


def at_work(now: datetime) -> frozenset[str]:
    """Return the queues whose every process is at a task no longer than a healthy one, or just done with one.

    With one process to a queue a sweep of a minute keeps the canaries in line that long: no deafness.
    """
    processes = defaultdict(list)
    for worker in Worker.objects.filter(seen_at__gte=now - SILENT_AFTER):
        for queue in worker.queues.split(","):
            processes[queue].append(_makes_progress(worker, now))
    return frozenset(queue for queue, all_of_them in processes.items() if all(all_of_them))


def _makes_progress(worker: Worker, now: datetime) -> bool:
    if worker.since is None:
        return False
    route = ROUTES.get(worker.task)
    if route is not None:
        return now - worker.since <= route.holds
    return bool(worker.taken) and not worker.task and now - worker.since <= MISSED_AFTER


def _named(
    workers: Sequence[Worker], queues: Sequence[Queue], *, flying: datetime | None, now: datetime
) -> tuple[Named, ...]:
    """Return the processes at fault by their own rows, and the workers whose processes wait in vain."""
    deaf = {queue.name for queue in queues if queue.deaf_since is not None}
    nodes = defaultdict(list)
    for worker in workers:
        nodes[worker.host, worker.parent, worker.queues].append(worker)
    peers = Counter(names for _, _, names in nodes)
    found = []
    for (host, parent, names), processes in nodes.items():
        faults = [fault for worker in processes if (fault := _fault(worker, now)) is not None]
        found += faults
        if faults or flying is None or any(worker.task for worker in processes):
            continue
        waits = max(flying, *(worker.since or worker.started_at for worker in processes))
        if deaf & set(names.split(",")):
            patience = DEAF_AFTER
        elif peers[names] > 1:
            patience = IDLE_AFTER * peers[names]
        else:
            continue
        if now - waits > patience:
            found.append(Named(host, parent, names, waits, "deaf"))
    return tuple(sorted(found, key=lambda named: (named.since, named.host, named.pid)))


def _fault(worker: Worker, now: datetime) -> Named | None:
    """Return what is wrong with this process by its own row."""
    at = f"{worker.task}({worker.arguments})" if worker.task else ""
    if not _is_seen(worker, now):
        return Named(worker.host, worker.pid, worker.queues, worker.seen_at, "silent", at, worker.task_id)
    if not worker.task or worker.since is None:
        return None
    route = ROUTES.get(worker.task)
    if route is not None and now - worker.since > route.holds:
        return Named(worker.host, worker.pid, worker.queues, worker.since, "holds", at, worker.task_id)
    return None


def _is_seen(worker: Worker, now: datetime) -> bool:
    return now - worker.seen_at <= SILENT_AFTER
