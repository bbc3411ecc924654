"""The errors the twin's models raise. The wire gives them their shape per version and transport."""

from __future__ import annotations


class OdooError(Exception):
    """An error by the name Odoo gives it, `odoo.exceptions.UserError` say."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


class SerializationFailure(OdooError):
    """A row was changed by another transaction meanwhile; the server tries again by itself, then gives up."""

    def __init__(self) -> None:
        super().__init__(
            "psycopg2.errors.SerializationFailure", "could not serialize access due to concurrent update\n"
        )


def user_error(message: str) -> OdooError:
    return OdooError("odoo.exceptions.UserError", message)


def validation_error(message: str) -> OdooError:
    return OdooError("odoo.exceptions.ValidationError", message)


def access_error(message: str) -> OdooError:
    return OdooError("odoo.exceptions.AccessError", message)


def access_denied() -> OdooError:
    return OdooError("odoo.exceptions.AccessDenied", "Access Denied")


def missing_error(records: str, uid: int) -> OdooError:
    return OdooError(
        "odoo.exceptions.MissingError",
        f"Record does not exist or has been deleted.\n(Record: {records}, User: {uid})",
    )


def value_error(message: str) -> OdooError:
    return OdooError("builtins.ValueError", message)


def type_error(message: str) -> OdooError:
    return OdooError("builtins.TypeError", message)


def attribute_error(message: str) -> OdooError:
    return OdooError("builtins.AttributeError", message)
