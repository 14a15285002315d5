"""A visit to the console after the demo: who may sign in, and parcels to repair."""

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Final

from rich.console import Console

from relay.console.passwords import hash_password
from relay.demo.client import now
from relay.demo.plan import ACCOUNT
from relay.demo.scenario import Scenario
from relay.demo.stories import for_the_visit

PERSON: Final = "demo"
LABEL: Final = {
    "account": ACCOUNT,
    "orderId": "1999999999999-01",
    "invoiceNumber": "000099999",
    "trackingNumber": "DEMO-STAYS-1",
    "trackingUrl": "https://carrier.example/DEMO-STAYS-1",
}
"""A parcel whose order VTEX does not have: it stays unknown until it is repaired."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Lets a person look at the relay of the demo until they stop it."""

    password: str = field(default_factory=lambda: token_urlsafe(12), repr=False)

    def variables(self) -> Mapping[str, str]:
        """Return the relay's variables of the person."""
        prefix = f"RELAY_USERS__{PERSON.upper()}__"
        return {
            f"{prefix}PASSWORD_HASH": hash_password(self.password),
            f"{prefix}ROLE": "act",
            f"{prefix}LANGUAGE": "en",  # that of the lines printed below
        }

    async def wait(self, scenario: Scenario, console: Console) -> None:
        """Leave two parcels to repair, say where to look, and wait for Ctrl-C."""
        console.print("\nTwo parcels for you to repair are being prepared …")
        stuck = for_the_visit(scenario.plan, now())
        await scenario.leave_stuck(stuck)
        contract = scenario.plan[0].carrier.contract
        await scenario.relay.register_fields(LABEL | {"contract": contract})
        invoicing = (
            f"curl {scenario.sandbox.url}/sandbox/orders "
            f"-H 'Content-Type: application/json' -d '{_order()}'"
        )
        for line in (
            f"The console: {scenario.relay.url}/console/",
            f"Sign in as {PERSON} with the password {self.password}",
            f"Order {stuck.order_id} is stuck: VTEX answered 200, but stored nothing.",
            "VTEX works again: click Stuck, then Retry, and give a reason.",
            f"VTEX does not know order {LABEL['orderId']}: it is not invoiced yet.",
            f"The ERP would issue it with: {invoicing}",
            "Ctrl-C stops the demo.",
        ):
            console.print(line, markup=False, soft_wrap=True)
        await _interrupted()


def _order() -> str:
    invoices = f'[{{"invoiceNumber": "{LABEL["invoiceNumber"]}"}}]'
    order = LABEL["orderId"]
    return f'{{"account": "{ACCOUNT}", "orderId": "{order}", "invoices": {invoices}}}'


async def _interrupted() -> None:
    """Wait for Ctrl-C, or for the signal that ends a program."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
