-- The people of the passenger API. The position keeps the order in which they came, so that pages do not overlap.
-- A new table: the version that runs meanwhile does not know of it.
CREATE TABLE people (
    uuid                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    position            bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    survived            boolean NOT NULL DEFAULT false,
    passenger_class     integer NOT NULL,
    name                text NOT NULL CHECK (char_length(name) <= 100),
    sex                 text NOT NULL CHECK (sex IN ('male', 'female', 'other')),
    age                 double precision NOT NULL,
    siblings_or_spouses integer NOT NULL,
    parents_or_children integer NOT NULL,
    fare                double precision NOT NULL
);
