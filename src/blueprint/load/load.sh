# Loads a dump into the database, whole or not at all. Run by sh in stackctl's task beside the database.
#
# From the environment: PARTS, the addresses of the packed dump's pieces, a line each; SHA256 of the whole; OWNER and
# OWNER_PASSWORD, to whom what is loaded will belong; REPLACE, `yes` or `no`; SQL, what makes the database's users, empty
# without any. libpq's own variables are those of the master user.
#
# Passwords stand in no argument. The addresses do, in a machine that runs nothing else, and are good for a while only.

set -eu
cd /tmp
export PGOPTIONS='-c client_min_messages=warning'

say() { echo "stackctl: $*"; }
fail() { echo "$*" >&2; exit 1; }

# psql as the master user, and as the one who will own what is loaded.
run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$@"; }
owner() { PGUSER=$OWNER PGPASSWORD=$OWNER_PASSWORD run "$@"; }

# The dump, and how far it is on its way.
unpacked() {
    number=0
    for piece in piece.*; do
        number=$((number + 1))
        say "loading $number of $pieces" >&2
        cat "$piece"
    done | gunzip -c
}

# The dump for psql. If it is cut off on its way, psql must not take its end for the dump's: what follows then ends a COPY, and
# fails, so that nothing is committed.
dump() { unpacked || printf '\n\\.\nSELECT stackctl_the_dump_is_cut_off();\n'; }

# Puts the new database in the place of the old one, in one moment. Who is connected to the old one has to go first, and must
# not come back in between; then it is tried again.
swap() {
    run --dbname=postgres --output=/dev/null --command="
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_roles ON pg_roles.oid = usesysid
        WHERE datname = '$PGDATABASE' AND NOT rolsuper" &&
    run --dbname=postgres --single-transaction \
        --command="ALTER DATABASE \"$PGDATABASE\" RENAME TO \"$replaced\"" \
        --command="ALTER DATABASE \"$loading\" RENAME TO \"$PGDATABASE\""
}

drop() { run --dbname=postgres --command="DROP DATABASE IF EXISTS \"$1\" WITH (FORCE)"; }

number=0
for address in $PARTS; do
    number=$((number + 1))
    say "fetching $number of $(echo "$PARTS" | wc -l)"
    wget -q -O "$(printf 'piece.%03d' "$number")" "$address" || fail "piece $number of the dump could not be fetched"
done
pieces=$number
[ "$(cat piece.* | sha256sum | cut -d ' ' -f 1)" = "$SHA256" ] || fail "what was fetched is not what was sent"

if [ "$REPLACE" = no ]; then
    dump | owner --single-transaction --output=/dev/null --file=-
    say "loaded"
    exit
fi

loading=${PGDATABASE}_loading
replaced=${PGDATABASE}_replaced
drop "$loading"
drop "$replaced"
run --dbname=postgres --command="CREATE DATABASE \"$loading\""
trap 'drop "$loading"' EXIT
if [ -n "$SQL" ]; then
    printf '%s' "$SQL" | PGDATABASE=$loading run --file=-
fi
dump | PGDATABASE=$loading owner --output=/dev/null --file=-
say "taking the old database's place"
tries=1
until swap 2> swap.log; do
    [ "$tries" -lt 10 ] || { cat swap.log >&2; fail "the old database could not be replaced"; }
    tries=$((tries + 1))
done
trap - EXIT
drop "$replaced"
say "replaced"
