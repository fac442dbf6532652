-- Taking over a table that another program (mem0) made: nothing is merged across scopes, everything merged is counted and
-- can be undone, and the other program can go on writing with any role that bypasses row-level security.

-- The scope of a memory: the agent, app and run that it belongs to besides its user, as mem0 has them. What Keepsake learns
-- has a kind; its run is a chat, and all chats of a person are one scope.
create function app.scope_of(metadata jsonb) returns text
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  as $$
    select case
      when metadata ->> 'agent_id' is null and metadata ->> 'app_id' is null
        and (metadata ? 'kind' or metadata ->> 'run_id' is null) then ''
      else md5(concat_ws(' ', coalesce((metadata -> 'agent_id')::text, 'null'), coalesce((metadata -> 'app_id')::text, 'null'),
        case when metadata ? 'kind' then 'null' else coalesce((metadata -> 'run_id')::text, 'null') end)) end
  $$;

-- Whether Keepsake wrote a memory or changed its words. Other programs' rows are not held to be unique.
create function app.is_own(metadata jsonb) returns boolean
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  as $$ select metadata ? 'kind' or coalesce(metadata ->> 'source' in ('person', 'import', 'tidy'), false) $$;

-- What may exist once for each user and text: an own memory in its scope. Another program's row stands for itself. It is
-- called for every row that any role writes, so its names are resolved here and not by roles that cannot see this schema.
create function app.once_in(metadata jsonb, id text) returns text
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  return case when app.is_own(metadata) then app.scope_of(metadata) else 'row ' || id end;

-- The moment from which a row's present words are known to hold: mem0 changes a row in place, and keeps the words before
-- elsewhere.
create function app.known_since(metadata jsonb) returns timestamptz
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select least(now(), coalesce(app.moment(metadata ->> 'updated_at'), app.moment(metadata ->> 'created_at'), now()))
  $$;

-- The triggers on vecs.memories write tables that other programs' roles have no rights on, so they run as their owner. Each
-- writes only rows of the user that the changed row names, and nobody else may attach them to a table.
do $$
declare
  each regprocedure;
begin
  foreach each in array array[
    'app.take_place()', 'app.keep_history()', 'app.keep_graph()', 'app.keep_company()', 'app.keep_words()',
    'app.hide_episodes()']::regprocedure[]
  loop
    execute format('alter function %s security definer', each);
    execute format('alter function %s set search_path = pg_catalog, pg_temp', each);
    execute format('revoke all on function %s from public', each);
  end loop;
end $$;

-- Moves the rows of another collection, and of its table of entities, into ours: by renaming its tables or, where ours
-- exist, row by row. Nothing of ours is overwritten.
create function app.adopt_collection(named text) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  ending text;
  theirs regclass;
  ours regclass;
  known bigint;
