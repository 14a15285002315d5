"""Which events are known: the same identity, or the same scan to another precision."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from relay.store.codec import numbers, rows
from relay.store.database import Row, Transaction
from relay.store.event_rows import EventRow, Identity


async def known_events(
    tx: Transaction, found: Sequence[EventRow], unknown: Collection[int] = ()
) -> dict[Identity, Row]:
    """Return the stored event of each of *found*, by the identity of the latter.

    References in *unknown* have no events.
    """
    possible = [f for f in found if f.identity[0] not in unknown]
    if not possible:
        return {}
    wanted = rows(f.identity_columns() for f in possible)
    known = {
        (r["reference"], r["second"], r["code"], r["text_key"]): r
        for r in await tx.rows("known_events", rows=wanted)
    }
    left = [f for f in possible if f.identity not in known]
    return known | await _of_other_precision(tx, left)


async def _of_other_precision(
    tx: Transaction, left: Sequence[EventRow]
) -> dict[Identity, Row]:
    """Return stored records of the same scans that are more or less precise.

    A stored record that is less precise is one scan: the first that has its unit.
    """
    if not left:
        return {}
    references = numbers(f.identity[0] for f in left)
    listed = await tx.rows("references_of_imprecise_events", rows=references)
    imprecise = {row["reference"] for row in listed}
    wanted = [
        f.identity_columns() | {"unit": f.unit}
        for f in left
        if f.unit > 1 or f.identity[0] in imprecise
    ]
    if not wanted:
        return {}
    found: dict[Identity, Row] = {}
    taken: set[int] = set()
    candidates = await tx.rows("known_by_precision", rows=rows(wanted))
    for row in sorted(candidates, key=lambda r: r["given_second"]):
        more_precise = row["second"] > row["given_second"]
        if more_precise or row["event"] not in taken:
            taken.add(row["event"])
            identity = (row["reference"], row["given_second"], row["code"])
            found[*identity, row["text_key"]] = row
    return found


def without_repeats(found: Mapping[Identity, EventRow]) -> list[EventRow]:
    """Return *found* without less precise records of scans that are in it, too.

    The most precise record has the references and documents of the others.
    """
    if all(f.unit == 1 for f in found.values()):
        return list(found.values())
    groups: defaultdict[tuple[int, str, str], list[EventRow]] = defaultdict(list)
    for (reference, _, code, words), row in found.items():
        groups[reference, code, words].append(row)
    return [row for group in groups.values() for row in _most_precise(group)]


def _most_precise(group: Iterable[EventRow]) -> list[EventRow]:
    chosen: list[EventRow] = []
    by_unit: defaultdict[int, list[EventRow]] = defaultdict(list)
    for row in group:
        by_unit[row.unit].append(row)
    for unit in sorted(by_unit):
        finer = sorted(chosen, key=lambda f: f.identity[1])
        starts = [f.identity[1] for f in finer]
        for row in by_unit[unit]:
            begins = row.identity[1]
            place = bisect_left(starts, begins)
            if place < len(starts) and starts[place] < begins + unit:
                finer[place].absorb(row)
            else:
                chosen.append(row)
    return chosen
