"""VTEX's Orders API: the only code that calls it, and what its answers mean.

The reference is https://developers.vtex.com/docs/api-reference/orders-api; known
issues are those of https://github.com/vtexdocs/known-issues.
"""
