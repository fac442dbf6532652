-- Remembering without an open transaction: a worker takes a lease on a person, which is a row with a token and an end, and
-- renews it while the model thinks. What it learned is written in a short transaction that checks the token. Who takes the
-- lease away (by erasing) need not wait for the model.

create table app.leases (
  user_id text primary key default app.asking() check (length(user_id) between 1 and 255),
  token uuid,                  -- of the worker that remembers for this person at the moment
  claimed_until timestamptz,   -- from then on another worker may take over
  served_at timestamptz,       -- when a turn of this person was last claimed: the person who waited longest is next
  erasures int not null default 0  -- a reply that was begun before the last erasing is saved without what it recalled
);
alter table app.leases enable row level security;
alter table app.leases force row level security;
create policy own_leases on app.leases to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.leases to authenticated;

-- Attempts count what is wrong with a turn itself; waits count what is not (a model that is away). The attempt is counted
-- when the turn is claimed, so that a turn that ends the process is not tried for ever.
alter table app.messages add column remember_waits int not null default 0;
alter table app.lessons add column waits int not null default 0;

-- Older versions gave up when a model was away for a day: try again. They left a turn given up also when its person erased
-- everything, which emptied its receipt, or edited the message, which made a later version beside it: those stay out.
update app.messages m set remember_attempts = 0, remember_after = now(),
  remembering = case when m.receipt ? 'not_remembered' and not exists (
    select from app.messages later
    where later.conversation_id = m.conversation_id and later.parent_id is not distinct from m.parent_id
      and later.role = 'user' and later.seq > m.seq) then 'waiting' else 'none' end
  where m.remembering = 'given up';
update app.messages set remember_attempts = 0 where remembering = 'waiting' and remember_attempts > 0;
update app.lessons set state = 'waiting', attempts = 0, after = now() where state = 'given up';
update app.lessons set attempts = 0 where state = 'waiting' and attempts > 0;

create function app.lease_length() returns interval
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select interval '60 seconds' $$;

-- How long a turn rests after so many attempts or waits in a row.
create function app.rest_after(tries int) returns interval
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select make_interval(secs => (array[5, 30, 120, 600, 1800, 3600])[greatest(1, least(tries, 6))]) $$;

-- After so many attempts a turn is given up, until somebody asks to try it again.
create function app.most_attempts() returns int
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select 6 $$;

-- A lease on this person, or null if somebody has one. It does not wait: a row that is locked is in use.
create function app.take_lease(whose text) returns uuid
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  taken uuid := gen_random_uuid();
  ends timestamptz := clock_timestamp() + app.lease_length();
begin
  perform from app.leases l where l.user_id = whose for update skip locked;
  if found then
    update app.leases l set token = taken, claimed_until = ends, served_at = clock_timestamp()
      where l.user_id = whose and (l.claimed_until is null or l.claimed_until <= clock_timestamp());
  elsif exists (select from app.leases l where l.user_id = whose) then
    return null;  -- inserting would wait for who holds the row
  else
    insert into app.leases (user_id, token, claimed_until, served_at) values (whose, taken, ends, clock_timestamp())
      on conflict (user_id) do nothing;
  end if;
  if found then
    return taken;
  end if;
  return null;
end $$;

-- The next turn to remember, with a lease on its person, and its attempt counted: of the person who was served longest ago.
-- It reads the turns of all users and therefore returns only ids.
drop function app.claim_turn();
create function app.claim_turn() returns table (message_id uuid, user_id text, token uuid)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
#variable_conflict use_column
declare
  waiting record;
  lease uuid;
  tried int;
begin
  for waiting in
    select first.id, first.user_id
    from (
      -- A turn that rests holds back the later ones of its person, so that they are learned in order; after
      -- three tries they may pass, so that one turn cannot stop all remembering.
      select distinct on (m.user_id) m.id, m.user_id, m.seq, m.remember_after
      from app.messages m
      join app.conversations c on c.id = m.conversation_id and c.deleted_at is null
      where m.remembering = 'waiting'
        and (m.remember_after <= now() or m.remember_attempts + m.remember_waits < 3)
      order by m.user_id, m.seq
    ) first
    left join app.leases l on l.user_id = first.user_id
    where first.remember_after <= now() and (l.claimed_until is null or l.claimed_until <= now())
    order by l.served_at nulls first, first.seq
  loop
    lease := app.take_lease(waiting.user_id);
    continue when lease is null;
    tried := null;
    -- If the process ends now, the turn rests as after a failure.
    update app.messages m set remember_attempts = m.remember_attempts + 1,
      remember_after = now() + app.rest_after(m.remember_attempts + 1)
    where m.id = (
      select n.id from app.messages n
      where n.id = waiting.id and n.user_id = waiting.user_id
        and n.remembering = 'waiting' and n.remember_after <= now()
      -- Not `for update`: that would keep the person from answering to a message that is being claimed.
      for no key update skip locked)
    returning m.remember_attempts into tried;
    if tried <= app.most_attempts() then
      message_id := waiting.id;
      user_id := waiting.user_id;
      token := lease;
      return next;
      return;
    end if;
    if tried is not null then
      update app.messages m set remembering = 'given up', receipt = m.receipt || jsonb_build_object(
        'not_remembered', 'the app ended each time it tried to remember this')
      where m.id = waiting.id;
    end if;
    update app.leases l set token = null, claimed_until = null where l.user_id = waiting.user_id and l.token = lease;
  end loop;
end $$;
revoke all on function app.claim_turn() from public;
grant execute on function app.claim_turn() to keepsake_worker;

-- A user whose imported messages wait, with a lease: the one who was served longest ago. It reads everybody's messages and
-- therefore returns only the user's id.
drop function app.claim_lesson();
create function app.claim_lesson() returns table (user_id text, token uuid)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
#variable_conflict use_column
declare
  waiting record;
  lease uuid;
begin
  for waiting in
    select first.user_id
    from (
      select distinct on (l.user_id) l.user_id, l.after
      from app.lessons l
      -- As with turns: a message that cannot be read does not hold up the others for ever.
      where l.state = 'waiting' and (l.after <= now() or l.attempts + l.waits < 3)
      order by l.user_id, l.seq
    ) first
    left join app.leases held on held.user_id = first.user_id
    where first.after <= now() and (held.claimed_until is null or held.claimed_until <= now())
    order by held.served_at nulls first, first.user_id
  loop
    lease := app.take_lease(waiting.user_id);
    if lease is not null then
      user_id := waiting.user_id;
      token := lease;
      return next;
      return;
    end if;
  end loop;
end $$;
revoke all on function app.claim_lesson() from public;
grant execute on function app.claim_lesson() to keepsake_worker;

-- Lets everybody's turns and imported messages that failed be tried again now; for the deployer, once the cause is mended.
-- It changes no word and returns how many there are.
create function app.retry_remembering() returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  turns bigint;
  messages bigint;
begin
  update app.messages set remembering = 'waiting', remember_attempts = 0, remember_waits = 0, remember_after = now()
    where remembering = 'given up'
      or (remembering = 'waiting' and receipt ? 'not_remembered');
  get diagnostics turns = row_count;
  update app.lessons set state = 'waiting', attempts = 0, waits = 0, after = now()
    where state = 'given up' or (state = 'waiting' and problem is not null);
  get diagnostics messages = row_count;
  return turns + messages;
end $$;
revoke all on function app.retry_remembering() from public;
grant execute on function app.retry_remembering() to keepsake_worker;

create index messages_given_up on app.messages (user_id) where remembering = 'given up';
