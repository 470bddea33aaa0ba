"""Work that outlives its request: kept in SQLite, a few at a time, told about as it goes on. Knows nothing of HTTP."""
