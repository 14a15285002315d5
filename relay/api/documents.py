"""`/v1/documents`: what came from carriers, for operators."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from aiohttp import web

from relay.api.auth import Access
from relay.api.bodies import Paging, cursor, json_answer, parse_query
from relay.api.keys import CLOCK, DATABASE, DOCUMENTS, ON_REPLAY
from relay.api.operations import Operation, mount
from relay.api.shipments import number_in
from relay.api.worklists import LISTS
from relay.clock import moment
from relay.config.account import Scope
from relay.errors import NotFound
from relay.logs import logger
from relay.service.models import Problem, ResponseModel
from relay.service.worklists import ListScope
from relay.store.codec import as_dict, at, loads
from relay.store.database import Row
from relay.store.rejected import RejectedRequests
from relay.store.shipment_lists import ROUNDS

ROOT: Final = "/v1/documents"
ONE: Final = ROOT + "/{document}"


class DocumentQuery(Paging):
    """Which documents are asked for."""

    unreadable: bool = False


class DocumentSummary(ResponseModel):
    """Something that came from a carrier; without `readAt` it waits to be read.

    `parked` documents wait until their contract is configured again. `size` is
    in bytes.
    """

    id: int
    contract: str
    source: str
    received_at: datetime
    read_at: datetime | None
    new_events: int | None
    parked: bool
    tries: int
    unreadable_reason: str | None
    size: int


class DocumentList(ResponseModel):
    """A page; `next` is the cursor of the next one, None at the end."""

    documents: tuple[DocumentSummary, ...]
    next: str | None = None


class DocumentDetail(DocumentSummary):
    """A document with what was kept of it.

    Personal fields are cut once it was read; `digest` is the original's then.
    """

    headers: dict[str, str]
    digest: str | None
    replays: int
    body_encoding: Literal["text", "base64"]
    body: str


class Replayed(ResponseModel):
    """A document that is read again."""

    id: int


async def listed(request: web.Request, access: Access) -> web.Response:
    """Return a page of documents, the newest first."""
    query = parse_query(request, DocumentQuery)
    documents, position = request.app[DOCUMENTS], query.before
    found: list[dict[str, Any]] = []
    end = False
    for _ in range(ROUNDS):
        wanted = query.limit - len(found)
        page = await documents.list(
            before=position, limit=wanted, unreadable=query.unreadable
        )
        found += [r for r in page if _is_visible(access, r["contract"])]
        end = len(page) < wanted
        if end:
            break
        position = page[-1]["document"]
        if len(found) == query.limit:
            break
    body = DocumentList(
        documents=tuple(DocumentSummary(**_summary(r)) for r in found),
        next=None if end else cursor(position),
    )
    return json_answer(body)


async def one(request: web.Request, access: Access) -> web.Response:
    """Return a document with its body."""
    row = await _found(request, access)
    body: bytes = row["body"]
    encoding: Literal["text", "base64"] = "text"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text, encoding = b64encode(body).decode(), "base64"
    detail = DocumentDetail(
        **_summary(dict(row) | {"size": len(body)}),
        headers=loads(row["headers"]),
        digest=row["digest"],
        replays=row["replays"],
        body_encoding=encoding,
        body=text,
    )
    return json_answer(detail)


async def replay(request: web.Request, access: Access) -> web.Response:
    """Have a document read again, after its adapter or code table was mended."""
    row = await _found(request, access)
    await request.app[DOCUMENTS].replay(row["document"])
    request.app[ON_REPLAY]()
    return json_answer(Replayed(id=row["document"]), 202)


async def _found(request: web.Request, access: Access) -> Row:
    """Return the document that the path names, if it exists for the sender."""
    number = request.match_info["document"]
    is_number = number.isascii() and number.isdigit() and len(number) < len("9" * 19)
    row = await request.app[DOCUMENTS].one(int(number)) if is_number else None
    if row is None or not _is_visible(access, row["contract"]):
        raise NotFound("there is no such document")
    return row


def _is_visible(access: Access, contract: str) -> bool:
    """Whether a sender may see what a carrier says to all stores of *contract*."""
    if access.limited() is None:
        return True
    known = access.settings.contracts.get(contract)
    return known is not None and all(access.sees(a) for a in known.accounts)


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    names = ("contract", "source", "tries", "unreadable_reason", "size")
    return {name: row[name] for name in names} | {
        "id": row["document"],
        "received_at": moment(row["received_at"]),
        "read_at": at(row["read_at"]),
        "new_events": row["new_events"],
        "parked": bool(row["parked"]),
    }


OPERATIONS: Final = (
    Operation(
        method="GET",
        path=ROOT,
        handler=listed,
        scope=Scope.OPERATOR,
        summary="List what came from carriers, the newest first",
        query=DocumentQuery,
        answers={200: DocumentList, 422: Problem},
    ),
    Operation(
        method="GET",
        path=ONE,
        handler=one,
        scope=Scope.OPERATOR,
        summary="Show a document with its body",
        answers={200: DocumentDetail, 404: Problem},
    ),
    Operation(
        method="POST",
        path=ONE + "/replay",
        handler=replay,
        scope=Scope.OPERATOR,
        summary="Read a document again",
        answers={202: Replayed, 404: Problem},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the operations on documents."""
    mount(app, OPERATIONS)


