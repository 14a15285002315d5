"""Registration: check an ERP's request and turn it into a label to store."""
