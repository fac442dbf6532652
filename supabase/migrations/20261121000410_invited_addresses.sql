-- The hash of an invited address is needed only until its owner has agreed to the consent page; from then on the row in
-- app.consents says that the person was let in. A hash of an address can be guessed, so it is not kept for longer.

-- Replaces the hash of this address, and those of addresses that came and never agreed, by something that names nobody.
-- The invitations stay used.
create function app.forget_invited(address text) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
begin
  update app_shared.invitations set used_by = pg_catalog.gen_random_uuid()::text
  where used_by = address;
  update app_shared.invitations set used_by = pg_catalog.gen_random_uuid()::text
  where length(used_by) = 64 and ends_at < now() - interval '30 days';
end $$;
revoke all on function app.forget_invited(text) from public;
grant execute on function app.forget_invited(text) to keepsake_worker;
