-- All kinds of objects in a dump. The test dumps this database, loads the dump and dumps the result again.
CREATE ROLE somebody;
CREATE ROLE "some; body's";
CREATE SCHEMA app AUTHORIZATION somebody;
CREATE SCHEMA "Odd; schema";
CREATE EXTENSION pg_trgm;
COMMENT ON EXTENSION pg_trgm IS 'Similar text; owner to nobody';
CREATE EXTENSION hstore SCHEMA app;

CREATE TYPE app.mood AS ENUM ('fine', 'it''s; so', E'back\\slash', 'OWNER TO them');
CREATE TYPE app.pair AS (owner text, "to" text);
ALTER TYPE app.mood OWNER TO "some; body's";
CREATE DOMAIN app.code AS text DEFAULT ';' CONSTRAINT "no; end" CHECK (VALUE <> 'COMMIT;');
CREATE SEQUENCE app.numbers OWNED BY NONE;

CREATE TABLE app.notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL,
    "to" text,
    "end" app.code,
    "case" integer,
    doubled bigint GENERATED ALWAYS AS (id * 2) STORED,
    begin timestamptz DEFAULT now()
);
COMMENT ON TABLE app.notes IS E'ALTER TABLE a OWNER TO b;\n\\connect other\nCOMMIT;';
COMMENT ON COLUMN app.notes."to" IS '$$ /* -- " '' \ ';
INSERT INTO app.notes (owner, "to", "end", "case", begin)
    SELECT 'owner to', E'a\tb\nCOMMIT;\n\\.\n\\connect x\r\n''; $$ \\', 'x', n, '2020-01-01'
    FROM generate_series(1, 3) AS n;

CREATE TABLE app.wide (id integer, long text, bytes bytea, json jsonb, mood app.mood, pair app.pair, hs app.hstore);
INSERT INTO app.wide VALUES
    (1, repeat('ALTER TABLE a OWNER TO b; ', 500), decode(repeat('5c2e0a27', 3000), 'hex'), '{"owner to": "\\;"}',
     'OWNER TO them', ROW('owner', 'to'), 'a=>"b;c"'),
    (2, NULL, '', NULL, 'it''s; so', NULL, NULL),
    (3, E'\\.', E'\\\\.', '"\n"', E'back\\slash', ROW(NULL, ''';'), '');

CREATE TABLE "Odd; schema"."Odd "" table; COMMIT;" ("a; ""b""" text DEFAULT 'x''; ROLLBACK; --', "FROM stdin" integer);
INSERT INTO "Odd; schema"."Odd "" table; COMMIT;" VALUES ('; END;', 1);
ALTER TABLE "Odd; schema"."Odd "" table; COMMIT;" OWNER TO "some; body's";

CREATE TABLE app.parts (day date NOT NULL, value integer) PARTITION BY RANGE (day);
CREATE TABLE app.parts_2020 PARTITION OF app.parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE app.parts_rest PARTITION OF app.parts DEFAULT;
INSERT INTO app.parts SELECT date '2020-12-30' + n, n FROM generate_series(1, 4) AS n;
ALTER TABLE app.parts OWNER TO somebody;

CREATE FUNCTION app.standard(a integer, begin integer DEFAULT 0) RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN a > 1 THEN CASE a WHEN 2 THEN 0 ELSE 1 END ELSE 2 END;
    SELECT (CASE WHEN a > 0 THEN 1 END) + standard.begin;
END;
CREATE FUNCTION app.returns(a text) RETURNS text LANGUAGE sql IMMUTABLE RETURN a || '; END; COMMIT;';
CREATE PROCEDURE app.adds(a text) LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO app.notes (owner, "to") VALUES (a, 'COMMIT;');
    UPDATE app.notes SET "case" = CASE WHEN "end" IS NULL THEN 1 ELSE 0 END WHERE owner = a;
END;
CREATE FUNCTION app.changed() RETURNS trigger LANGUAGE plpgsql SET search_path TO app AS $body$
BEGIN
    -- $$ owner to ' " /*
    IF NEW.owner = 'COMMIT;' THEN
        RAISE EXCEPTION E'it\'s; \\connect' USING HINT = $hint$COMMIT;$hint$;
    END IF;
    RETURN NEW;
END;
$body$;
CREATE PROCEDURE app.commits() LANGUAGE plpgsql AS $$
BEGIN
    COMMIT;
    ROLLBACK;
END
$$;
CREATE FUNCTION app."odd; name"("a;b" text) RETURNS text LANGUAGE sql AS 'SELECT E''it\''s; '' || $1';
ALTER FUNCTION app."odd; name"(text) SET app.owner TO 'owner to';
CREATE AGGREGATE app.joined(text) (SFUNC = textcat, STYPE = text, INITCOND = ';');
CREATE FUNCTION app.less(app.pair, app.pair) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN ($1).owner < ($2).owner;
CREATE OPERATOR app.@<- (FUNCTION = app.less, LEFTARG = app.pair, RIGHTARG = app.pair);
CREATE TRIGGER "on; change" BEFORE INSERT OR UPDATE ON app.notes FOR EACH ROW WHEN (NEW.owner <> ';')
    EXECUTE FUNCTION app.changed();
CREATE RULE noted AS ON DELETE TO app.wide DO ALSO
    (INSERT INTO app.notes (owner) VALUES ('deleted;'); UPDATE app.notes SET "case" = 1 WHERE owner = 'deleted;');

CREATE VIEW app.seen AS SELECT id, CASE WHEN owner = ';' THEN 'END;' ELSE owner END AS "end" FROM app.notes;
CREATE MATERIALIZED VIEW app.kept AS SELECT owner, count(*) AS count FROM app.notes GROUP BY owner;
CREATE UNIQUE INDEX "kept; once" ON app.kept (owner) WHERE owner <> ';';
CREATE INDEX similar_owners ON app.notes USING gin (owner public.gin_trgm_ops);
CREATE STATISTICS app.together (dependencies) ON "case", owner FROM app.notes;
ALTER TABLE app.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own; rows" ON app.notes USING (owner = current_user OR owner = ';');
CREATE PUBLICATION "all; of it" FOR TABLE app.notes (id, owner), app.parts;
CREATE FUNCTION app.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER noticed ON ddl_command_end WHEN TAG IN ('DROP TYPE') EXECUTE FUNCTION app.on_ddl();
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple);
CREATE COLLATION app.plain (locale = 'C');
CREATE FOREIGN DATA WRAPPER wrapped;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapped OPTIONS (host 'a;b', note 'owner to');
CREATE FOREIGN TABLE app.far (id integer, t text) SERVER elsewhere;
CREATE SEQUENCE app.owner START 5;

SELECT lo_create(4711);
SELECT lo_put(4711, 0, convert_to(E'large; COMMIT;\n', 'UTF8'));
COMMENT ON LARGE OBJECT 4711 IS 'COMMIT; and more';
ALTER LARGE OBJECT 4711 OWNER TO somebody;
GRANT SELECT ON app.notes TO somebody;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO somebody;
