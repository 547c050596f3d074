"""One function per thing a user looks at, each with its own SQL and its own read model."""
