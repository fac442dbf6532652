-- Schemas, the vector type, and the function that tells a policy which user is asking.
-- Runs as it is on hosted Supabase (where auth, extensions and the roles exist) and on the embedded
-- server (where memory/embedded/ makes them first).

create schema if not exists extensions;
create extension if not exists vector with schema extensions;
create schema if not exists vecs;
create schema if not exists app;

-- The worker works across users, through functions that return only ids or numbers. Its role can do nothing else.
do $$
begin
  if not exists (select from pg_roles where rolname = 'keepsake_worker') then
    create role keepsake_worker nologin noinherit nobypassrls;
  end if;
  execute format('grant keepsake_worker to %I', current_user);
  if exists (select from pg_roles where rolname = 'keepsake_app') then
    grant keepsake_worker to keepsake_app;
  end if;
end $$;

grant usage on schema app, vecs, extensions to authenticated;
grant usage on schema app to keepsake_worker;

-- A user id may be any string, so policies compare it with the claim as text and never cast it to a uuid.
create function app.asking() returns text
  language sql stable
  set search_path = ''
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' $$;

comment on function app.asking() is 'The user this transaction is bound to; null when none is, and then every policy refuses.';
