-- Tables next to the memories: how often each was used, questions to the person, the profile, the person's settings, and
-- the graph. Every row belongs to one user; rows about a memory are deleted with it.

-- The use of a memory is counted here and not in the memory, so that a search makes no new version of it.
create table app.memory_use (
  user_id text not null default app.asking(),
  memory_id text not null,
  recalled int not null default 0,
  recalled_at timestamptz,
  confirmed int not null default 0,
  confirmed_at timestamptz,
  primary key (user_id, memory_id)
);

-- "Which is right?": contradictions that the model is not sure about, until the person answers.
create table app.questions (
  id uuid primary key default gen_random_uuid(),
  user_id text not null default app.asking(),
  memory_id text not null,
  proposed jsonb not null,
  message_id text,
  asked_at timestamptz not null default now(),
  answered_at timestamptz,
  answer text check (answer in ('new', 'old', 'both', 'neither'))
);
create index questions_open on app.questions (user_id, asked_at) where answer is null;

-- The profile, one page about the person. Lines of the person's own win over generated ones.
create table app.profiles (
  user_id text primary key default app.asking(),
  lines jsonb not null default '[]'::jsonb,
  made_from text not null default '',
  updated_at timestamptz not null default now()
);

-- A person's settings for remembering: their timezone, and additions to the instructions.
create table app.people (
  user_id text primary key default app.asking(),
  timezone text not null default 'UTC',
  extract_wishes text not null default '' check (length(extract_wishes) <= 2000),
  update_wishes text not null default '' check (length(update_wishes) <= 2000),
  updated_at timestamptz not null default now()
);

-- A trigger makes the graph from `entities` and `relations` in a memory's metadata, so it is changed, deleted and restored
-- with the memory. Each row belongs to one memory. Which names mean the same entity is worked out when reading
-- (same_entity), so entities separate again when the memory that joined them is deleted, and no two writers share a row.
create table app.entity_names (
  user_id text not null,
  memory_id text not null,
  entity int not null,       -- which of the memory's entities: the names of one share the number
  name text not null,
  key text not null,         -- the name in the form it is compared in
  proper boolean not null,   -- "Ana", and not "my sister": see same_entity
  shared boolean not null,   -- the entity has other names in this memory
  primary key (user_id, memory_id, entity, key)
);
create index entity_names_by_key on app.entity_names (user_id, key);
create index entity_names_shared on app.entity_names (user_id) where shared;

create table app.relations (
  user_id text not null,
  memory_id text not null,
  subject_key text not null,
  relation text not null,
  object_key text not null,
  primary key (user_id, memory_id, subject_key, relation, object_key)
);
create index relations_by_subject on app.relations (user_id, subject_key);
create index relations_by_object on app.relations (user_id, object_key);

do $$
declare
  each text;
