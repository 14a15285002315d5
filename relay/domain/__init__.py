"""What may be told of a shipment, and what comes next: pure rules, no I/O.

Publisher, sweep, lists and timelines all ask these functions.
"""
