"""`relay demo`: run sandbox and relay as two processes, and check what VTEX received.

The demo talks HTTP to both. From `relay.sandbox` it imports record types only, from the
relay itself nothing: a fault of the relay cannot hide in the check.
"""
