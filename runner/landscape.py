"""Which processes make up the platform, in which order they start, where to find them. No mechanics.

A connector's twin is named by its module only; nothing of it is imported here.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGQUIT, SIGTERM

from runner.children import Answers, Child, Ends, Lives, Ready, Says
from runner.embedded import External, Services
from runner.servers import LOOPBACK

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
MANAGE = str(ROOT / "manage.py")
CELERY = (PYTHON, "-m", "celery", "-A", "inventory_sync.config.celery")
WEB = (
    "--workers", "2", "--timeout-keep-alive", "15", "--timeout-graceful-shutdown", "10",
    "--timeout-worker-healthcheck", "10", "--limit-concurrency", "4000", "--no-access-log",
    "--no-server-header", "--log-level", "warning",
)  # fmt: skip
"""How the web process is served. The ping: on a machine that is busy starting, uvicorn's five seconds pass
before all is imported; connections: what one process holds before it sends callers away."""
WORKERS = {"critical": 2, "standard": 2, "bulk": 1, "replay": 1}
"""Queue and pool size. Each queue has workers of its own, so that none can be starved by another."""

EVERYDAY = (
    r"the database system is",  # … starting up, … shutting down
    r'database "\w+" does not exist',  # asked once, before it is made
    r"Memory overcommit must be enabled",
    r"running the worker with superuser privileges",
    r"Inspect method \w+ failed",  # Flower, before the first worker answers
)
"""What is said at every start and nobody needs to act on. It stands in the logs."""
HUSHED = "|".join(EVERYDAY)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the platform listens on loopback."""

    web: int = 8000
    base: int = 8100
    flower: int = 5555

    @property
    def woo(self) -> int:
        return self.base + 1

    @property
    def till(self) -> int:
        return self.base + 2

    @property
    def odoo(self) -> int:
        return self.base + 3

    @property
    def wanted(self) -> dict[str, tuple[int, str]]:
        """What each port is for, and the option that chooses another."""
        return {
            "web": (self.web, "--port"),
            "the WooCommerce twin": (self.woo, "--port-base"),
            "the till twin": (self.till, "--port-base"),
            "the Odoo twin": (self.odoo, "--port-base"),
            "Flower": (self.flower, "--flower-port"),
        }


