"""Stable codes of problems and warnings, and what each one means.

Programs branch on a code; texts may change. `docs/problems.md` and `/problems` are
rendered from here.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, Self

PAGE: Final = "/problems"
"""Where the relay serves the explanations; `type` of a problem leads there."""


class ProblemCode(StrEnum):
    """Why a request was refused."""

    REQUIRED = "required"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_VALUE = "unknown_value"
    INVALID_VALUE = "invalid_value"
    PLACEHOLDER = "placeholder"
    SEVERAL_VALUES = "several_values"
    SPREADSHEET_VALUE = "spreadsheet_value"
    WEB_ADDRESS = "web_address"
    INVALID_CHARACTER = "invalid_character"
    NOT_ADDRESSABLE = "not_addressable"
    WRONG_CHECK_DIGIT = "wrong_check_digit"
    INVALID_KEY = "invalid_key"
    INVALID_DATE = "invalid_date"
    INVALID_URL = "invalid_url"
    NOT_CONFIGURED = "not_configured"
    CONTRADICTION = "contradiction"
    NOTHING_TO_CHANGE = "nothing_to_change"
    UNKNOWN_VOLUME = "unknown_volume"
    CONFLICT = "conflict"
    CONTRACT_CONFLICT = "contract_conflict"
    TRACKING_NUMBER_CONFLICT = "tracking_number_conflict"
    ALREADY_DELIVERED = "already_delivered"
    CANCELLED = "cancelled"
    ERASED = "erased"
    SHADOW_MODE = "shadow_mode"
    NOT_FOUND = "not_found"
    INVALID_JSON = "invalid_json"
    EMPTY_BODY = "empty_body"
    UNDECODABLE_BODY = "undecodable_body"
    REQUEST_TIMEOUT = "request_timeout"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOKEN_MISSING = "token_missing"  # noqa: S105 -- a code, not a secret
    TOKEN_UNKNOWN = "token_unknown"  # noqa: S105 -- a code, not a secret
    SCOPE_MISSING = "scope_missing"
    PATH_NOT_FOUND = "path_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    IDEMPOTENCY_KEY = "idempotency_key"
    VERIFICATION_FAILED = "verification_failed"
    UNKNOWN_CONTRACT = "unknown_contract"
    BAD_REQUEST = "bad_request"
    TRY_AGAIN = "try_again"
    INTERNAL_ERROR = "internal_error"

    @property
    def type(self) -> str:
        """The `type` of a problem: the path that explains it."""
        return f"{PAGE}/{self}"


class WarningCode(StrEnum):
    """What to check of a request that was carried out."""

    INVOICE_NUMBER_SPACE = "invoice_number_space"
    INVOICE_NUMBER_CHARACTERS = "invoice_number_characters"
    INVOICE_KEY_OF_OTHER_INVOICE = "invoice_key_of_other_invoice"
    INVOICE_KEY_MISSING = "invoice_key_missing"
    TRACKING_NUMBER_SHARED = "tracking_number_shared"
    CHECK_DIGIT_DOUBTFUL = "check_digit_doubtful"
    CARRIER_CONTRADICTION = "carrier_contradiction"
    TAX_ID_INVALID = "tax_id_invalid"
    DISPATCHED_DATE_MISSING = "dispatched_date_missing"
    DISPATCHED_DATE_FUTURE = "dispatched_date_future"
    DISPATCHED_DATE_LATER = "dispatched_date_later"
    DISPATCHED_DATE_NOT_SENT = "dispatched_date_not_sent"
    VOLUMES_RAISED = "volumes_raised"
    VOLUMES_IGNORED = "volumes_ignored"
    VALUE_IGNORED = "value_ignored"
    TRACKING_URL_UNCHANGED = "tracking_url_unchanged"
    TRACKING_URL_MISSING = "tracking_url_missing"
    DELIVERY_PUBLISHED = "delivery_published"
    NUMBER_STAYS_AT_VTEX = "number_stays_at_vtex"
    EVENTS_MAY_REPEAT = "events_may_repeat"
    EVENT_STAYS_AT_VTEX = "event_stays_at_vtex"
    PARTIAL_INVOICE = "partial_invoice"
    REFUND_STARTS = "refund_starts"
    INVOICE_ITEMS_MISSING = "invoice_items_missing"
    INVOICE_IN_VTEX = "invoice_in_vtex"
    ISSUANCE_DATE_FUTURE = "issuance_date_future"


class CodedWarning(str):
    """A warning for people, `field: problem; what to do`, with its code and field."""

    __slots__ = ("code", "field")
    code: WarningCode
    field: str

    def __new__(cls, code: WarningCode, text: str, field: str = "") -> Self:
        """Make the text; *field* is the JSON name of the field at fault, if any."""
        made = super().__new__(cls, f"{field}: {text}" if field else text)
        made.code, made.field = code, field
        return made


PROBLEMS: Final[Mapping[ProblemCode, str]] = {
    ProblemCode.REQUIRED: "A field is missing. Add it; `hint` lists possible values.",
    ProblemCode.UNKNOWN_FIELD: "A field, column or parameter is unknown, so nothing "
    "was stored. Correct its name as `hint` says, or remove it.",
    ProblemCode.WRONG_TYPE: "A value has another JSON type. Numbers of invoices and "
    "parcels are strings, because leading zeros count.",
    ProblemCode.EMPTY: "A value is empty. Write one, or remove the field.",
    ProblemCode.TOO_LONG: "A text or a list is too long. `hint` has the limit.",
    ProblemCode.OUT_OF_RANGE: "A number is too small or too large. `hint` has the "
    "limit.",
    ProblemCode.UNKNOWN_VALUE: "A value is none of those that `hint` lists.",
    ProblemCode.INVALID_VALUE: "A value is invalid. `detail` says why.",
    ProblemCode.PLACEHOLDER: "A number stands for a missing one, such as `0`, `-`, "
    "`null` or `N/A`. Leave an optional field out until you have the value.",
    ProblemCode.SEVERAL_VALUES: "One field holds several numbers. Send one parcel "
    "each in `parcels`; in a CSV file write one row per `volume`.",
    ProblemCode.SPREADSHEET_VALUE: "A number was changed by a spreadsheet: a formula, "
    "an error, an exponent, decimals or quotes. Set the column to `text` and fill it "
    "in again.",
    ProblemCode.WEB_ADDRESS: "A number is the address of a web page. Send the number, "
    "and the address as `trackingUrl`.",
    ProblemCode.INVALID_CHARACTER: "A number contains a space or an invisible "
    "character. Remove it.",
    ProblemCode.NOT_ADDRESSABLE: "VTEX cannot be called with this value, because it "
    "would change the address of the call. Issue the invoice without the character.",
    ProblemCode.WRONG_CHECK_DIGIT: "The check digit does not fit, and the carrier "
    "uses only numbers with one. Compare the number with the label.",
    ProblemCode.INVALID_KEY: "The key of an NF-e or CT-e is incomplete, of another "
    "document, or has a wrong check digit. Copy it from the DANFE, DACTE or XML.",
    ProblemCode.INVALID_DATE: "A date is not ISO 8601 or does not exist. `hint` has "
    "an example.",
    ProblemCode.INVALID_URL: "`trackingUrl` is not the address of a web page.",
    ProblemCode.NOT_CONFIGURED: "The account, contract, courier or tax id is not "
    "configured in this relay. `hint` lists what is.",
    ProblemCode.CONTRADICTION: "Two fields of the request contradict each other. "
    "Remove or correct one of them.",
    ProblemCode.NOTHING_TO_CHANGE: "A correction without a field to correct.",
    ProblemCode.UNKNOWN_VOLUME: "The invoice has no parcel of this number.",
    ProblemCode.CONFLICT: "The request contradicts what is registered, or the "
    "shipment's state does not allow it. `hint` says what is possible.",
    ProblemCode.CONTRACT_CONFLICT: "The invoice is registered under another contract. "
    "PATCH `contract`, or register a handover to a second carrier.",
    ProblemCode.TRACKING_NUMBER_CONFLICT: "The parcel is registered with another "
    "tracking number. PATCH it to correct it, or give a `volume` to add a parcel.",
    ProblemCode.ALREADY_DELIVERED: "VTEX has the delivery, so the shipment cannot be "
    "cancelled, and is sent again only with `force`.",
    ProblemCode.CANCELLED: "The shipment was cancelled. POST the label to register it "
    "again.",
    ProblemCode.ERASED: "The order's personal data was erased on request. It cannot "
    "be registered or changed any more.",
    ProblemCode.SHADOW_MODE: "The account is in shadow mode: the relay compares, and "
    "writes nothing to VTEX. Nothing was sent. Set `shadow = false` to send.",
    ProblemCode.NOT_FOUND: "It does not exist, or your token may not access its "
    "account.",
    ProblemCode.INVALID_JSON: "The body is not valid JSON. `detail` has the line and "
    "column.",
    ProblemCode.EMPTY_BODY: "The body is empty. `hint` has an example.",
    ProblemCode.UNDECODABLE_BODY: "The body is incomplete, or does not fit its "
    "`Content-Encoding` or charset.",
    ProblemCode.REQUEST_TIMEOUT: "The body did not arrive in time. Send it again.",
    ProblemCode.BODY_TOO_LARGE: "The body is larger than the relay accepts. Send "
    "fewer labels at a time.",
    ProblemCode.UNSUPPORTED_MEDIA_TYPE: "The body must be JSON, with the header "
    "`Content-Type: application/json`, without compression or with gzip or deflate.",
    ProblemCode.TOKEN_MISSING: "The header `Authorization: Bearer …` is missing.",
    ProblemCode.TOKEN_UNKNOWN: "The relay does not know the token.",
    ProblemCode.SCOPE_MISSING: "The token may not do this. Its scopes are in the "
    "relay's settings.",
    ProblemCode.PATH_NOT_FOUND: "The path does not exist. `/openapi.json` lists all.",
    ProblemCode.METHOD_NOT_ALLOWED: "The path exists, but not with this method. The "
    "header `Allow` lists the methods.",
    ProblemCode.IDEMPOTENCY_KEY: "The relay does not use the header "
    "`Idempotency-Key`. Remove it: account, order and invoice number identify a "
    "label, so repeating a request is safe.",
    ProblemCode.VERIFICATION_FAILED: "The signature or secret of a webhook is wrong.",
    ProblemCode.UNKNOWN_CONTRACT: "The webhook's address names no configured contract.",
    ProblemCode.BAD_REQUEST: "The HTTP request is malformed.",
    ProblemCode.TRY_AGAIN: "The relay cannot store it at present. Send the same "
    "request again after the seconds in `Retry-After`.",
    ProblemCode.INTERNAL_ERROR: "An error of the relay. Nothing was answered as "
    "stored; send the same request again. Its log has the request id.",
}
WARNINGS: Final[Mapping[WarningCode, str]] = {
    WarningCode.INVOICE_NUMBER_SPACE: "VTEX answers 500 to every tracking call for an "
    "invoice number with a space, permanently.",
    WarningCode.INVOICE_NUMBER_CHARACTERS: "VTEX may refuse the tracking of an invoice "
    "number with characters other than letters, digits and `-`.",
    WarningCode.INVOICE_KEY_OF_OTHER_INVOICE: "Key and number are of different "
    "invoices.",
    WarningCode.INVOICE_KEY_MISSING: "The contract sends the key as tracking number, "
    "so VTEX gets nothing until it is registered.",
    WarningCode.TRACKING_NUMBER_SHARED: "Another open order has the same tracking "
    "number. That is correct for one waybill with several invoices; otherwise a "
    "typing error.",
    WarningCode.CHECK_DIGIT_DOUBTFUL: "The number looks like a postal number (S10) or "
    "a fiscal key, but its check digit is wrong. The relay does not know the carrier's "
    "form of numbers, so it was stored. Compare it with the label.",
    WarningCode.CARRIER_CONTRADICTION: "Tax id or courier and `contract` belong to "
    "different carriers.",
    WarningCode.TAX_ID_INVALID: "`carrierTaxId` is not a valid CNPJ and was ignored.",
    WarningCode.DISPATCHED_DATE_MISSING: "Without `dispatchedDate` the relay cannot "
    "tell this parcel's events from those of an earlier one with the same number. A "
    "delivery from before the registration waits for an operator.",
    WarningCode.DISPATCHED_DATE_FUTURE: "A delivery before `dispatchedDate` would be "
    "quarantined.",
    WarningCode.DISPATCHED_DATE_LATER: "The earliest `dispatchedDate` counts. PATCH it "
    "if it was wrong.",
    WarningCode.DISPATCHED_DATE_NOT_SENT: "Corrected here; a new date alone is not "
    "sent to VTEX.",
    WarningCode.VOLUMES_RAISED: "The number of parcels grew; later labels do not "
    "lower it. If that is wrong, PATCH `volumes`.",
    WarningCode.VOLUMES_IGNORED: "More parcels are registered than `volumes` says. "
    "If `volumes` was right, PATCH it.",
    WarningCode.VALUE_IGNORED: "Another value is registered. PATCH to change it.",
    WarningCode.TRACKING_URL_UNCHANGED: "The tracking page was given for the old "
    "number and stays. Send a new one.",
    WarningCode.TRACKING_URL_MISSING: "Neither label, contract nor adapter gives a "
    'tracking page. Without one, VTEX sends no "order shipped" e-mail. Send '
    "`trackingUrl`, or set `tracking_url` of the contract.",
    WarningCode.DELIVERY_PUBLISHED: "VTEX shows the order as delivered already, so "
    "nothing changes there.",
    WarningCode.NUMBER_STAYS_AT_VTEX: "VTEX keeps the tracking number that it has.",
    WarningCode.EVENTS_MAY_REPEAT: "VTEX may show events twice, if their texts or "
    "times changed.",
    WarningCode.EVENT_STAYS_AT_VTEX: "VTEX has the event already and keeps it.",
    WarningCode.PARTIAL_INVOICE: "The invoices of the order are less than its total. "
    "VTEX moves the order to `invoiced` once they add up to it.",
    WarningCode.REFUND_STARTS: "VTEX refunds the value of an invoice of type `Input` "
    "to the shopper by itself.",
    WarningCode.INVOICE_ITEMS_MISSING: "Without `items` VTEX infers them, and its "
    "lists may show a delivered order as not delivered.",
    WarningCode.INVOICE_IN_VTEX: "VTEX showed the invoice already, so it was not "
    "posted again: VTEX would overwrite it.",
    WarningCode.ISSUANCE_DATE_FUTURE: "`issuanceDate` is in the future.",
}


Meanings = Mapping[ProblemCode, str] | Mapping[WarningCode, str]


def explanation(code: str) -> str | None:
    """Return the meaning of a code, None for an unknown one."""
    meanings = {str(c): m for table in (PROBLEMS, WARNINGS) for c, m in table.items()}
    return meanings.get(code)


def page() -> str:
    """Return all codes with their meanings, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Problems and warnings\n"
    yield (
        "Every error is a [problem](https://www.rfc-editor.org/rfc/rfc9457) with a "
        "`code`; `type` leads\nto its meaning here. `errors` has all errors of the "
        "request. Codes are stable, texts are not.\n"
    )
    yield from _table("Problems", PROBLEMS)
    yield ""
    yield "An accepted request may have warnings, each with a `code`.\n"
    yield from _table("Warnings", WARNINGS)
    yield ""


def _table(title: str, meanings: Meanings) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| code | meaning |"
    yield "|---|---|"
    for code, meaning in meanings.items():
        yield f"| `{code}` | {meaning} |"
