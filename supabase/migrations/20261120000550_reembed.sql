-- Re-embedding: the new vectors are collected in a separate column, `vec_next`, while apps go on with the old ones; at the
-- end one short transaction swaps them. memory/imports/reembed.py calls these functions as the administrator. Afterwards,
-- an app that still embeds with the old model can neither compare nor write.

-- The model that is being moved to, while re-embedding runs.
create table app.reembedding (
  only_one boolean primary key default true check (only_one),
  dimension int not null,
  embed_model text not null,
  begun_at timestamptz not null default now()
);
alter table app.reembedding enable row level security;
alter table app.reembedding force row level security;

-- The existing tables with vectors.
create function app.tables_with_vectors() returns setof text
  language sql stable
  set search_path = ''
  as $$ select each from unnest(array['memories', 'episodes']) each where to_regclass('vecs.' || each) is not null $$;

-- Drops the new vector of a row whose text changes, so that it is embedded again.
create function app.forget_next_vector() returns trigger
  language plpgsql
  set search_path = ''
  as $$
begin
  if app.searched(new.metadata) <> app.searched(old.metadata) then
    new.vec_next := null;
  end if;
  return new;
end $$;

create function app.has_next_vectors(named text) returns boolean
  language sql stable
  set search_path = ''
  as $$
    select exists (
      select from pg_catalog.pg_attribute
      where attrelid = to_regclass('vecs.' || named) and attname = 'vec_next' and not attisdropped)
  $$;

-- Drops all new vectors, as if re-embedding had not begun.
create function app.give_up_reembedding() returns void
  language plpgsql
  as $$
declare
  named text;
begin
  for named in select app.tables_with_vectors() loop
    if app.has_next_vectors(named) then
      execute format('drop trigger if exists forget_next_vector on vecs.%I', named);
      execute format('alter table vecs.%I drop column vec_next', named);
    end if;
  end loop;
  delete from app.reembedding;
end $$;

-- Adds the column for the new vectors, and keeps those collected for the same model before. Returns how many are missing.
create function app.begin_reembedding(dimension int, embed_model text) returns bigint
  language plpgsql
  as $$
#variable_conflict use_variable
declare
  named text;
  missing bigint;
  all_missing bigint := 0;
begin
  -- A role that policies bind would see no row, and move none.
  if not (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) then
    raise insufficient_privilege using message = 'the vectors are moved by a role that bypasses row-level security';
  end if;
  if not exists (
    select from app.reembedding r where r.embed_model = embed_model and r.dimension = dimension) then
    perform app.give_up_reembedding();
    insert into app.reembedding (dimension, embed_model) values (dimension, embed_model);
  end if;
  for named in select app.tables_with_vectors() loop
    if not app.has_next_vectors(named) then
      execute format('alter table vecs.%I add column vec_next vector(%s)', named, dimension);
      execute format(
        'create trigger forget_next_vector before update of metadata on vecs.%I
           for each row execute function app.forget_next_vector()', named);
    end if;
    execute format('select count(*) from vecs.%I where vec_next is null', named) into missing;
    all_missing := all_missing + missing;
  end loop;
  return all_missing;
end $$;

-- Rows after this id that have no new vector, with the text to embed. Rows that another transaction has locked are left
-- out, since their text may be changing.
create function app.without_next_vector(named text, after_id text, wanted int) returns table (id text, said text)
  language plpgsql
  as $$
begin
  return query execute format(
    'select id::text, app.searched(metadata) from vecs.%I
     where vec_next is null and id > $1 order by id limit $2 for update skip locked', named)
    using after_id, wanted;
end $$;

-- Stores the new vectors of rows that still have the text that was embedded. Locked rows are left for the next round:
-- waiting for them here could cause a deadlock.
create function app.keep_next_vectors(named text, ids text[], texts text[], vectors text[]) returns int
  language plpgsql
  as $$
declare
  kept int;
begin
  execute format(
    'with free as (
       select id from vecs.%I where id = any ($1) and vec_next is null order by id for update skip locked)
     update vecs.%I row set vec_next = fresh.vec::vector
     from unnest($1, $2, $3) fresh (id, said, vec), free
     where row.id = free.id and free.id = fresh.id and app.searched(row.metadata) = fresh.said',
    named, named)
    using ids, texts, vectors;
  get diagnostics kept = row_count;
  return kept;
end $$;

-- Empties the old vectors of this many versions in the history; an undo embeds again. Returns the last event that was
-- processed, or null if none is left.
create function app.empty_history_vectors(after_event bigint, wanted int) returns bigint
  language plpgsql
  set search_path = ''
  as $$
declare
  up_to bigint;
begin
  select max(event) into up_to
  from (select event from app.memory_history where event > after_event order by event limit wanted) these;
  update app.memory_history set old_vec = null, new_vec = null
  where event > after_event and event <= up_to and (old_vec is not null or new_vec is not null);
  return up_to;
end $$;

-- Locks the tables: nobody reads or writes memories until the transaction ends.
create function app.lock_vectors() returns void
  language plpgsql
  as $$
declare
  named text;
begin
  for named in select app.tables_with_vectors() order by 1 desc loop
    execute format('lock table vecs.%I in access exclusive mode', named);
  end loop;
end $$;

-- Swaps the vectors. An approximate index that mem0 made is dropped with the old ones.
create function app.swap_vectors(emptied bigint) returns void
  language plpgsql
  as $$
declare
  named text;
  target app.reembedding := (select r from app.reembedding r);
begin
  for named in select app.tables_with_vectors() loop
    execute format('drop trigger forget_next_vector on vecs.%I', named);
    execute format('alter table vecs.%I drop column vec', named);
    execute format('alter table vecs.%I rename column vec_next to vec', named);
    execute format('alter table vecs.%I alter column vec set not null', named);
  end loop;
  update app.memory_history set old_vec = null, new_vec = null where event > emptied;
  update app.collections set dimension = target.dimension, embed_model = target.embed_model
    where name in (select app.tables_with_vectors());
  delete from app.reembedding;
end $$;

do $$
declare
  each regprocedure;
begin
  foreach each in array array[
    'app.give_up_reembedding()', 'app.begin_reembedding(int, text)', 'app.without_next_vector(text, text, int)',
    'app.keep_next_vectors(text, text[], text[], text[])', 'app.empty_history_vectors(bigint, int)',
    'app.lock_vectors()', 'app.swap_vectors(bigint)']::regprocedure[]
  loop
    execute format('revoke all on function %s from public', each);
  end loop;
end $$;

-- Whether the app embeds with the model of the vectors. An app sends the model that it started with in its claims; without
-- such a claim the answer is yes.
create function app.vectors_fit() returns boolean
  language plpgsql stable
  set search_path = ''
  as $$
declare
  theirs text := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'embed_model';
  ours text;
begin
  if theirs is null then
    return true;
  end if;
  select c.embed_model into ours from app.collections c where c.name = 'memories';
  if ours <> theirs then
    raise exception 'the vectors come from the embedding model % by now', ours using errcode = 'KS002';
  end if;
  return true;
end $$;

-- Checked once for each statement, in addition to the policy about the owner of rows.
create function app.ensure_one_model() returns void
  language plpgsql
  as $$
declare
  named text;
begin
  for named in select app.tables_with_vectors() loop
    execute format('drop policy if exists one_model on vecs.%I', named);
    execute format(
      'create policy one_model on vecs.%I as restrictive to authenticated
         using ((select app.vectors_fit())) with check ((select app.vectors_fit()))', named);
  end loop;
end $$;
revoke all on function app.ensure_one_model() from public;