begin
  foreach ending in array array['', '_entities'] loop
    theirs := to_regclass(format('vecs.%I', named || ending));
    ours := to_regclass('vecs.memories' || ending);
    if theirs is null then
      continue;
    elsif ours is null then
      execute format('alter table %s rename to %I', theirs, 'memories' || ending);
      continue;
    end if;
    execute format('lock table %s in access exclusive mode', theirs);
    execute format('select count(*) from %s their join %s our using (id)', theirs, ours) into known;
    if known > 0 then
      raise exception '% rows of % have the ids of rows of %', known, theirs, ours using errcode = 'KS003';
    end if;
    perform set_config('keepsake.actor', 'import', true);
    perform set_config('keepsake.reason', 'it was in the table that was taken over', true);
    execute format('insert into %s (id, vec, metadata) select id, vec, metadata from %s', ours, theirs);
    execute format(
      'update app.memory_history h set at = app.known_since(h.new_metadata) from %s moved
       where h.memory_id = moved.id and h.action = ''add'' and h.at >= now()', theirs);
    execute format('drop table %s', theirs);
    perform set_config('keepsake.actor', '', true);
    perform set_config('keepsake.reason', '', true);
  end loop;
end $$;
revoke all on function app.adopt_collection(text) from public;

-- Some rows with their vectors, to be compared with what the embedding model gives for their words now.
create function app.sample_vectors(named text, wanted int) returns table (said text, vector text)
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
begin
  return query execute format(
    'select metadata ->> ''data'', vec::text from vecs.%I
     where length(metadata ->> ''data'') between 1 and 2000 order by md5(id) limit $1', named) using wanted;
end $$;
revoke all on function app.sample_vectors(text, int) from public;

-- Begins the history of a table that no trigger of ours watched until now. Rows that the history knows and the table has
-- lost (mem0's reset) become deleted ones; an undo brings them back. Returns how many.
create function app.begin_history(run text) returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  lost bigint;
begin
  insert into app.memory_history (user_id, memory_id, action, actor, reason, run, old_metadata, old_vec)
  select last.user_id, last.memory_id, 'delete', 'outside', 'another program emptied the table', begin_history.run,
    last.new_metadata, last.new_vec
  from (
    select distinct on (h.memory_id) h.* from app.memory_history h order by h.memory_id, h.event desc) last
  where last.action <> 'delete' and not exists (select from vecs.memories kept where kept.id = last.memory_id);
  get diagnostics lost = row_count;

  insert into app.memory_history (at, user_id, memory_id, action, actor, reason, new_metadata, new_vec)
  select app.known_since(kept.metadata), coalesce(app.owner(kept.metadata), ''), kept.id,
    'add', 'import', 'it was in the table that was taken over', kept.metadata, kept.vec
  from vecs.memories kept
  where coalesce((
    select h.action from app.memory_history h where h.memory_id = kept.id order by h.event desc limit 1), 'delete') = 'delete';

  -- Places are given anew where the table lost its column for them.
  if not exists (
    select from pg_attribute where attrelid = 'vecs.memories'::regclass and attname = 'place' and not attisdropped) then
    delete from app.postings where place < 1000000000;
  end if;
  delete from app.entity_names n where not exists (select from vecs.memories kept where kept.id = n.memory_id);
  delete from app.relations r where not exists (select from vecs.memories kept where kept.id = r.memory_id);
  delete from app.memory_use u where not exists (select from vecs.memories kept where kept.id = u.memory_id);
  delete from app.questions q
    where q.answer is null and not exists (select from vecs.memories kept where kept.id = q.memory_id);
  return lost;
end $$;
revoke all on function app.begin_history(text) from public;

-- Merges rows that differ in nothing but their times into the oldest of them. They go to the history, in one run. Rows that
-- say the same in two scopes, or expire on two days, are not the same.
create function app.merge_duplicates(run text) returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  merged bigint;
begin
  perform set_config('keepsake.actor', 'import', true);
  perform set_config('keepsake.reason', 'a duplicate in the table that was taken over', true);
  perform set_config('keepsake.run', merge_duplicates.run, true);
  delete from vecs.memories doomed using (
    select kept.id, row_number() over (
      partition by kept.metadata -> 'user_id', kept.metadata -> 'hash',
        case when app.is_own(kept.metadata) then to_jsonb(app.scope_of(kept.metadata))
          else kept.metadata - '{created_at,updated_at,text_lemmatized,attributed_to}'::text[] end
      order by app.moment(kept.metadata ->> 'created_at') nulls last, kept.id) as copy
    from vecs.memories kept
    where not kept.metadata ? 'role' and kept.metadata ? 'user_id' and kept.metadata ? 'hash'
  ) ranked
  where doomed.id = ranked.id and ranked.copy > 1;
  get diagnostics merged = row_count;
  perform set_config('keepsake.actor', '', true);
  perform set_config('keepsake.reason', '', true);
  perform set_config('keepsake.run', '', true);
  return merged;
end $$;
revoke all on function app.merge_duplicates(text) from public;

-- What is in the table that was taken over.
create function app.survey_memories() returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
begin
  return (
    select jsonb_build_object(
      'rows', count(*),
      'people', count(distinct app.owner(m.metadata)),
      'without_person', count(*) filter (where app.owner(m.metadata) is null),
      'agents', (
        select coalesce(jsonb_agg(named.agent order by named.agent), '[]') from (
          select distinct n.metadata ->> 'agent_id' as agent from vecs.memories n
          where app.owner(n.metadata) is null and n.metadata ? 'agent_id' order by 1 limit 20) named),
      'runs', (
        select coalesce(jsonb_agg(named.run order by named.run), '[]') from (
          select distinct n.metadata ->> 'run_id' as run from vecs.memories n
          where app.owner(n.metadata) is null and not n.metadata ? 'agent_id' and n.metadata ? 'run_id'
          order by 1 limit 20) named),
      'as_said', count(*) filter (where m.metadata ? 'role' and app.owner(m.metadata) is not null),
      'expired', count(*) filter (where m.metadata ->> 'expiration_date' < to_char(now(), 'YYYY-MM-DD')),
      'in_other_scopes', (
        select coalesce(sum(alike.scopes - 1), 0) from (
          select count(distinct app.scope_of(s.metadata)) as scopes from vecs.memories s
          where not s.metadata ? 'role' and s.metadata ? 'user_id' and s.metadata ? 'hash'
          group by s.metadata -> 'user_id', s.metadata -> 'hash') alike))
    from vecs.memories m);
end $$;
revoke all on function app.survey_memories() from public;

-- Makes vecs.memories; or takes over a table that mem0 or vecs made, with its rows; or mends one that mem0 made again.
-- `moved` says that rows were just moved into it. Returns null, or what a takeover found and did.
drop function app.ensure_collection(int, text);
create function app.ensure_collection(dimension int, embed_model text, moved boolean default false) returns jsonb
  language plpgsql
  as $$
declare
  found_dimension int;
  is_new boolean := to_regclass('vecs.memories') is null;
  is_known boolean := exists (select from app.collections c where c.name = 'memories');
  is_bare boolean;
  run text := 'takeover-' || gen_random_uuid();
  lost bigint := 0;
  merged bigint := 0;
begin
  if is_new then
    execute format(
      'create table vecs.memories (
         id varchar primary key, vec vector(%s) not null, metadata jsonb not null default ''{}''::jsonb)',
      dimension);
  end if;

  select atttypmod into found_dimension
  from pg_attribute where attrelid = 'vecs.memories'::regclass and attname = 'vec';
  if found_dimension <> dimension then
    raise exception 'vecs.memories holds vectors of % numbers, the embedding model gives %', found_dimension, dimension
      using errcode = 'KS001';
  end if;

  is_bare := not exists (
    select from pg_trigger where tgrelid = 'vecs.memories'::regclass and tgname = 'keep_history');
  if is_bare then
    lost := app.begin_history(run);
  end if;

  execute 'alter table vecs.memories enable row level security';
  execute 'alter table vecs.memories force row level security';
  execute 'drop policy if exists own_memories on vecs.memories';
  -- Compared as JSON, as vecs compares, so that one index serves both.
  execute $policy$
    create policy own_memories on vecs.memories to authenticated
      using ((metadata -> 'user_id') = (select to_jsonb(app.asking())))
      with check ((metadata -> 'user_id') = (select to_jsonb(app.asking())))
  $policy$;
  execute 'grant select, insert, update, delete on vecs.memories to authenticated';

  execute 'drop trigger if exists keep_history on vecs.memories';
  execute 'create trigger keep_history after insert or update or delete on vecs.memories
             for each row execute function app.keep_history()';
  execute 'drop trigger if exists keep_graph on vecs.memories';
  execute 'create trigger keep_graph after insert or update or delete on vecs.memories
             for each row execute function app.keep_graph()';
  execute 'drop trigger if exists keep_company on vecs.memories';
  execute 'create trigger keep_company after delete on vecs.memories
             for each row execute function app.keep_company()';

  if is_bare or moved then
    merged := app.merge_duplicates(run);
  end if;

  -- One user's rows are few: this index and an exact scan beat any approximate index over everybody's.
  execute 'create index if not exists memories_of_user on vecs.memories ((metadata -> ''user_id''))';
  -- Makes a duplicate of an own memory impossible however many tabs write. Messages kept as said carry a role and stay
  -- outside; other programs' rows are in the index, and never the same.
  execute 'create unique index if not exists memories_once on vecs.memories
             ((metadata -> ''user_id''), (metadata -> ''hash''), (app.once_in(metadata, id)))
             where not metadata ? ''role''';

  insert into app.collections (name, dimension, embed_model)
  values ('memories', ensure_collection.dimension, ensure_collection.embed_model)
  on conflict (name) do nothing;
  if not moved and (not is_bare or (is_new and lost = 0)) then
    return null;
  end if;
  return app.survey_memories() || jsonb_build_object(
    'merged', merged, 'lost', lost, 'run', case when merged + lost > 0 then run end, 'known', is_known and not moved);
end $$;
revoke all on function app.ensure_collection(int, text, boolean) from public;

-- Databases with the index of before: the new one allows everything that it allowed.
do $$
begin
  if exists (
    select from pg_index i where i.indexrelid = to_regclass('vecs.memories_once') and i.indnatts = 2) then
    drop index vecs.memories_once;
    create unique index memories_once on vecs.memories
      ((metadata -> 'user_id'), (metadata -> 'hash'), (app.once_in(metadata, id))) where not metadata ? 'role';
  end if;
end $$;

-- Rows that were taken over before: their words are known since mem0 last changed them.
update app.memory_history h set at = app.known_since(h.new_metadata)
where h.action = 'add' and h.actor = 'import' and h.reason = 'it was in the table that was taken over'
  and h.at < app.known_since(h.new_metadata);

-- -- mem0's table of entities, which holds names --------------------------------------------------------

-- Erases what mem0 noted about the user who asks. The table may be made at any time, by any role, so these run as their
-- owner and name the user themselves.
create function app.erase_mem0_entities() returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  gone bigint;
begin
  if to_regclass('vecs.memories_entities') is null or app.asking() is null then
    return 0;
  end if;
  execute 'delete from vecs.memories_entities where metadata -> ''user_id'' = to_jsonb(app.asking())';
  get diagnostics gone = row_count;
  return gone;
exception when insufficient_privilege then
  return 0;  -- counting them then reports what is left
end $$;
revoke all on function app.erase_mem0_entities() from public;
grant execute on function app.erase_mem0_entities() to authenticated;

create function app.count_mem0_entities() returns bigint
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  counted bigint;
begin
  if to_regclass('vecs.memories_entities') is null or app.asking() is null then
    return 0;
  end if;
  execute 'select count(*) from vecs.memories_entities where metadata -> ''user_id'' = to_jsonb(app.asking())' into counted;
  return counted;
exception when insufficient_privilege then
  return 1;  -- it may hold names, and cannot be looked into
end $$;
revoke all on function app.count_mem0_entities() from public;
grant execute on function app.count_mem0_entities() to authenticated;

-- Takes memories that were erased out of mem0's entities, and erases those that name no other memory.
create function app.unlink_mem0_entities(erased text[]) returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  gone bigint;
begin
  if to_regclass('vecs.memories_entities') is null or app.asking() is null then
    return 0;
  end if;
  execute
    'update vecs.memories_entities
     set metadata = jsonb_set(metadata, ''{linked_memory_ids}'', (metadata -> ''linked_memory_ids'') - $1)
     where metadata -> ''user_id'' = to_jsonb(app.asking())
       and jsonb_typeof(metadata -> ''linked_memory_ids'') = ''array''
       and jsonb_exists_any(metadata -> ''linked_memory_ids'', $1)' using erased;
  execute
    'delete from vecs.memories_entities
     where metadata -> ''user_id'' = to_jsonb(app.asking()) and metadata -> ''linked_memory_ids'' = ''[]''';
  get diagnostics gone = row_count;
  return gone;
exception when insufficient_privilege then
  return 0;
end $$;
revoke all on function app.unlink_mem0_entities(text[]) from public;
grant execute on function app.unlink_mem0_entities(text[]) to authenticated;

-- -- rows without a person --------------------------------------------------------------------------------

-- Gives rows of an agent or a run that name no person to one. They are deleted and added again, so the history of both
-- sides is whole; their ids stay. Returns how many.
create function app.give_memories(agent text, run text, to_user text) returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  given bigint;
begin
  perform set_config('keepsake.actor', 'import', true);
  perform set_config('keepsake.reason', 'it belonged to no person, and was given to one', true);
  with gone as (
    delete from vecs.memories m
    where app.owner(m.metadata) is null and (agent is not null or run is not null)
      and (agent is null or m.metadata ->> 'agent_id' = agent) and (run is null or m.metadata ->> 'run_id' = run)
    returning m.id, m.vec, m.metadata
  )
  insert into vecs.memories (id, vec, metadata)
  select g.id, g.vec, g.metadata || jsonb_build_object('user_id', to_user) from gone g;
  get diagnostics given = row_count;
  perform set_config('keepsake.actor', '', true);
  perform set_config('keepsake.reason', '', true);
  return given;
end $$;
revoke all on function app.give_memories(text, text, text) from public;
