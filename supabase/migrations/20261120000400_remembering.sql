-- What stands beside the memories: how often each was used, questions to the person, the profile, the
-- person's own wishes, and the graph. All of it belongs to one user and goes when the memory goes.

-- Counts of use live here and not in the memory, so that a search writes no history.
create table app.memory_use (
  user_id text not null default app.asking(),
  memory_id text not null,
  recalled int not null default 0,
  recalled_at timestamptz,
  confirmed int not null default 0,
  confirmed_at timestamptz,
  primary key (user_id, memory_id)
);

-- "Which is right?": a contradiction the model is not sure of waits here for the person's word.
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

-- One page about the person: lines, of which some are the person's own and win.
create table app.profiles (
  user_id text primary key default app.asking(),
  lines jsonb not null default '[]'::jsonb,
  made_from text not null default '',
  updated_at timestamptz not null default now()
);

-- What a person wishes of the remembering: their timezone, and words added to the instructions.
create table app.people (
  user_id text primary key default app.asking(),
  timezone text not null default 'UTC',
  extract_wishes text not null default '' check (length(extract_wishes) <= 2000),
  update_wishes text not null default '' check (length(update_wishes) <= 2000),
  updated_at timestamptz not null default now()
);

-- The graph is drawn from `entities` and `relations` in a memory's metadata by a trigger, so that it comes,
-- changes and goes with the memory: an undo brings it back like everything else.
create table app.entities (
  id uuid primary key default gen_random_uuid(),
  user_id text not null,
  unique (id, user_id)
);

create table app.entity_names (
  user_id text not null,
  memory_id text not null,
  entity_id uuid not null,
  name text not null,
  key text not null,
  primary key (user_id, memory_id, key),
  foreign key (entity_id, user_id) references app.entities (id, user_id) on delete cascade
);
create index entity_names_by_key on app.entity_names (user_id, key);
create index entity_names_by_entity on app.entity_names (entity_id);

create table app.relations (
  user_id text not null,
  memory_id text not null,
  subject_id uuid not null,
  relation text not null,
  object_id uuid not null,
  primary key (user_id, memory_id, subject_id, relation, object_id),
  foreign key (subject_id, user_id) references app.entities (id, user_id) on delete cascade,
  foreign key (object_id, user_id) references app.entities (id, user_id) on delete cascade
);
create index relations_by_subject on app.relations (subject_id);
create index relations_by_object on app.relations (object_id);

do $$
declare
  each text;
begin
  foreach each in array array[
    'memory_use', 'questions', 'profiles', 'people', 'entities', 'entity_names', 'relations']
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

-- The entity that carries one of these names, made if there is none. Names that turn out to mean the same
-- ("Ana", "my sister") bring their entities together.
create function app.entity_for(owner text, memory text, names text[]) returns uuid
  language plpgsql
  set search_path = ''
  as $$
declare
  found_ids uuid[];
  chosen uuid;
begin
  select array_agg(distinct n.entity_id) into found_ids
  from app.entity_names n
  where n.user_id = owner and n.key in (select app.name_key(each) from unnest(names) each);

  if found_ids is null then
    insert into app.entities (user_id) values (owner) returning id into chosen;
  else
    chosen := found_ids[1];
    update app.entity_names set entity_id = chosen where user_id = owner and entity_id = any (found_ids[2:]);
    -- A relation that both carried would otherwise stand twice.
    insert into app.relations
      select distinct r.user_id, r.memory_id,
        case when r.subject_id = any (found_ids[2:]) then chosen else r.subject_id end,
        r.relation,
        case when r.object_id = any (found_ids[2:]) then chosen else r.object_id end
      from app.relations r
      where r.user_id = owner and (r.subject_id = any (found_ids[2:]) or r.object_id = any (found_ids[2:]))
      on conflict do nothing;
    delete from app.entities where user_id = owner and id = any (found_ids[2:]);
  end if;

  insert into app.entity_names (user_id, memory_id, entity_id, name, key)
    select owner, memory, chosen, min(each), app.name_key(each)
    from unnest(names) each where app.name_key(each) <> '' group by app.name_key(each)
    on conflict do nothing;
  return chosen;
end $$;

create function app.keep_graph() returns trigger
  language plpgsql
  set search_path = ''
  as $$
declare
  owner text;
  each jsonb;
begin
  if tg_op = 'UPDATE' and (new.metadata -> 'entities') is not distinct from (old.metadata -> 'entities')
    and (new.metadata -> 'relations') is not distinct from (old.metadata -> 'relations')
    and (new.metadata -> 'user_id') = (old.metadata -> 'user_id') then
    return null;
  end if;

  if tg_op <> 'INSERT' then
    owner := old.metadata ->> 'user_id';
    delete from app.relations where user_id = owner and memory_id = old.id;
    with gone as (
      delete from app.entity_names where user_id = owner and memory_id = old.id returning entity_id)
    delete from app.entities e using gone
      where e.id = gone.entity_id
        and not exists (select from app.entity_names n where n.entity_id = e.id and n.memory_id <> old.id);
  end if;

  if tg_op <> 'DELETE' then
    owner := new.metadata ->> 'user_id';
    if owner is null then
      return null;
    end if;
    if jsonb_typeof(new.metadata -> 'entities') = 'array' then
      for each in select value from jsonb_array_elements(new.metadata -> 'entities') loop
        if jsonb_typeof(each) = 'array' then  -- all the names one entity goes by
          perform app.entity_for(owner, new.id, array(select jsonb_array_elements_text(each)));
        end if;
      end loop;
    end if;
    if jsonb_typeof(new.metadata -> 'relations') = 'array' then
      for each in select value from jsonb_array_elements(new.metadata -> 'relations') loop
        if jsonb_typeof(each) = 'array' and jsonb_array_length(each) = 3 then
          insert into app.relations (user_id, memory_id, subject_id, relation, object_id)
          values (owner, new.id, app.entity_for(owner, new.id, array[each ->> 0]), each ->> 1,
                  app.entity_for(owner, new.id, array[each ->> 2]))
          on conflict do nothing;
        end if;
      end loop;
    end if;
  end if;
  return null;
end $$;

-- What was counted or asked about a memory goes with it.
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
