"""Checks on what a request says and on what is answered: PII, forbidden words, metadata, models."""
