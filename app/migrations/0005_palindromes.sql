-- Palindromes that somebody asked about. A new table: the version that runs meanwhile does not know of it.
CREATE TABLE palindromes (
    text       text PRIMARY KEY,
    asked      bigint NOT NULL DEFAULT 1,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now()
);
