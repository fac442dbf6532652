-- The index of vectors may live elsewhere (Qdrant, Chroma, FAISS, Weaviate, Pinecone). The rows, the words, the history and the
-- vectors themselves stay here. What changed is noted in an outbox in the same transaction, by triggers that exist only while
-- an index is attached; memory/index/ sends it on. A search brings ids from the index, and they are read here, as the user.

-- The index that is attached, if any. It says of it only what kind it is and a digest of where: no address and no key.
create table app.index_attached (
  only_one boolean primary key default true check (only_one),
  name text not null,
  embed_model text not null,   -- of the vectors in it; after a move to another model it is filled again
  emptied boolean not null default false,  -- nothing is sent, and nothing asked, before it was emptied
  filling boolean not null default true,  -- until everything was sent once
  waits int not null default 0,  -- how often in a row it was away
  after timestamptz not null default now(),
  problem text
);
alter table app.index_attached enable row level security;
alter table app.index_attached force row level security;
create policy anybody_reads on app.index_attached for select to authenticated
  using (app.asking() is not null);
grant select (only_one, name, embed_model, emptied) on app.index_attached to authenticated;

-- Memories that changed since the index was told of them. What is to be done is not noted: a memory that is there is put, and
-- one that is gone is removed, so doing it twice, late or in another order comes to the same.
-- The column is not called `user_id`: deleting an account deletes every row that has one, and what is still to be removed
-- from the index has to stay until it is removed.
create sequence app.index_seq;
create table app.index_outbox (
  owner text not null check (length(owner) between 1 and 255),
  id text not null,
  seq bigint not null default nextval('app.index_seq'),  -- another one after each change
  token uuid,                  -- of the process that is sending it
  claimed_until timestamptz,
  attempts int not null default 0,
  after timestamptz not null default now(),
  fed_at timestamptz,          -- when it was sent; the row stays for a while, because an index may find it only later
  primary key (owner, id)
);
create index index_outbox_waiting on app.index_outbox (after, seq) where fed_at is null;
create index index_outbox_fed on app.index_outbox (fed_at) where fed_at is not null;
alter table app.index_outbox enable row level security;
alter table app.index_outbox force row level security;
create policy own_index_outbox on app.index_outbox to authenticated
  using (owner = (select app.asking())) with check (owner = (select app.asking()));
grant select, insert, update, delete on app.index_outbox to authenticated;
grant usage on sequence app.index_seq to authenticated;

-- How long after it was sent a memory is still compared here, too.
create function app.index_grace() returns interval
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select interval '60 seconds' $$;

-- Notes the memories whose vector or owner changed. It runs with its owner's rights, as the other triggers on this table do, so
-- that another program may write memories and needs no right on anything else.
create function app.note_for_index() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
begin
  if tg_op = 'INSERT' then
    insert into app.index_outbox as known (owner, id)
    select fresh.user_id, fresh.id from fresh where length(fresh.user_id) between 1 and 255 order by 1, 2
    on conflict (owner, id) do update
      set seq = nextval('app.index_seq'), fed_at = null, attempts = 0, after = now();
  elsif tg_op = 'DELETE' then
    insert into app.index_outbox as known (owner, id)
    select stale.user_id, stale.id from stale where length(stale.user_id) between 1 and 255 order by 1, 2
    on conflict (owner, id) do update
      set seq = nextval('app.index_seq'), fed_at = null, attempts = 0, after = now();
  else
    insert into app.index_outbox as known (owner, id)
    select changed.user_id, changed.id
    from (
      -- The vectors are compared byte by byte: pgvector's own operators are in a schema that this function does not look in.
      select fresh.user_id, fresh.id
      from fresh left join stale on stale.id = fresh.id and stale.user_id = fresh.user_id
      where stale.id is null or row(stale.vec)::record *<> row(fresh.vec)::record
      union
      select stale.user_id, stale.id
      from stale left join fresh on fresh.id = stale.id and fresh.user_id = stale.user_id
      where fresh.id is null
    ) changed
    where length(changed.user_id) between 1 and 255 order by 1, 2
    on conflict (owner, id) do update
      set seq = nextval('app.index_seq'), fed_at = null, attempts = 0, after = now();
  end if;
  return null;
end $$;
revoke all on function app.note_for_index() from public;

-- Notes every memory of everybody.
create function app.note_all_for_index() returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  noted bigint;
begin
  insert into app.index_outbox as known (owner, id)
  select m.user_id, m.id from vecs.memories m where length(m.user_id) between 1 and 255 order by 1, 2
  on conflict (owner, id) do update
    set seq = nextval('app.index_seq'), fed_at = null, attempts = 0, after = now(), token = null, claimed_until = null;
  get diagnostics noted = row_count;
  return noted;
end $$;

