"""How the twin answers on each of Odoo's doors: JSON-RPC, XML-RPC and JSON-2, results and errors alike."""

from __future__ import annotations

import http.client
import json
import xmlrpc.client
from typing import Any

import pytest

from connectors.odoo.twin import OdooTwin
from tests.connectors.odoo.world import ADMIN_KEY, KEY, LOW_KEY, OdooWorld, Refused


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    return OdooWorld(request.param)


@pytest.fixture
def newer() -> OdooWorld:
    return OdooWorld(19)


def error(answer: dict[str, Any]) -> tuple[str, str]:
    data = answer["error"]["data"]
    assert (answer["error"]["code"], answer["error"]["message"]) == (200, "Odoo Server Error")
    assert data["arguments"] == [data["message"]]
    assert data["context"] == {}
    assert data["debug"].startswith("Traceback")
    return data["name"], data["message"]


# ── JSON-RPC ──


def test_jsonrpc_tells_its_version_and_who_a_login_is(world: OdooWorld):
    version = world.rpc("common", "version")["result"]

    assert version["server_serie"] == f"{world.version}.0"
    assert version["server_version_info"][0] == world.version
    assert world.rpc("common", "authenticate", "odoo", "syncbot", KEY, {})["result"] == world.people["sync"]


def test_jsonrpc_leaves_the_result_out_when_there_is_none(world: OdooWorld):
    place = world.places["shelf_b"]

    assert world.execute("stock.location", "action_archive", [place], key=ADMIN_KEY) == {}
    assert world.execute("stock.location", "write", [place], {"active": True}) == {"result": True}


def test_jsonrpc_create_answers_as_it_was_asked(world: OdooWorld):
    one = world.execute("stock.location", "create", {"name": "One"})["result"]
    more = world.execute("stock.location", "create", [{"name": "Two"}, {"name": "Three"}])["result"]

    assert more == [one + 1, one + 2] if world.version == 18 else [one[0] + 1, one[0] + 2]


def test_jsonrpc_says_what_is_wrong_with_a_call_and_stays_at_200(world: OdooWorld):
    def refused(model: str, method: str, *args: Any, **kwargs: Any) -> tuple[str, str]:
        return error(world.execute(model, method, *args, **kwargs))

    assert refused("no.such.model", "search_count", []) == (
        "odoo.exceptions.UserError", "Object no.such.model doesn't exist",
    )  # fmt: skip
    assert refused("res.partner", "no_such_method", [1]) == (
        "builtins.AttributeError", "The method 'res.partner.no_such_method' does not exist",
    )  # fmt: skip
    assert refused("res.partner", "_check_company", [1]) == (
        "odoo.exceptions.AccessError",
        "Private methods (such as 'res.partner._check_company') cannot be called remotely.",
    )
    assert refused("res.partner", "search_count", [], bogus=1) == (
        "builtins.TypeError", "BaseModel.search_count() got an unexpected keyword argument 'bogus'",
    )  # fmt: skip
    assert refused("res.partner", "write", [1]) == (
        "builtins.TypeError", "ResPartner.write() missing 1 required positional argument: 'vals'",
    )  # fmt: skip


def test_jsonrpc_takes_arguments_by_place_and_by_name(world: OdooWorld):
    product = world.products[0]

    by_place = world.execute("product.product", "search_read", [["id", "=", product]], ["default_code"])
    by_name = world.execute(
        "product.product", "search_read", domain=[["id", "=", product]], fields=["default_code"]
    )

    assert by_place == by_name == {"result": [{"id": product, "default_code": "SKU-0000"}]}
    assert world.execute("product.product", "read", product, ["default_code"]) == by_place


def test_an_unknown_database_is_a_connection_that_failed(world: OdooWorld):
    name, message = error(world.rpc("common", "authenticate", "nodb", "syncbot", KEY, {}))

    assert name == "psycopg2.OperationalError"
    assert message.endswith('FATAL:  database "nodb" does not exist\n')


# ── XML-RPC ──


