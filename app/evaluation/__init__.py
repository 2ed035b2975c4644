"""Judgements, measures and reports."""
