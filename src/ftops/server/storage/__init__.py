"""Everything that outlives the process: SQLite rows and content-addressed blobs. Knows nothing of HTTP."""
