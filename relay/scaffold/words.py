"""The words in the names of fields: English, Portuguese and Spanish; pure."""

import re
from typing import Final

from relay.adapters.texts import normalised

_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN: Final = re.compile(r"[^a-z0-9]+")
_PREFIXES: Final = (
    "dt", "ds", "nr", "num", "cod", "cd", "id", "nm", "txt", "tracking", "event",
    "evento", "status", "data", "fecha", "hora", "codigo", "estado", "descricao",
)  # fmt: skip
"""Beginnings and ends of names that are written without any separator."""


def words_of(name: str) -> frozenset[str]:
    """Return the words of a field's *name*: `trackingNumber` has two."""
    parts = _BETWEEN.split(normalised(_HUMPS.sub(" ", name)))
    found = {part for part in parts if part}
    for part in tuple(found):
        found |= set(_split(part))
    return frozenset(found)


def _split(word: str) -> list[str]:
    """Return both parts of a word like `statuscode`, of which one is well known."""
    for known in _PREFIXES:
        for rest in (word.removeprefix(known), word.removesuffix(known)):
            if rest != word and rest in KNOWN:
                return [known, rest]
    return []


DATE: Final = frozenset({
    "date", "data", "fecha", "datetime", "time", "timestamp", "ts", "at", "when", "on",
    "dt", "quando", "cuando", "em", "dh", "datahora", "fechahora", "hora", "epoch",
    "horario", "momento", "hour",
})  # fmt: skip
HOUR: Final = frozenset({"hora", "hour", "time", "hr", "horario", "tm"})
EXPECTED: Final = frozenset({
    "estimated", "estimate", "estimada", "estimado", "expected", "promised", "promise",
    "eta", "due", "deadline", "prev", "previsao", "prevista", "previsto", "prazo",
    "limite", "scheduled", "agendada", "agendado", "agendamento", "compromiso",
    "prometida", "prometido", "planned", "birth", "nascimento", "emissao", "emision",
    "issued", "invoice", "nota", "nf", "nfe", "expires", "expira", "expiration",
    "valid", "validade", "paid", "next", "proximo", "entregar",
})  # fmt: skip
"""Of times that are not the event's."""
RECORDED: Final = frozenset({
    "created", "create", "received", "updated", "update", "sent", "processed",
    "registered", "inserted", "posted", "imported", "published", "notified", "criado",
    "criada", "criacao", "inclusao", "registro", "atualizacao", "atualizado", "envio",
    "actualizacion", "creacion", "creado", "modified", "modificacion", "alteracao",
    "generated", "request", "server", "sync", "synced", "cadastro", "recebimento",
    "processamento", "recepcion", "last", "ultima", "ultimo", "first",
})  # fmt: skip
"""Of times that may be those of a record, and not of what it is about."""
EVENT: Final = frozenset({
    "event", "events", "evento", "eventos", "occurrence", "occurrences", "occurred",
    "ocorrencia", "ocorrencias", "ocorrido", "ocurrencia", "ocurrido", "happened",
    "status", "statuses", "scan", "scans", "movement", "movements", "movimento",
    "movimentos", "movimentacao", "movimentacoes", "movimiento", "movimientos",
    "history", "histories", "historico", "historicos", "historial", "historia",
    "trace", "traces", "traza", "trazas", "tracking", "trackings", "track", "tracks",
    "rastreamento", "rastreio", "checkpoint", "checkpoints", "milestone", "milestones",
    "state", "states", "estado", "estados", "situacao", "situacoes", "situacion",
    "activity", "activities", "updates", "timeline", "steps", "novedad", "novedades",
    "hito", "hitos", "incidencia", "andamento", "andamentos", "progress", "log",
    "logs", "acontecimiento", "fato", "hecho", "oco",
})  # fmt: skip
CODE: Final = frozenset({"code", "codigo", "cod", "cd", "id", "key", "clave", "cdg"})
STATUS: Final = frozenset({
    "status", "state", "estado", "situacao", "situacion", "event", "evento",
    "ocorrencia", "ocurrencia", "occurrence", "movimento", "movimiento", "novedad",
    "milestone", "stage", "etapa", "hito", "scan", "checkpoint", "activity", "oco",
    "andamento", "fase",
})  # fmt: skip
SECOND_CODE: Final = frozenset({
    "substatus", "sub", "micro", "reason", "motivo", "family", "subtag", "tag",
    "familia", "subestado", "subcode", "subcodigo", "subtipo", "macro", "complemento",
})  # fmt: skip
"""Of parts of a code, or of a second one beside it."""
TYPE: Final = frozenset({"type", "tipo", "kind"})
"""Of a code only together with a word such as `event`."""
NO_CODE: Final = frozenset({
    "zip", "postal", "cep", "cp", "country", "pais", "city", "cidade", "ciudad",
    "error", "http", "bar", "barcode", "barras", "product", "produto", "service",
    "servico", "servicio", "currency", "ibge", "uf", "unit", "unidade", "hub",
    "branch", "filial", "sucursal", "agencia", "carrier", "transportadora", "company",
    "empresa", "invoice", "nota", "address", "endereco", "origin", "origem", "origen",
    "destination", "destino", "location", "local", "lugar", "facility", "account",
    "user", "usuario", "customer", "order", "pedido", "request", "webhook", "message",
    "mensagem", "payment", "api", "version", "lang", "language", "url", "link", "rota",
    "route", "driver", "motorista", "vehicle", "veiculo", "sku", "item", "comment",
    "plaza", "seller", "store", "loja", "tienda", "retry", "attempt", "tentativa",
})  # fmt: skip
PLACE: Final = frozenset({
    "address", "location", "local", "place", "origin", "destination", "unit",
    "unidade", "unidad", "facility", "cidade", "city", "origem", "destino", "origen",
    "sucursal", "lugar", "ubicacion", "localizacao", "endereco", "direccion", "agencia",
    "branch", "filial", "hub", "warehouse",
})  # fmt: skip
TEXT: Final = frozenset({
    "description", "desc", "descricao", "descripcion", "ds", "descr", "descritivo",
    "detalhamento",
})  # fmt: skip
TEXT_2: Final = frozenset({
    "message", "mensagem", "mensaje", "text", "texto", "title", "titulo", "label",
    "words", "glosa",
})  # fmt: skip
NAME: Final = frozenset({"name", "nome", "nombre", "nm"})
TRACKING: Final = frozenset({
    "tracking", "track", "rastreio", "rastreamento", "rastreador", "rastreo", "awb",
    "waybill", "guia", "objeto", "seguimiento", "seguimento", "connote", "remito",
    "trackingnumber", "trackingcode", "trackingid", "rastreabilidade",
})  # fmt: skip
NUMBER: Final = frozenset({
    "number", "numero", "num", "nro", "nr", "no", "code", "codigo", "cod", "id",
    "identifier", "tracking", "reference", "key", "n",
})  # fmt: skip
PARCEL: Final = frozenset({
    "parcel", "package", "shipment", "envio", "encomenda", "volume", "remessa",
    "delivery", "entrega", "pacote", "paquete", "bulto", "consignment", "label",
    "etiqueta", "caixa", "box", "cte", "minuta", "expedicao", "despacho", "piece",
})  # fmt: skip
ORDER: Final = frozenset({"order", "pedido", "orden", "purchase"})
NO_NUMBER: Final = frozenset({
    "account", "company", "user", "store", "loja", "tienda", "carrier", "event",
    "evento", "url", "link", "page", "status", "product", "service", "servico",
    "webhook", "request", "message", "address", "seller", "sender", "remetente",
    "remitente", "transportadora", "serie", "series", "tenant", "client", "contract",
    "contrato", "invoice", "nota", "nf", "fatura", "estado", "situacao", "ocorrencia",
    "type", "tipo", "sku", "item", "city", "cidade", "state", "total", "count",
    "attempt", "quantity", "qtd", "weight", "peso", "hub", "unit", "unidade",
    "location", "driver", "route", "rota", "name",
})  # fmt: skip
OTHER: Final = frozenset({
    "carrier", "external", "internal", "previous", "old", "return", "reverse", "parent",
    "transportadora", "seller", "store", "client", "last", "first", "new", "master",
})  # fmt: skip
"""Of a second number of the parcel: which one counts is not clear."""
NO_EVENTS: Final = frozenset({
    "items", "item", "products", "produtos", "productos", "itens", "attachments",
    "images", "photos", "comments", "payments", "invoices", "notas", "addresses",
    "tags", "links", "taxes", "prices", "documents", "documentos", "anexos", "fotos",
    "parties", "errors", "erros", "warnings", "contacts", "lines", "mercadorias",
    "labels", "signatures", "pods", "evidences", "evidencias", "comprovantes",
    "routes", "users", "notes",
})  # fmt: skip
KNOWN: Final = DATE | HOUR | CODE | STATUS | TEXT | NUMBER | EVENT | NAME | TRACKING
