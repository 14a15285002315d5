"""What is masked in carriers' texts, and what never is."""

import time
import tomllib
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.text_mask import MASK, RULES, masked

CPF, CNPJ = "52998224725", "11222333000181"
"""With right check digits."""

PERSONAL = [
    # numbers
    ("CPF 529.982.247-25", "CPF ***"),
    ("Documento do recebedor: 529.982.247-25", "Documento do recebedor: ***"),
    ("Entregue (***.982.247-**)", "Entregue (***)"),
    (f"Confirmado com {CPF}", "Confirmado com ***"),
    (f"CPF: {CPF}", "CPF: ***"),
    ("CPF nº 529982247-25", "CPF nº ***"),
    ("CPF 11111111111", "CPF ***"),
    ("CNPJ 11.222.333/0001-81", "CNPJ ***"),
    ("Recebido pela empresa 11.222.333/0001-81", "Recebido pela empresa ***"),
    ("CNPJ 12.ABC.345/01DE-35", "CNPJ ***"),
    (f"Entregue a empresa {CNPJ}", "Entregue a empresa ***"),
    ("RG 12.345.678-9", "RG ***"),
    ("RG: 12.345.678-X.", "RG: ***."),
    ("Doc.: 4455667", "Doc.: ***"),
    ("DNI 30.123.456", "DNI ***"),
    ("RUT 12.345.678-K", "RUT ***"),
    ("CUIT 20-30123456-7", "CUIT ***"),
    ("Tel. (11) 98765-4321", "Tel. ***"),
    ("Ligar para 11987654321", "Ligar para ***"),
    ("Contato +55 (11) 98765-4321", "Contato ***"),
    ("Avisado em +5511987654321", "Avisado em ***"),
    ("(11) 3456-7890 não atende", "*** não atende"),
    ("11 98765-4321", "***"),
    ("Llamar al +54 9 11 2345-6789", "Llamar al ***"),
    ("Telefone: 3456-7890", "Telefone: ***"),
    ("Enviado para maria.silva+casa@mail.com.br", "Enviado para ***"),
    # names, in Portuguese
    ("Recebido por João da Silva", "Recebido por ***"),
    ("Recebido por joão da silva", "Recebido por ***"),
    ("RECEBIDO POR: JOSE D'AVILA", "RECEBIDO POR: ***"),
    (
        "Entrega realizada. Recebido por Ana Lima.",
        "Entrega realizada. Recebido por ***.",
    ),
    ("Recebido por JOSE em 27/11/2026 14:03", "Recebido por *** em 27/11/2026 14:03"),
    ("Recebido por Ana. Obrigado", "Recebido por ***. Obrigado"),
    ("Recebido por Maria (mãe)", "Recebido por *** (mãe)"),
    ("Recebido por: Maria, CPF 529.982.247-25", "Recebido por: ***, CPF ***"),
    ("Recebido por 529.982.247-25 - Maria", "Recebido por *** - ***"),
    ("Recebida p/ Maria Souza", "Recebida p/ ***"),
    ("Recebido pelo porteiro Jorge Luis", "Recebido pelo porteiro ***"),
    ("Recebedor: Carlos RG 12.345.678-9", "Recebedor: *** RG ***"),
    ("Recebedor Carlos Alberto", "Recebedor ***"),
    ("NOME DO RECEBEDOR - MARIA DOS SANTOS", "NOME DO RECEBEDOR - ***"),
    ("Entregue a Maria", "Entregue a ***"),
    ("Entregue ao Sr. Paulo Reis", "Entregue ao Sr. ***"),
    ("ENTREGUE PARA MARIA", "ENTREGUE PARA ***"),
    ("Objeto entregue ao destinatário Paulo", "Objeto entregue ao destinatário ***"),
    ("Assinado por: P. Reis", "Assinado por: ***"),
    ("Destinatário: Maria Souza", "Destinatário: ***"),
    ("Destinatário - Maria Souza", "Destinatário - ***"),
    ("Cliente : Maria", "Cliente : ***"),
    # in Spanish
    ("Recibido por Juan Pérez", "Recibido por ***"),
    ("RECIBIDO POR JUAN PEREZ EN PORTERIA", "RECIBIDO POR *** EN PORTERIA"),
    ("Recibe: Ana Gómez (DNI 30.123.456)", "Recibe: *** (DNI ***)"),
    ("Recibe Ana Gómez", "Recibe ***"),
    ("Entregado a Juan Pérez", "Entregado a ***"),
    ("Entregado al vecino Luis", "Entregado al vecino ***"),
    ("Firmado por Juan", "Firmado por ***"),
    # in English
    ("Signed by J. SMITH", "Signed by ***"),
    ("Left with neighbor John", "Left with neighbor ***"),
    ("Delivered to John Smith", "Delivered to ***"),
]

