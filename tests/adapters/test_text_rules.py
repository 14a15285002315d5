"""Carriers' texts: a return takes precedence, and nothing is guessed."""

import pytest

from relay.adapters.text_rules import TextRow, TextRules
from relay.domain.events import Effect, Milestone

RULES = TextRules(
    {
        "Entregue": TextRow(milestone=Milestone.DELIVERED),
        "Aguardando devolução": TextRow(milestone=Milestone.HELD),
        "saiu para entrega*": TextRow(milestone=Milestone.OUT_FOR_DELIVERY),
        "*devolv*": TextRow(milestone=Milestone.RETURNING),
    }
)


@pytest.mark.parametrize(
    ("text", "milestone"),
    [
        ("ENTREGUE", Milestone.DELIVERED),
        ("Não entregue", Milestone.UNKNOWN),
        ("Entregue ao vizinho", Milestone.UNKNOWN),
        ("AGUARDANDO DEVOLUCAO", Milestone.HELD),
        ("Saiu para entrega ao destinatário", Milestone.OUT_FOR_DELIVERY),
        ("Saiu para entrega ao remetente", Milestone.UNKNOWN),
        ("Saiu para entrega, será devolvido", Milestone.RETURNING),
        ("", Milestone.UNKNOWN),
    ],
)
def test_a_whole_text_fits_before_a_pattern_and_a_return_before_the_rest(
    text: str, milestone: Milestone
) -> None:
    assert RULES[text].milestone is milestone


def test_an_exact_text_that_means_a_return_is_not_delivered() -> None:
    text = "Entregue p/ remetente"
    rules = TextRules({text: TextRow(milestone=Milestone.DELIVERED)})
    assert rules[text].milestone is Milestone.RETURNING


@pytest.mark.parametrize("milestone", [Milestone.DELIVERED, Milestone.RETURNED])
def test_no_pattern_ends_a_parcels_way(milestone: Milestone) -> None:
    with pytest.raises(ValueError, match="entregue"):
        TextRules({"*entregue*": TextRow(milestone=milestone)})


def test_a_delivery_by_its_text_alone_waits_unless_the_row_is_trusted() -> None:
    rules = TextRules(
        {
            "Entregue": TextRow(milestone=Milestone.DELIVERED),
            "Entrega efetuada": TextRow(milestone=Milestone.DELIVERED, trusted=True),
            "Chegou": TextRow(milestone=Milestone.AT_HUB),
        }
    )
    texts = ("ENTREGUE", "Entrega efetuada", "Chegou")
    assert [rules[t].effect for t in texts] == [
        Effect.TEXT_ONLY, Effect.NORMAL, Effect.NORMAL,
    ]  # fmt: skip


def test_a_return_by_its_text_does_not_wait() -> None:
    text = "Entregue p/ remetente"
    row = TextRules({text: TextRow(milestone=Milestone.DELIVERED)})[text]
    assert (row.milestone, row.effect) == (Milestone.RETURNING, Effect.NORMAL)
