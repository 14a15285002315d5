"""Carriers' texts: a text that means a return is never a delivery."""

from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.adapters.codes import CodeRow
from relay.adapters.texts import CORPUS, may_deliver, names_return, normalised
from relay.domain.events import Effect, Milestone, Reason, Reference, ReferenceKind

AT = datetime(2026, 11, 27, 20, 40, tzinfo=UTC)
NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="G1")
DELIVERED = CodeRow(milestone=Milestone.DELIVERED)


def phrases_of(group: dict[str, tuple[str, ...]]) -> list[str]:
    return [phrase for listed in group.values() for phrase in listed]


RETURNS = phrases_of(dict(CORPUS.returns))
SENDERS = phrases_of(dict(CORPUS.senders))

# Letters and the accents that are written on them in Portuguese and Spanish.
ACCENTS = dict(
    zip("aeioucn", "\u0303\u0301\u0301\u0302\u0308\u0327\u0303", strict=True)
)
AROUND = ["", "Entregue", "ENTREGADO:", "delivered -", "Objeto", "(01)", "27/11", "NÃO"]
BETWEEN = [" ", "  ", "\t", "\n", "_", "-", " / ", "\u00a0", ". "]


@st.composite
def spelt(draw: st.DrawFn, phrases: list[str]) -> str:
    """Spell one of *phrases* as carriers do, within a longer text."""
    phrase = draw(st.sampled_from(phrases))
    ending = draw(st.sampled_from(["", "ido", "ida", "ucao", "ada", "ed"]))
    letters = [
        letter + (ACCENTS.get(letter, "") if draw(st.booleans()) else "")
        for letter in phrase.replace("*", ending)
    ]
    words = draw(st.sampled_from(BETWEEN)).join("".join(letters).split(" "))
    case = draw(st.sampled_from([str.upper, str.lower, str.title]))
    form = draw(st.sampled_from(["NFC", "NFD"]))
    before, after = (draw(st.sampled_from(AROUND)) for _ in range(2))
    return normalize(form, f"{before} {case(words)} {after}")  # type: ignore[arg-type]


def milestone_of(text: str) -> Milestone:
    return DELIVERED.event(
        "1", description=text, references=(NUMBER,), occurred_at=AT
    ).milestone


@given(spelt(RETURNS + SENDERS))
def test_no_text_with_a_return_phrase_is_delivered(text: str) -> None:
    assert not may_deliver(text)
    assert milestone_of(text) is Milestone.RETURNING


PARTIES = CORPUS.parties


@st.composite
def to_the_sender(draw: st.DrawFn) -> str:
    """Say in many ways that the sender has the parcel, or that it is at its origin."""
    between = draw(st.lists(st.sampled_from(PARTIES.between), max_size=4))
    if draw(st.booleans()):
        whose = draw(st.sampled_from([*PARTIES.who, *PARTIES.origins]))
        words = [draw(st.sampled_from(PARTIES.to)), *between, whose]
    else:
        did = draw(st.sampled_from(PARTIES.received)), draw(st.sampled_from(PARTIES.by))
        words = [*did, *between, draw(st.sampled_from(PARTIES.who))]
    return " ".join(words)


@given(to_the_sender().flatmap(lambda phrase: spelt([phrase])))
def test_no_text_in_which_the_sender_gets_the_parcel_is_delivered(text: str) -> None:
    assert not may_deliver(text)
    assert milestone_of(text) is Milestone.RETURNING


@given(spelt(RETURNS))
def test_a_return_phrase_is_found_in_any_text(text: str) -> None:
    assert names_return(text)


def test_texts_are_compared_without_accents_case_and_spare_blanks() -> None:
    assert normalised("  NÃO\tlocalizado -  Órgão ") == "nao localizado - orgao"


@pytest.mark.parametrize(
    "text",
    [
        "ENTREGUE AO REMETENTE",
        "ENTREGUE PARA O REMETENTE",
        "Entregue p/ remetente",
        "Entregue P/REMET.",
        "Entregue p/o rem",
        "Entregue à(o) remetente",
        "ENTREGUE_AO_REMETENTE",
        "Entregue ao reme\u00adtente",
        "Devolução autorizada",
        "DEV. AUTORIZADA",
        "será devolvido",
        "retorno à origem",
        "Regressado ao expedidor",
        "Entregado al remitente",
        "entregado a remitente",
        "Devuelto",
        "Paquete regresado",
        "Será devuelta",
        "Delivered to sender",
        "DELIVERED_TO_SENDER",
        "returnedToShipper",
        "RTS",
    ],
)
def test_a_text_may_mention_a_return(text: str) -> None:
    assert names_return(text)
    assert not may_deliver(text)


@pytest.mark.parametrize(
    "text",
    [
        "Entregue na origem",
        "Entregue ao embarcador",
        "Recebido pelo remetente",
        "ENTREGUE REMETENTE",
        "Entregado en origen",
        "Entregado al vendedor",
        "Delivered to shipper",
        "Delivered at origin",
    ],
)
def test_a_delivery_to_the_sender_or_at_the_origin_is_a_return(text: str) -> None:
    assert not may_deliver(text)
    assert not names_return(text)


