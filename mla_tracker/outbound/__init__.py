"""Calls to the outside, over httpx: short, limited in size, never inside a transaction."""
