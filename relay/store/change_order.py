"""The order in which the changes of many claims are stored."""

from typing import Final

ORDER: Final = (
    "answer_call",
    "publish_again",
    "delete_published",
    "accept_published",
    "accept_shown",
    "delete_unaccepted",
    "accept_tracking",
    "accept_publishing",
    "count_update",
    "record_verified",
    "record_difference",
    "repair_shipment",
    "record_shown_before",
    "delivery_taken_back",
    "record_contradiction",
    "clear_pending",
    "record_order_read",
    "forget_order_read",
    "record_comparison",
    "quarantine_event",
    "store_write",
    "store_published",
    "store_call",
    "note",
    "look_again",
    "note_order_end",
    "close_order",
    "end_writes",
    "settle_published",
    "settle",
    "postpone_failed",
)
"""The order of changes in a shared transaction: answers before new writes."""
