-- Where serving processes listen, and which settings they were not started with.
CREATE TABLE serving (
    host TEXT NOT NULL,
    listen TEXT NOT NULL,
    restart TEXT NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (host, listen)
) STRICT, WITHOUT ROWID;
