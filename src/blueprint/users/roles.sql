-- Makes the database's users as stack.yaml has them. Run by psql as the master user, as often as one likes.
--
-- What comes before it has set, for this session: stackctl.users (`none`, or `app=owner developer=read-only`), and for each
-- of them stackctl.password_<name>. The role stackctl_users has as its members all roles that this script has made, and so
-- tells it whom it may change and who is to go. The master user is no superuser: it may do what it does to these roles
-- because it is a member of each of them.
-- https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html

-- An owner can make functions and operators in `public`: none of them may be found in the place of Postgres' own.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false) AS search_path \gset
-- A change of a table's owner waits for all who use the table, and all others then wait for it: rather fail, and be repeated.
SET lock_timeout = '15s';
SELECT pg_advisory_lock(hashtext('stackctl_users')) AS locked \gset

CREATE TEMPORARY TABLE wanted AS
    SELECT place, split_part(pair, '=', 1) AS name, split_part(pair, '=', 2) = 'owner' AS is_owner
    FROM regexp_split_to_table(current_setting('stackctl.users'), ' ') WITH ORDINALITY AS pairs (pair, place)
    WHERE pair LIKE '%=%';

CREATE TEMPORARY VIEW known AS
    SELECT DISTINCT member.rolname AS name
    FROM pg_auth_members
    JOIN pg_roles marker ON marker.oid = roleid AND marker.rolname = 'stackctl_users'
    JOIN pg_roles member ON member.oid = member
    WHERE member.rolname <> current_user;

CREATE TEMPORARY VIEW surplus AS
    SELECT name FROM known WHERE name NOT IN (SELECT name FROM wanted);

-- The schemas, tables and so on that are users' business: not Postgres' own, and of an owner for whom the master may act.
CREATE TEMPORARY VIEW schemas AS
    SELECT oid, nspname AS name, nspowner AS owner
    FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND pg_has_role(nspowner, 'USAGE');

CREATE TEMPORARY VIEW relations AS
    SELECT class.oid, class.oid::regclass::text AS name, relowner AS owner, relkind = 'S' AS is_sequence,
        EXISTS (
            SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = class.oid AND refclassid = 'pg_class'::regclass
                AND deptype IN ('a', 'i') AND relkind = 'S'
        ) AS is_of_column
    FROM pg_class class
    JOIN schemas ON schemas.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_has_role(relowner, 'USAGE');

-- First of all, who is to go can no longer log in; this is committed before what they have open is closed.
DO $$
DECLARE
    gone text;
BEGIN
    IF to_regrole('stackctl_users') IS NULL THEN
        CREATE ROLE stackctl_users NOLOGIN;
    END IF;
    FOR gone IN SELECT name FROM surplus LOOP
        EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', gone);
    END LOOP;
END $$;

SELECT count(pg_terminate_backend(pid)) AS ended
FROM pg_stat_activity WHERE usename IN (SELECT name FROM surplus) \gset

-- All else is done together or not at all.
BEGIN;

DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT name FROM wanted ORDER BY place LOOP
        IF to_regrole(quote_ident(one.name)) IS NULL THEN
            EXECUTE format('CREATE ROLE %I', one.name);
            EXECUTE format('GRANT stackctl_users TO %I', one.name);
        ELSIF one.name NOT IN (SELECT name FROM known) THEN
            RAISE EXCEPTION 'there is a role % already, and stackctl has not made it', one.name
                USING HINT = 'give the user another name in stack.yaml, or drop that role';
        END IF;
        IF NOT pg_has_role(one.name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', one.name);
        END IF;
        -- The password is never in the text of a statement that the server may log, and so not in an error's either.
        BEGIN
            EXECUTE format(
                'ALTER ROLE %I LOGIN NOCREATEDB NOCREATEROLE PASSWORD %L VALID UNTIL ''infinity''',
                one.name, current_setting('stackctl.password_' || one.name)
            );
        EXCEPTION WHEN OTHERS THEN
            RAISE EXCEPTION 'the role % cannot be given its password: %', one.name, SQLERRM;
        END;
    END LOOP;
END $$;

DO $$
DECLARE
    one record;
    other record;
    thing record;
    maker text;
    -- Who gets what has to change hands: the first owner, or the master where there is none.
    heir text := coalesce((SELECT name FROM wanted WHERE is_owner ORDER BY place LIMIT 1), current_user);
BEGIN
    -- Before Postgres 15, everybody may create in `public`.
    FOR thing IN SELECT name FROM schemas WHERE name = 'public' LOOP
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    END LOOP;

    FOR one IN SELECT name FROM wanted WHERE is_owner ORDER BY place LOOP
        EXECUTE format('GRANT CONNECT, TEMPORARY, CREATE ON DATABASE %I TO %I', current_database(), one.name);
        FOR thing IN SELECT name FROM schemas LOOP
            EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', thing.name, one.name);
        END LOOP;
        IF EXISTS (
            SELECT FROM pg_namespace WHERE nspname = 'public' AND NOT has_schema_privilege(one.name, oid, 'CREATE')
        ) THEN
            RAISE EXCEPTION 'the master user cannot let % create in the schema public', one.name
                USING HINT = 'as the owner of that schema: GRANT USAGE, CREATE ON SCHEMA public TO ' || current_user
                    || ' WITH GRANT OPTION';
        END IF;
    END LOOP;

    -- Who owns nothing now may have owned something before. DROP OWNED takes away privileges, once all objects have gone
    -- to the heir.
    FOR one IN SELECT name FROM surplus UNION SELECT name FROM wanted WHERE NOT is_owner LOOP
        EXECUTE format('REASSIGN OWNED BY %I TO %I', one.name, heir);
        EXECUTE format('DROP OWNED BY %I', one.name);
    END LOOP;

    -- What the master made while there was no owner. Not REASSIGN OWNED, which would give away the database as well.
    IF heir <> current_user THEN
        FOR thing IN SELECT name FROM schemas WHERE owner = quote_ident(current_user)::regrole LOOP
            EXECUTE format('ALTER SCHEMA %I OWNER TO %I', thing.name, heir);
        END LOOP;
        FOR thing IN
            SELECT name FROM relations
            WHERE owner = quote_ident(current_user)::regrole AND NOT is_of_column
                AND NOT EXISTS (
                    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = relations.oid AND deptype = 'e'
                )
        LOOP
            EXECUTE format('ALTER TABLE %s OWNER TO %I', thing.name, heir);
        END LOOP;
        FOR thing IN
            SELECT routine.oid::regprocedure::text AS name
            FROM pg_proc routine JOIN schemas ON schemas.oid = pronamespace
            WHERE proowner = quote_ident(current_user)::regrole
                AND NOT EXISTS (
                    SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = routine.oid AND deptype = 'e'
                )
        LOOP
            EXECUTE format('ALTER ROUTINE %s OWNER TO %I', thing.name, heir);
        END LOOP;
        FOR thing IN
            SELECT type.oid::regtype::text AS name
            FROM pg_type type
            JOIN schemas ON schemas.oid = typnamespace
            LEFT JOIN pg_class class ON class.oid = typrelid
            WHERE typowner = quote_ident(current_user)::regrole
                AND (typtype IN ('d', 'e', 'r') OR typtype = 'c' AND relkind = 'c')
                AND NOT EXISTS (
                    SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = type.oid AND deptype = 'e'
                )
        LOOP
            EXECUTE format('ALTER TYPE %s OWNER TO %I', thing.name, heir);
        END LOOP;
    END IF;

    -- Read-only users read all that is there, and other owners use it.
    FOR one IN SELECT name, is_owner FROM wanted ORDER BY place LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), one.name);
        FOR thing IN SELECT name FROM schemas LOOP
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', thing.name, one.name);
        END LOOP;
        FOR thing IN SELECT name, owner, is_sequence FROM relations WHERE owner <> quote_ident(one.name)::regrole LOOP
            EXECUTE format(
                'GRANT %s ON %s %s TO %I',
                CASE WHEN one.is_owner THEN 'ALL' ELSE 'SELECT' END,
                CASE WHEN thing.is_sequence THEN 'SEQUENCE' ELSE 'TABLE' END, thing.name, one.name
            );
        END LOOP;
        -- And so they do with what an owner, or the master, will make.
        FOR maker IN SELECT name FROM wanted WHERE is_owner AND name <> one.name UNION SELECT current_user LOOP
            EXECUTE format(
                'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s ON TABLES TO %I',
                maker, CASE WHEN one.is_owner THEN 'ALL' ELSE 'SELECT' END, one.name
            );
            EXECUTE format(
                'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s ON SEQUENCES TO %I',
                maker, CASE WHEN one.is_owner THEN 'ALL' ELSE 'SELECT' END, one.name
            );
            EXECUTE format(
                'ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s ON SCHEMAS TO %I',
                maker, CASE WHEN one.is_owner THEN 'ALL' ELSE 'USAGE' END, one.name
            );
        END LOOP;
        RAISE NOTICE '%: %', one.name, CASE WHEN one.is_owner THEN 'owner' ELSE 'read-only' END;
    END LOOP;

    FOR one IN SELECT name FROM surplus LOOP
        BEGIN
            EXECUTE format('DROP ROLE %I', one.name);
            RAISE NOTICE '%: removed', one.name;
        EXCEPTION WHEN dependent_objects_still_exist THEN
            -- It owns something in another database, which nobody can change from here.
            RAISE NOTICE '%: can no longer log in', one.name;
        END;
    END LOOP;

    FOR thing IN
        SELECT class.oid::regclass AS name
        FROM pg_class class JOIN pg_namespace namespace ON namespace.oid = relnamespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relkind IN ('r', 'p', 'v', 'm', 'f')
            AND NOT pg_has_role(relowner, 'USAGE')
    LOOP
        RAISE NOTICE '% belongs to neither the master nor a user of stack.yaml, and is left as it is', thing.name;
    END LOOP;
END $$;

COMMIT;
