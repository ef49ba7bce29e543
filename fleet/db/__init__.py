"""Where everything is stored: one schema on SQLite and PostgreSQL."""
