"""Pure rules: what may be published about a shipment and what comes next; no I/O.

The publisher, the sweep, the lists and the timelines all call these functions.
"""