REJECTED: Final = "/v1/rejected/{request}"
NO_REQUEST: Final = "no such request was put aside"
WHICH_REQUEST: Final = f"{LISTS}/untrusted lists the last ones"
_log = logger(__name__)


class RejectedAnswer(ResponseModel):
    """A request that did not prove to be the carrier's, as it came."""

    id: int
    contract: str
    received_at: datetime
    because: str
    headers: Mapping[str, str]
    body: str


class AcceptedAnswer(ResponseModel):
    """A request that is read now, and the contract that it came for."""

    id: int
    contract: str


async def list_rejected(request: web.Request, access: Access) -> web.Response:
    """Return a request that proved nothing, with its body."""
    row = await _rejected_request(request, access)
    return json_answer(
        RejectedAnswer(
            id=row["rejected_request"],
            contract=row["contract"],
            received_at=moment(row["received_at"]),
            because=row["reason"],
            headers=loads(row["headers"]),
            body=bytes(row["body"]).decode(errors="replace"),
        )
    )


async def _rejected_request(request: web.Request, access: Access) -> Row:
    """Return what was put aside under the number in the path; raise `NotFound`."""
    number = number_in(request.match_info["request"], NO_REQUEST)
    row = await RejectedRequests(request.app[DATABASE]).one(number)
    narrowed = ListScope(access.settings, access.limited())
    if row is None or not narrowed.fits(as_dict(row)):
        raise NotFound(NO_REQUEST, hint=WHICH_REQUEST)
    return row


async def accept_rejected(request: web.Request, access: Access) -> web.Response:
    """Take an untrusted request as the carrier's, on a person's word."""
    rejected_requests, row = (
        RejectedRequests(request.app[DATABASE]),
        await _rejected_request(request, access),
    )
    number = row["rejected_request"]
    if not await rejected_requests.accept(number, access.name, request.app[CLOCK]()):
        raise NotFound(NO_REQUEST, hint=WHICH_REQUEST)
    _log.info("accepted", contract=row["contract"], request=number, by=access.name)
    request.app[ON_REPLAY]()
    return json_answer(AcceptedAnswer(id=number, contract=row["contract"]), 202)


REJECTED_OPERATIONS: Final = (
    Operation(
        method="GET",
        path=REJECTED,
        handler=list_rejected,
        scope=Scope.OPERATOR,
        summary="Show a request that did not prove to be the carrier's",
        answers={200: RejectedAnswer, 404: Problem},
    ),
    Operation(
        method="POST",
        path=REJECTED + "/accept",
        handler=accept_rejected,
        scope=Scope.OPERATOR,
        summary="Take an untrusted request as the carrier's: it is read",
        answers={202: AcceptedAnswer, 404: Problem},
    ),
)


def add_rejected_routes(app: web.Application) -> None:
    """Serve them."""
    mount(app, REJECTED_OPERATIONS)
