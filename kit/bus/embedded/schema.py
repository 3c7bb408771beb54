"""The tables of the embedded bus and the statements on them.

A message is one row per queue that wanted it; publishing is the topic exchange. Nothing but the bus touches them.
"""

LOCK = 0x6C707362
"""Two processes that start at once create the schema one after the other."""

CREATE = """
create schema if not exists bus;
create table if not exists bus.queue (name text primary key);
create table if not exists bus.binding (
    exchange text not null,
    queue text not null references bus.queue on delete cascade,
    pattern text not null,
    primary key (exchange, queue, pattern)
);
create table if not exists bus.message (
    position bigint generated always as identity primary key,
    queue text not null references bus.queue on delete cascade,
    id text not null,
    key text not null,
    body bytea not null,
    headers text not null,
    state text not null default 'ready' check (state in ('ready', 'dead')),
    available_at timestamptz not null default clock_timestamp(),
    returned int not null default 0,
    first_seen timestamptz not null default date_trunc('second', clock_timestamp()),
    reason text,
    detail text,
    check ((state = 'dead') = (reason is not null))
);
create index if not exists message_ready on bus.message (queue, position) where state = 'ready';
create index if not exists message_dead on bus.message (queue, position) where state = 'dead';
"""

BINDINGS = "select queue, pattern from bus.binding where exchange = $1 order by queue, pattern"

BIND = "insert into bus.binding (exchange, queue, pattern) values ($1, $2, $3) on conflict do nothing"

UNBIND_OTHERS = "delete from bus.binding where exchange = $1 and queue = $2 and pattern <> all($3::text[])"

INSERT = """
insert into bus.message (queue, id, key, body, headers)
select queue, id, key, body, headers
from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[])
    with ordinality as new (queue, id, key, body, headers, place)
order by place
"""

CLAIM = """
select position, id, key, body, headers, returned from bus.message
where queue = $1 and state = 'ready' and available_at <= clock_timestamp()
order by position limit $2 for update skip locked
"""

DONE = "delete from bus.message where position = any($1::bigint[])"

LATER = """
update bus.message set returned = returned + 1, available_at = clock_timestamp() + make_interval(secs => $2)
where position = $1
"""

BURY = """
update bus.message set state = 'dead', returned = returned + 1, reason = $2, detail = left($3, 2000)
where position = $1
"""

LETTERS = """
select id, key, body, headers, reason, detail, first_seen, returned from bus.message
where queue = $1 and state = 'dead' order by position limit $2
"""

REVIVE = """
update bus.message
set state = 'ready', returned = 0, reason = null, detail = null, available_at = clock_timestamp()
where state = 'dead' and position =
    (select min(position) from bus.message where queue = $1 and id = $2 and state = 'dead')
returning position
"""

DISCARD = """
delete from bus.message
where state = 'dead' and position =
    (select min(position) from bus.message where queue = $1 and id = $2 and state = 'dead')
returning position
"""

DEPTH = """
select name, count(position) filter (where state = 'ready') as ready, count(position) filter (where state = 'dead') as dead
from bus.queue left join bus.message on queue = name
where name = any($1::text[]) group by name
"""