def test_xmlrpc_commits_and_then_fails_on_a_result_of_none(world: OdooWorld):
    product, place = world.products[0], world.places["stock"]
    quant = world.ask(
        "stock.quant", "create", context={"inventory_mode": True},
        vals_list=[{"product_id": product, "location_id": place, "inventory_quantity": 12}],
    )  # fmt: skip

    with pytest.raises(xmlrpc.client.Fault) as fault:
        world.xml(
            "object",
            "execute_kw",
            "odoo",
            world.people["sync"],
            KEY,
            "stock.quant",
            "action_apply_inventory",
            [quant],
        )

    assert fault.value.faultCode == 1
    assert fault.value.faultString.endswith("TypeError: cannot marshal None unless allow_none is enabled")
    row = world.ask("stock.quant", "search_read", domain=[("location_id", "=", place)], fields=["quantity"])
    assert [one["quantity"] for one in row] == [12.0]


@pytest.mark.parametrize(
    ("key", "model", "method", "args", "code"),
    [
        ("wrong", "stock.warehouse", "search", [[]], 3),
        (LOW_KEY, "stock.picking", "search", [[]], 4),
        (KEY, "stock.location", "create", [{"usage": "internal"}], 2),
        (KEY, "no.such.model", "search", [[]], 2),
        (KEY, "res.partner", "no_such_method", [[1]], 1),
        (KEY, "stock.location", "search", [[["nope", "=", 1]]], 1),
    ],
)
def test_xmlrpc_numbers_its_faults(
    world: OdooWorld, key: str, model: str, method: str, args: list[Any], code: int
):
    user = world.people["lowuser" if key == LOW_KEY else "sync"]

    with pytest.raises(xmlrpc.client.Fault) as fault:
        world.xml("object", "execute_kw", "odoo", user, key, model, method, args)

    assert fault.value.faultCode == code


def test_xmlrpc_answers_zero_to_a_wrong_key_and_no_rows_for_a_missing_record(world: OdooWorld):
    assert world.xml("common", "authenticate", "odoo", "syncbot", "wrong", {}) is False
    assert world.xml("common", "authenticate", "odoo", "syncbot", KEY, {}) == world.people["sync"]
    sync = world.people["sync"]
    assert (
        world.xml("object", "execute_kw", "odoo", sync, KEY, "stock.warehouse", "read", [[999999], ["name"]])
        == []
    )


# ── JSON-2 ──


def test_18_has_no_json2(world: OdooWorld):
    status, _ = world.json2("res.users", "context_get")

    assert status == (404 if world.version == 18 else 200)


def test_json2_answers_a_bare_value(newer: OdooWorld):
    assert newer.json2("res.users", "context_get") == (
        200, {"lang": "en_US", "tz": False, "uid": newer.people["sync"]},
    )  # fmt: skip
    place = newer.places["shelf_b"]
    assert newer.json2("stock.location", "write", ids=[place], vals={"comment": "x"}) == (200, True)
    assert newer.json2("stock.location", "action_archive", ids=[place]) == (200, None)
    status, made = newer.json2("stock.location", "create", vals_list=[{"name": "One"}, {"name": "Two"}])
    assert (status, made) == (200, [made[0], made[0] + 1])


@pytest.mark.parametrize(
    ("model", "method", "body", "status", "name", "message"),
    [
        ("no.such.model", "search_count", {"domain": []}, 404, "werkzeug.exceptions.NotFound",
         "the model 'no.such.model' does not exist"),
        ("res.partner", "no_such_method", {}, 404, "werkzeug.exceptions.NotFound",
         "The method 'res.partner.no_such_method' does not exist"),
        ("res.partner", "_check_company", {"ids": [1]}, 403, "odoo.exceptions.AccessError",
         "Private methods (such as 'res.partner._check_company') cannot be called remotely."),
        ("res.partner", "search_count", {"domain": [], "bogus": 1}, 422,
         "werkzeug.exceptions.UnprocessableEntity", "got an unexpected keyword argument 'bogus'"),
        ("res.partner", "write", {"ids": [1]}, 422, "werkzeug.exceptions.UnprocessableEntity",
         "missing a required argument: 'vals'"),
        ("res.partner", "search_count", {"ids": [1], "domain": []}, 422,
         "werkzeug.exceptions.UnprocessableEntity", "cannot call res.partner.search_count with ids"),
        ("product.product", "write", {"ids": [999999], "vals": {}}, 404, "odoo.exceptions.MissingError",
         "Record does not exist or has been deleted.\n(Record: product.product(999999,), User: 2)"),
        ("product.product", "create", {"vals_list": [{"name": "x", "type": "product"}]}, 500,
         "builtins.ValueError", "Wrong value for product.template.type: 'product'"),
    ],
)  # fmt: skip
def test_json2_says_by_status_and_name_what_is_wrong(
    newer: OdooWorld, model: str, method: str, body: dict[str, Any], status: int, name: str, message: str
):
    answered, document = newer.json2(model, method, key=ADMIN_KEY, **body)

    assert (answered, document["name"], document["message"]) == (status, name, message)
    assert document["arguments"] == ([message, status] if name.startswith("werkzeug") else [message])
    assert document["debug"].startswith("Traceback")
    assert document["context"] == {}


