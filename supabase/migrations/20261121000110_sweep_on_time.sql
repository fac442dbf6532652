-- Erases chats on time also while no app runs: where the extension pg_cron is (Supabase), the database calls the sweep
-- every quarter of an hour. Elsewhere the worker of a running app does.

-- Schedules the sweep, once; called again, it changes nothing. Installs pg_cron if the server has it. Returns whether the
-- sweep is scheduled: without pg_cron, or the right to use it, it is not.
create function app.ensure_sweep() returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  if to_regnamespace('cron') is null and exists (select from pg_available_extensions where name = 'pg_cron') then
    execute 'create extension pg_cron';
  end if;
  if coalesce(to_regprocedure('cron.schedule(text,text,text)'), to_regprocedure('cron.schedule(name,text,text)')) is null then
    return false;
  end if;
  -- A job of the same name is replaced.
  execute 'select cron.schedule($1, $2, $3)'
    using 'keepsake-sweep', '*/15 * * * *', 'select app.sweep_chats(500)';
  return true;
exception when others then
  -- It may not be preloaded, belong to another database, or be refused to this role: nothing depends on it.
  raise notice 'chats are erased by running apps only: %', sqlerrm;
  return false;
end $$;
revoke all on function app.ensure_sweep() from public;

-- Whether the database calls the sweep by itself. The app's roles cannot see the jobs.
create function app.sweep_is_scheduled() returns boolean
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
declare
  scheduled boolean;
begin
  if to_regclass('cron.job') is null then
    return false;
  end if;
  execute 'select exists (select from cron.job where jobname = $1 and active)' into scheduled using 'keepsake-sweep';
  return scheduled;
exception when insufficient_privilege then
  return false;
end $$;
revoke all on function app.sweep_is_scheduled() from public;
grant execute on function app.sweep_is_scheduled() to keepsake_worker;

select app.ensure_sweep();
