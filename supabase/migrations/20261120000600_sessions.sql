-- Sessions, one row for each browser that is signed in; and deleting an account.

-- The browser has an opaque cookie; the row has its hash, and the tokens encrypted with a key made from the cookie, so the
-- database alone can neither find the cookie nor read the tokens. The page's script trades a ticket for the cookie: a
-- ticket works once, within a minute, at any instance of the app.
create table app.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id text not null default app.asking(),
  cookie_hash bytea not null unique,
  sealed bytea not null,
  device text not null default '' check (length(device) <= 100),
  kept boolean not null default false,  -- the browser has the cookie; else the session ends with its tab
  ticket_hash bytea unique,
  ticket_sealed bytea,
  ticket_ends_at timestamptz,
  opened_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);
create index sessions_of_user on app.sessions (user_id);

alter table app.sessions enable row level security;
alter table app.sessions force row level security;
create policy own_sessions on app.sessions to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.sessions to authenticated;

-- The session that belongs to a cookie or a ticket. It is called before the user is known, so it runs with its owner's
-- rights; it returns one row's id and user, and only for a secret that the caller already has.
create function app.session_of(secret_hash bytea) returns table (id uuid, user_id text)
  language sql stable security definer
  set search_path = ''
  as $$
    select found.id, found.user_id from app.sessions found where found.cookie_hash = secret_hash
    union
    select found.id, found.user_id from app.sessions found where found.ticket_hash = secret_hash
  $$;
revoke all on function app.session_of(bytea) from public;
grant execute on function app.session_of(bytea) to authenticated;

-- Erases everything in our tables about the user who asks, and their sign-in if it is in this database and this
-- function's owner may delete it. Returns how many rows of each table were erased; a second call returns none.
create function app.delete_account() returns jsonb
  language plpgsql security definer
  set search_path = ''
  as $$
declare
  leaving text := app.asking();
  walled record;
  gone bigint;
  counted jsonb := '{}';
begin
  if leaving is null then
    raise exception 'nobody is asking' using errcode = '42501';
  end if;
  -- Memories first, since their going writes history; messages before the conversations that would take them along.
  for walled in
    select n.nspname as room, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('app', 'vecs') and c.relkind in ('r', 'p') and c.relforcerowsecurity and exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped)
    order by n.nspname = 'app', c.relname desc
  loop
    execute format('delete from %I.%I where user_id = $1', walled.room, walled.name) using leaving;
    get diagnostics gone = row_count;
    if gone > 0 then
      counted := counted || jsonb_build_object(walled.name, gone);
    end if;
  end loop;

  if leaving ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' and exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'auth' and c.relname = 'users'
      and has_schema_privilege(n.oid, 'usage')
      and has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'delete'))
  then
    execute 'delete from auth.users where id = $1::uuid' using leaving;
    get diagnostics gone = row_count;
    if gone > 0 then
      counted := counted || jsonb_build_object('sign_in', gone);
    end if;
  end if;
  return counted;
end $$;
revoke all on function app.delete_account() from public;
grant execute on function app.delete_account() to authenticated;
