-- Whether a person has closed the notice that no language model is connected.
alter table app.preferences add column model_notice_closed boolean not null default false;

-- Whether anybody has made an account here: yes or no. The welcome page of a local app opens on "Create account" if not.
-- It runs with its owner's rights, for the worker only.
create function app.has_people() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select exists (select from app.consents) or exists (select from app.sessions) $$;
revoke execute on function app.has_people() from public;
grant execute on function app.has_people() to keepsake_worker;

-- Agreeing to a newer text changes `agreed_at`; this time stays.
alter table app.consents add column first_agreed_at timestamptz not null default now();
update app.consents set first_agreed_at = agreed_at;

-- Whether the person who asks was the first here to agree to the consent page. On a local app, only that person may
-- connect a model: everybody else is a guest of the machine.
create function app.came_first() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select user_id = app.asking() from app.consents order by first_agreed_at, user_id limit 1), false)
$$;
revoke execute on function app.came_first() from public;
grant execute on function app.came_first() to authenticated;