begin
  foreach each in array array[
    'memory_use', 'questions', 'profiles', 'people', 'entity_names', 'relations']
  loop
    execute format('alter table app.%I enable row level security', each);
    execute format('alter table app.%I force row level security', each);
    execute format('create policy %I on app.%I to authenticated
      using (user_id = (select app.asking())) with check (user_id = (select app.asking()))', 'own_' || each, each);
    execute format('grant select, insert, update, delete on app.%I to authenticated', each);
  end loop;
end $$;

create function app.name_key(name text) returns text
  language sql immutable
  set search_path = ''
  as $$ select btrim(regexp_replace(lower(normalize(name, NFKC)), '\s+', ' ', 'g')) $$;

-- A text that begins with a small letter is a description, except "me", which means the person and counts as a name.
create function app.is_proper(name text) returns boolean
  language sql immutable
  set search_path = ''
  as $$
    select app.name_key(name) = 'me' or left(name, 1) <> lower(left(name, 1)) or left(name, 1) = upper(left(name, 1))
  $$;

-- The entities and relations in one memory's metadata, which any program may have written. Values of another form, and
-- values too long or too many for an index, are ignored; nothing raises an error.
create function app.draw_graph(owner text, memory text, drawn jsonb) returns void
  language plpgsql
  set search_path = ''
  as $$
begin
  if owner is null or length(owner) > 255 or length(memory) > 128 then
    return;
  end if;

  insert into app.entity_names (user_id, memory_id, entity, name, key, proper, shared)
  select owner, memory, kept.entity, kept.name, kept.key, kept.proper, count(*) over (partition by kept.entity) > 1
  from (
    select distinct on (entity.number, named.key)
      entity.number as entity, named.name, named.key, app.is_proper(named.name) as proper
    from jsonb_path_query(drawn, 'lax $.entities[*]') with ordinality entity (value, number)
    cross join lateral jsonb_array_elements(
      case jsonb_typeof(entity.value) when 'array' then entity.value else '[]' end) with ordinality word (value, number)
    cross join lateral (
      select btrim(word.value #>> '{}') as name, app.name_key(word.value #>> '{}') as key) named
    where entity.number <= 50 and word.number <= 20 and jsonb_typeof(word.value) = 'string'
      and length(named.name) <= 80 and length(named.key) between 1 and 80
    order by entity.number, named.key, app.is_proper(named.name) desc, word.number
  ) kept
  on conflict do nothing;

  insert into app.relations (user_id, memory_id, subject_key, relation, object_key)
  select distinct owner, memory, told.subject_key, told.relation, told.object_key
  from jsonb_path_query(drawn, 'lax $.relations[*]') with ordinality each (value, number)
  cross join lateral (
    select app.name_key(each.value ->> 0) as subject_key, btrim(each.value ->> 1) as relation,
           app.name_key(each.value ->> 2) as object_key) told
  where each.number <= 100 and jsonb_typeof(each.value) = 'array' and each.value -> 3 is null
    and jsonb_typeof(each.value -> 0) = 'string' and jsonb_typeof(each.value -> 1) = 'string'
    and jsonb_typeof(each.value -> 2) = 'string'
    and length(each.value ->> 0) <= 80 and length(told.subject_key) between 1 and 80
    and length(each.value ->> 2) <= 80 and length(told.object_key) between 1 and 80
    and length(told.relation) between 1 and 60
  on conflict do nothing;

  -- Whoever a relation names is an entity, listed or not.
  insert into app.entity_names (user_id, memory_id, entity, name, key, proper, shared)
  select owner, memory, 50 + row_number() over (order by alone.key), alone.name, alone.key,
    app.is_proper(alone.name), false
  from (
    select distinct on (app.name_key(told.name)) btrim(told.name) as name, app.name_key(told.name) as key
    from jsonb_path_query(drawn, 'lax $.relations[*]') each (value)
    cross join lateral (values (each.value ->> 0), (each.value ->> 2)) told (name)
    where told.name is not null
    order by app.name_key(told.name), told.name
  ) alone
  where exists (
      select from app.relations r
      where r.user_id = owner and r.memory_id = memory and alone.key in (r.subject_key, r.object_key))
    and length(alone.name) <= 80
    and not exists (
      select from app.entity_names n where n.user_id = owner and n.memory_id = memory and n.key = alone.key)
  on conflict do nothing;
end $$;

create function app.keep_graph() returns trigger
  language plpgsql
  set search_path = ''
  as $$
begin
  if tg_op = 'UPDATE' and new.id = old.id
    and (new.metadata -> 'entities') is not distinct from (old.metadata -> 'entities')
    and (new.metadata -> 'relations') is not distinct from (old.metadata -> 'relations')
    and (new.metadata -> 'user_id') is not distinct from (old.metadata -> 'user_id') then
    return null;
  end if;
  if tg_op <> 'INSERT' then
    delete from app.relations where user_id = old.metadata ->> 'user_id' and memory_id = old.id;
    delete from app.entity_names where user_id = old.metadata ->> 'user_id' and memory_id = old.id;
  end if;
  -- A user's id is JSON text; the number 5 is nobody, and must not be drawn for the user "5".
  if tg_op <> 'DELETE' and jsonb_typeof(new.metadata -> 'user_id') = 'string'
    and (new.metadata ? 'entities' or new.metadata ? 'relations') then
    perform app.draw_graph(new.metadata ->> 'user_id', new.id, new.metadata);
  end if;
  return null;
end $$;

-- For each given key, all keys of the same entity: keys that some memory uses for one entity together with it, keys used
-- together with those, and so on, and the key itself. A description of several entities joins none of them: "my friend"
-- for "Ben" in one memory and for "Carla" in another does not make them one. It reads only the rows of entities that have
-- several names in one memory, which are few.
create function app.same_entity(wanted text[]) returns table (of_key text, key text)
  language sql stable
  set search_path = ''
  as $$
    with recursive named as materialized (
      select n.memory_id, n.entity, n.key, n.proper
      from app.entity_names n where n.user_id = (select app.asking()) and n.shared
    ),
    proper as materialized (select distinct named.key from named where named.proper),
    beside as materialized (
      select distinct here.key, other.key as other
      from named here join named other using (memory_id, entity) where other.key <> here.key
    ),
    several as materialized (
      select beside.key from beside
      where beside.key not in (select proper.key from proper) and beside.other in (select proper.key from proper)
      group by beside.key having count(*) > 1
    ),
    joined as materialized (
      select beside.key, beside.other from beside
      where beside.key not in (select several.key from several) and beside.other not in (select several.key from several)
    ),
    same (of_key, key) as (
      select distinct each, each from unnest(wanted) each
      union
      select same.of_key, joined.other from same join joined on joined.key = same.key
    )
    select same.of_key, same.key from same
  $$;

-- The relations of the entities with these keys; with two hops, also those of their neighbours. No path leads through
-- "me", the person, who is related to everything.
create function app.around(wanted text[], hops int default 1)
  returns table (memory_id text, subject_key text, relation text, object_key text, hop int)
  language sql stable
  set search_path = ''
  as $$
    with begun as materialized (select distinct s.key from app.same_entity(wanted) s),
    near as materialized (
      select r.* from app.relations r join begun on r.subject_key = begun.key where r.user_id = (select app.asking())
      union
      select r.* from app.relations r join begun on r.object_key = begun.key where r.user_id = (select app.asking())
    ),
    met as materialized (
      select s.key from app.same_entity(case when hops > 1 then array(
        select near.subject_key from near union select near.object_key from near
        except select s.key from app.same_entity(array['me']) s) end) s
      except select begun.key from begun
    ),
    further as (
      select r.* from app.relations r join met on r.subject_key = met.key where r.user_id = (select app.asking())
      union
      select r.* from app.relations r join met on r.object_key = met.key where r.user_id = (select app.asking())
      except select near.* from near
    )
    select near.memory_id, near.subject_key, near.relation, near.object_key, 1 from near
    union all
    select further.memory_id, further.subject_key, further.relation, further.object_key, 2 from further
  $$;

-- Deletes what was counted or asked about a memory with the memory.
create function app.keep_company() returns trigger
  language plpgsql
  set search_path = ''
  as $$
begin
  delete from app.memory_use where user_id = (old.metadata ->> 'user_id') and memory_id = old.id;
  delete from app.questions
    where user_id = (old.metadata ->> 'user_id') and memory_id = old.id and answer is null;
  return null;
end $$;
