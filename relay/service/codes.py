"""Codes that people map: what a carrier's code means, by who saw it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import Carrier
from relay.clock import moment
from relay.domain.events import Milestone
from relay.errors import ConfigurationError, Conflict, InvalidLabel, NotFound
from relay.service.access import Caller, ListScope, not_configured
from relay.service.code_models import (
    CodeExport,
    CodeQuery,
    CodeRequest,
    ExportQuery,
    MappingEntry,
    MappingList,
    MappingPreview,
    MapRequest,
    Progress,
    UnmapRequest,
)
from relay.service.code_tables import conflict_of, in_words, table_of, toml_of
from relay.service.context import AuditEntry, ServiceContext
from relay.service.mapping_previews import preview_of
from relay.service.mapping_trials import TrialOrder
from relay.store.code_mappings import CodeMappings, MappingChange
from relay.store.codec import at, loads
from relay.store.database import Row
from relay.suggestions import did_you_mean, suggest

SHOWN: Final = 200
"""Mappings that one list holds, those that count first."""
MILESTONES: Final = tuple(m for m in Milestone if m is not Milestone.UNKNOWN)


@dataclass(frozen=True, slots=True)
class CodeService:
    """Operations on mapped codes.

    A mapping belongs to one contract, because events, settings and code tables do: the
    same adapter may serve two carriers. The settings file wins over a mapping.
    """

    context: ServiceContext

    async def page(self, caller: Caller, query: CodeQuery) -> MappingList:
        """Return the mapped codes, then those that were removed, the latest first.

        Raises `InvalidLabel` for an unknown contract.
        """
        scope = ListScope(
            self.context.settings, caller.accounts, contract=query.contract
        )
        await scope.check(self.context.database)
        mappings = CodeMappings(self.context.database)
        newest = await mappings.newest_event()
        rows = list(await mappings.rows())
        latest = await mappings.page(None, SHOWN)
        rows += [row for row in latest if row["removed_at"] is not None]
        seen = [row for row in rows if scope.fits({"contract": row["contract"]})]
        return MappingList(
            mappings=tuple(self._entry(row, newest) for row in seen[:SHOWN])
        )

    async def preview(self, caller: Caller, request: MapRequest) -> MappingPreview:
        """Return what a mapping would change; nothing is changed.

        Raises `InvalidLabel` and `Conflict` as `map` does.
        """
        meaning = await self._meaning(caller, request)
        adapter = await self._adapter(request.contract, {request.carrier_code: meaning})
        found = await self.context.try_mapping(self._order(request, adapter))
        return preview_of(request, meaning, found)

    async def map(self, caller: Caller, request: MapRequest) -> MappingEntry:
        """Store what a code means; documents with it are parsed again.

        Raises `InvalidLabel` for an unknown contract or milestone, and `Conflict` for a
        code that has a meaning already.
        """
        meaning = await self._meaning(caller, request)
        await self._adapter(request.contract, {request.carrier_code: meaning})
        if request.milestone == Milestone.DELIVERED and not request.confirm_delivered:
            raise InvalidLabel(
                "not confirmed, and VTEX does not take a delivery back",
                field="confirmDelivered",
                hint="preview the mapping first, then set confirmDelivered to true",
            )
        change = self._change(caller, request)
        if await CodeMappings(self.context.database).add(change, meaning) is None:
            raise _known(request, "it was mapped a moment ago", "list the mapped codes")
        await self._record(caller, request, "code mapped", {"meaning": meaning})
        return await self._latest(request)

    async def preview_removal(
        self, caller: Caller, request: UnmapRequest
    ) -> MappingPreview:
        """Return what the removal of a mapping would change; raise `NotFound`."""
        await self._check(caller, request)
        await self._mapped(request)
        adapter = await self._adapter(
            request.contract, {}, without=request.carrier_code
        )
        found = await self.context.try_mapping(
            self._order(request, adapter, removal=True)
        )
        return preview_of(request, None, found)

    async def unmap(self, caller: Caller, request: UnmapRequest) -> MappingEntry:
        """Remove a mapping; documents with the code are parsed again.

        What was published stays in VTEX. Raises `NotFound`.
        """
        await self._check(caller, request)
        await self._mapped(request)
        change = self._change(caller, request)
        if await CodeMappings(self.context.database).remove(change) is None:
            raise _not_mapped(request)
        await self._record(caller, request, "code mapping removed", {})
        return await self._latest(request)

    async def export(self, caller: Caller, query: ExportQuery) -> CodeExport:
        """Return the mapped codes as TOML, for the settings or a code table.

        Raises `InvalidLabel` for an unknown contract.
        """
        found = await self.page(caller, CodeQuery(contract=query.contract))
        active = [one for one in found.mappings if one.removed_at is None]
        return CodeExport(toml=toml_of(active, query.form))

    async def _check(self, caller: Caller, request: CodeRequest) -> None:
        """Refuse a contract that is unknown, or serves accounts the caller lacks."""
        settings = self.context.settings
        scope = ListScope(settings, caller.accounts)
        known = [c for c in settings.contracts if scope.fits({"contract": c})]
        if request.contract not in known:
            raise not_configured("contract", request.contract, known)

    async def _meaning(self, caller: Caller, request: MapRequest) -> dict[str, Any]:
        """Return the row of a new mapping, after all checks but the adapter's."""
        await self._check(caller, request)
        if request.milestone not in MILESTONES:
            raise InvalidLabel(
                f"there is no milestone {request.milestone!r}",
                field="milestone",
                hint=_milestones(request.milestone),
            )
        if request.effect == "provisional" and request.milestone != Milestone.DELIVERED:
            raise InvalidLabel(
                "only a delivery can be provisional",
                field="effect",
                hint="leave it out, or use administrative for codes that say nothing",
            )
        await self._refuse_known(request)
        meaning = {"milestone": request.milestone}
        meaning |= {} if request.effect == "normal" else {"effect": request.effect}
        return meaning | ({"text": request.text} if request.text else {})

    async def _refuse_known(self, request: CodeRequest) -> None:
        """Raise `Conflict` with the present meaning of a code that has one."""
        name, code = request.contract, request.carrier_code
        mapped = await CodeMappings(self.context.database).one(name, code)
        if mapped is not None:
            means = in_words(loads(mapped["meaning"]))
            hint = f"to change it, remove it first: relay codes unmap {name} {code}"
            raise _known(request, f"mapped to {means} by {mapped['mapped_by']}", hint)
        own = self.context.settings.contracts[name].codes
        place = f"[contracts.{name}.codes]"
        if code in own:
            means = in_words(own[code].model_dump(mode="json", exclude_unset=True))
            hint = "change it there: the settings win over mapped codes"
            raise _known(request, f"{means} in the settings, {place}", hint)
        row = table_of(self.context.carriers.get(name)).get(code)
        # A table may hold rows that a contract's own format does not use.
        unknown = await CodeMappings(self.context.database).is_unknown(name, code)
        if row is not None and not unknown:
            means = in_words(row.model_dump(mode="json", exclude_unset=True))
            hint = f"to override its table, write the code in {place}"
            raise _known(request, f"{means} for this carrier", hint)

    async def _adapter(
        self, name: str, more: Mapping[str, Any], *, without: str | None = None
    ) -> Carrier:
        """Make the contract's adapter with other mapped codes.

        Raises `InvalidLabel` if it refuses them.
        """
        mapped = (await CodeMappings(self.context.database).active()).of_contracts
        codes = {c: r for c, r in mapped.get(name, {}).items() if c != without}
        options = self.context.settings.contract_options(name)
        adapter = self.context.settings.contracts[name].adapter
        try:
            return load_carrier(adapter, options.with_codes({**codes, **more}))
        except ConfigurationError as refusal:
            said = f"the adapter refuses it: {refusal}"
            hint = "choose another milestone or effect"
            raise InvalidLabel(said, field="milestone", hint=hint) from None

    def _order(
        self, request: CodeRequest, adapter: Carrier, *, removal: bool = False
    ) -> TrialOrder:
        policy = self.context.policies(self.context.settings)
        name, code = request.contract, request.carrier_code
        return TrialOrder(name, code, adapter, policy, removal)

    def _change(self, caller: Caller, request: CodeRequest) -> MappingChange:
        who, now = caller.name, self.context.now()
        return MappingChange(
            request.contract, request.carrier_code, who, request.why, now
        )

    async def _mapped(self, request: CodeRequest) -> Row:
        found = await CodeMappings(self.context.database).one(
            request.contract, request.carrier_code
        )
        if found is None:
            raise _not_mapped(request)
        return found

    async def _record(
        self, caller: Caller, request: CodeRequest, did: str, more: Mapping[str, Any]
    ) -> None:
        """Store the change for the audit, and wake the reader."""
        about = {
            "contract": request.contract,
            "carrier_code": request.carrier_code,
            **more,
        }
        through = Caller(caller.name, caller.accounts, caller.through, request.why)
        await self.context.record(AuditEntry.of(through, did, {**about, **more}))
        self.context.wake.reader()

    async def _latest(self, request: CodeRequest) -> MappingEntry:
        """Return the latest mapping of a code, removed or not."""
        mappings = CodeMappings(self.context.database)
        newest = await mappings.newest_event()
        rows = await mappings.page(None, SHOWN)
        meant = (request.contract, request.carrier_code)
        row = next(r for r in rows if (r["contract"], r["code"]) == meant)
        return self._entry(row, newest)

    def _entry(self, row: Row, newest: int) -> MappingEntry:
        names = ("contract", "mapped_by", "why", "removed_by", "removed_why")
        progress, percent = _progress(row, newest)
        return MappingEntry(
            **{name: row[name] for name in names},
            id=row["mapping"],
            carrier_code=row["code"],
            meaning=loads(row["meaning"]),
            mapped_at=moment(row["mapped_at"]),
            removed_at=at(row["removed_at"]),
            progress=progress,
            percent=percent,
            documents=row["documents"],
            applied_at=at(row["applied_at"]),
            conflict=conflict_of(row, self.context.settings),
        )


def _progress(row: Row, newest: int) -> tuple[Progress, int]:
    if row["resume_at"] is None:
        return "applied", 100
    if row["round"] > 1:
        return "checking", 100
    return "in_progress", min(100 * row["position"] // max(newest, 1), 100)


def _milestones(given: str) -> str:
    """Return the hint for an unknown milestone: the one that was meant, and all."""
    meant, names = suggest(given, MILESTONES), ", ".join(MILESTONES)
    return f"{did_you_mean(meant)} " * bool(meant) + f"known: {names}"


def _known(request: CodeRequest, means: str, hint: str) -> Conflict:
    said = (
        f"{request.carrier_code!r} of {request.contract} has a meaning already: {means}"
    )
    return Conflict(said, field="carrierCode", hint=hint)


def _not_mapped(request: CodeRequest) -> NotFound:
    return NotFound(
        f"{request.carrier_code!r} of {request.contract} is not mapped",
        field="carrierCode",
        hint="list the mapped codes: relay codes list",
    )
