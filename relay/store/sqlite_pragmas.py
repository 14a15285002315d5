"""How the connections to an SQLite file are set up."""


def pragmas(cache_mb: int, busy_ms: int, synchronous: str | None) -> tuple[str, ...]:
    """Return the pragmas of a connection; without *synchronous* it is read-only.

    `auto_vacuum` must be set before the first table is created, and `secure_delete`
    overwrites erased personal data. Checkpoints are the checkpointer's task.
    """
    shared = (
        f"busy_timeout = {busy_ms}",
        f"cache_size = {-1024 * cache_mb}",
        "secure_delete = ON",
    )
    if synchronous is None:
        return (*shared, "query_only = ON")
    return (
        *shared,
        "auto_vacuum = INCREMENTAL",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        "wal_autocheckpoint = 0",
    )
