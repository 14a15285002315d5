import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest

from relay.adapters.loader import adapter_names, load_carrier
from relay.adapters.options import refuse_unknown
from relay.adapters.protocol import CarrierFailure, ContractOptions
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.errors import ConfigurationError

CONTRACT = ContractOptions("north", ZoneInfo("America/Recife"))

Publish = Callable[[str], None]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Install a package of a third party, as pip would leave it."""
    shelf = tmp_path / "third_party"
    (shelf / "owl").mkdir(parents=True)
    (shelf / "__init__.py").touch()
    (shelf / "notes.py").touch()
    (shelf / "owl" / "__init__.py").write_text(
        dedent("""
            from relay.adapters.options import refuse_unknown

            class Adapter:
                display_name = "Owl Post"

                def __init__(self, contract):
                    refuse_unknown(contract.options, {"wings"})
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)

    def install(entry_point: str) -> None:
        info = tmp_path / "third_party-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Name: third-party\nVersion: 1.0\n")
        text = f"[relay.carriers]\n{entry_point}\n"
        (info / "entry_points.txt").write_text(text)
        for name in [n for n in sys.modules if n.startswith("third_party")]:
            monkeypatch.delitem(sys.modules, name)

    return install


def test_built_in_adapters_are_found_by_their_folders() -> None:
    names = adapter_names()
    assert "melhorenvio" in names
    assert names == sorted(names)


def test_a_third_partys_shelf_is_read_like_the_built_in_one(publish: Publish) -> None:
    publish("third_party = third_party")
    assert {"owl", "melhorenvio"} <= set(adapter_names())
    assert "notes" not in adapter_names()
    assert load_carrier("owl", CONTRACT).display_name == "Owl Post"


def test_a_third_party_may_name_a_single_adapter(publish: Publish) -> None:
    publish("night_owl = third_party.owl:Adapter")
    assert load_carrier("night_owl", CONTRACT).display_name == "Owl Post"
    assert "owl" not in adapter_names()


def test_an_adapter_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_carrier("pigeon", CONTRACT)
    assert str(caught.value).startswith("contracts.north.adapter: no adapter 'pigeon'")
    assert "melhorenvio" in str(caught.value)


def test_what_an_adapter_refuses_is_named_with_its_contract(publish: Publish) -> None:
    publish("third_party = third_party")
    wrong = {"beak": 1, "wing": 2}
    contract = ContractOptions("north", CONTRACT.zone, options=wrong)
    with pytest.raises(ConfigurationError) as caught:
        load_carrier("owl", contract)
    assert str(caught.value).splitlines() == [
        "contracts.north.beak: unknown option; known here: wings",
        "contracts.north.wing: unknown option; did you mean `wings`?",
    ]


def test_known_options_pass() -> None:
    refuse_unknown({}, ())
    refuse_unknown({"wings": 2}, {"wings", "beak"})


def test_an_adapter_without_keys_of_its_own_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"^wings: .*known here: none$"):
        refuse_unknown({"wings": 2})


def test_a_parcel_has_its_first_reference_of_a_kind() -> None:
    first, second = (
        Reference(kind=ReferenceKind.SHIPMENT_ID, value=value) for value in ("1", "2")
    )
    parcel = ParcelView((first, second))
    assert parcel.value(ReferenceKind.SHIPMENT_ID) == "1"
    assert parcel.value(ReferenceKind.VOLUME_CODE) == ""


def test_a_carrier_that_fails_may_say_how_long_it_wants_to_be_left_alone() -> None:
    assert CarrierFailure("busy").wait is None
    assert CarrierFailure("busy", wait=30).wait == 30


def test_what_an_adapter_is_given_does_not_show_its_secrets() -> None:
    given = ContractOptions(
        "hub", ZoneInfo("UTC"), ("top-secret",), options={"password": "hidden-word"}
    )
    assert "top-secret" not in repr(given)
    assert "hidden-word" not in repr(given)
