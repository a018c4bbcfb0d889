"""What SQLite and PostgreSQL do differently: a module each, and one for its driver."""
