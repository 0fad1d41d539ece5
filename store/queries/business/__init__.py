"""Measures of a book of business, one file each, with the definition that the pages show; all of them set-based."""
