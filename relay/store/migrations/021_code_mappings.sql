-- What people say that carriers' codes mean. A row is never deleted: it says who removed it.
CREATE TABLE code_mappings (
    mapping INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    code TEXT NOT NULL,
    meaning TEXT NOT NULL,             -- an object, as a row of a code table
    mapped_at INTEGER NOT NULL,
    mapped_by TEXT NOT NULL,
    why TEXT NOT NULL,
    removed_at INTEGER,
    removed_by TEXT,
    removed_why TEXT,
    -- documents with the code are parsed again, in two rounds over the events
    resume_at INTEGER,                 -- when to go on; NULL: all of it is done
    round INTEGER NOT NULL DEFAULT 1,  -- of two
    position INTEGER NOT NULL DEFAULT 0, -- the last event of this round
    documents INTEGER NOT NULL DEFAULT 0, -- parsed again since the last change
    applied_at INTEGER                 -- when the last round ended
) STRICT;

CREATE UNIQUE INDEX code_mappings_active ON code_mappings (contract, code)
    WHERE removed_at IS NULL;
CREATE INDEX code_mappings_unfinished ON code_mappings (resume_at)
    WHERE resume_at IS NOT NULL;
