"""Carriers' texts: a text that denies a delivery is never one."""

from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.adapters.codes import CodeRow
from relay.adapters.denials import DENIALS, denies_delivery
from relay.adapters.text_rules import TextRow, TextRules
from relay.domain.events import Effect, Milestone, Reference, ReferenceKind

AT = datetime(2026, 11, 27, 20, 40, tzinfo=UTC)
NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="G1")
DELIVERED = CodeRow(milestone=Milestone.DELIVERED)

DENYING = [
    "NÃO ENTREGUE",
    "Não foi entregue",
    "NO ENTREGADO",
    "Undelivered",
    "No se pudo entregar",
    "Entrega cancelada",
    "not delivered",
    "tentativa de entrega sem sucesso",
    "N&Atilde;O ENTREGUE",
    "NÃƒO ENTREGUE",
    "NÃ£o entregue",
    "N?O ENTREGUE",
    "N�O ENTREGUE",
    "NAO_ENTREGUE",
    "naoEntregue",
    "notDelivered",
    "NOT_DELIVERED",
    "NAOENTREGUE",
    "ñ entregue",
    "n/ entregue",
    "Não pôde ser entregue",
    "Impossível entregar",
    "Entrega não realizada",
    "Entrega não efetuada - destinatário ausente",
    "Insucesso na entrega",
    "Falha na entrega",
    "Falha de entrega",
    "Tentativa de entrega",
    "Tentativa de entrega frustrada",
    "Ainda não entregue",
    "Será entregue hoje",
    "A ser entregue",
    "Saiu para entrega",
    "Entrega pendente",
    "Pendente de entrega",
    "Aguardando entrega",
    "Entrega reagendada",
    "Entrega recusada pelo destinatário",
    "Cancelamento da entrega",
    "Estorno de entrega",
    "Baixa de entrega estornada",
    "Entregue: não",
    "Entregue - NÃO",
    "Objeto não entregue - carteiro não atendido",
    "Objeto ainda não chegou/não entregue",
    "Não conseguimos realizar a entrega",
    "Não houve entrega",
    "Não se realizou a entrega",
    "Entregue no endereço errado",
    "Entregue por engano",
    "Não foi possível realizar a entrega do seu pedido",
    "Impossibilidade de realizar a entrega",
    "No entregado",
    "No fue entregado",
    "No ha sido entregado",
    "No se ha podido entregar",
    "No se realizó la entrega",
    "No fue posible realizar la entrega",
    "Imposible entregar",
    "Intento de entrega",
    "Intento de entrega fallido",
    "Entrega fallida",
    "Entrega no realizada",
    "Entrega anulada",
    "Entrega rechazada",
    "Entrega no exitosa",
    "Pendiente de entrega",
    "Por entregar",
    "Sin entregar",
    "Se entregará mañana",
    "Será entregado",
    "Entrega reprogramada",
    "Fallo en la entrega",
    "Paquete no entregado: destinatario ausente",
    "Aún no entregado",
    "Entregado: No",
    "No pudimos entregar tu paquete",
    "Entregado por error",
    "UNDELIVERED",
    "Undeliverable",
    "Not yet delivered",
    "Delivery failed",
    "Failed delivery",
    "Delivery attempt",
    "Attempted delivery",
    "Delivery attempted - not home",
    "Could not be delivered",
    "Couldn't be delivered",
    "can't deliver",
    "Unable to deliver",
    "Delivery unsuccessful",
    "Unsuccessful delivery",
    "Delivery was cancelled",
    "Delivery cancelled",
    "Delivery has been canceled",
    "Delivery refused",
    "To be delivered",
    "Will be delivered",
    "Pending delivery",
    "Awaiting delivery",
    "Out for delivery",
    "Delivery exception",
    "Delivery rescheduled",
    "Non-delivery",
    "NonDelivery",
    "not_delivered",
    "Delivery not completed",
    "Delivered: no",
    "Never delivered",
    "Has not been delivered",
    "wasn't delivered",
    "Misdelivered",
    "Delivered to wrong address",
    "Delivered in error",
    "delivered=false",
    "isDelivered: false",
    "Missed delivery",
    "Delivery failure",
    "No delivery made",
    "parcel was not successfully delivered",
    "Delivery could not be completed",
    "We were unable to deliver your parcel",
]
DELIVERING = [
    "",
    "Entregue",
    "ENTREGUE",
    "Objeto entregue ao destinatário",
    "Entregue ao porteiro",
    "ENTREGA REALIZADA",
    "Entrega realizada normalmente",
    "Entrega efetuada com sucesso",
    "Mercadoria entregue",
    "Entregue ao destinatário, não houve avarias",
    "Entregue sem avarias",
    "Entregue sem assinatura",
    "Recebedor não quis assinar. Entregue ao vizinho",
    "Entregue. Destinatário não assinou",
    "Entregue na 2ª tentativa",
    "Entregue na segunda tentativa de entrega",
    "Entregue no local",
    "Entregue no endereço de entrega",
    "Recebido no ato da entrega",
    "Entregue na portaria",
    "Acaba de ser entregue",
    "Foi entregue",
    "Entrega agendada realizada",
    "Entregue no condomínio",
    "Pedido entregue no prazo",
    "Comprovante de entrega não disponível",
    "Entregue. Não há pendências",
    "Entrega concluída",
    "Baixa de entrega",
    "Entregado",
    "Entregado al destinatario",
    "Entregado en recepción",
    "Entrega exitosa",
    "Entrega realizada",
    "Fue entregado",
    "Ha sido entregado",
    "Entregado sin firma",
    "Entregado sin novedad",
    "Su paquete ha sido entregado con éxito",
    "Entregado en domicilio",
    "El destinatario no firmó, entregado al portero",
    "Delivered",
    "DELIVERED",
    "Delivered to the recipient",
    "Delivered, no signature required",
    "Delivered, signature not required",
    "Delivered - left with neighbour",
    "Delivered to the back door",
    "Successfully delivered",
    "Has been delivered",
    "Delivered on second delivery attempt",
    "Recipient not home, delivered to neighbour",
    "Your parcel was delivered",
    "Delivery completed",
    "Proof of delivery available",
    "Delivered, not signed",
    "Delivered. No damage",
    "entregue em São Paulo, origem Campinas",
    "isDelivered",
    "Delivered at front door",
]

