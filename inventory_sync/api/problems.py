"""The problems an API caller may meet, each with a stable code; docs/errors.md tells the same for people.

A table and nothing else: errors.py decides which one applies.
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory_sync.domain import errors


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. `remedy` is what the caller does about it."""

    code: str
    status: int
    title: str
    remedy: str


_TABLE = (
    Kind("request.malformed", 400, "The request cannot be read", "Correct its body; it must be valid JSON."),
    Kind("request.invalid", 400, "The request is not valid", "Correct what `errors` names."),
    Kind(
        "request.cursor_invalid",
        400,
        "The cursor is not one of this list",
        "Start again without `cursor`; use `next` as it was given.",
    ),
    Kind(
        "request.unauthenticated",
        401,
        "An API key is needed",
        "Send `Authorization: Bearer <key>`; staff make keys in the admin.",
    ),
    Kind(
        "key.invalid",
        401,
        "The API key is not valid",
        "It is unknown, expired or revoked: ask for a new one.",
    ),
    Kind(
        "key.scope_missing",
        403,
        "The API key may not do this",
        "Ask for a key with the scope named in `detail`.",
    ),
    Kind(
        "channel.unknown",
        404,
        "No channel is called that",
        "Take a code from `/api/v1/channels`; only connections that sell are channels.",
    ),
    Kind("resource.not_found", 404, "There is nothing here", "Check the address and the identifiers in it."),
    Kind(
        "request.method_not_allowed",
        405,
        "This method is not offered here",
        "Use one of those in the `Allow` header.",
    ),
    Kind(
        "request.not_acceptable",
        406,
        "Only JSON is offered",
        "Send `Accept: application/json` or leave it out.",
    ),
    Kind(
        "request.media_type_unsupported", 415, "Only JSON is read", "Send `Content-Type: application/json`."
    ),
    Kind(
        "request.upgrade_not_offered",
        400,
        "Another protocol is not offered here",
        "Leave out `Upgrade` and `HTTP2-Settings`: speak HTTP/1.1, or HTTP/2 by TLS to a proxy in front.",
    ),
    Kind(
        "request.idempotency_key_reused",
        409,
        "This Idempotency-Key belongs to another request",
        "Send the request it was first used for, or a new key for this one.",
    ),
    Kind("request.too_slow", 408, "The body took too long to come", "Send it again, in one go."),
    Kind("request.too_large", 413, "The body is too large", "Send fewer lines in one request."),
    Kind(
        "key.channel_missing",
        403,
        "The API key may not act for this channel",
        "Ask for a key of the channel named in `detail`.",
    ),
    Kind("request.throttled", 429, "Too many requests", "Wait as long as `Retry-After` says."),
    Kind(
        "server.failed",
        500,
        "The server failed",
        "Try again later; name the correlation id when you report it.",
    ),
    Kind("server.database_unavailable", 503, "The database is away", "Try again as `Retry-After` says."),
)

KINDS: dict[str, Kind] = {kind.code: kind for kind in _TABLE}

# The domain's errors reach a caller by the branch of the tree, never by the text of a message.
BRANCH_STATUS: tuple[tuple[type[errors.SyncError], int, str], ...] = (
    (errors.NoReservation, 404, "There is no such reservation"),
    (errors.Refused, 409, "The request was refused"),
    (errors.Transient, 503, "A connected system is away for the moment"),
    (errors.Parked, 409, "Something waits for a person"),
    (errors.Rejected, 422, "The content was understood and refused"),
    (errors.Misconfigured, 409, "A connection is not set up rightly"),
    (errors.Unauthentic, 401, "The sender is not who it says"),
    (errors.FenceLost, 409, "Another owner has taken over"),
    (errors.SyncError, 500, "The server failed"),
)
