"""PostgreSQL: the private or the given server, transactions, tables, migrations, load and save. No rules."""
