"""The whole story on one machine: `relay demo` starts sandbox and relay and looks.

It talks HTTP to both and imports neither.
"""
