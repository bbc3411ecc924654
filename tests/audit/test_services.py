"""What an entry says: who, what, before, after, why; never a secret."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.audit.models import Entry
from inventory_sync.connections.models import Secret
from inventory_sync.support import correlation
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_an_entry_names_user_row_reason_and_correlation_id() -> None:
    user, item = make.make_user("jo"), make.make_item("MUG-BLUE", name="Blue mug")

    with correlation.bound(correlation_id="abc123"):
        entry = audit.record(actor=user, action="item.changed", subject=item, reason="typo")

    assert (entry.actor, entry.actor_name) == (user, "jo")
    assert (entry.subject_table, entry.subject_id) == ("catalog_item", str(item.pk))
    assert entry.subject_label == "MUG-BLUE · Blue mug"
    assert (entry.reason, entry.correlation_id) == ("typo", "abc123")


def test_only_what_changed_is_kept_and_nothing_is_written_when_nothing_did() -> None:
    policy = make.make_policy(make.make_connection(), buffer=Decimal("2.5"))
    before = audit.snapshot(policy)

    policy.buffer = Decimal("4.000000")
    with transaction.atomic():
        policy.save()
        entry = audit.record_changed(policy, before, actor="tests", action="policy.changed")

    assert entry is not None
    assert (entry.before, entry.after) == ({"buffer": "2.5"}, {"buffer": "4"})
    assert (
        audit.record_changed(policy, audit.snapshot(policy), actor="tests", action="policy.changed") is None
    )


def test_secrets_and_hashes_are_hidden() -> None:
    connection = make.make_connection(hook_token_hash="f" * 64)
    secret = Secret(connection=connection, name="api_key", ciphertext=b"sealed", key_id="1")

    assert audit.snapshot(connection)["hook_token_hash"] == audit.HIDDEN
    assert audit.snapshot(secret)["ciphertext"] == audit.HIDDEN
    assert "sealed" not in str(audit.snapshot(secret))


def test_an_entry_needs_an_actor_and_a_saved_row() -> None:
    with pytest.raises(ValueError, match="actor"):
        audit.record(actor="", action="item.changed", subject=make.make_item())
    with pytest.raises(ValueError, match="saved"):
        audit.record(actor="tests", action="item.changed", subject=Entry())