IMPERSONAL = [
    "",
    "Entregue",
    "Objeto entregue ao destinatário",
    "OBJETO ENTREGUE AO DESTINATARIO",
    "Objeto AB123456789BR entregue",
    "Pedido 52998224725 em trânsito",
    "Pedido nº 98765-4321 em separação",
    "Rastreio: 11222333000181",
    "Nota fiscal 123456789 emitida",
    "NF-e 35260811222333000181550010000001231000001234",
    "Pedido 1234567890123-01 faturado",
    "Previsão de entrega 27/11/2026 14:03",
    "Atualizado em 2026-11-27T14:03:00-03:00",
    "CEP 01310-100",
    "Protocolo 12345678901234",
    "Volume 2/3",
    "R$ 1.234,56",
    "Recebido em 27/11/2026",
    "Recebido na unidade de Curitiba/PR",
    "Recebido pela transportadora",
    "RECEBIDO PELO CENTRO DE DISTRIBUICAO",
    "Recebido por terceiros",
    "Recebedor ausente",
    "RECEBEDOR NAO ENCONTRADO",
    "Destinatário: ausente",
    "Destinatário ausente - 2ª tentativa",
    "Entregue à portaria",
    "ENTREGUE AO REMETENTE",
    "Entregue a unidade de São Paulo",
    "Entregue para transporte em São José dos Campos",
    "Entregue ao destinatário final",
    "Entregue às 14:03",
    "Saiu para entrega ao cliente",
    "Em trânsito de Maria da Fé/MG para João Pessoa/PB",
    "Encaminhado para Santa Maria",
    "Recibido en la sucursal Córdoba",
    "Recibido por la sucursal",
    "Recibe tu paquete mañana",
    "ENTREGADO AL DESTINATARIO",
    "Entregado a la oficina de correos",
    "Delivered to the front desk",
    "Received by carrier",
    "Received by the agent in Miami",
    "Picked up by courier",
    "Delivered to recipient",
    "Picked up by the shopper",
    "Cliente - Comércio fechado",
    "Cliente: endereço errado",
    "Destinatário - Mudou-se",
    "DESTINATARIO - AUSENTE",
    "Assinatura: pendente",
    "Contato: sem sucesso",
    "Destinatario: rechazado",
]


@pytest.mark.parametrize(("text", "shown"), PERSONAL)
def test_personal_data_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("text", IMPERSONAL)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert masked(text) == text


TABLES = sorted(Path(__file__).parents[2].glob("carriers/*/codes.toml"))


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.parent.name)
def test_no_text_of_a_code_table_has_personal_data(table: Path) -> None:
    rows = tomllib.loads(table.read_text(encoding="utf-8"))
    texts = [t for named in rows.values() for t in (*named, *_texts(named))]
    assert len(texts) > 5
    assert [t for t in texts if masked(t) != t] == []


def _texts(named: dict[str, dict[str, str]]) -> list[str]:
    return [row["text"] for row in named.values() if "text" in row]


@pytest.mark.parametrize("shown", [shown for _, shown in PERSONAL])
def test_a_masked_text_is_not_masked_further(shown: str) -> None:
    assert masked(shown) == shown


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_may_be_written_either_way(form: str) -> None:
    text = normalize(form, "Recebido por João Antônio às 14:03")  # type: ignore[arg-type]
    assert normalize("NFC", masked(text)) == "Recebido por *** às 14:03"


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (f"Em trânsito: {CPF}", CPF),
        ("Em trânsito: 98765-4321", "98765-4321"),
        ("ENTREGUE PARA SANTA MARIA", "Santa Maria"),
        ("Entregado a Córdoba", "Cordoba"),
    ],
)
def test_what_belongs_to_the_shipment_stays(text: str, known: str) -> None:
    assert masked(text) != text
    assert masked(text, (known,)) == text


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Tel. (11) 98765-1234", "1234"),
        ("Avisado: maria.santos@mail.com", "Santos"),
        ("Recebido por Maria Santos", "Santos"),
    ],
)
def test_personal_data_that_contains_a_known_value_is_masked(
    text: str, known: str
) -> None:
    assert MASK in masked(text, (known,))
    assert masked(text, (known,)) == masked(text)


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    assert MASK in masked(text) or masked(text) == text


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "1",
        "1 ",
        "+1",
        "@a.",
        "recebido por ",
        "cpf ",
        "x.",
        "*.",
        "(11) ",
        "a.b@",
        "- ",
    ],
)
def test_a_long_text_takes_no_time(part: str) -> None:
    began = time.process_time()
    masked((part * 5000)[:5000])
    assert time.process_time() - began < 0.5


def test_the_rules_are_written_as_texts_are_compared() -> None:
    names = RULES.names
    words = [
        *RULES.documents["words"], *RULES.identifiers["words"], *names.after,
        *names.after_or_place, *names.labels, *names.titles, *names.roles,
        *names.particles, *names.not_names,
    ]  # fmt: skip
    assert [w for w in words if w != w.lower() or not w.isascii()] == []
