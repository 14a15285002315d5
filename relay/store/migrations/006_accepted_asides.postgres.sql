-- What a person accepted keeps its number, without its body, until it is trimmed:
-- a number that is used again would let another request in.

ALTER TABLE asides ADD COLUMN accepted_at BIGINT;
