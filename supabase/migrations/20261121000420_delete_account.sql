-- Deleting an account does what it can. Where another table of the project refers to the sign-in, or a trigger of the
-- project refuses, the sign-in stays, and everything of ours is erased all the same.

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
  -- Memories first, since deleting them writes history; messages before the conversations that would take them along.
  for owned in
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('app', 'vecs') and c.relkind in ('r', 'p') and c.relforcerowsecurity and exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped)
    order by n.nspname = 'app', c.relname desc
  loop
    execute format('delete from %I.%I where user_id = $1', owned.schema, owned.name) using leaving;
    get diagnostics gone = row_count;
    if gone > 0 then
      counted := counted || jsonb_build_object(owned.name, gone);
    end if;
  end loop;

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
