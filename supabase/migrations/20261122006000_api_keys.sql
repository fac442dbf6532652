-- Personal keys, with which other programs act as the person who made them; and which key made a change of a memory.

-- A key is 256 random bits and is shown once. The row has its hash only, so a copy of the database opens nothing; bits
-- that cannot be guessed need no slow hash. `address` is the email address of the person when the key was made: whoever
-- is taken off the list of admitted people can no longer use it.
create table app.api_keys (
  id uuid primary key default gen_random_uuid(),
  user_id text not null default app.asking(),
  key_hash bytea not null unique check (length(key_hash) = 32),
  name text not null check (length(name) between 1 and 60),
  address text not null,
  can_write boolean not null default false,
  made_at timestamptz not null default now(),
  ends_at timestamptz not null,
  used_at timestamptz
);
create index api_keys_of_user on app.api_keys (user_id);

alter table app.api_keys enable row level security;
alter table app.api_keys force row level security;
create policy own_api_keys on app.api_keys to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
-- Nothing of a key can be changed but when it was used: what it may do and until when is decided when it is made.
grant select, insert, delete, update (used_at) on app.api_keys to authenticated;

-- The key with this hash, whose it is and whether it may write; nothing if it was ended or has expired. It is called
-- before the user is known, so it runs with its owner's rights; it returns no name and no address.
create function app.key_of(given bytea) returns table (key_id uuid, user_id text, can_write boolean)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select found.id, found.user_id, found.can_write from app.api_keys found
    where found.key_hash = given and found.ends_at > now()
  $$;
revoke all on function app.key_of(bytea) from public;
grant execute on function app.key_of(bytea) to keepsake_worker;

-- The name of the key with which a change was made. The default fills it in for the trigger that writes the history;
-- `actor` still says in which way the change came about, since undoing and hiding depend on that.
alter table app.memory_history add column key_name text
  default nullif(current_setting('keepsake.key', true), '');
