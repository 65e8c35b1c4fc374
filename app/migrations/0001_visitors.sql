-- One row a visitor. Every statement here keeps working for the version that runs while it is applied.
CREATE TABLE visitors (
    address    inet PRIMARY KEY,
    visits     bigint NOT NULL DEFAULT 1,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now()
);
