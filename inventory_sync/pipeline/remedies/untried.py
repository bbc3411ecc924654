"""Cases that no retry ends, each with what ends it instead."""

from __future__ import annotations

from inventory_sync.cases.models import Case
from inventory_sync.pipeline.remedies.types import Untried


class LevelCase(Untried):
    kinds = ("level",)
    why = (
        "Two answers of one reading contradict each other; the first stands, and the message is not "
        "applied again to make them agree. Count the stock, or read the books again: the next "
        "reading decides."
    )


class OrderCase(Untried):
    kinds = ("order",)
    why = (
        "The order is decided: what is left to do is at its source. Look there why it is gone; if it "
        "comes back, it is read again by itself."
    )


class ShipmentCase(Untried):
    kinds = ("shipment",)
    why = (
        "Stock moved as it was shipped, and nothing is sent again. The case closes by itself when "
        "the order and its shipments agree."
    )


class ReceiptCase(Untried):
    kinds = ("expectation",)
    why = (
        "What arrived is posted. The case closes by itself when what arrived is what was announced; "
        "otherwise settle the difference with the sender, then resolve it."
    )


class PickCase(Untried):
    kinds = ("order_line",)
    why = (
        "The picker's word is posted. Count the place and tell the customer; applying the pick again changes "
        "nothing."
    )


class KitCase(Untried):
    kinds = ("kit",)
    page = "catalog_item"
    why = (
        "The announced recipe cannot be put in force as it is. Announce a version that can; the case "
        "closes by itself when it is in force."
    )


class CredentialCase(Untried):
    kinds = ("credential",)
    why = (
        "Nothing has failed yet: renew the credential and enter its new end, then the case closes by itself."
    )

    def page_id(self, case: Case) -> int | None:
        return None


class InvariantCase(Untried):
    kinds = ("invariant",)
    why = (
        "A rule that must always hold does not: find out why before anything is changed. The next "
        "round of checks closes the case when the rule holds again."
    )

    def page_id(self, case: Case) -> int | None:
        return None


class TopicCase(Untried):
    kinds = ("topic",)
    why = (
        "Nothing here understands messages of this topic, so applying them again changes nothing. Take the "
        "subscription out at the vendor, or replay them by their topic once a version understands it."
    )

    def page_id(self, case: Case) -> int | None:
        return None


class ChoreCase(Untried):
    kinds = ("chore",)
    why = "The chore is tried again by itself every half minute; the case closes when it was done."

    def page_id(self, case: Case) -> int | None:
        return None


class HoldCase(Untried):
    kinds = ("write_hold",)
    page = "propagation_writehold"
    why = (
        "The figures wait for a decision, not for a retry: look at their effect on the page of the hold and "
        "approve or reject it there. Either closes the case."
    )
