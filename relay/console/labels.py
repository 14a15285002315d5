"""Labels: register one by a form, or many from a CSV file, with a preview."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic_core import from_json, to_json

from relay.console.keys import SERVICES
from relay.console.page import language_of, render
from relay.console.security import caller, check_may_act
from relay.console.sessions import NOTICE, SESSION
from relay.errors import InvalidLabel, RegistrationError
from relay.registration.csv_import import LabelTable, label_fields, read_table
from relay.service.access import Caller
from relay.service.models import Problem
from relay.service.shipments import REFUSED, ShipmentService
from relay.text import decode_text

FIELDS: Final = (
    "orderId", "invoiceNumber", "trackingNumber", "trackingUrl", "courier",
    "dispatchedDate",
)  # fmt: skip
NEEDED: Final = frozenset({"orderId", "invoiceNumber"})
SHOWN: Final = 20
"""Rows of a file that its preview shows."""
AT_ONCE: Final = 200
"""Rows that one request registers; the page goes on by itself, with progress."""
routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was refused: its line, and why."""

    line: int
    reason: str


@routes.get("/labels")
async def show(request: web.Request) -> web.Response:
    """Show both forms."""
    check_may_act(request)
    return await _forms(request)


@routes.post("/labels")
async def register(request: web.Request) -> web.Response:
    """Register the label of the form."""
    check_may_act(request)
    form = {name: str(text).strip() for name, text in (await request.post()).items()}
    names = (*FIELDS, "account", "contract")
    fields = {name: form[name] for name in names if form.get(name)}
    services = request.app[SERVICES]
    item = await services.shipments.register_item(caller(request), 0, fields)
    services.context.wake.publisher()
    if item.problem is not None:
        return await _forms(request, form, item.problem)
    request[SESSION].hold(NOTICE, language_of(request)("labels.registered"))
    raise web.HTTPSeeOther(f"/console/shipments/{item.id}")


@routes.post("/labels/preview")
async def preview(request: web.Request) -> web.Response:
    """Show the rows of a file and what is wrong with them; nothing is stored."""
    check_may_act(request)
    form = await request.post()
    file = form.get("file")
    if not isinstance(file, web.FileField):
        raise InvalidLabel("required", field="file", hint="choose a CSV file")
    content = file.file.read()
    table = read_table(content)
    defaults = _defaults(form)
    service, who = request.app[SERVICES].shipments, caller(request)
    refused = [
        RefusedRow(line, str(reason))
        for line, fields in _rows(table, defaults)
        if (reason := _reason(service, who, fields)) is not None
    ]
    return await render(
        request,
        "preview.html",
        table=table,
        shown=table.rows[:SHOWN],
        refused=refused,
        state=_state(_text(content), defaults, 0, []),
    )


@routes.post("/labels/import")
async def import_(request: web.Request) -> web.Response:
    """Register the next rows of a file; show progress, at the end the refused rows."""
    check_may_act(request)
    state = from_json(str((await request.post())["state"]))
    table = read_table(str(state["text"]).encode())
    done, refused = int(state["done"]), list(state["refused"])
    service, who = request.app[SERVICES].shipments, caller(request)
    rows = list(_rows(table, dict(state["defaults"])))[done : done + AT_ONCE]
    for line, fields in rows:
        if isinstance(fields, RegistrationError):
            refused.append({"line": line, "reason": _errors(Problem.of(fields))})
            continue
        item = await service.register_item(who, line, fields)
        if item.status >= REFUSED and item.problem is not None:
            refused.append({"line": line, "reason": _errors(item.problem)})
    request.app[SERVICES].context.wake.publisher()
    done += len(rows)
    more = done < len(table.rows)
    return await render(
        request,
        "import.html",
        done=done,
        total=len(table.rows),
        refused=refused,
        more=more,
        state=_state(state["text"], state["defaults"], done, refused) if more else "",
    )


def _rows(
    table: LabelTable, defaults: Mapping[str, Any]
) -> Iterator[tuple[int, dict[str, Any] | RegistrationError]]:
    """Yield each row's line with its fields, or why it has none."""
    for line, cells in table.rows:
        try:
            yield line, dict(defaults) | label_fields(table.header, cells)
        except RegistrationError as error:
            yield line, error


def _reason(
    service: ShipmentService, who: Caller, fields: dict[str, Any] | RegistrationError
) -> str | None:
    """Return why a row would be refused, as far as that is known without storing it."""
    error = (
        fields
        if isinstance(fields, RegistrationError)
        else service.refusal(who, fields)
    )
    return None if error is None else _errors(Problem.of(error))


def _errors(problem: Problem) -> str:
    """Return all errors of a label in one line, each with its field and hint."""
    return "; ".join(
        f"{error.field}: {error.detail}" + (f" ({error.hint})" if error.hint else "")
        for error in problem.errors
    )


def _defaults(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that all rows of a file share."""
    given = {n: str(form.get(n, "")).strip() for n in ("account", "contract")}
    shared: dict[str, Any] = {n: text for n, text in given.items() if text}
    return shared | ({"imported": True} if form.get("imported") else {})


def _state(text: str, defaults: Mapping[str, Any], done: int, refused: Any) -> str:
    """Return what the next request of an import needs, as a form's field."""
    state = {"text": text, "defaults": defaults, "done": done, "refused": refused}
    return to_json(state).decode()


def _text(content: bytes) -> str:
    """Return a file's text; `read_table` has read it already."""
    return decode_text(content)[0]


async def _forms(
    request: web.Request,
    given: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> web.Response:
    settings = request.app[SERVICES].context.settings
    who = caller(request)
    return await render(
        request,
        "labels.html",
        422 if problem else 200,
        fields=FIELDS,
        needed=NEEDED,
        given=given or {},
        problem=problem,
        accounts=[name for name in settings.accounts if who.sees(name)],
        contracts=list(settings.contracts),
    )
