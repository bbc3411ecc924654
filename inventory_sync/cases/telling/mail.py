"""Carry a message by e-mail, through the SMTP server the settings name (EMAIL_URL).

Each address gets a mail of its own: one that is refused keeps nobody else from theirs, and a second try goes
only to those who have not taken it. The Message-ID is the message's own, so a mail that comes twice is known
to be one.
"""

from __future__ import annotations

import smtplib
from email.utils import format_datetime, parseaddr
from time import monotonic

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from inventory_sync.cases.telling.sending import Letter, Receipt
from inventory_sync.domain.errors import Misconfigured, RemoteUnavailable

FOR_GOOD = range(500, 600)
TOTAL_S = 80.0
"""Then no further address is begun: nobody else may take the message while it is being sent."""


def carry(letter: Letter) -> Receipt:
    """Send one mail per address over one connection; raises Misconfigured and RemoteUnavailable."""
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend") and not settings.EMAIL_HOST:
        raise Misconfigured("EMAIL_URL is not set: there is no server to send e-mail by.")
    began, server = monotonic(), get_connection(fail_silently=False)
    try:
        server.open()
    except smtplib.SMTPAuthenticationError as error:
        raise Misconfigured("The mail server refuses the user or password of EMAIL_URL.") from error
    except (smtplib.SMTPException, OSError) as error:
        raise RemoteUnavailable(f"The mail server cannot be reached: {_words(error)}") from error
    accepted: list[str] = []
    refused: list[str] = []
    later = ""
    try:
        for address in letter.addresses:
            if monotonic() - began > TOTAL_S:
                later = later or "The mail server is slow: the other addresses come next."
                break
            try:
                _mail(letter, address, server).send()
                accepted.append(address)
            except smtplib.SMTPRecipientsRefused as error:
                code, words = error.recipients.get(address, (0, b""))
                said = f"{address}: {code} {_text(words)}".strip()
                if code in FOR_GOOD:
                    refused.append(said)
                else:
                    later = said
            except smtplib.SMTPDataError as error:  # a full mailbox may be told of only here
                said = f"{address}: {_words(error)}"
                if error.smtp_code in FOR_GOOD:
                    refused.append(said)
                else:
                    later = said
            except (smtplib.SMTPException, OSError) as error:
                later = _words(error)
                break
    finally:
        _close(server)
    return Receipt(accepted=tuple(accepted), refused=tuple(refused), later=later)


def _mail(letter: Letter, address: str, server: object) -> EmailMultiAlternatives:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    mail = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        to=[address],
        connection=server,
        headers={
            "Message-ID": f"<{letter.key}@{domain}>",
            "Date": format_datetime(letter.at),
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    mail.attach_alternative(letter.html, "text/html")
    return mail


def _close(server: object) -> None:
    """Let go of the server; what it took is taken, however it says good-bye."""
    try:
        server.close()  # type: ignore[attr-defined]
    except (smtplib.SMTPException, OSError):
        return


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words
