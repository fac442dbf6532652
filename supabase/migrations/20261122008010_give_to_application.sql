-- The id of an application's user, by both names, for whoever deploys: memories that name no person can be given to them. The
-- user is put on the application's list. Null if there is no such application.
create function app.listed_user(of_application text, called text) returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
declare
  found uuid := (select a.id from app_shared.applications a where a.name = of_application);
  whose text := app.application_user(found, 'user', called);
begin
  insert into app.application_users (user_id, application, kind, name)
  select whose, found, 'user', called where found is not null
  on conflict (user_id) do nothing;
  return whose;
end $$;
revoke all on function app.listed_user(text, text) from public;