@pytest.mark.parametrize(
    "text",
    [
        "Entregue a loja de origem",
        "Entregue à loja de origem",
        "Entregue na loja remetente",
        "Entregue ao exp.",
        "Entregue ao emissor",
        "Entregue ao dono da mercadoria",
        "Entregue para a loja remetente",
        "Entregue no CD do vendedor",
        "Entregue na filial do expedidor",
        "Recebido pela loja vendedora",
        "Entregue de volta",
        "Entregue ao lojista",
        "Entregue no depósito do fornecedor",
        "ENTREGUE_A_LOJA_DE_ORIGEM",
        "Entregue p/ exped.",
        "Entregue ao cliente de origem",
        "Entregue na agência de origem",
        "Entregue no centro de distribuição de origem",
        "Assinado pelo remetente",
        "Entregue à lj. de origem",
        "Entregue na loja de origem",
        "Entregado al cliente remitente",
        "Entregado a la tienda de origen",
        "Entregado en CEDIS de origen",
        "Entregado al punto de origen",
        "Entregado en bodega del vendedor",
        "Entregado de vuelta",
        "Entregado al generador",
        "Entregado en la tienda del vendedor",
        "Recibido por el proveedor",
        "Entregado al dueño de la mercancía",
        "Entregado en almacén de origen",
        "Entregado al cargador",
        "Entregado al comercio",
        "Entregado al mismo remitente",
        "Firmado por el vendedor",
        "Delivered to sndr",
        "Delivered, rtn to sndr",
        "Delivered back",
        "Delivered to orig. shipper",
        "Delivered to the store of origin",
        "Delivered to supplier",
        "Delivered to consigner",
        "Delivered to original sender",
        "Delivered back to warehouse",
        "Delivered to the origin facility",
        "Delivered at the seller's warehouse",
        "Signed for by sender",
        "Received by the vendor",
        "Delivered to shpr",
        "deliveredToSndr",
        "DELIVERED_BACK",
        "Delivered to the owner of the goods",
        "Delivered to store of the seller",
        "Delivered at origin depot",
    ],
)
def test_whoever_sent_it_and_wherever_it_came_from_a_delivery_there_is_a_return(
    text: str,
) -> None:
    assert not may_deliver(text)
    assert milestone_of(text) is Milestone.RETURNING


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Entregue",
        "Entregue ao destinatário",
        "Entregue na portaria",
        "Delivered to the back door",
        "entregue em São Paulo, origem Campinas",
        "Entregue na loja",
        "Entregue a cliente",
        "Entregue ao cliente na loja",
        "Entregue no local",
        "Entregue no endereço do destinatário",
        "Entregue a empresa",
        "Delivered to the store",
        "Delivered at back porch",
        "Delivered, back yard",
        "Delivered to the customer",
        "Delivered at the office",
        "Delivered to the company reception",
        "Entregado en la tienda",
        "Entregado en el punto de recogida",
        "Entregado al cliente",
        "Entregado en oficina",
        "Entregado al comprador",
        "Entregado en sucursal de destino",
        "Entregue na unidade de destino",
        "Entregue pelo vendedor",
        "Pedido do vendedor entregue",
        "Entregue. Vendedor: Loja X",
        "Delivered. Seller: Acme",
        "Delivered by the seller",
        "Entregado por el vendedor",
        "Delivered to the rear of the property",
        "Entregue ao consumidor",
        "Entregado por el proveedor logístico",
        "Recebido por Maria",
        "Received by John",
        "Recebido pelo porteiro",
        "Entregue pela loja",
        "Delivered by merchant",
        "Delivered from origin Campinas",
        "Objeto entregue ao destinatário",
        "Entregue ao porteiro",
        "ENTREGA REALIZADA",
        "Entregado al destinatario",
        "Entregado en recepción",
        "Delivered to the recipient",
        "Entregue a vizinho, conforme autorizado pelo remetente",
        "Saiu da unidade de origem",
    ],
)
def test_other_texts_may_describe_a_delivery(text: str) -> None:
    assert may_deliver(text)
    assert milestone_of(text) is Milestone.DELIVERED


@pytest.mark.parametrize("text", ["bloqueado pelo remetente", "Coletado na origem"])
def test_the_sender_and_the_origin_alone_are_no_return(text: str) -> None:
    assert not names_return(text)


def test_a_text_of_the_row_itself_counts_like_the_carriers() -> None:
    row = DELIVERED.model_copy(update={"text": "Entregue ao remetente"})
    found = row.event("1", references=(NUMBER,), occurred_at=AT)
    assert found.milestone is Milestone.RETURNING


def test_a_provisional_delivery_to_the_sender_does_not_wait_for_confirmation() -> None:
    row = DELIVERED.model_copy(update={"effect": Effect.PROVISIONAL})
    assert row.given("Devuelto").effect is Effect.NORMAL


@pytest.mark.parametrize("effect", [Effect.ADMINISTRATIVE, Effect.ROLLBACK])
def test_a_return_phrase_keeps_other_effects(effect: Effect) -> None:
    row = DELIVERED.model_copy(update={"effect": effect, "undoes": ("1",)})
    found = row.given("Devuelto")
    assert (found.effect, found.undoes) == (effect, ("1",))


def test_a_return_phrase_changes_no_other_milestone() -> None:
    row = CodeRow(milestone=Milestone.HELD, reason=Reason.REFUSED)
    assert row.given("Aguardando devolução") is row
