-- Memories: the history of every version, and the function that makes (or takes over) vecs.memories, whose vector size
-- is known only when an embedding model is chosen.

create table app.memory_history (
  event bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  user_id text not null,
  memory_id text not null,
  action text not null check (action in ('add', 'update', 'delete')),
  actor text not null,
  reason text,
  message_id text,
  run text,       -- events with the same run were made together (by tidying, by an undo of several) and are undone together
  undoes bigint,  -- the event that this one undid
  old_metadata jsonb,
  new_metadata jsonb,
  old_vec vector,
  new_vec vector
);

create index memory_history_of_user on app.memory_history (user_id, event desc);
create index memory_history_of_memory on app.memory_history (memory_id, event desc);
create index memory_history_of_run on app.memory_history (run) where run is not null;

alter table app.memory_history enable row level security;
alter table app.memory_history force row level security;
create policy own_history on app.memory_history to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, delete on app.memory_history to authenticated;

-- A trigger writes the history, so no writer can skip it: not our code, not mem0, not a person with psql.
-- Who made the change, why and from which message is read from the transaction's settings.
create function app.keep_history() returns trigger
  language plpgsql
  set search_path = ''
  as $$
declare
  whose jsonb := coalesce(new.metadata, old.metadata) -> 'user_id';
  -- The number 5 is not the user "5": only text names an owner.
  owner text := case when jsonb_typeof(whose) = 'string' then whose #>> '{}' end;
begin
  if tg_op = 'UPDATE' and new.metadata = old.metadata and new.vec::text = old.vec::text then
    return null;
  end if;
  insert into app.memory_history
    (user_id, memory_id, action, actor, reason, message_id, run, undoes,
     old_metadata, new_metadata, old_vec, new_vec)
  values (
    coalesce(owner, ''),
    coalesce(new.id, old.id),
    case tg_op when 'INSERT' then 'add' when 'UPDATE' then 'update' else 'delete' end,
    coalesce(nullif(current_setting('keepsake.actor', true), ''), 'outside'),
    nullif(current_setting('keepsake.reason', true), ''),
    nullif(current_setting('keepsake.message_id', true), ''),
    nullif(current_setting('keepsake.run', true), ''),
    nullif(current_setting('keepsake.undoes', true), '')::bigint,
    old.metadata, new.metadata, old.vec, new.vec
  );
  return null;
end $$;

-- Which embedding model a collection's vectors come from: those of two models cannot be compared.
create table app.collections (
  name text primary key,
  dimension int not null,
  embed_model text not null,
  made_at timestamptz not null default now()
);
grant select on app.collections to authenticated, keepsake_worker;

-- A date as another program wrote it, or null.
create function app.moment(written text) returns timestamptz
  language plpgsql stable
  set search_path = ''
  as $$ begin return written::timestamptz; exception when others then return null; end $$;

-- Makes vecs.memories, or takes over a table that mem0 or vecs made, with its rows.
create function app.ensure_collection(dimension int, embed_model text) returns void
  language plpgsql
  as $$
declare
  found_dimension int;
begin
  if to_regclass('vecs.memories') is null then
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

  -- Rows that were there before the history begin it, so that "as of" and undo know them too.
  execute $baseline$
    insert into app.memory_history (at, user_id, memory_id, action, actor, reason, new_metadata, new_vec)
    select coalesce(app.moment(metadata ->> 'created_at'), now()), coalesce(metadata ->> 'user_id', ''), id,
           'add', 'import', 'it was in the table that was taken over', metadata, vec
    from vecs.memories kept
    where not exists (select from app.memory_history known where known.memory_id = kept.id)
  $baseline$;

  execute 'drop trigger if exists keep_graph on vecs.memories';
  execute 'create trigger keep_graph after insert or update or delete on vecs.memories
             for each row execute function app.keep_graph()';
  execute 'drop trigger if exists keep_company on vecs.memories';
  execute 'create trigger keep_company after delete on vecs.memories
             for each row execute function app.keep_company()';

  -- Duplicates in a table taken over: the oldest stays, the others go to history (by the trigger).
  perform set_config('keepsake.actor', 'import', true);
  perform set_config('keepsake.reason', 'a duplicate in the table that was taken over', true);
  execute $duplicates$
    delete from vecs.memories doomed using (
      select id, row_number() over (
        partition by metadata -> 'user_id', metadata -> 'hash'
        order by metadata ->> 'created_at', id) as copy
      from vecs.memories
      where not metadata ? 'role' and metadata ? 'user_id' and metadata ? 'hash'
    ) ranked
    where doomed.id = ranked.id and ranked.copy > 1
  $duplicates$;
  perform set_config('keepsake.actor', '', true);
  perform set_config('keepsake.reason', '', true);

  -- One user's rows are few: this index and an exact scan beat any approximate index over everybody's.
  execute 'create index if not exists memories_of_user on vecs.memories ((metadata -> ''user_id''))';
  -- Makes a duplicate impossible however many tabs write. Messages kept as said carry a role and stay outside.
  execute 'create unique index if not exists memories_once on vecs.memories
             ((metadata -> ''user_id''), (metadata -> ''hash'')) where not metadata ? ''role''';

  insert into app.collections (name, dimension, embed_model)
  values ('memories', ensure_collection.dimension, ensure_collection.embed_model)
  on conflict (name) do nothing;
end $$;

revoke all on function app.ensure_collection(int, text) from public;

-- Whether a migration was applied, for a role that may not read where that is recorded.
create function app.has_migration(wanted text) returns boolean
  language plpgsql stable security definer
  set search_path = ''
  as $$ begin return exists (select from supabase_migrations.schema_migrations where version = wanted); end $$;
