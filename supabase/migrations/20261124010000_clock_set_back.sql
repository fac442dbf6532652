-- A clock of the database that is set back leaves times ahead of it: leases, claims, rests and limits would last longer by as much
-- as it was set back. What lies further ahead than it can is brought back. And a chat is named by one process.

alter table app.conversations add column naming_until timestamptz;  -- until then a process asks a model for the chat's name

-- Brings back what ends too late, whosever it is; the worker calls it every minute. A lease that is in use is renewed within that
-- time, so nobody loses one. A failure is waited for at most a day (until a limit of the day is over), and what never failed
-- not at all. It changes no word and returns how many times were brought back.
create function app.bring_back_times() returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  moment timestamptz := clock_timestamp();
  soon timestamptz := moment + interval '10 seconds';  -- what was written since the line above is no offence
  moved bigint;
  total bigint := 0;
begin
  update app.leases l set claimed_until = moment + app.lease_length()
    where l.user_id in (
      select n.user_id from app.leases n where n.claimed_until > soon + app.lease_length()
      for no key update skip locked);
  get diagnostics total = row_count;
  update app.open_replies o set open_until = moment + app.open_reply_length()
    where o.conversation_id in (
      select n.conversation_id from app.open_replies n where n.open_until > soon + app.open_reply_length()
      for no key update skip locked);
  get diagnostics moved = row_count;
  total := total + moved;
  update app.messages m set remember_after = moment
    where m.id in (
      select n.id from app.messages n
      where n.remembering = 'waiting' and n.remember_after > soon
        and (n.remember_attempts + n.remember_waits = 0 or n.remember_after > soon + interval '1 day')
      for no key update skip locked);
  get diagnostics moved = row_count;
  total := total + moved;
  update app.lessons l set after = moment
    where (l.user_id, l.id) in (
      select n.user_id, n.id from app.lessons n
      where n.state = 'waiting' and n.after > soon
        and (n.attempts + n.waits = 0 or n.after > soon + interval '1 day')
      for no key update skip locked);
  get diagnostics moved = row_count;
  total := total + moved;
  update app.index_outbox i set after = least(i.after, moment), claimed_until = null
    where (i.owner, i.id) in (
      select n.owner, n.id from app.index_outbox n
      where n.fed_at is null and (n.claimed_until > soon + app.lease_length()
        or (n.after > soon and (n.attempts = 0 or n.after > soon + interval '1 day')))
      for no key update skip locked);
  get diagnostics moved = row_count;
  return total + moved;
end $$;
revoke all on function app.bring_back_times() from public;
grant execute on function app.bring_back_times() to keepsake_worker;

-- As before, but what would end later than it can begins anew. (A minute more is left to a call that began earlier.)
create or replace function app.count_across(asked text, whose text, more bigint, most bigint, seconds int)
  returns table (amount bigint, wait double precision)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  ends timestamptz := now() + make_interval(secs => seconds);
  latest timestamptz := ends + interval '1 minute';
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
    select asked, whose, greatest(0, more), ends
    where most is null or more <= most
    on conflict (what, who) do update set
      amount = case when kept.ends_at <= now() or kept.ends_at > latest then excluded.amount
        else greatest(0, kept.amount + more) end,
      ends_at = case when kept.ends_at <= now() or kept.ends_at > latest then excluded.ends_at else kept.ends_at end
    where kept.ends_at <= now() or kept.ends_at > latest or most is null or kept.amount + more <= most
    returning kept.amount, 0::double precision;
  if found then
    return;
  end if;
  return query
    select null::bigint, coalesce(
      (select extract(epoch from kept.ends_at - now())::double precision from app_shared.counts kept
       where kept.what = asked and kept.who = whose), seconds::double precision);
end $$;
