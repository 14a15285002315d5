"""The last handshake of each contract, on both databases."""

from datetime import timedelta

from relay.clock import micros
from relay.store.database import Database
from relay.store.handshakes import Handshakes
from tests.support.clock import START


async def test_only_the_last_handshake_of_a_contract_is_stored(
    database: Database,
) -> None:
    handshakes = Handshakes(database)
    assert await handshakes.all() == {}
    later = START + timedelta(hours=1)
    for contract, at in (("a", START), ("b", START), ("a", later)):
        await handshakes.put(contract, at)
    assert await handshakes.all() == {"a": micros(later), "b": micros(START)}