@dataclass(frozen=True, slots=True)
class Landscape:
    """One installation: its folder, keys, ports and servers."""

    var_dir: Path
    keys: dict[str, str]
    ports: Ports
    services: Services

    @property
    def hub_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.web}"

    @property
    def woo_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.woo}"

    @property
    def till_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.till}"

    @property
    def odoo_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.odoo}"

    @property
    def flower_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.flower}/ops/flower/"

    @property
    def demo_file(self) -> str:
        return str(self.var_dir / "demo.json")

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the platform is told. Secrets go this way, never on a command line."""
        return self.services.environment | {
            "DJANGO_SETTINGS_MODULE": "inventory_sync.config.settings",
            "SECRET_KEY": self.keys["SECRET_KEY"],
            "SYNC_SECRETS_KEY": self.keys["SYNC_SECRETS_KEY"],
            "SYNC_HUB_URL": self.hub_url,
            "SYNC_VAR_DIR": str(self.var_dir),
            "SYNC_DOOR_DISK_PATH": str(self.var_dir),
            "FLOWER_URL": self.flower_url,
            "SYNC_EGRESS_ALLOWED_HOSTS": LOOPBACK,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "",  # a dozen processes would each compile every import, every time
            "PYTHONPATH": str(ROOT),
        }

    @property
    def twin_keys(self) -> dict[str, str]:
        return {name: value for name, value in self.keys.items() if "_TWIN_" in name}

    def stages(self, *, trade: bool = True) -> list[list[Child]]:
        """Return what `make run` starts; each stage waits until the one before it is ready."""
        first = [[*self.servers(), self._demo_data()], [self.migrate()], [self._admin(), self._load_demo()]]
        stages = [
            *([[*self.servers()]] if self._is_prepared() else first),
            [*self._twins(), self._web(), self._dispatcher(), *self.workers(), self._beat(), self._flower()],
        ]
        return [*stages, [self._trade()]] if trade else stages

    def note_prepared(self) -> None:
        """Remember that the database has what this code and these ports need, so that a next start is quick.

        Kept inside the data folder: whoever removes the data removes the note.
        """
        if note := self._prepared_note():
            note.write_text(self._mark(), encoding="ascii")

    def _is_prepared(self) -> bool:
        note = self._prepared_note()
        if note is None or not note.exists() or not Path(self.demo_file).exists():
            return False
        return note.read_text(encoding="ascii") == self._mark()

    def _prepared_note(self) -> Path | None:
        """Return where it is noted; nowhere for somebody else's database."""
        database = self.services.database
        return None if isinstance(database, External) else database.data / "inventory_sync_prepared"

    def _mark(self) -> str:
        """Return a mark of all that the steps of a first start depend on."""
        digest = hashlib.sha256(repr((self.ports, sorted(self.keys.items()))).encode())
        for folder in ("inventory_sync", "connectors", "runner", "requirements"):
            for path in sorted((ROOT / folder).rglob("*")):
                if path.suffix in (".py", ".txt"):
                    seen = path.stat()
                    digest.update(f"{path} {seen.st_size} {seen.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def stages_for_a_command(self, *, workers: bool) -> list[list[Child]]:
        """Return what a single command needs when nothing runs yet."""
        stages = [[*self.servers()], [self.migrate()]]
        return [*stages, [self._dispatcher(), *self.workers()]] if workers else stages

    def servers(self) -> list[Child]:
        """Return the embedded servers; those that DATABASE_URL and BROKER_URL name are not ours to start."""
        return [
            Child(
                server.name,
                f"{server.found.version} from {server.found.found_in}, {LOOPBACK}:{server.port}",
                server=server, grace_s=30, hush=HUSHED,
            )
            for server in (self.services.database, self.services.queue)
            if not isinstance(server, External)
        ]  # fmt: skip

    def migrate(self) -> Child:
        return self._manage("migrate", "the database has the tables of this version", "migrate", "--no-input")

    def workers(self) -> list[Child]:
        return [
            self._process(
                f"worker-{queue}", f"queue {queue}, {size} at a time",
                *CELERY, "worker", "-Q", queue, "-n", f"{queue}@%h", "--concurrency", str(size),
                "--pool", "prefork", "--without-gossip", "--without-mingle", "-E", "--loglevel", "INFO",
                ready=Says(r"\bready\b"),
            )
            for queue, size in WORKERS.items()
        ]  # fmt: skip

    def addresses(self, *, trade: bool) -> list[tuple[str, str]]:
        """Return where to look, for the end of the start."""
        return [
            ("Admin", f"{self.hub_url}/admin/   admin / {self.keys['ADMIN_PASSWORD']}"),
            ("API", f"{self.hub_url}/api/v1/docs/"),
            ("Health, metrics", f"{self.hub_url}/health/ready   {self.hub_url}/metrics"),
            ("Flower", f"{self.flower_url}   admin / {self.keys['FLOWER_PASSWORD']}"),
            ("WooCommerce twin", self.woo_url),
            ("Till twin", self.till_url),
            ("Odoo twin", self.odoo_url),
            ("Live trade", "runs; quiet with make run ARGS=--no-trade" if trade else "off (--no-trade)"),
            ("Logs", str(self.var_dir / "log")),
        ]

    def _demo_data(self) -> Child:
        return self._process(
            "demo-data", "a retailer's items, locations and stock",
            PYTHON, "-m", "runner.demo", "--out", self.demo_file, ready=Ends(),
        )  # fmt: skip

    def _admin(self) -> Child:
        return self._manage(
            "admin", "the account `admin` exists", "ensure_admin",
            told={"ADMIN_PASSWORD": self.keys["ADMIN_PASSWORD"]},
        )  # fmt: skip

    def _load_demo(self) -> Child:
        return self._manage(
            "load-demo", "items, locations, mappings and connections are there",
            "load_demo", self.demo_file,
            "--woo-url", self.woo_url, "--till-url", self.till_url, "--odoo-url", self.odoo_url,
            "--hub-url", self.hub_url,
            told=self.twin_keys,
        )  # fmt: skip

    def _twins(self) -> list[Child]:
        folder = self.var_dir / "twins"
        seeded = ("--seed-file", self.demo_file)
        return [
            self._process(
                "twin-woo", f"a WooCommerce shop at {self.woo_url}",
                PYTHON, "-m", "connectors.woocommerce.twin", "--port", str(self.ports.woo), *seeded,
                "--state-dir", str(folder / "woo"), "--plain-http",
                ready=Answers(self.woo_url), told=self.twin_keys,
            ),
            self._process(
                "twin-till", f"tills of three stores at {self.till_url}",
                PYTHON, "-m", "connectors.till.twin", "--port", str(self.ports.till), *seeded,
                "--state-dir", str(folder / "till"), "--hook-url", f"{self.hub_url}/hooks/till/",
                ready=Answers(self.till_url), told=self.twin_keys,
            ),
            self._process(
                "twin-odoo", f"an Odoo 19 with two warehouses at {self.odoo_url}",
                PYTHON, "-m", "connectors.odoo.twin", "--version", "19", "--port", str(self.ports.odoo),
                *seeded, "--state-dir", str(folder / "odoo"), "--hook-url", f"{self.hub_url}/hooks/odoo/",
                ready=Answers(self.odoo_url), told=self.twin_keys,
            ),
        ]  # fmt: skip

    def _web(self) -> Child:
        return self._process(
            "web", self.hub_url,
            PYTHON, "-m", "uvicorn", "inventory_sync.config.asgi:application", *WEB,
            "--host", LOOPBACK, "--port", str(self.ports.web),
            ready=Answers(f"{self.hub_url}/health/live"),
        )  # fmt: skip

    def _dispatcher(self) -> Child:
        return self._manage(
            "dispatcher", "finds every debt and wakes its queue", "dispatcher", ready=Lives(1.0)
        )

    def _beat(self) -> Child:
        return self._process(
            "beat", "the schedule",
            *CELERY, "beat", "--schedule", str(self.var_dir / "beat"), "--pidfile", "", "--loglevel", "INFO",
            ready=Says("beat: Starting"),
        )  # fmt: skip

    def _flower(self) -> Child:
        return self._process(
            "flower", self.flower_url,
            *CELERY, "flower", f"--address={LOOPBACK}", f"--port={self.ports.flower}",
            "--url_prefix=ops/flower", "--persistent=True", f"--db={self.var_dir / 'flower.db'}",
            "--state_save_interval=10000", "--max_tasks=10000", "--logging=warning",
            ready=Answers(self.flower_url),
            told={"FLOWER_BASIC_AUTH": f"admin:{self.keys['FLOWER_PASSWORD']}"},
        )  # fmt: skip

    def _trade(self) -> Child:
        return self._process(
            "trade", "customers buy, tills ring, the stockroom ships",
            PYTHON, "-m", "runner.trade", "--woo-url", self.woo_url, "--till-url", self.till_url,
            "--odoo-url", self.odoo_url, ready=Lives(0.5), told=self.twin_keys,
        )  # fmt: skip

    def _manage(
        self,
        name: str,
        what: str,
        *arguments: str,
        ready: Ready | None = None,
        told: Mapping[str, str] | None = None,
    ) -> Child:
        return self._process(name, what, PYTHON, MANAGE, *arguments, ready=ready or Ends(), told=told)

    def _process(
        self, name: str, what: str, *command: str, ready: Ready, told: Mapping[str, str] | None = None
    ) -> Child:
        environment = self.environment | {"SYNC_PROCESS": name} | dict(told or {})
        # A Celery worker asked with SIGQUIT gives back what it holds and is gone within two seconds.
        death_signal = SIGQUIT if name.startswith("worker-") else SIGTERM
        return Child(name, what, command, environment, ready, death_signal=death_signal, hush=HUSHED)


def in_words(environment: Sequence[tuple[str, str]]) -> str:
    """Return addresses as aligned lines."""
    width = max(len(name) for name, _ in environment)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in environment)
