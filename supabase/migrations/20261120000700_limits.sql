-- Invitations, counts of use, and consents. Rows of one person are protected by row-level security. Counts across people
-- (attempts to sign in, everybody's tokens) and the invitations are in a schema that no role of the app can use: only the
-- worker's role reaches them, through three functions.

create schema app_shared;

create table app.counts (
  user_id text not null default app.asking(),
  what text not null,
  amount bigint not null,
  ends_at timestamptz not null,  -- from then on counting begins anew
  primary key (user_id, what)
);

create table app.consents (
  user_id text primary key default app.asking(),
  version int not null,          -- of the words that were agreed to
  agreed_at timestamptz not null default now()
);

-- `who` is a hash, because a table of people's addresses would be worth stealing.
create table app_shared.counts (
  what text not null,
  who text not null,
  amount bigint not null,
  ends_at timestamptz not null,
  primary key (what, who)
);

create table app_shared.invitations (
  code text primary key,         -- its hash: who reads this table cannot come in with it
  made_at timestamptz not null default now(),
  ends_at timestamptz not null,
  used_by text                   -- the hash of the address that came first
);
create index invitations_used on app_shared.invitations (used_by) where used_by is not null;

do $$
declare
  each text;
begin
  foreach each in array array['app.counts', 'app.consents', 'app_shared.counts', 'app_shared.invitations'] loop
    execute 'alter table ' || each || ' enable row level security';
    execute 'alter table ' || each || ' force row level security';
  end loop;
end $$;

create policy own_counts on app.counts to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
create policy own_consents on app.consents to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.counts, app.consents to authenticated;

-- Counts for everybody together, in one statement, so that no count is lost between instances of the app. Returns the new
-- amount; or, if it would exceed `most`, null and how long to wait.
create function app.count_across(asked text, whose text, more bigint, most bigint, seconds int)
  returns table (amount bigint, wait double precision)
  language plpgsql security definer
  set search_path = ''
  as $$
begin
  -- What is long over goes; one at a time, so that no two sweepers wait for each other.
  if pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('keepsake.sweep', 0)) then
    delete from app_shared.counts swept using (
      select old.what, old.who from app_shared.counts old
      where old.ends_at < now() - interval '1 day' and (old.what, old.who) <> (asked, whose)
      limit 20 for update skip locked
    ) over
    where swept.what = over.what and swept.who = over.who;
  end if;

  return query
    insert into app_shared.counts as kept (what, who, amount, ends_at)
    select asked, whose, greatest(0, more), now() + make_interval(secs => seconds)
    where most is null or more <= most
    on conflict (what, who) do update set
      amount = case when kept.ends_at <= now() then excluded.amount else greatest(0, kept.amount + more) end,
      ends_at = case when kept.ends_at <= now() then excluded.ends_at else kept.ends_at end
    where kept.ends_at <= now() or most is null or kept.amount + more <= most
    returning kept.amount, 0::double precision;
  if found then
    return;
  end if;
  return query
    select null::bigint, coalesce(
      (select extract(epoch from kept.ends_at - now())::double precision from app_shared.counts kept
       where kept.what = asked and kept.who = whose), seconds::double precision);
end $$;

-- Whether this address may use an invitation; the first address that uses one keeps it.
create function app.use_invitation(given text, address text) returns boolean
  language plpgsql security definer
  set search_path = ''
  as $$
begin
  update app_shared.invitations set used_by = address
  where code = given and ends_at > now() and (used_by is null or used_by = address);
  return found;
end $$;

-- Whether this address has used an invitation.
create function app.was_invited(address text) returns boolean
  language plpgsql stable security definer
  set search_path = ''
  as $$ begin return exists (select from app_shared.invitations where used_by = address); end $$;

revoke all on function app.count_across(text, text, bigint, bigint, int) from public;
revoke all on function app.use_invitation(text, text) from public;
revoke all on function app.was_invited(text) from public;
grant execute on function app.count_across(text, text, bigint, bigint, int) to keepsake_worker;
grant execute on function app.use_invitation(text, text) to keepsake_worker;
grant execute on function app.was_invited(text) to keepsake_worker;
