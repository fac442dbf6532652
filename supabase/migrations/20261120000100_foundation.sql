-- The ground: schemas, the vector type, and how a policy learns who is asking.
-- Runs as it is on hosted Supabase (where auth, extensions and the roles exist) and on the embedded
-- server (where local/ makes them first).

create schema if not exists extensions;
create extension if not exists vector with schema extensions;
create schema if not exists vecs;
create schema if not exists app;

-- The worker looks across users, through one function that answers with ids only. Its role can do nothing else.
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

-- User ids are any string, so policies compare with the claim itself and never cast it to a uuid.
create function app.asking() returns text
  language sql stable
  set search_path = ''
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' $$;

comment on function app.asking() is 'The user this transaction is bound to; null when none is, and then every policy refuses.';
