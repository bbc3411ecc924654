"""The shop's webhooks: registration with its ping, the queue, delivery, and the failure rule.

Unkind as the real ones: queued and sent by cron, coalesced while pending, bodies built at delivery time,
delivery ids that repeat within a second, no retry, seven failures and off, a counter nobody resets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from connectors.base.twinkit import Answer, Doc, Request, Response
from connectors.woocommerce.twin_render import times
from connectors.woocommerce.twin_shop import Shop
from connectors.woocommerce.twin_wire import (
    ShopError,
    body_of,
    invalid_id,
    links,
    only_fields,
    page_of,
    php_json,
    require_enum,
    shop_response,
    truthy,
)

AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/7.0.4)"
CODE = "woocommerce_rest_shop_webhook_invalid_id"
STATUSES = ("active", "paused", "disabled")
FAILURES_ALLOWED = 6
HOOKS: dict[str, list[str]] = {
    "product.created": ["process_product_meta", "new_product", "new_product_variation"],
    "product.updated": ["process_product_meta", "update_product", "update_product_variation"],
    "product.deleted": ["!wp_trash_post"],
    "product.restored": ["!untrashed_post"],
    "order.created": ["new_order"],
    "order.updated": ["update_order", "order_refunded"],
    "order.deleted": ["!wp_trash_post", "trash_order"],
    "order.restored": ["!untrashed_post", "untrash_order"],
}
Post = Callable[[str, Sequence[tuple[str, str]], bytes], Answer]


def sign(secret: str, body: bytes) -> str:
    """Return base64(HMAC-SHA256) of the raw body, after decoding entities in the secret."""
    mac = hmac.new(_decoded(secret).encode(), body, hashlib.sha256).digest()
    return base64.b64encode(mac).decode()


def _decoded(secret: str) -> str:
    table = {
        "&lt;": "<",
        "&gt;": ">",
        "&quot;": '"',
        "&#039;": "'",
        "&#39;": "'",
        "&#x27;": "'",
        "&amp;": "&",
    }
    return re.sub("|".join(table), lambda found: table[found.group()], secret)


def deliverable(url: str) -> bool:
    """Return whether the shop's safe HTTP would call the address at all."""
    parts = urlsplit(url)
    if (parts.port or (443 if parts.scheme == "https" else 80)) not in (80, 443, 8080):
        return False
    host = parts.hostname or ""
    if host == "localhost" or ":" in host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return address.is_global


