-- What waits to be learned from keeps the name of the key that brought it, so that the history names the key, too, where the
-- worker learns from it later. Null where no key did.
alter table app.lessons add column key_name text check (length(key_name) between 1 and 60);
