"""One method per operation on shipments, documents, work lists and accounts.

The API and the command line parse input, call one method and print its answer.
"""
