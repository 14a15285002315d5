"""Texts of the pages in each language, as data: one TOML file per language."""
