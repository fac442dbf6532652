-- Applications: programs whose users have memories here and never sign in. Each has a space of its own for the ids of its
-- users: no key of an application reaches a person who signs in, or a user of another application.

-- In the schema that no role of the app can use: only functions reach them, and whoever deploys.
create table app_shared.applications (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (length(name) between 1 and 60),
  made_at timestamptz not null default now()
);
-- As with people's keys, the row has the hash of 256 random bits, and nothing of a key can be changed but when it was used.
create table app_shared.application_keys (
  id uuid primary key default gen_random_uuid(),
  application uuid not null references app_shared.applications (id),
  key_hash bytea not null unique check (length(key_hash) = 32),
  can_write boolean not null,
  made_at timestamptz not null default now(),
  ends_at timestamptz not null,
  used_at timestamptz
);

-- Who asks, where an application is involved: the user of the claims, but only inside the space that the claims name. The
-- id of an application's user begins with the application; without the claim of that application it names nobody, and with
-- it no other id names anybody. So every policy refuses what a key may not reach, whatever the process in front of the
-- database believes.
create function app.asking_in_space() returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  return case
    when coalesce(substring(claims ->> 'sub' from '^application:([0-9a-f-]{36}):'), '')
      = coalesce(claims ->> 'application', '')
    then claims ->> 'sub' end;
end $$;

-- Who asks. Postgres writes this into the policies that use it, so it stays short: claims without that word are a person's.
create or replace function app.asking() returns text
  language sql stable
  return case
    when strpos(current_setting('request.jwt.claims', true), 'application') > 0 then app.asking_in_space()
    else nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' end;

-- The application whose key asks; null where none does.
create function app.asking_application() returns uuid
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select named::uuid from (
      select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'application' as named) claimed
    where named ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  $$;

-- The id of an application's user. It is no uuid, so nothing takes it for a person; the name is hashed, so any name has an
-- id of the same length, and it stands in one row only.
create function app.application_user(application uuid, kind text, name text) returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select 'application:' || application || ':' || kind || ':' || encode(sha256(convert_to(name, 'UTF8')), 'hex') $$;

-- The users of applications, by the names that these gave them. An agent, app or run that is named without a user owns its
-- memories as a user does.
create table app.application_users (
  user_id text primary key default app.asking(),
  application uuid not null default app.asking_application(),
  kind text not null check (kind in ('user', 'agent', 'app', 'run')),
  name text not null check (length(name) between 1 and 255),
  made_at timestamptz not null default now(),
  check (user_id = app.application_user(application, kind, name))
);
create index application_users_listed on app.application_users (application, made_at desc, user_id);

do $$
declare
  each text;
begin
  foreach each in array array['app_shared.applications', 'app_shared.application_keys', 'app.application_users'] loop
    execute 'alter table ' || each || ' enable row level security';
    execute 'alter table ' || each || ' force row level security';
  end loop;
end $$;
create policy own_application_users on app.application_users to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
-- Bound to an application and to none of its users, a statement reads the list of them.
create policy listed_application_users on app.application_users for select to authenticated
  using (application = (select app.asking_application())
    and (select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub') is null);
grant select, insert, delete on app.application_users to authenticated;

-- The key of an application with this hash: whose it is and whether it may write; nothing if it was ended or has expired.
-- It is called before anything is known, so it runs with its owner's rights; the name is the one that the deployer gave to
-- the application. It notes the use of the key, once a minute at most.
create function app.application_of_key(given bytea)
  returns table (key_id uuid, application uuid, name text, can_write boolean)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
#variable_conflict use_column
begin
  update app_shared.application_keys set used_at = now()
  where key_hash = given and ends_at > now() and (used_at is null or used_at < now() - interval '1 minute');
  return query
    select k.id, a.id, a.name, k.can_write
    from app_shared.application_keys k join app_shared.applications a on a.id = k.application
    where k.key_hash = given and k.ends_at > now();
end $$;

-- The user, of the application that asks, to whom a memory, a change, a run of changes or a question belongs; null for all
-- others, whether there is such a thing or not. A deleted memory belongs to whom it belonged.
create function app.owner_in_application(asked text, given text) returns text
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  mine uuid := app.asking_application();
  whose text;
begin
  if mine is null then
    return null;
  end if;
  if asked = 'memory' then
    select m.metadata ->> 'user_id' into whose from vecs.memories m where m.id = given;
    if whose is null then
      select h.user_id into whose from app.memory_history h where h.memory_id = given order by h.event desc limit 1;
    end if;
  elsif asked = 'event' and given ~ '^[0-9]{1,18}$' then
    select h.user_id into whose from app.memory_history h where h.event = given::bigint;
  elsif asked = 'run' then
    select h.user_id into whose from app.memory_history h where h.run = given limit 1;
  elsif asked = 'question' and given ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then
    select q.user_id into whose from app.questions q where q.id = given::uuid;
  end if;
  return case when starts_with(whose, 'application:' || mine || ':') then whose end;
end $$;

-- How many memories these users have, those of the application that asks only.
create function app.memories_in_application(whose text[]) returns table (user_id text, amount bigint)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  mine uuid := app.asking_application();
begin
  return query
    select named.id, (
      select count(*) from vecs.memories m
      where m.metadata -> 'user_id' = to_jsonb(named.id)
        and coalesce(m.metadata ->> 'expiration_date', '9999-12-31') >= to_char(now(), 'YYYY-MM-DD'))
    from unnest(whose) as named (id)
    where starts_with(named.id, 'application:' || mine || ':');
end $$;

revoke all on function app.application_of_key(bytea) from public;
revoke all on function app.owner_in_application(text, text) from public;
revoke all on function app.memories_in_application(text[]) from public;
grant execute on function app.application_of_key(bytea) to keepsake_worker;
grant execute on function app.owner_in_application(text, text) to authenticated;
grant execute on function app.memories_in_application(text[]) to authenticated;
