"""Carriers' texts: a return takes precedence, and nothing is guessed."""

import pytest

from relay.adapters.codes import CodeRow
from relay.adapters.text_rules import TextRules
from relay.domain.events import Milestone

RULES = TextRules(
    {
        "Entregue": CodeRow(milestone=Milestone.DELIVERED),
        "Aguardando devolução": CodeRow(milestone=Milestone.HELD),
        "saiu para entrega*": CodeRow(milestone=Milestone.OUT_FOR_DELIVERY),
        "*devolv*": CodeRow(milestone=Milestone.RETURNING),
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
    rules = TextRules({text: CodeRow(milestone=Milestone.DELIVERED)})
    assert rules[text].milestone is Milestone.RETURNING


@pytest.mark.parametrize("milestone", [Milestone.DELIVERED, Milestone.RETURNED])
def test_no_pattern_ends_a_parcels_way(milestone: Milestone) -> None:
    with pytest.raises(ValueError, match="entregue"):
        TextRules({"*entregue*": CodeRow(milestone=milestone)})