PHRASES = [phrase for listed in DENIALS.phrases.values() for phrase in listed]
NEGATED, FAILED = DENIALS.negated, DENIALS.failed


def spelt(phrase: str) -> str:
    """Return a phrase of the file as a text has it."""
    return phrase.replace("*", "ado").strip("^$")


@pytest.mark.parametrize("text", DENYING)
def test_a_text_may_deny_a_delivery(text: str) -> None:
    assert denies_delivery(text)
    event = DELIVERED.event("1", description=text, references=(NUMBER,), occurred_at=AT)
    assert event.effect is Effect.CONTRADICTORY


@pytest.mark.parametrize("text", DELIVERING)
def test_other_texts_deny_none(text: str) -> None:
    assert not denies_delivery(text)
    assert DELIVERED.given(text) is DELIVERED


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_denies_a_delivery(phrase: str) -> None:
    for text in (spelt(phrase), spelt(phrase).upper(), spelt(phrase).title()):
        assert denies_delivery(text)
    around = ("" if phrase.startswith("^") else "objeto ") + spelt(phrase)
    assert denies_delivery(around + ("" if phrase.endswith("$") else " hoje"))


@given(
    st.sampled_from(NEGATED.before),
    st.lists(st.sampled_from(NEGATED.between), max_size=6),
    st.sampled_from(NEGATED.deliveries),
    st.sampled_from([" ", "  ", "_", "-", " / ", "\u00a0", ". "]),
    st.sampled_from(["NFC", "NFD"]),
)
def test_a_negation_before_a_delivery_denies_it(
    before: str, between: list[str], delivery: str, gap: str, form: str
) -> None:
    words = [spelt(w) for w in (before, *between, delivery)]
    text = gap.join(" ".join(words).split())
    assert denies_delivery(normalize(form, f"(01) {text.upper()} 27/11"))  # type: ignore[arg-type]


@given(
    st.sampled_from(FAILED.deliveries),
    st.lists(st.sampled_from(NEGATED.between), max_size=6),
    st.sampled_from([w for w in FAILED.after if not w.endswith("$")]),
)
def test_what_became_of_a_delivery_denies_it(
    delivery: str, between: list[str], after: str
) -> None:
    words = [spelt(w) for w in (delivery, *between, after)]
    assert denies_delivery(f"Obs. {' '.join(words)}!")


@pytest.mark.parametrize(
    "effect", [Effect.NORMAL, Effect.PROVISIONAL, Effect.TEXT_ONLY]
)
def test_whatever_may_be_published_as_a_delivery_is_quarantined(
    effect: Effect,
) -> None:
    row = DELIVERED.model_copy(update={"effect": effect})
    assert row.given("Não entregue").effect is Effect.CONTRADICTORY


@pytest.mark.parametrize("effect", [Effect.ADMINISTRATIVE, Effect.ROLLBACK])
def test_a_denial_keeps_other_effects(effect: Effect) -> None:
    row = DELIVERED.model_copy(update={"effect": effect})
    assert row.given("Entrega cancelada") is row


def test_a_return_counts_before_a_denial() -> None:
    found = DELIVERED.given("Não entregue, devolvido ao remetente")
    assert (found.milestone, found.effect) == (Milestone.RETURNING, Effect.NORMAL)


def test_no_trusted_text_denies_the_delivery() -> None:
    row = TextRow(milestone=Milestone.DELIVERED, trusted=True)
    assert TextRules({"Não entregue": row})["não entregue"].effect is (
        Effect.CONTRADICTORY
    )
