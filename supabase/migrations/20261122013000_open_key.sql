-- The key with this hash, and all that a call with it asks of the database before it begins: whose it is, what it may do, the
-- address that decides whether its person is still admitted, whether its use was noted in the last minute, and whether its
-- person agreed to a version of the consent page that still counts. One trip, where `key_of` and two reads took two.
-- Nothing if the key was ended or has expired. It is called before the user is known, so it runs with its owner's rights.
-- Whoever calls it has the key, which opens more than this; without one it tells nothing. `key_of` stays for an app of the
-- version before this one, which may run beside it during a deploy.
create function app.open_key(given bytea, consent int)
  returns table (
    key_id uuid, user_id text, can_write boolean, name text, address text, is_noted boolean, agreed boolean)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select found.id, found.user_id, found.can_write, found.name, found.address,
      coalesce(found.used_at >= now() - interval '1 minute', false),
      exists (select from app.consents c where c.user_id = found.user_id and c.version >= consent)
    from app.api_keys found where found.key_hash = given and found.ends_at > now()
  $$;
revoke all on function app.open_key(bytea, int) from public;
grant execute on function app.open_key(bytea, int) to keepsake_worker;
