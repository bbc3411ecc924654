"""WooCommerce's REST dialect over HTTP: paths, lists, and what each failing answer means next.

All failures of authentication are 401 whatever their cause, so the code tells them apart and never the
message, which is in the shop's language. A firewall answers 403, 406, 429 or 503 with a page: that passes,
and the keys are fine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base.fields import clean
from connectors.base.http import Answer, HttpClient, Query
from inventory_sync.domain.errors import (
    Misconfigured,
    OutcomeUnknown,
    RemoteRefused,
    RemoteUnavailable,
    SyncError,
    Transient,
)

API = "/wp-json/wc/v3"
NO_ROUTE = "rest_no_route"
_RIGHTS = "woocommerce_rest_authentication_error"
_HIDDEN = "woocommerce_rest_cannot_"


def missing(refused: RemoteRefused) -> bool:
    """Whether the object is not there, as opposed to the address."""
    return refused.status in (400, 404, 410) and refused.vendor_code.endswith("invalid_id")


def vendor_code(data: Any) -> str:
    """Return the code of a REST error, or "" when this is none."""
    code = data.get("code") if isinstance(data, Mapping) else None
    return clean(code, limit=80) if isinstance(code, str) else ""


def failure(answer: Answer) -> SyncError:
    """Return what a 4xx of the shop, or of something in front of it, means next."""
    code = vendor_code(answer.data)
    if authentication := authentication_error(code):
        return authentication
    if answer.status == 401:
        return Misconfigured("A password prompt of the web server stands in front of the shop (401).")
    if code:
        return RemoteRefused(
            f"The shop refused: {code} ({answer.status}).", vendor_code=code, status=answer.status
        )
    detail = f"Something in front of the shop answered {answer.status} without the shop's error format."
    if answer.status in (403, 406):
        return Transient(f"{detail} A firewall or security plugin, most likely.")
    return RemoteUnavailable(detail)


def authentication_error(code: str) -> Misconfigured | None:
    """Return what to tell the owner when a code speaks of the key, else None."""
    if code == _RIGHTS:
        return Misconfigured(
            "The shop knows the key and refuses it: wrong secret, missing read or write right, or over plain "
            f"http a signature, clock or nonce it does not accept ({code})."
        )
    if code.startswith(_HIDDEN):
        return Misconfigured(
            "The shop does not see our key: unknown key, its user lost rights, a server that strips "
            f"Authorization, or a TLS terminator that does not tell PHP about https ({code})."
        )
    if code in ("rest_forbidden", "rest_cannot_access", "rest_not_logged_in"):
        return Misconfigured(f"The shop's REST API is closed to us, often by a security plugin ({code}).")
    return None


class Rest:
    """Calls below /wp-json/wc/v3 of one shop."""

    def __init__(self, http: HttpClient, *, page_size: int) -> None:
        self._http = http
        self.page_size = page_size

    def get(self, path: str, query: Query = ()) -> Answer:
        """Return a 2xx answer; raises RemoteRefused (404 and the like) and what the HTTP client raises."""
        answer = self._http.get(API + path, query)
        if not answer.ok:
            raise failure(answer)
        return answer

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Query = ()) -> Any:
        answer = self._http.call(method, API + path, query, json_body=body, write=True)
        if not answer.ok:
            raise failure(answer)
        return answer.data

    def get_object(self, path: str, query: Query = ()) -> Mapping[str, Any]:
        data = self.get(path, query).data
        if not isinstance(data, Mapping):
            raise RemoteUnavailable(f"The shop answered {path} with something that is no object.")
        return data

    def page(self, path: str, query: Query) -> tuple[list[Mapping[str, Any]], Answer]:
        """Return the rows of one page that have an id, and the answer they came in."""
        answer = self.get(path, query)
        return listed(answer.data, path), answer

    def pages(self, path: str, query: Query) -> Iterator[Mapping[str, Any]]:
        """Yield every row, ordered by id so that new ones do not shift the pages."""
        number = 1
        seen: set[int] = set()
        while True:
            fixed = (
                ("orderby", "id"),
                ("order", "asc"),
                ("per_page", str(self.page_size)),
                ("page", str(number)),
            )
            found, _ = self.page(path, (*query, *fixed))
            fresh = [row for row in found if row["id"] not in seen]
            yield from fresh
            seen.update(row["id"] for row in found)
            if len(found) < self.page_size or not fresh:
                return
            number += 1


def listed(data: Any, path: str) -> list[Mapping[str, Any]]:
    """Return the rows of a list that are objects with a whole id; nothing else in it is a row of the shop."""
    if not isinstance(data, list):
        raise RemoteUnavailable(f"The shop answered {path} with something that is no list.")
    return [row for row in data if isinstance(row, Mapping) and is_id(row.get("id"))]


def is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def answered_list(data: Any, name: str) -> Sequence[Any]:
    """Return the named list of a batch answer; [] stands for "nothing was read of the request"."""
    if data == []:
        return []
    found = data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(found, list):
        raise OutcomeUnknown("The shop's answer to a batch names no results.")
    return found
