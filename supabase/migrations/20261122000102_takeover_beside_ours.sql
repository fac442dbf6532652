-- Taking over a collection beside our own memories: copies of our rows are no obstacle, and what nobody can undo is counted.

-- Moves the rows of another collection, and of its table of entities, into ours: by renaming its tables or, where ours
-- exist, row by row. Nothing of ours is overwritten. Returns how many rows were in ours already, the same in everything.
drop function app.adopt_collection(text);
create function app.adopt_collection(named text) returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  ending text;
  theirs regclass;
  ours regclass;
  differing bigint;
  same bigint;
  copies bigint := 0;
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
    execute format('delete from %s their using %s our where their.id = our.id and their.metadata = our.metadata', theirs, ours);
    get diagnostics same = row_count;
    execute format('select count(*) from %s their join %s our using (id)', theirs, ours) into differing;
    if differing > 0 then
      raise exception '% rows of % have the ids of rows of %, and say something else', differing, theirs, ours
        using errcode = 'KS003';
    end if;
    if ending = '' then
      copies := same;
      -- It refuses copies of our rows that have other ids. ensure_collection merges them, and makes it again.
      drop index if exists vecs.memories_once;
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
  return copies;
end $$;
revoke all on function app.adopt_collection(text) from public;

-- Merges rows that differ in nothing but their times into the oldest of them, and copies of own memories into the one that was
-- here first. They go to the history, in one run. Rows that say the same in two scopes, or expire on two days, are not the same.
create or replace function app.merge_duplicates(run text) returns bigint
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
      order by app.moment(kept.metadata ->> 'created_at') nulls last, known.first, kept.id) as copy
    from vecs.memories kept
    left join (select h.memory_id, min(h.event) as first from app.memory_history h group by h.memory_id) known
      on known.memory_id = kept.id
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

-- How many changes of a run belong to no person, so that nobody can undo them.
create function app.changes_of_nobody(run text) returns bigint
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select count(*) from app.memory_history h where h.run = changes_of_nobody.run and h.user_id = '' $$;
revoke all on function app.changes_of_nobody(text) from public;
