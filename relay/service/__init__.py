"""One method per operation on shipments, documents, work lists and accounts.

Used by the API, the command line and the console alike; they only parse and print.
"""
