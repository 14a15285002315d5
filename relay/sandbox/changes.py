"""Notify feeds and hooks of a changed order, now and when its invoices are shown."""

from aiohttp import web

from relay.sandbox.notifications import SESSION
from relay.sandbox.orders import Order
from relay.sandbox.world import WORLD


def changed(app: web.Application, order: Order) -> None:
    """Put the change of *order* into the feeds, and send it to the hooks.

    An invoice that VTEX shows later makes its notification then.
    """
    world, now = app[WORLD], app[WORLD].options.clock()
    later = sorted(i.visible_at for i in order.invoices.values() if i.visible_at > now)
    order.changed_at = now
    for at in (now, *later):
        world.notifications.changed(order, at, app[SESSION], world.options.sleep)
