"""Registration: turns an ERP's request into a label that can be stored."""
