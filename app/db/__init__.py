"""The database: connections, deadlines, tables. Knows nothing of HTTP or of jobs' rules."""
