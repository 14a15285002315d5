"""What each kind of fault makes of a call; `None` stands for no answer at all."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from relay.sandbox import answers
from relay.sandbox.answers import VtexAnswer
from relay.sandbox.exchange import VtexExchange
from relay.sandbox.faults import FaultKind, InjectedFault

_LOOK_SECONDS: Final = 0.02

_WORDS: Final = {
    401: answers.unauthorized(),
    403: answers.forbidden(),
    409: answers.error(409, "1", "Conflict"),
    429: answers.error(429, "1", "Too Many Requests"),
    503: answers.error(503, "1", "Service Unavailable"),
}


async def apply_fault(
    visit: VtexExchange, fault: InjectedFault | None
) -> VtexAnswer | None:
    """Deal with a call, spoiled by *fault* if there is one."""
    if fault is None:
        return visit.perform()
    visit.call.fault = fault.kind
    return await _PLAYS[fault.kind](visit, fault)


async def _status(visit: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    headers = fault.headers(visit.world.options.clock())
    if fault.body is not None:
        plain = isinstance(fault.body, str)
        content_type = "text/plain" if plain else "application/json"
        return VtexAnswer(fault.answered, fault.body, content_type, headers)
    usual = answers.error(fault.answered, "1", "An error has occurred")
    usual = _WORDS.get(fault.answered, usual)
    return VtexAnswer(usual.status, usual.body, usual.content_type, headers)


async def _refuse_after(visit: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    visit.perform()
    return await _status(visit, fault)


async def _redirect(visit: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    elsewhere = f"{visit.request.url.origin()}/sandbox/elsewhere"
    location = fault.location or elsewhere
    return VtexAnswer(fault.answered, "", "text/plain", {"Location": location})


async def _cut_before(visit: VtexExchange, _: InjectedFault) -> None:
    visit.cut()


async def _cut_after(visit: VtexExchange, _: InjectedFault) -> None:
    visit.perform()
    visit.cut()


async def _slow(visit: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    answer = visit.perform()
    await visit.wait(fault.delay_seconds)
    return answer


async def _vanish(visit: VtexExchange, _: InjectedFault) -> VtexAnswer:
    """Answer 200, which is no proof of effect (community.vtex.com, topic 17467)."""
    answer, _carry_out = visit.accept()
    return answer


async def _late(visit: VtexExchange, fault: InjectedFault) -> None:
    _, carry_out = visit.accept()
    flights = visit.world.flights

    async def carry_out_later() -> None:
        try:
            await visit.world.options.sleep(fault.delay_seconds)
            carry_out()
        finally:
            flights.end(visit.call)

    if visit.call.target.kind != "get":
        flights.begin(visit.call, lambda: True)
    visit.world.later(carry_out_later())
    if not fault.hang:
        return visit.cut()
    while visit.request.transport is not None and not visit.world.closing.is_set():
        await visit.wait(_LOOK_SECONDS)
    return None


_Play = Callable[[VtexExchange, InjectedFault], Awaitable[VtexAnswer | None]]

_PLAYS: Final[Mapping[FaultKind, _Play]] = {
    "status": _status,
    "outage": _status,
    "cut_before": _cut_before,
    "cut_after": _cut_after,
    "late": _late,
    "slow": _slow,
    "refuse_after": _refuse_after,
    "vanish": _vanish,
    "redirect": _redirect,
}
