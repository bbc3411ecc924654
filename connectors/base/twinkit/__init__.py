"""The twin kit: what every twin is built from.

A threaded HTTP server, books that survive kill -9, a clock that can be moved, and faults
that can be injected. Speaks no vendor's contract and imports nothing of the platform.
"""

from connectors.base.twinkit.books import Books, Doc
from connectors.base.twinkit.clock import TwinClock
from connectors.base.twinkit.faults import Fault, FaultDoor, Faults
from connectors.base.twinkit.http import Request, Response, TwinServer, json_response
from connectors.base.twinkit.sending import Answer, Line, post
from connectors.base.twinkit.serving import Twin, run_until_signalled

__all__ = [
    "Answer",
    "Books",
    "Doc",
    "Fault",
    "FaultDoor",
    "Faults",
    "Line",
    "Request",
    "Response",
    "Twin",
    "TwinClock",
    "TwinServer",
    "json_response",
    "post",
    "run_until_signalled",
]
