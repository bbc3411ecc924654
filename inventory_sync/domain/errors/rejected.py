"""Rejected: never retried, kept for reading."""

from __future__ import annotations

from inventory_sync.domain.errors.base import SyncError


class Rejected(SyncError):
    code = "line.rejected"


class MalformedPayload(Rejected):
    """`field` is the path of the offending field, or an empty string for the whole body."""

    code = "payload.malformed"

    def __init__(self, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.field = field


class NotFinite(MalformedPayload):
    code = "quantity.not_finite"


class NotExact(MalformedPayload):
    code = "quantity.not_exact"


class NegativeQuantity(MalformedPayload):
    code = "quantity.negative"


class NoZone(MalformedPayload):
    code = "time.without_zone"


class KitContainsItself(Rejected):
    code = "kit.contains_itself"


class Unsupported(Rejected):
    code = "payload.unsupported"


class RemoteRefused(Rejected):
    """`vendor_code` and `status` are the vendor's own words for it, empty when it had none."""

    code = "push.refused"

    def __init__(self, detail: str = "", *, vendor_code: str = "", status: int = 0) -> None:
        super().__init__(detail)
        self.vendor_code = vendor_code
        self.status = status


class NotApplied(Rejected):
    code = "push.not_applied"


class CopyCancelledThere(Rejected):
    """Never made again without a person asking for it."""

    code = "copy.cancelled_there"


class CopyReadsOtherwise(Rejected):
    code = "copy.reads_otherwise"


class CancelledThere(Rejected):
    code = "mirror.cancelled_there"


class LeftOpen(Rejected):
    code = "mirror.left_open"


class NameTaken(Rejected):
    """Two records of what was sent exist: a restored backup, or a copy of the database that runs as well."""

    code = "mirror.name_taken"


class BeforeRecords(Rejected):
    """Asked about an instant before anything was recorded of the item."""

    code = "explain.before_records"


class BadPolicyFile(Rejected):
    """`line` is the line of the file that is at fault, from 1; 0 for the file as a whole."""

    code = "policy.file_malformed"

    def __init__(self, detail: str, *, line: int = 0) -> None:
        super().__init__(f"Line {line}: {detail}" if line else detail)
        self.line = line


class UnknownPolicyChannel(BadPolicyFile):
    code = "policy.channel_unknown"


class UnknownPolicyItem(BadPolicyFile):
    code = "policy.item_unknown"


class UnknownPolicyField(BadPolicyFile):
    code = "policy.field_unknown"


class BadPolicyValue(BadPolicyFile):
    code = "policy.value_refused"
