"""Carriers' texts: a return takes precedence, and nothing is guessed."""

import pytest

from relay.adapters.codes import CodeRow
from relay.adapters.text_rules import TextRules, names_return, normalised
from relay.domain.events import Milestone

RULES = TextRules(
    {
        "Entregue": CodeRow(milestone=Milestone.DELIVERED),
        "Aguardando devolução": CodeRow(milestone=Milestone.HELD),
        "saiu para entrega*": CodeRow(milestone=Milestone.OUT_FOR_DELIVERY),
        "*devolv*": CodeRow(milestone=Milestone.RETURNING),
    }
)


def test_texts_are_compared_without_accents_case_and_spare_blanks() -> None:
    assert normalised("  NÃO\tlocalizado -  Órgão ") == "nao localizado - orgao"


@pytest.mark.parametrize(
    "text",
    [
        "ENTREGUE AO REMETENTE",
        "Devolução autorizada",
        "será devolvido",
        "retorno à origem",
        "entregado a remitente",
    ],
)
def test_a_text_may_mention_a_return(text: str) -> None:
    assert names_return(text)


@pytest.mark.parametrize("text", ["", "Entregue", "bloqueado pelo remetente"])
def test_other_texts_do_not(text: str) -> None:
    assert not names_return(text)


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


@pytest.mark.parametrize("milestone", [Milestone.DELIVERED, Milestone.RETURNED])
def test_no_pattern_ends_a_parcels_way(milestone: Milestone) -> None:
    with pytest.raises(ValueError, match="entregue"):
        TextRules({"*entregue*": CodeRow(milestone=milestone)})
