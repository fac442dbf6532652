-- Corrections: which messages told words that a memory no longer says, so that recall can tell them as what they are; the
-- turns of every version of a deleted memory are hidden, not only that of the last one; and a memory that another program
-- gives new words loses what was derived from the old ones.

-- -- which change replaced the words of which message -----------------------------------------------------

alter table app.memory_history add column replaced_message text;
comment on column app.memory_history.replaced_message is
  'The message that told the words which this change replaced, or '''' if none did; null if it replaced no words.';

update app.memory_history set replaced_message = coalesce(old_metadata ->> 'message_id', '')
where action = 'update' and old_metadata ->> 'data' is distinct from new_metadata ->> 'data';

create index memory_history_replaced on app.memory_history (user_id, replaced_message) where replaced_message is not null;
create index memory_history_reworded on app.memory_history (user_id, memory_id) where replaced_message is not null;
create index questions_decided on app.questions (user_id, message_id) where answer in ('old', 'neither');

create or replace function app.keep_history() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
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
     old_metadata, new_metadata, old_vec, new_vec, replaced_message)
  values (
    coalesce(owner, ''),
    coalesce(new.id, old.id),
    case tg_op when 'INSERT' then 'add' when 'UPDATE' then 'update' else 'delete' end,
    coalesce(nullif(current_setting('keepsake.actor', true), ''), 'outside'),
    nullif(current_setting('keepsake.reason', true), ''),
    nullif(current_setting('keepsake.message_id', true), ''),
    nullif(current_setting('keepsake.run', true), ''),
    nullif(current_setting('keepsake.undoes', true), '')::bigint,
    old.metadata, new.metadata, old.vec, new.vec,
    case when tg_op = 'UPDATE' and old.metadata ->> 'data' is distinct from new.metadata ->> 'data'
      then coalesce(old.metadata ->> 'message_id', '') end
  );
  return null;
end $$;

-- -- deleted memories hide the turns of all their versions --------------------------------------------------

-- Whether another memory that told something of this turn, or that a reply used, is deleted, by its latest version.
create or replace function app.still_removed(owner text, turn text, used jsonb, besides text) returns boolean
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select exists (
      select from (
        select distinct h.memory_id from app.memory_history h
        where h.user_id = owner and h.memory_id <> besides
          and (h.new_metadata ->> 'message_id' = turn or used ? h.memory_id)) of_turn
      cross join lateral (
        select h.action, h.actor from app.memory_history h
        where h.memory_id = of_turn.memory_id and h.user_id || '' = owner order by h.event desc limit 1) latest
      where latest.action = 'delete' and latest.actor in ('person', 'model', 'rules', 'outside'))
  $$;

-- A deleted memory hides the turns in which any of its versions was told, and replies that used it; when it is restored,
-- they are shown again. Memories that tidying or expiry deletes hide nothing, nor those that an import replaces, nor what is
-- erased: then nobody signs, and there are claims, which another program has not.
create or replace function app.hide_episodes() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  gone boolean := tg_op = 'DELETE';
  row_of jsonb := case when gone then old.metadata else new.metadata end;
  id_of text := case when gone then old.id else new.id end;
  actor text := coalesce(nullif(current_setting('keepsake.actor', true), ''), 'outside');
  turns text[];
begin
  if actor not in ('person', 'model', 'rules', 'outside')
    or (actor = 'outside' and nullif(current_setting('request.jwt.claims', true), '') is not null)
    or (not gone and nullif(current_setting('keepsake.undoes', true), '') is null)
  then
    return null;
  end if;
  -- A memory has few versions, a user many: the index on the memory is the one to use.
  select array_agg(h.new_metadata ->> 'message_id') || (row_of ->> 'message_id') into turns
  from app.memory_history h where h.memory_id = id_of and h.user_id || '' = app.owner(row_of);
  update vecs.episodes e set hidden = gone
  where e.user_id = app.owner(row_of) and e.hidden <> gone
    and (e.metadata ->> 'turn' = any (turns) or e.metadata -> 'used' ? id_of)
    and (gone or not app.still_removed(
      app.owner(row_of), e.metadata ->> 'turn', coalesce(e.metadata -> 'used', '[]'::jsonb), id_of));
  return null;
end $$;

-- Deleting a chat hides its episodes, with one transaction writing a user's rows at a time; restoring it shows those that
-- no deleted memory hides.
create or replace function app.hide_chat() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('keepsake.write:' || new.user_id, 0));
  if new.deleted_at is not null then
    update vecs.episodes e set hidden = true
    where e.user_id = new.user_id and coalesce(e.metadata ->> 'run_id', '') = new.id::text and e.place >= 0
      and not e.hidden;
    return null;
  end if;
  with removed as materialized (
    select latest.memory_id
    from (
      select distinct on (h.memory_id) h.memory_id, h.action, h.actor
      from app.memory_history h where h.user_id = new.user_id
      order by h.memory_id, h.event desc) latest
    where latest.action = 'delete' and latest.actor in ('person', 'model', 'rules', 'outside')
  ),
  told as materialized (
    select distinct h.new_metadata ->> 'message_id' as message_id
    from app.memory_history h
    where h.user_id = new.user_id and h.memory_id in (select r.memory_id from removed r) and h.new_metadata ? 'message_id'
  )
  update vecs.episodes e set hidden = false
  where e.user_id = new.user_id and coalesce(e.metadata ->> 'run_id', '') = new.id::text and e.place >= 0 and e.hidden
    and not exists (select from told t where t.message_id = e.metadata ->> 'turn')
    and not exists (select from removed r where e.metadata -> 'used' ? r.memory_id);
  return null;
end $$;

-- -- another program gives a memory new words ----------------------------------------------------------------

-- Whether a name stands in a text, as whole words.
create function app.is_named(name text, written text) returns boolean
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  as $$
    select btrim(app.spoken_words(name)) <> '' and strpos(app.spoken_words(written), app.spoken_words(name)) > 0
  $$;

-- The entities of a memory that its new words still name, with the names that were not among the old words.
create function app.entities_left(entities jsonb, before text, after text) returns jsonb
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  as $$
    select jsonb_agg(left_over.names order by left_over.number)
    from (
      select entity.number, jsonb_agg(each.value order by each.number) as names
      from jsonb_path_query(entities, 'lax $[*]') with ordinality entity (value, number)
      cross join lateral jsonb_path_query(entity.value, 'lax $[*]') with ordinality each (value, number)
      where jsonb_typeof(each.value) = 'string'
        and (app.is_named(each.value #>> '{}', after) or not app.is_named(each.value #>> '{}', before))
      group by entity.number
      having bool_or(app.is_named(each.value #>> '{}', after))) left_over
  $$;

-- Relations whose ends are still named; "me" is the person.
create function app.relations_left(relations jsonb, after text) returns jsonb
  language sql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  as $$
    select jsonb_agg(each.value order by each.number)
    from jsonb_path_query(relations, 'lax $[*]') with ordinality each (value, number)
    where jsonb_typeof(each.value) = 'array'
      and (app.name_key(each.value ->> 0) = 'me' or app.is_named(each.value ->> 0, after))
      and (app.name_key(each.value ->> 2) = 'me' or app.is_named(each.value ->> 2, after))
  $$;

-- A program that knows nothing of our keys (mem0) hands them on when it changes a memory's words; if somebody else changed the
-- memory meanwhile, those of a version before. What was derived from the old words is no longer true of the new ones, so it
-- is taken out, unless the program set it anew.
create function app.keep_source() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  before text := old.metadata ->> 'data';
  after text := new.metadata ->> 'data';
  source jsonb;
  derived text;
begin
  if nullif(current_setting('keepsake.actor', true), '') is not null or before is not distinct from after
    or new.metadata ? 'role' or not app.is_own(new.metadata) then
    return new;
  end if;
  select h.new_metadata into source from app.memory_history h
  where h.user_id = app.owner(new.metadata) and h.memory_id = new.id
    and h.new_metadata ->> 'message_id' = new.metadata ->> 'message_id' and h.new_metadata ->> 'data' <> after
  order by h.event desc limit 1;
  source := coalesce(source, old.metadata);
  foreach derived in array array['quote', 'quotes', 'message_id', 'source', 'happened_at', 'told_at', 'confirmed_at'] loop
    if new.metadata -> derived = source -> derived then
      new.metadata := new.metadata - derived;
    end if;
  end loop;
  before := coalesce(source ->> 'data', before);
  if new.metadata -> 'entities' = source -> 'entities' then
    new.metadata := jsonb_strip_nulls(jsonb_build_object(
      'entities', app.entities_left(new.metadata -> 'entities', before, after))) || (new.metadata - 'entities');
  end if;
  if new.metadata -> 'relations' = source -> 'relations' then
    new.metadata := jsonb_strip_nulls(jsonb_build_object(
      'relations', app.relations_left(new.metadata -> 'relations', after))) || (new.metadata - 'relations');
  end if;
  return new;
end $$;
revoke all on function app.keep_source() from public;

-- Called once the table of memories exists; safe to run again.
create function app.ensure_sources() returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  execute 'drop trigger if exists keep_source on vecs.memories';
  execute 'create trigger keep_source before update of metadata on vecs.memories
             for each row execute function app.keep_source()';
end $$;
revoke all on function app.ensure_sources() from public;
