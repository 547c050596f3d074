"""Calls to the outside, over httpx: short, limited in size and time, never while a transaction is open."""
