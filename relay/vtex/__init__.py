"""The only code that talks to VTEX, and the rules about what VTEX answers."""
