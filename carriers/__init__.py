"""One folder per carrier; the folder's name is the carrier's name everywhere."""
