-- The tables of the rates, in the shape in which dumps of them come; hence IF NOT EXISTS.
CREATE TABLE IF NOT EXISTS regions (
    slug        text PRIMARY KEY,
    name        text NOT NULL,
    parent_slug text REFERENCES regions (slug)
);

CREATE TABLE IF NOT EXISTS ports (
    code        text PRIMARY KEY,
    name        text NOT NULL,
    parent_slug text NOT NULL REFERENCES regions (slug)
);

CREATE TABLE IF NOT EXISTS prices (
    orig_code text NOT NULL REFERENCES ports (code),
    dest_code text NOT NULL REFERENCES ports (code),
    day       date NOT NULL,
    price     integer NOT NULL
);

CREATE INDEX IF NOT EXISTS prices_by_route_and_day ON prices (orig_code, dest_code, day);
