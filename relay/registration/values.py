"""What numbers and ids of the ERP can be; what a field cannot hold is refused.

Each function returns its text, or raises `InvalidLabel` without a field: the request's
models name it.
"""

import re
from typing import Final

from relay.errors import InvalidLabel
from relay.problem_codes import ProblemCode

LONGEST_ORDER_ID: Final = 100
_PLACEHOLDERS: Final = frozenset(
    {
        "null", "none", "nil", "nan", "undefined", "unknown", "false", "true", "empty",
        "na", "nd", "sn", "tbd", "pending", "pendente", "aguardando", "vazio", "nulo",
        "xx", "xxx", "xxxx", "semrastreio", "semrastreamento", "semcodigo", "semnumero",
        "naoinformado", "naodisponivel", "naotem", "nodisponible", "sinnumero",
        "singuia", "notavailable", "notracking",
    }
)  # fmt: skip
"""Texts that stand for a missing number, folded as in `_folded`."""
_ACCENTS: Final = str.maketrans("áãâàéêíóõôúç", "aaaaeeiooouc")
_ERRORS: Final = re.compile(r"#(N/?[AD]|\w+[!?]|DIV/0!|#+)", re.IGNORECASE)
"""An error of a spreadsheet: #N/D, #N/A, #REF!, #VALOR!, #NOME?, #DIV/0!"""
_EXPONENT: Final = re.compile(r"\d[.,]\d+E[+-]?\d+", re.IGNORECASE)
_DECIMALS: Final = re.compile(r"(\d+)[.,]0{1,2}")
_SEVERAL: Final = re.compile(r"[,;|]")
_QUOTED: Final = re.compile(r"=?\"(.*)\"|=(.*)|'(.*?)'?", re.DOTALL)
_WEB: Final = re.compile(r"[a-z][a-z0-9+.-]*://|www\.", re.IGNORECASE)
_BREAKS_PATH: Final = {
    "/": "a slash", "\\": "a backslash", "?": "a question mark", "#": "a number sign",
    "%": "a percent sign",
}  # fmt: skip
"""Characters that end or change the path of a URL, also where it is decoded twice."""
_TEXT_COLUMN: Final = "set the column's format to `text`, then fill it in again"


def check_number(text: str) -> str:
    """Return a carrier's number of a parcel, which is one code without spaces."""
    _refuse_unlikely(text, "leave the field out until there is a number")
    _refuse_several(
        text,
        "send one parcel each in `parcels`; in a CSV file write one row per `volume`",
    )
    if any(c.isspace() or not c.isprintable() for c in text):
        raise InvalidLabel(
            "contains a space or an invisible character",
            hint="remove it; send several parcels in `parcels`",
            code=ProblemCode.INVALID_CHARACTER,
        )
    return text


def check_invoice_number(text: str) -> str:
    """Return an invoice number; refuse one that VTEX cannot address."""
    _refuse_unlikely(text, "send the number exactly as in VTEX")
    _refuse_several(text, "register one label for each invoice")
    _refuse_unaddressable(text, "issue the invoice in VTEX without it")
    return text


def check_order_id(text: str) -> str:
    """Return an order id; refuse one that VTEX cannot have created."""
    _refuse_unlikely(text, "send VTEX's order id, such as 1172452900788-01")
    _refuse_several(text, "register one label for each order")
    _refuse_unaddressable(text, "send it as VTEX shows it")
    if len(text) > LONGEST_ORDER_ID:
        raise InvalidLabel(
            f"longer than {LONGEST_ORDER_ID} characters",
            hint="send VTEX's order id, such as 1172452900788-01",
            code=ProblemCode.TOO_LONG,
        )
    return text


def check_order_reference(text: str) -> str:
    """Return an order id by which a carrier names the order; VTEX never gets it."""
    _refuse_unlikely(text, "leave the reference out")
    _refuse_several(text, "send one reference for each")
    return text


def _refuse_unlikely(text: str, hint: str) -> None:
    """Refuse what no number can be: placeholders, spreadsheets' texts, addresses."""
    plain = text.strip()
    quoted = _QUOTED.fullmatch(plain)
    if _ERRORS.fullmatch(plain):
        raise _spreadsheet("is an error of a spreadsheet", "correct the cell")
    if quoted is not None:
        value = next((part for part in quoted.groups() if part), "")
        written = f"write {value} alone" if value.isalnum() else _TEXT_COLUMN
        raise _spreadsheet("is a formula or a text in quotes", written)
    if _EXPONENT.fullmatch(plain):
        raise _spreadsheet(
            "rounded to a number by a spreadsheet, which lost digits", _TEXT_COLUMN
        )
    if decimals := _DECIMALS.fullmatch(plain):
        raise _spreadsheet("is a number with decimals", f"write {decimals[1]}")
    if _WEB.match(plain):
        raise InvalidLabel(
            "is the address of a web page",
            hint="send the number here, and the address as `trackingUrl`",
            code=ProblemCode.WEB_ADDRESS,
        )
    if _is_placeholder(plain):
        raise InvalidLabel(
            "stands for a missing value", hint=hint, code=ProblemCode.PLACEHOLDER
        )


def _refuse_several(text: str, hint: str) -> None:
    if _SEVERAL.search(text):
        code = ProblemCode.SEVERAL_VALUES
        raise InvalidLabel("contains several values", hint=hint, code=code)


def _spreadsheet(problem: str, hint: str) -> InvalidLabel:
    return InvalidLabel(problem, hint=hint, code=ProblemCode.SPREADSHEET_VALUE)


def _is_placeholder(text: str) -> bool:
    """Whether *text* has no letter and no digit but zeros, or stands for nothing."""
    folded = "".join(c for c in text.casefold().translate(_ACCENTS) if c.isalnum())
    return not folded.strip("0") or folded in _PLACEHOLDERS


def _refuse_unaddressable(text: str, hint: str) -> None:
    """Refuse a text that breaks the URL of a call to VTEX, or changes its meaning."""
    code = ProblemCode.NOT_ADDRESSABLE
    for sign, name in _BREAKS_PATH.items():
        if sign in text:
            problem = f"contains {name}, which VTEX cannot address"
            raise InvalidLabel(problem, hint=hint, code=code)
    if text != text.strip():
        raise InvalidLabel(
            "begins or ends with a space, so VTEX treats it as another one",
            hint="send it without the space, exactly as in VTEX",
            code=code,
        )
    if any(not c.isprintable() for c in text):
        raise InvalidLabel(
            "contains a control character or another invisible one",
            hint="remove it",
            code=ProblemCode.INVALID_CHARACTER,
        )
