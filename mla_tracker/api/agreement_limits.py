"""A limit that an agreement sets itself, as clients send and read it."""