-- Takes the index away; nothing is noted any more.
create function app.detach_index() returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  if to_regclass('vecs.memories') is not null then
    drop trigger if exists note_new_for_index on vecs.memories;
    drop trigger if exists note_changed_for_index on vecs.memories;
    drop trigger if exists note_old_for_index on vecs.memories;
  end if;
  delete from app.index_outbox;
  delete from app.index_attached;
end $$;

-- Attaches an index, which is to be emptied and filled with everything: from now on, changes are noted. Making the triggers
-- waits for whoever writes memories, so no change is missed. Returns how many memories there are to send.
create function app.attach_index(named text) returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  -- A role that policies bind would see no row, and send none.
  if not (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) then
    raise insufficient_privilege using message = 'the index is filled by a role that bypasses row-level security';
  end if;
  perform app.detach_index();
  create trigger note_new_for_index after insert on vecs.memories
    referencing new table as fresh for each statement execute function app.note_for_index();
  create trigger note_changed_for_index after update on vecs.memories
    referencing old table as stale new table as fresh for each statement execute function app.note_for_index();
  create trigger note_old_for_index after delete on vecs.memories
    referencing old table as stale for each statement execute function app.note_for_index();
  insert into app.index_attached (name, embed_model)
  select named, c.embed_model from app.collections c where c.name = 'memories';
  return app.note_all_for_index();
end $$;

do $$
declare
  each regprocedure;
begin
  foreach each in array array[
    'app.note_all_for_index()', 'app.detach_index()', 'app.attach_index(text)']::regprocedure[]
  loop
    execute format('revoke all on function %s from public', each);
  end loop;
end $$;

-- Some memories of one user to send to this index, the longest waiting first. It reads everybody's and returns only ids. The
-- attempt is counted now: what ends the process, or what the index refuses, is tried again later and later. A memory that was
-- tried before goes alone, so that it holds up no other.
create function app.claim_index(named text, most int)
  returns table (owner text, ids text[], seqs bigint[], token uuid)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
#variable_conflict use_column
declare
  first record;
  taken uuid := gen_random_uuid();
begin
  if not exists (
    select from app.index_attached a where a.name = named and a.emptied and a.after <= clock_timestamp()) then
    return;
  end if;
  delete from app.index_outbox o where o.fed_at < clock_timestamp() - app.index_grace();
  select o.owner, o.attempts, o.id into first from app.index_outbox o
  where o.fed_at is null and o.after <= clock_timestamp()
    and (o.claimed_until is null or o.claimed_until <= clock_timestamp())
  order by o.after, o.seq limit 1 for update skip locked;
  if not found then
    return;
  end if;
  return query
  with claimed as (
    update app.index_outbox o
    set token = taken, claimed_until = clock_timestamp() + app.lease_length(),
      attempts = o.attempts + 1, after = clock_timestamp() + app.rest_after(o.attempts + 1)
    where o.owner = first.owner and o.id in (
      select w.id from app.index_outbox w
      where w.owner = first.owner and w.fed_at is null and w.after <= clock_timestamp()
        and (w.claimed_until is null or w.claimed_until <= clock_timestamp())
        and (w.id = first.id or (first.attempts = 0 and w.attempts = 0))
      order by w.seq limit most for update skip locked)
    returning o.id, o.seq)
  select first.owner, array_agg(c.id order by c.seq), array_agg(c.seq order by c.seq), taken from claimed c
  having count(*) > 0;
end $$;

-- Notes how it is with the index: it `failed` (and is left alone for longer each time), it `works`, it was `emptied`, it was `filled`; or asks whether
-- it `waits` to be emptied now. Returns yes to who is to empty it.
create function app.note_index(named text, state text, trouble text) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
begin
  if state = 'failed' then
    update app.index_attached a
    set waits = a.waits + 1, after = clock_timestamp() + app.rest_after(a.waits + 1), problem = left(trouble, 300)
    where a.name = named;
  elsif state = 'works' then
    update app.index_attached a set waits = 0, problem = null where a.name = named and a.waits > 0;
  elsif state = 'emptied' then
    update app.index_attached a set emptied = true, waits = 0, after = clock_timestamp(), problem = null
    where a.name = named;
  elsif state = 'filled' then
    update app.index_attached a set filling = false where a.name = named;
  elsif state = 'waits' then
    -- One process empties it, and has five minutes for that.
    update app.index_attached a set after = clock_timestamp() + interval '5 minutes'
    where a.name = named and not a.emptied and a.after <= clock_timestamp();
    return found;
  end if;
  return false;
end $$;
revoke all on function app.claim_index(text, int), app.note_index(text, text, text) from public;
grant execute on function app.claim_index(text, int), app.note_index(text, text, text) to keepsake_worker;

