-- Makes on the embedded server what every hosted Supabase database has and the migrations expect.
-- Run as the superuser at each start; running it again changes nothing.

-- The same lock as in migrations.py: both grant rights on the same schemas, and two grants at once fail.
select pg_advisory_xact_lock(1262830928);

do $$
begin
  if to_regrole('anon') is null then
    create role anon nologin noinherit;
  end if;
  if to_regrole('authenticated') is null then
    create role authenticated nologin noinherit;
  end if;
  if to_regrole('service_role') is null then
    create role service_role nologin noinherit bypassrls;
  end if;
  -- The app's login role. It may do nothing until it becomes `authenticated`.
  if to_regrole('keepsake_app') is null then
    create role keepsake_app login noinherit nobypassrls;
  end if;
end $$;

grant authenticated to keepsake_app;

create schema if not exists extensions;
create schema if not exists auth;
grant usage on schema public, extensions, auth to anon, authenticated, service_role;
alter database postgres set search_path = "$user", public, extensions;

create or replace function auth.jwt() returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;

create or replace function auth.uid() returns uuid
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select (auth.jwt() ->> 'sub')::uuid $$;

create or replace function auth.role() returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select auth.jwt() ->> 'role' $$;
