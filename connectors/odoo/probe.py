"""Look at a live Odoo and say in sentences what is missing before trade depends on it. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

from connectors.base.fields import clean
from connectors.odoo.cells import ref, stamp, words
from connectors.odoo.config import OdooConfig
from connectors.odoo.database import Database
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.ports import Probe

CLOCK_TOLERANCE_S = 120
KEY_DAYS = 14
MEASURED = (18, 19)
OLDEST = 17
# What the sync user must be allowed, and who in Odoo gives it.
RIGHTS = (
    ("stock.quant", "read", "see stock", "Inventory / User"),
    ("stock.move", "read", "see transfers", "Inventory / User"),
    ("stock.picking", "create", "write transfers", "Inventory / User"),
    ("product.product", "read", "see products", "Inventory / User"),
    ("stock.warehouse", "read", "see warehouses", "Inventory / User"),
    ("sale.order", "create", "write orders", "Sales / User: All Documents"),
    ("sale.order", "read", "see orders", "Sales / User: All Documents"),
    ("pos.session", "read", "see sales of Odoo's tills before they are booked", "Point of Sale / User"),
    ("mrp.bom", "read", "see which products are kits", "Manufacturing / User"),
)
SETTINGS = (
    ("storage_locations", "stock.group_stock_multi_locations"),
    ("lots", "stock.group_production_lot"),
    ("units", "uom.group_uom"),
    ("locks_orders", "sale.group_auto_done_setting"),
)
MODULES = (
    ("sale_stock", "stock.move", "sale_line_id"),
    ("purchase_stock", "stock.move", "purchase_line_id"),
    ("mrp", "mrp.bom", "product_tmpl_id"),
    ("point_of_sale", "pos.order", "session_id"),
    ("product_expiry", "stock.lot", "expiration_date"),
)


class _Report:
    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.problems: list[str] = []

    @contextmanager
    def looking(self, what: str) -> Iterator[None]:
        """Trouble while looking is a problem like any other and never an exception."""
        try:
            yield
        except SyncError as error:
            self.problems.append(f"Cannot {what}: {error.detail}")


def probe(database: Database, *, now: Callable[[], datetime]) -> Probe:
    report = _Report()
    config = database.config
    try:
        version = database.version
        company = database.odoo.company
    except SyncError as error:
        report.problems.append(error.detail)
        return Probe(ok=False, facts=report.facts, problems=report.problems)
    report.facts["version"] = str(version)
    report.facts["protocol"] = database.odoo.transport.name
    if version < OLDEST:
        report.problems.append(
            f"Odoo {version} cannot read stock and transfers in one call; 17 is the oldest that can."
        )
        return Probe(ok=False, facts=report.facts, problems=report.problems)
    if version not in MEASURED:
        report.facts["measured"] = f"no: only {' and '.join(map(str, MEASURED))} are"
    with report.looking("see the sync user"):
        _user(report, database)
    _clock(report, database, now())
    with report.looking("see the company"):
        _company(report, database, company)
    with report.looking("see the sync user's rights"):
        _rights(report, database)
    with report.looking("see which modules are installed"):
        _modules(report, database)
    with report.looking("see warehouses"):
        _warehouses(report, database, company)
    _settings(report, database)
    with report.looking("see locations"):
        report.facts["places"] = ", ".join(database.places(fresh=True).refs[:40])
    with report.looking("see products"):
        count = database.odoo.read("product.product", "search_count", domain=database.storable())
        report.facts["products"] = clean(str(count), limit=20)
    _keys(report, database, config, now().date())
    return Probe(ok=not report.problems, facts=report.facts, problems=report.problems)


def _clock(report: _Report, database: Database, now: datetime) -> None:
    date_header = database.odoo.date
    if date_header is None:
        report.facts["clock_offset_s"] = "unknown"
        return
    offset = round((date_header - now).total_seconds())
    report.facts["clock_offset_s"] = str(offset)
    if abs(offset) > CLOCK_TOLERANCE_S:
        report.problems.append(f"Odoo's clock is {offset} s off the hub's.")


def _user(report: _Report, database: Database) -> None:
    rows = database.odoo.rows(
        "res.users",
        "read",
        ids=[database.odoo.user],
        fields=["login", "email", "lang", "company_ids"],
        load=None,
    )
    if not rows:
        report.problems.append("The sync user cannot see itself.")
        return
    user = rows[0]
    report.facts["user"] = words(user, "login")
    report.facts["language"] = words(user, "lang") or "none"
    if not words(user, "email"):
        report.problems.append(
            "The sync user has no e-mail address; Odoo 18 then refuses every partial delivery. Give it one."
        )
    companies = user.get("company_ids")
    if isinstance(companies, list) and len(companies) > 1:
        report.facts["companies_seen"] = ", ".join(map(str, companies[:20]))


def _company(report: _Report, database: Database, company: int) -> None:
    rows = database.odoo.rows("res.company", "read", ids=[company], fields=["name"], load=None)
    report.facts["company"] = f"{company} {words(rows[0], 'name')}" if rows else str(company)
    if not rows:
        report.problems.append(f"The sync user does not see company {company}.")


def _modules(report: _Report, database: Database) -> None:
    installed = ["stock"] if database.fields("stock.quant", ("quantity",)) else []
    for module, model, field in MODULES:
        if field in (database.fields(model, (field,)) or ()):
            installed.append(module)
    report.facts["modules"] = ", ".join(installed)
    if "stock" not in installed:
        report.problems.append("Odoo's Inventory app (stock) is not installed.")
    if "sale_stock" not in installed:
        report.problems.append(
            "Odoo's Sales app with deliveries (sale_stock) is not installed; orders cannot be kept there."
        )


def _rights(report: _Report, database: Database) -> None:
    for model, operation, what, group in RIGHTS:
        if database.may(model, operation) is False:
            report.problems.append(
                f"The sync user may not {what} ({operation} on {model}); give it the group {group}."
            )


def _warehouses(report: _Report, database: Database, company: int) -> None:
    rows = database.odoo.rows(
        "stock.warehouse",
        "search_read",
        domain=[["company_id", "=", company]],
        fields=["name", "code", "int_type_id", "delivery_steps", "reception_steps"],
        order="id",
        load=None,
    )
    report.facts["warehouses"] = "; ".join(
        f"warehouse:{row['id']} {words(row, 'code')} {words(row, 'name')} ({words(row, 'delivery_steps')})"
        for row in rows[:20]
    )
    if not rows:
        report.problems.append("The company has no warehouse that the sync user can see.")
    kinds = database.odoo.rows(
        "stock.picking.type",
        "search_read",
        domain=[["id", "in", [ref(row, "int_type_id") for row in rows if ref(row, "int_type_id")]]],
        fields=["active"],
        load=None,
        context={"active_test": False},
    )
    active = any(row.get("active") is True for row in kinds)
    report.facts["internal_transfers"] = "yes" if active else "no"
    if rows and not active:
        report.problems.append(
            "Internal transfers are switched off and mirrored corrections need them. Switch on Storage "
            "Locations in the settings of Inventory."
        )


def _settings(report: _Report, database: Database) -> None:
    """A setting of Odoo's is a group that everybody has, so one's own membership tells."""
    for fact, group in SETTINGS:
        try:
            found = database.odoo.read("res.users", "has_group", ids=[database.odoo.user], group_ext_id=group)
        except SyncError:
            report.facts[fact] = "unknown"
            continue
        report.facts[fact] = "yes" if found is True else "no"
    if report.facts["locks_orders"] == "yes" and database.config.send_orders:
        report.problems.append(
            "Odoo locks confirmed sales orders and then refuses to change or cancel them. Switch off Lock "
            "Confirmed Sales in the settings of Sales."
        )


def _keys(report: _Report, database: Database, config: OdooConfig, today: date) -> None:
    """Say when the key ends: as the settings have it, else as Odoo shows it to its owner."""
    ends, next_ends = config.last_days()
    if config.next_api_key and next_ends and ends:
        ends = max(ends, next_ends)
    if ends is None:
        ends = _key_end(database)
    report.facts["key_expires_on"] = ends.isoformat() if ends else "unknown"
    if ends is not None and (ends - today).days <= KEY_DAYS:
        when = "has ended" if ends < today else f"ends on {ends.isoformat()}"
        report.problems.append(f"The API key {when}; make a new one and enter it as the next key.")


def _key_end(database: Database) -> date | None:
    try:
        rows = database.odoo.rows(
            "res.users.apikeys",
            "search_read",
            domain=[["user_id", "=", database.odoo.user]],
            fields=["expiration_date"],
            load=None,
        )
    except SyncError:
        return None
    # With several keys nobody can tell which of them is ours.
    end = stamp(rows[0], "expiration_date") if len(rows) == 1 else ""
    return date.fromisoformat(end[:10]) if end else None