-- Re-embedding: an index that is attached holds vectors of the old model, and is emptied and filled again.
create or replace function app.swap_vectors(emptied bigint) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  named text;
  target app.reembedding := (select r from app.reembedding r);
begin
  for named in select app.tables_with_vectors() loop
    execute format('drop trigger forget_next_vector on vecs.%I', named);
    execute format('alter table vecs.%I drop column vec', named);
    execute format('alter table vecs.%I rename column vec_next to vec', named);
    execute format('alter table vecs.%I alter column vec set not null', named);
  end loop;
  update app.memory_history set old_vec = null, new_vec = null where event > swap_vectors.emptied;
  update app.collections set dimension = target.dimension, embed_model = target.embed_model
    where name in (select app.tables_with_vectors());
  delete from app.reembedding;
  update app.index_attached a set embed_model = target.embed_model, emptied = false, filling = true,
    after = now(), waits = 0;
  if found then
    perform app.note_all_for_index();
  end if;
end $$;
revoke all on function app.swap_vectors(bigint) from public;

-- As app.recall, for which an index has brought the ids of the nearest memories: only of these, of those that the index may not
-- know yet, and of those that words, days or names speak for, is the vector compared. Every sixteenth is compared besides, to
-- know how unlike the question memories can be. What the index says of scores is not used. An id that is nobody's or somebody
-- else's is no row of this user, and so is nothing. Without such an index, it is app.recall.
--
-- It is a function of its own so that a database without an index runs the very statement it ran before.
create function app.recall_near(
    asked vector, question text, names text, grams text[], days daterange[], zone text,
    sources text[], weights jsonb, wanted int, named_index text, nearest text[])
  returns table (
    source text, id varchar, metadata jsonb, meaning float8, relative float8, words float8, covered float8,
    dated float8, linked float8, of_words float8, strangers bigint, held bigint)
  language plpgsql stable
  set plan_cache_mode = force_generic_plan
  set jit = off
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
  today text := to_char(now(), 'YYYY-MM-DD');
  w_meaning float8 := weights ->> 'meaning';
  w_words float8 := weights ->> 'words';
  w_dated float8 := weights ->> 'dated';
  w_linked float8 := weights ->> 'linked';
  w_episode float8 := weights ->> 'episode';
  w_assistant float8 := coalesce((weights ->> 'assistant')::float8, 0);
  named text[];
  linked_places int[];
  linked_parts float8[];