class Webhooks:
    """The hooks, their queue and their deliveries. `body_for` builds a body at delivery time."""

    def __init__(
        self, shop: Shop, *, post: Post, body_for: Callable[[str, int], Doc | None], allow_local: bool
    ) -> None:
        self._shop = shop
        self._post = post
        self._body_for = body_for
        self._allow_local = allow_local
        self.log: list[Doc] = []

    # ── events ──

    def announce(self, topic: str, resource_id: int) -> None:
        """Queue a delivery for each active hook of the topic, unless one is already pending."""
        for hook in self._shop.books.all("webhook"):
            if hook["status"] != "active" or hook["topic"] not in (topic, _action_of(topic)):
                continue
            key = f"{hook['id']}:{resource_id if hook['topic'] == topic else 0}"
            if self._shop.books.get("pending", key) is None:
                number = self._shop.books.next_number("queue")
                entry: Doc = {
                    "n": number,
                    "key": key,
                    "hook": hook["id"],
                    "topic": hook["topic"],
                    "id": resource_id,
                }
                self._shop.books.put("pending", key, entry)

    def pending(self) -> list[Doc]:
        return sorted(self._shop.books.all("pending"), key=lambda entry: int(entry["n"]))

    def run_cron(self) -> int:
        """Send what is queued now, in queue order, one after another; return how many were sent."""
        with self._shop.books.lock:
            queue = self.pending()
        if len(queue) > 1 and self._shop.faults.take("webhook_reorder"):
            queue = self._shop.faults.shuffled(queue)
        return sum(self._deliver(entry) for entry in queue)

    def _deliver(self, entry: Doc) -> int:
        with self._shop.books.transaction():
            hook = self._shop.books.get("webhook", entry["hook"])
            document = {} if hook is None else self._document(hook, entry)
            if document is None:
                return 0
            self._shop.books.drop("pending", entry["key"])
        if hook is None or self._shop.faults.take("drop_webhooks"):
            return 0
        body = php_json(document)
        headers = self._headers(hook, body)
        times_sent = 2 if self._shop.faults.take("webhook_duplicate") else 1
        for _ in range(times_sent):
            self._send(hook, headers, body)
        return times_sent

    def _document(self, hook: Doc, entry: Doc) -> Doc | None:
        """Return the body as of now, or None while a fault still hides the resource."""
        if hook["resource"] == "action":
            return {"action": hook["event"], "arg": []}
        if hook["event"] == "deleted":
            return {"id": entry["id"]}
        if self._shop.faults.take("webhook_user_revoked"):
            message = "Sorry, you cannot view this resource."
            return ShopError(403, "woocommerce_rest_cannot_view", message).document
        return self._body_for(hook["resource"], entry["id"])

    def _headers(self, hook: Doc, body: bytes) -> list[tuple[str, str]]:
        delivery = hashlib.md5(f"{hook['id']}{self._shop.now_s()}".encode(), usedforsecurity=False)
        return [
            *_CALLER, ("Content-Type", "application/json"),
            ("X-WC-Webhook-Source", f"{self._shop.home}/"), ("X-WC-Webhook-Topic", hook["topic"]),
            ("X-WC-Webhook-Resource", hook["resource"]), ("X-WC-Webhook-Event", hook["event"]),
            ("X-WC-Webhook-Signature", sign(hook["secret"], body)), ("X-WC-Webhook-ID", str(hook["id"])),
            ("X-WC-Webhook-Delivery-ID", delivery.hexdigest()), ("Connection", "close"),
        ]  # fmt: skip

    def _send(self, hook: Doc, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        answer = self._call(hook["delivery_url"], headers, body)
        with self._shop.books.transaction():
            kept = self._shop.books.get("webhook", hook["id"])
            self.log.append(
                {"time": self._shop.clock.now().isoformat(), "hook": hook["id"], "topic": hook["topic"],
                 "status": answer.status, "error": answer.error, "sha256": hashlib.sha256(body).hexdigest()}
            )  # fmt: skip
            del self.log[:-5000]
            if kept is None:
                return
            if 200 <= answer.status <= 302:
                kept["failures"] = 0
            else:
                kept["failures"] += 1
                if kept["failures"] > FAILURES_ALLOWED:
                    kept["status"], kept["modified"] = "disabled", self._shop.now_s()
            self._shop.books.put("webhook", kept["id"], kept)

    def _call(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        if not self._allow_local and not deliverable(url):
            return Answer(0, error="A valid URL was not provided.")
        return self._post(url, headers, body)

    def _ping(self, hook: Doc) -> None:
        """Send the unsigned form ping; a failure is told to nobody and tried again on the next update."""
        headers = [*_CALLER, ("Connection", "close"), ("Content-Type", "application/x-www-form-urlencoded")]
        answer = self._call(hook["delivery_url"], headers, f"webhook_id={hook['id']}".encode())
        with self._shop.books.transaction():
            hook["ping_owed"] = answer.status != 200
            self._shop.books.put("webhook", hook["id"], hook)

    # ── endpoints ──

    def index(self, request: Request) -> Response:
        wanted = request.query.get("status", "all")
        rows = [hook for hook in self._shop.books.all("webhook") if wanted in ("all", hook["status"])]
        orderings = ("date", "id", "title")
        return page_of(request, rows, self.document, home=self._shop.home, orderings=orderings)

    def read(self, request: Request, hook_id: int) -> Response:
        return shop_response(200, only_fields(self.document(self._hook(hook_id)), request.query))

    def create(self, request: Request) -> Response:
        body = body_of(request)
        _check(body, required=True)
        require_enum(body, "status", STATUSES)
        topic = str(body["topic"]).lower()
        resource, _, event = topic.partition(".")
        with self._shop.books.transaction():
            now = self._shop.now_s()
            hook: Doc = {
                "id": self._shop.books.next_number("webhook"),
                "name": str(body.get("name") or f"Webhook {topic}"),
                "status": str(body.get("status", "active")), "topic": topic,
                "resource": resource, "event": event,
                "delivery_url": str(body["delivery_url"]), "secret": str(body.get("secret") or _secret()),
                "created": now, "modified": None, "failures": 0, "ping_owed": True,
            }  # fmt: skip
            self._shop.books.put("webhook", hook["id"], hook)
            document = self.document(hook)
        if hook["status"] == "active":
            self._ping(hook)
        location = f"{self._shop.home}/wp-json/wc/v3/webhooks/{hook['id']}"
        return shop_response(201, document, [("Location", location)])

    def write(self, request: Request, hook_id: int) -> Response:
        """Update a hook. Making it active again leaves its failures counted."""
        body = body_of(request)
        _check(body, required=False)
        require_enum(body, "status", STATUSES)
        with self._shop.books.transaction():
            hook = self._hook(hook_id)
            if body.get("delivery_url") and body["delivery_url"] != hook["delivery_url"]:
                hook["ping_owed"] = True
            for name in ("name", "status", "delivery_url", "secret"):
                if body.get(name):
                    hook[name] = str(body[name])
            if body.get("topic"):
                hook["topic"] = str(body["topic"]).lower()
                hook["resource"], _, hook["event"] = hook["topic"].partition(".")
            hook["modified"] = self._shop.now_s()
            self._shop.books.put("webhook", hook_id, hook)
            document = self.document(hook)
        if hook["status"] == "active" and hook["ping_owed"]:
            self._ping(hook)
        return shop_response(200, document)

    def delete(self, request: Request, hook_id: int) -> Response:
        hook = self._hook(hook_id)
        if not truthy(request.query.get("force", "false")):
            raise ShopError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        with self._shop.books.transaction():
            self._shop.books.drop("webhook", hook_id)
        return shop_response(200, self.document(hook))

    def document(self, hook: Doc) -> Doc:
        names = HOOKS.get(hook["topic"])
        hooks = [hook["event"]] if names is None else [
            name[1:] if name.startswith("!") else f"woocommerce_{name}" for name in names
        ]  # fmt: skip
        return {
            "id": hook["id"], "name": hook["name"], "status": hook["status"], "topic": hook["topic"],
            "resource": hook["resource"], "event": hook["event"], "hooks": hooks,
            "delivery_url": hook["delivery_url"], **times("date_created", hook["created"], self._shop.zone),
            **times("date_modified", hook["modified"], self._shop.zone),
            "_links": links(self._shop.home, f"webhooks/{hook['id']}", "webhooks"),
        }  # fmt: skip

    def _hook(self, hook_id: int) -> Doc:
        hook = self._shop.books.get("webhook", hook_id)
        if hook is None:
            raise invalid_id(CODE)
        return hook


_CALLER = (("User-Agent", AGENT), ("Accept", "*/*"), ("Accept-Encoding", "deflate, gzip, br, zstd"))


def _secret() -> str:
    """Return what the shop makes up when none is given: fifty characters nobody can read back."""
    return secrets.token_hex(25)


def _action_of(topic: str) -> str:
    return "action.woocommerce_product_set_stock" if topic == "product.updated" else ""


def _check(body: Doc, *, required: bool) -> None:
    if required or "topic" in body:
        topic: Any = str(body.get("topic", "")).lower()
        if topic not in HOOKS and not re.fullmatch(r"action\.[a-z0-9_]+", topic):
            raise ShopError(
                400,
                "woocommerce_rest_shop_webhook_invalid_topic",
                "Webhook topic is required and must be valid.",
            )
    given = required or "delivery_url" in body
    if given and not re.match(r"https?://", str(body.get("delivery_url", ""))):
        raise ShopError(
            400,
            "woocommerce_rest_shop_webhook_invalid_delivery_url",
            "Webhook delivery URL must be a valid URL starting with http:// or https://.",
        )
