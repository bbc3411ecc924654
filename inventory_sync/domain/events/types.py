"""The names of the events, `noun.past_verb`; what each carries is in its schema.

Which of them have a way in and which are said by the hub itself is in docs/events.md.
"""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """Every event type, in the order of the path: stock, demand, availability, channel, house."""

    STOCK_ADJUSTED = "stock.adjusted"
    STOCK_COUNTED = "stock.counted"
    GOODS_RECEIVED = "goods.received"
    GOODS_RECEIPT_DISCREPANCY = "goods.receipt_discrepancy"
    TRANSFER_DISPATCHED = "transfer.dispatched"
    TRANSFER_COMPLETED = "transfer.completed"
    ORDER_DEMAND_ACCEPTED = "order.demand_accepted"
    ORDER_DEMAND_CHANGED = "order.demand_changed"
    ORDER_DEMAND_CANCELLED = "order.demand_cancelled"
    PICK_CONFIRMED = "pick.confirmed"
    PICK_SHORT = "pick.short"
    SHIPMENT_CONFIRMED = "shipment.confirmed"
    TILL_SALE_RECORDED = "till.sale_recorded"
    TILL_SESSION_CLOSED = "till.session_closed"
    RETURN_RECEIVED = "return.received"
    RETURN_DISPOSITIONED = "return.dispositioned"
    CONDITION_CHANGED = "condition.changed"
    SNAPSHOT_RECEIVED = "snapshot.received"
    EXPECTATION_CHANGED = "expectation.changed"
    REPLENISHMENT_SUGGESTED = "replenishment.suggested"
    RESERVATION_REQUESTED = "reservation.requested"
    RESERVATION_HELD = "reservation.held"
    RESERVATION_COMMITTED = "reservation.committed"
    RESERVATION_AMENDED = "reservation.amended"
    RESERVATION_BACKORDERED = "reservation.backordered"
    RESERVATION_RELEASED = "reservation.released"
    RESERVATION_EXPIRED = "reservation.expired"
    RESERVATION_REJECTED = "reservation.rejected"
    RESERVATION_CLOSED = "reservation.closed"
    AVAILABILITY_CHANGED = "availability.changed"
    PUSH_REQUESTED = "push.requested"
    PUSH_APPLIED = "push.applied"
    PUSH_REJECTED = "push.rejected"
    DRIFT_DETECTED = "drift.detected"
    DRIFT_RESOLVED = "drift.resolved"
    MAPPING_CHANGED = "mapping.changed"
    AUTHORITY_CHANGED = "authority.changed"
    POLICY_APPLIED = "policy.applied"
    CONNECTION_DEGRADED = "connection.degraded"
    CONNECTION_RESTORED = "connection.restored"
    ALLOTMENT_GRANTED = "allotment.granted"
    ALLOTMENT_EXPIRED = "allotment.expired"
