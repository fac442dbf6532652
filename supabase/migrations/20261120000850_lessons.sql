-- The import queue: messages from another assistant's export, to be learned from or kept as they were said. They wait here
-- until the worker has processed them. Then their words are deleted and only their ids stay, so that importing the same
-- export again costs and adds nothing.

create table app.lessons (
  user_id text not null default app.asking(),
  id text not null,            -- of the message, as its source has it
  chat text not null,          -- which chat it was said in
  seq bigint generated always as identity,
  content text,                -- gone once it was read
  said_at timestamptz not null,
  way text not null check (way in ('learn', 'keep')),
  state text not null default 'waiting' check (state in ('waiting', 'done', 'given up')),
  after timestamptz not null default now(),
  attempts int not null default 0,
  problem text,
  primary key (user_id, id),
  check (state = 'done' or content is not null)
);

create index lessons_waiting on app.lessons (user_id, seq) where state = 'waiting';

-- For the time line: finds changed texts without reading the whole history.
create index memory_history_changes on app.memory_history (user_id, event desc) where action = 'update';

alter table app.lessons enable row level security;
alter table app.lessons force row level security;
create policy own_lessons on app.lessons to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.lessons to authenticated;

-- A user whose messages wait, chosen at random so that one person's large export does not delay others. The user is locked
-- until the caller's transaction ends, with the lock that also guards their turns. It reads everybody's messages and
-- therefore returns only the user's id.
create function app.claim_lesson() returns table (user_id text)
  language plpgsql security definer
  set search_path = ''
  as $$
declare
  waiting record;
begin
  for waiting in
    select first.user_id
    from (
      select distinct on (l.user_id) l.user_id, l.after
      from app.lessons l where l.state = 'waiting'
      order by l.user_id, l.seq
    ) first
    where first.after <= now()
    order by pg_catalog.random()
  loop
    if pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('keepsake.remember:' || waiting.user_id, 0)) then
      return query select waiting.user_id;
      return;
    end if;
  end loop;
end $$;

revoke all on function app.claim_lesson() from public;
grant execute on function app.claim_lesson() to keepsake_worker;
