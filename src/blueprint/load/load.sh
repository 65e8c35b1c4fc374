# Loads a dump into the database, whole or not at all. Run by sh in stackctl's task beside the database.
#
# From the environment: PARTS, the addresses of the packed dump's pieces, a line each; SHA256 of the whole; OWNER and
# OWNER_PASSWORD, to whom what is loaded will belong; REPLACE, `yes` or `no`; SQL, what makes the database's users, empty
# without any. libpq's own variables are those of the master user.
#
# Passwords stand in no argument. The addresses do, in a machine that runs nothing else, and are good for a while only.
#
# What it says after "stackctl: " is read by kinds/ecs/database_load/earlier.rs: first the dump, at the end what became of it.

set -eu
cd /tmp
export PGOPTIONS='-c client_min_messages=warning'
# By this name a load finds the sessions of another one.
export PGAPPNAME=stackctl-load
loading=${PGDATABASE}_loading
replaced=${PGDATABASE}_replaced

say() { echo "stackctl: $*"; }
fail() { echo "$*" >&2; exit 1; }

# psql as the master user, and as the one who will own what is loaded.
run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$@"; }
owner() { PGUSER=$OWNER PGPASSWORD=$OWNER_PASSWORD run "$@"; }

drop() { run --dbname=postgres --command="DROP DATABASE IF EXISTS \"$1\" WITH (FORCE)"; }

# Ends a load that has not come to its end, this one or an earlier one: its sessions, whose statement may go on for hours when
# nobody waits for it any more, and with them what they have not committed; and its databases.
clean() {
    run --dbname=postgres --output=/dev/null --command="
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = '$PGAPPNAME' AND pid <> pg_backend_pid()" &&
    drop "$loading" && drop "$replaced"
}

# ECS asks a task to stop by SIGTERM, and kills it some time later. The shell hears a signal while it waits for a program in
# the background, and not while it runs one.
stopped=no
trap 'stopped=yes' TERM

# At the end: nothing may be left that is only half there.
end() {
    code=$?
    trap '' TERM
    [ "$code" != 0 ] || exit 0
    [ "$stopped" = no ] || code=143
    if clean; then say undone; else say "interrupted"; fi
    exit "$code"
}
trap end EXIT

# Runs what may take long. If the task is to stop meanwhile, it is ended with its sessions; how it has ended counts, because
# it may have committed just before.
patiently() {
    [ "$stopped" = no ] || exit 143
    "$@" &
    job=$!
    result=0
    wait "$job" || result=$?
    if [ "$stopped" = yes ] && [ "$result" = 143 ]; then
        clean || exit 143
        result=0
        wait "$job" || result=$?
    fi
    return "$result"
}

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

# Loads the dump into the database $1.
load() {
    PGDATABASE=$1
    shift
    dump | owner --output=/dev/null "$@" --file=-
}

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

# Whether it is there: the connection may be lost just after the end of the transaction.
swapped() {
    left=$(run --dbname=postgres --tuples-only --no-align \
        --command="SELECT count(*) FROM pg_database WHERE datname = '$loading'") && [ "$left" = 0 ]
}

say "dump $SHA256 $REPLACE"
number=0
for address in $PARTS; do
    number=$((number + 1))
    say "fetching $number of $(echo "$PARTS" | wc -l)"
    wget -q -O "$(printf 'piece.%03d' "$number")" "$address" &
    wait $! || { [ "$stopped" = no ] || exit 143; fail "piece $number of the dump could not be fetched"; }
done
pieces=$number
[ "$(cat piece.* | sha256sum | cut -d ' ' -f 1)" = "$SHA256" ] || fail "what was fetched is not what was sent"
clean

if [ "$REPLACE" = no ]; then
    patiently load "$PGDATABASE" --single-transaction
    say loaded
    exit
fi

run --dbname=postgres --command="CREATE DATABASE \"$loading\""
if [ -n "$SQL" ]; then
    printf '%s' "$SQL" | PGDATABASE=$loading run --file=-
fi
patiently load "$loading"
say "taking the old database's place"
tries=1
until swap 2> swap.log || swapped; do
    if [ "$stopped" = yes ] || [ "$tries" -ge 10 ]; then
        cat swap.log >&2
        fail "the old database could not be replaced"
    fi
    tries=$((tries + 1))
done
say replaced
# From here on it is loaded, whatever becomes of the old one.
drop "$replaced" || say "left $replaced"
