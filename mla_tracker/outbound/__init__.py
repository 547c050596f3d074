"""What leaves for other programs: calls over httpx with a time-out, never while a transaction is open."""
