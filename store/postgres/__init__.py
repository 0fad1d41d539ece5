"""How the store reaches PostgreSQL: connections, statements, notices, pages; nothing here knows a table."""