begin
  if not exists (
    select from app.index_attached a join app.collections c on c.name = 'memories' and c.embed_model = a.embed_model
    where a.name = named_index and a.emptied)
  then
    return query select * from app.recall(
      asked, question, names, grams, days, zone, null, null, sources, weights, wanted);
    return;
  end if;
  select array_agg(n.key) into named
  from (select distinct gram.key from unnest(grams) gram (key)) asked
  cross join lateral (select n.key from app.entity_names n where n.user_id = me and n.key = asked.key limit 1) n
  where n.key <> 'me';
  if named is not null then
    select array_agg(l.place), array_agg(l.part) into linked_places, linked_parts from app.linked_places(named) l;
  end if;
  return query
  with compared as materialized (
    select n.id from unnest(nearest) n (id)
    union
    select o.id from app.index_outbox o where o.owner = me
  ),
  rows as materialized (
    select m.place, m.letters,
      case when m.place % 16 = 0 or m.id in (select c.id from compared c) then 1 - (m.vec <=> asked) end as cosine,
      case when days is not null then coalesce(m.day, (m.said_at at time zone zone)::date) end as day, m.by_assistant
    from vecs.memories m
    where m.user_id = me and m.place is not null and 'memories' = any (sources)
      and (m.expires is null or m.expires >= today)
    union all
    select e.place, e.letters, 1 - (e.vec <=> asked),
      case when days is not null then coalesce(e.day, (e.said_at at time zone zone)::date) end, e.by_assistant
    from vecs.episodes e
    where e.user_id = me and e.place is not null and 'episodes' = any (sources) and not e.hidden
      and (e.expires is null or e.expires >= today)
      and coalesce((select p.episodes from app.people p where p.user_id = me), true)
  ),
  size as materialized (
    select count(*) as held, greatest(avg(r.letters), 1)::float8 as letters,
      min(nullif(r.cosine, 'NaN')) as low, max(nullif(r.cosine, 'NaN')) as high
    from rows r
  ),
  hits as materialized (
    select p.lexeme, p.place, p.tf / (0.5::float8 + 0.5::float8 * r.letters / size.letters) as weight
    from app.postings p join rows r on r.place = p.place cross join size
    where p.user_id = me and p.lexeme in (select w.lexeme from app.lexemes(question) w)
  ),
  known as materialized (
    select w.lexeme, count(h.place) as places, ln(1 + (size.held - count(h.place) + 0.5) / (count(h.place) + 0.5))::float8 as idf
    from app.lexemes(question) w left join hits h on h.lexeme = w.lexeme cross join size
    group by w.lexeme, size.held
  ),
  asks as materialized (
    select coalesce(nullif(sum(k.idf), 0), 1) as of_words,
      count(*) filter (
        where k.places = 0 and k.lexeme in (select n.lexeme from app.lexemes(names) n)
          and k.lexeme not in (select w.lexeme from unnest(named) n (key) cross join lateral app.lexemes(n.key) w)) as strangers
    from known k
  ),
  spread as (
    select told.lexeme, told.place, sum(told.weight) as weight
    from (
      select h.lexeme, h.place, h.weight from hits h
      union all
      select h.lexeme, h.place + near.step, h.weight * near.part
      from known k cross join size join hits h on h.lexeme = k.lexeme
      cross join (values (1, 0.6::float8), (2, 0.35::float8), (-1, 0.45::float8), (-2, 0.2::float8)) near (step, part)
      where h.place >= 0 and k.places <= greatest(300, size.held / 20)
    ) told
    group by told.lexeme, told.place
  ),
  worded as materialized (
    select s.place, sum(k.idf * s.weight * 1.7::float8 / (s.weight + 0.7::float8)) as words, sum(k.idf * least(1::float8, s.weight)) as covered
    from spread s join known k on k.lexeme = s.lexeme
    group by s.place
  ),
  linked as (
    select l.place, max(l.part) as part from unnest(linked_places, linked_parts) l (place, part) group by l.place
  ),
  weighed as materialized (
    select r.place, r.cosine,
      coalesce(w.words / (1.7 * asks.of_words), 0) as words, coalesce(w.covered, 0) as covered,
      case when r.day is null then 0
           when exists (select from unnest(days) span where span @> r.day) then 1
           when exists (select from unnest(days) span where r.day between lower(span) and upper(span) + 6) then 0.5
           else 0 end as dated,
      coalesce(l.part, 0) as linked, r.by_assistant
    from rows r cross join asks
    left join worded w on w.place = r.place
    left join linked l on l.place = r.place
  ),
  -- What something else than the meaning speaks for, the best of it: now its vector is compared, too.
  spoken_for as materialized (
    select w.place from weighed w
    where w.cosine is null and (w.words > 0 or w.dated > 0 or w.linked > 0)
    order by w_words * w.words + w_dated * w.dated + w_linked * w.linked
      + case when w.by_assistant then w_assistant else 0 end desc, w.place desc
    limit wanted
  ),
  later as materialized (
    select m.place, 1 - (m.vec <=> asked) as cosine
    from spoken_for s join vecs.memories m on m.user_id = me and m.place = s.place
  ),
  scored as (
    select w.place, nullif(coalesce(w.cosine, l.cosine), 'NaN') as cosine, w.words, w.covered, w.dated, w.linked, w.by_assistant
    from weighed w left join later l on l.place = w.place
  ),
  related as (
    select s.place, s.cosine,
      greatest(0, coalesce(
        (s.cosine - size.low) / nullif(size.high - size.low, 0), case when s.cosine > 0 then 1 else 0 end)) as relative,
      s.words, s.covered, s.dated, s.linked, s.by_assistant
    from scored s cross join size
  ),
  picked as materialized (
    select r.* from related r
    order by w_meaning * r.relative + w_words * r.words + w_dated * r.dated + w_linked * r.linked
      + case when r.place >= 1000000000 then w_episode else 0 end
      + case when r.by_assistant then w_assistant else 0 end desc, r.place desc
    limit wanted
  )
  select 'memories', m.id, m.metadata, coalesce(p.cosine, nullif(1 - (m.vec <=> asked), 'NaN'), 0), p.relative, p.words,
    p.covered, p.dated::float8, p.linked::float8, asks.of_words::float8, asks.strangers, size.held
  from picked p join vecs.memories m on m.user_id = me and m.place = p.place cross join size cross join asks
  union all
  select 'episodes', e.id,
    case when e.metadata ? 'parts' then e.metadata || jsonb_build_object('around', (
      select jsonb_object_agg(case when n.place < e.place then 'before' else 'after' end, n.metadata -> 'data')
      from vecs.episodes n
      where n.user_id = me and n.place = any (array[e.place - 1, e.place + 1]) and not n.hidden
        and n.metadata -> 'message_id' = e.metadata -> 'message_id'))
    else e.metadata end, coalesce(p.cosine, 0), p.relative, p.words, p.covered, p.dated::float8, p.linked::float8,
    asks.of_words::float8, asks.strangers, size.held
  from picked p join vecs.episodes e on e.user_id = me and e.place = p.place cross join size cross join asks;
end $$;
