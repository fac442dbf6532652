-- A start of the app tries again what waits for a model; deleting an account begins with the lease, and leaves no passage.

-- Lets everybody's turns and imported messages that rest because a model was away be tried now; a process calls it when it
-- starts. What failed by itself goes on resting, and what was given up stays so. It changes no word and returns how many there
-- are.
create function app.wake_resting() returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  turns bigint;
  messages bigint;
begin
  update app.messages m set remember_after = now()
    where m.id in (
      select n.id from app.messages n
      where n.remembering = 'waiting' and n.remember_waits > 0 and n.remember_after > now()
      for no key update skip locked);
  get diagnostics turns = row_count;
  update app.lessons l set after = now()
    where (l.user_id, l.id) in (
      select n.user_id, n.id from app.lessons n
      where n.state = 'waiting' and n.waits > 0 and n.after > now()
      for no key update skip locked);
  get diagnostics messages = row_count;
  return turns + messages;
end $$;
revoke all on function app.wake_resting() from public;
grant execute on function app.wake_resting() to keepsake_worker;

-- Erases everything in our tables about the user who asks, and their sign-in if it is in this database and this function's
-- owner may delete it. Returns how many rows of each table were erased; a second call returns none. The key `sign_in` says
-- that the sign-in was deleted, `sign_in_held` that something in the database kept it from being deleted.
create or replace function app.delete_account() returns jsonb
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  leaving text := app.asking();
  owned record;
  gone bigint;
  counted jsonb := '{}';
begin
  if leaving is null then
    raise exception 'nobody is asking' using errcode = '42501';
  end if;
  -- The lease first: a worker that is writing is waited for, and none writes afterwards. Then memories, since deleting them
  -- writes history; messages before the conversations that would take them along.
  for owned in
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('app', 'vecs') and c.relkind in ('r', 'p') and c.relforcerowsecurity and exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped)
    order by c.relname = 'leases' desc, n.nspname = 'app', c.relname desc
  loop
    execute format('delete from %I.%I where user_id = $1', owned.schema, owned.name) using leaving;
    get diagnostics gone = row_count;
    if gone > 0 then
      counted := counted || jsonb_build_object(owned.name, gone);
    end if;
  end loop;

  -- Messages that were being cut into passages meanwhile have new rows, which the deletion above did not see. Only now, since
  -- the worker takes the rows of a message first and the lock after them.
  perform pg_advisory_xact_lock(hashtextextended('keepsake.write:' || leaving, 0));
  if to_regclass('vecs.episodes') is not null then
    execute 'delete from vecs.episodes where user_id = $1' using leaving;
  end if;

  if leaving ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' and exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'auth' and c.relname = 'users'
      and has_schema_privilege(n.oid, 'usage')
      and has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'delete'))
  then
    begin
      execute 'delete from auth.users where id = $1::uuid' using leaving;
      get diagnostics gone = row_count;
      -- Foreign keys that are checked at the end of the transaction would otherwise undo everything then.
      set constraints all immediate;
      if gone > 0 then
        counted := counted || jsonb_build_object('sign_in', gone);
      end if;
    exception when others then  -- whatever another table or trigger of the project raises
      raise warning 'the sign-in of a deleted account stays: %', sqlerrm;
      counted := counted || jsonb_build_object('sign_in_held', 1);
    end;
  end if;
  return counted;
end $$;