def test_json2_refuses_bad_json_other_types_and_get(newer: OdooWorld):
    path = "/json/2/res.partner/search_count"

    status, document, _ = newer.send("POST", path, b"{bad")
    assert (status, document["name"]) == (400, "werkzeug.exceptions.BadRequest")
    assert document["message"].startswith("could not parse the body as json: Expecting property name")
    status, text, _ = newer.send("POST", path, {}, content_type="text/plain")
    assert (status, text[:15]) == (415, "<!doctype html>")
    status, document, _ = newer.send("GET", path)
    assert (status, document["message"]) == (404, "Did you mean POST /json/2/<model>/<method>?")
    status, document, _ = newer.send("POST", path, [[]])
    assert (status, document["message"]) == (422, "missing a required argument: 'domain'")


def test_json2_answers_an_unknown_database_with_a_page(newer: OdooWorld):
    path, body = "/json/2/res.partner/search_count", {"domain": []}

    status, text, response = newer.send("POST", path, body, x_odoo_database="nodb")

    assert status == 404
    assert "No database is selected" in text
    assert dict(response.headers)["Content-Type"] == "text/html; charset=utf-8"


def test_every_answer_closes_its_connection(world: OdooWorld):
    path = "/json/2/res.users/context_get"
    for _, _, response in (
        world.send("POST", path, {}),
        world.send("POST", "/jsonrpc", {}),
        world.send("GET", "/x"),
    ):
        assert dict(response.headers)["Connection"] == "close"


# ── both ──


def test_a_mandatory_field_that_is_empty_is_refused_in_the_words_of_the_version(world: OdooWorld):
    with pytest.raises(Refused) as refused:
        world.ask("stock.picking", "create", vals_list=[{"origin": "x"}])

    assert refused.value.name == "odoo.exceptions.ValidationError"
    words = ("\nField: Source Location (location_id)\n", "for the field 'Source Location' (location_id).\n")
    assert words[world.version - 18] in refused.value.message


@pytest.mark.parametrize("version", [18, 19])
def test_a_model_whose_app_is_not_installed_is_unknown_and_so_are_the_fields_that_name_it(version: int):
    world = OdooWorld(version, absent=("mrp.bom", "mrp.bom.line"))

    with pytest.raises(Refused, match=r"mrp\.bom"):
        world.ask("mrp.bom", "search", domain=[])
    assert "bom_line_id" not in world.ask("stock.move", "fields_get")
    assert "product_id" in world.ask("stock.move", "fields_get")


def test_fields_are_told_to_users_without_any_right(world: OdooWorld):
    assert "partner_id" in world.ask("sale.order", "fields_get", key=LOW_KEY)


def test_a_language_that_is_not_installed_is_an_error(world: OdooWorld):
    with pytest.raises(Refused, match="xx_XX"):
        world.ask("res.partner", "search_count", domain=[], context={"lang": "xx_XX"})


def test_over_a_socket_an_answer_is_what_the_server_would_send():
    with OdooTwin(version=19, key=KEY).serving(ticking=False) as twin:
        line = http.client.HTTPConnection("127.0.0.1", int(twin.url.rsplit(":", 1)[1]), timeout=5)
        headers = {"Authorization": f"bearer {KEY}", "Content-Type": "application/json"}
        line.request("POST", "/json/2/res.users/context_get", b"{}", headers)
        answer = line.getresponse()

        assert answer.status == 200
        assert answer.getheader("Connection") == "close"
        assert json.loads(answer.read())["lang"] == "en_US"
        line.close()
