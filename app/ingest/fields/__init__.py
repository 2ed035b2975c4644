"""Cells of other people as values of our fields: texts, dates, words, codes, places, names."""
